/**
 * The package managers: how each installs the tarball, compiles TypeScript where its runtime does not take it, and runs a program.
 *
 * @module
 */

import { cpSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { inject } from "vitest";
import { MODULES, manifest, OWN_MODULES, project, run, unpacked } from "./place.ts";
import { program, type System } from "./programs.ts";

/** The tools that consumers compile and send with, as exact as ours. */
const NODEMAILER = "10.6.0";
/** Yarn makes Plug'n'Play known to the compiler by a patch, which it has for this one. */
const TYPESCRIPT = "6.0.3";
const NODE_TYPES = "20.19.43";

/** A way to install packages and to run what uses them. */
export interface Manager {
  readonly name: string;
  /** What it says of its version. */
  readonly version: readonly string[];
  /** How the page describes it. */
  readonly about: string;
  readonly install: readonly string[];
  /** Where its runtime takes no TypeScript: what compiles. */
  readonly compile?: readonly string[];
  /** Where its runtime does, but does not check it: what checks. */
  readonly check?: readonly string[];
  readonly run: readonly string[];
  /** Files of its own beside package.json. */
  readonly files?: Readonly<Record<string, unknown>>;
  /** Its CommonJS programs cannot `require()` an ES module, and `import()` it. */
  readonly imports?: true;
  /** It cannot install a tarball, and is given what is in it. */
  readonly links?: true;
}

const node = process.execPath;
const pnpm = join(OWN_MODULES, "pnpm/pnpm");
const classic = [node, join(OWN_MODULES, "yarn/bin/yarn.js")];
const berry = [node, join(OWN_MODULES, "@yarnpkg/cli-dist/bin/yarn.js")];
const bun = join(MODULES, ".bin/bun");
const deno = join(MODULES, ".bin/deno");
/** Ours, since a project's own is 20 MB or more to install, four times a manager; but Yarn knows Plug'n'Play only in its own. */
const tsc = join(MODULES, "typescript-native/bin/tsc");

/** All of them. */
export const MANAGERS: readonly Manager[] = [
  {
    name: "npm",
    version: ["npm", "--version"],
    about: "the tarball as `file:`; Node",
    install: ["npm", "install", "--no-audit", "--no-fund"],
    compile: [node, tsc],
    run: [node],
  },
  {
    name: "pnpm",
    version: [pnpm, "--version"],
    about: "the tarball as `file:`; Node",
    install: [pnpm, "install"],
    compile: [node, tsc],
    run: [node],
  },
  {
    name: "Yarn classic",
    version: [...classic, "--version"],
    about: "the tarball as `file:`; Node",
    install: [...classic, "install", "--no-progress", "--non-interactive"],
    compile: [node, tsc],
    run: [node],
  },
  {
    name: "Yarn, Plug'n'Play",
    version: [...berry, "--version"],
    about: "the tarball as `file:`, no node_modules; `yarn node`; CommonJS by `import()`",
    install: [...berry, "install"],
    compile: [...berry, "tsc"],
    run: [...berry, "node"],
    files: berryFiles("pnp"),
    imports: true,
  },
  {
    name: "Yarn, node_modules",
    version: [...berry, "--version"],
    about: "the tarball as `file:`; Node",
    install: [...berry, "install"],
    compile: [node, tsc],
    run: [node],
    files: berryFiles("node-modules"),
  },
  {
    name: "Bun",
    version: [bun, "--version"],
    about: "the tarball as `file:`; Bun runs TypeScript as it is, `tsc` only checks it",
    install: [bun, "install"],
    check: [node, tsc, "--noEmit"],
    run: [bun],
  },
  {
    name: "Deno",
    version: [deno, "eval", "console.log(Deno.version.deno)"],
    about: "`npm:` specifiers, `links` to what is in the tarball; Deno checks TypeScript and runs it as it is",
    install: [deno, "install"],
    check: [deno, "check"],
    run: [deno, "run", "--allow-net=127.0.0.1", "--allow-env", "--allow-read", "--allow-sys=hostname"],
    links: true,
  },
];

function berryFiles(linker: string): Readonly<Record<string, string>> {
  const settings = ["enableTelemetry: false", "enableImmutableInstalls: false"];
  return { "yarn.lock": "", ".yarnrc.yml": `${[`nodeLinker: ${linker}`, ...settings].join("\n")}\n` };
}

/** Makes the consumer of a manager and a module system in a folder of its own, installs and builds it; gives the command that sends. */
export async function consumer(manager: Manager, system: System): Promise<{ path: string; command: string[] }> {
  const path = project(`consumers/${manager.name} ${system.name}`.replaceAll(/[^\w/]+/g, "-").toLowerCase(), {
    [system.file]: program(system, manager.imports === true && system.type === "commonjs"),
    "tsconfig.json": tsconfig(system),
    ...(manager.links ? ofDeno(system) : { "package.json": packageOf(system, manager) }),
    ...manager.files,
  });
  if (manager.links) cpSync(unpacked(), join(path, "linked/net-smtp"), { recursive: true });
  await run(path, manager.install);
  const typed = system.file.endsWith("ts");
  if (typed && manager.check) await run(path, [...manager.check, ...(manager.links ? [system.file] : [])]);
  if (typed && manager.compile) await run(path, manager.compile);
  const file = typed && manager.compile ? system.file.replace("ts", "js") : system.file;
  return { path, command: [...manager.run, file] };
}

function packageOf({ type, file }: System, { imports }: Manager): object {
  const { tarball } = inject("packed");
  const typed = { ...(imports ? { typescript: TYPESCRIPT } : {}), "@types/node": NODE_TYPES };
  return {
    name: "consumer",
    version: "1.0.0",
    private: true,
    type,
    dependencies: { "net-smtp": `file:${tarball}`, nodemailer: NODEMAILER },
    ...(file.endsWith("ts") ? { devDependencies: typed } : {}),
  };
}

function ofDeno({ type }: System): Readonly<Record<string, unknown>> {
  const dependencies = { "net-smtp": manifest().version, nodemailer: NODEMAILER };
  return {
    "package.json": { name: "consumer", version: "1.0.0", private: true, type, dependencies },
    "deno.json": { nodeModulesDir: "auto", lock: false, links: ["./linked/net-smtp"] },
  };
}

function tsconfig({ file }: System): object {
  return {
    compilerOptions: {
      target: "ES2022",
      module: "NodeNext",
      types: ["node"],
      strict: true,
      skipLibCheck: true,
    },
    files: [file],
  };
}
