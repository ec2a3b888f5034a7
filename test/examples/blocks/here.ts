/**
 * Runs a block in this process: compiled as it stands, its imports resolved to the sources, its output kept.
 *
 * @module
 */

import { join } from "node:path";
import { format } from "node:util";
import ts from "typescript";
import { type Block, root } from "./extract.ts";

/** What a block needs that it does not say: code of the test before and after it. */
export interface Around {
  /** Imports and declarations in front of it. */
  readonly before?: string;
  /** What uses what it declares, or waits for what it began. */
  readonly after?: string;
  /** What stands in it and cannot be so in a test: a proxy's address. */
  readonly replace?: readonly (readonly [string, string])[];
}

/** The block as a whole program. */
export function programOf({ code, place }: Block, { before = "", after = "", replace = [] }: Around): string {
  let text = code;
  for (const [from, to] of replace) {
    if (!text.includes(from)) throw new Error(`${place} has no ${from} to be replaced`);
    text = text.replaceAll(from, to);
  }
  return `${before}\n${text}\n${after}\n`;
}

/** What a program can import. */
const MODULES: Readonly<Record<string, () => Promise<object>>> = {
  "net-smtp": () => import("../../../mod.ts"),
  "@net-smtp/net-smtp": () => import("../../../mod.ts"),
  "net-smtp/nodemailer": () => import("../../../src/nodemailer/mod.ts"),
  "net-smtp/opentelemetry": () => import("../../../src/opentelemetry/mod.ts"),
  nodemailer: () => import("nodemailer"),
  "node:crypto": () => import("node:crypto"),
  "node:fs": () => import("node:fs"),
  "node:fs/promises": () => import("node:fs/promises"),
  "./retry.ts": () => import("../../../examples/retry.ts"),
};

type Run = (require: (name: string) => unknown, exports: object, console: object) => Promise<void>;
const AsyncFunction = (async () => undefined).constructor as new (...code: string[]) => Run;

/** Runs a program to its end; gives what it printed, a line each. What it throws is thrown. */
export async function runHere(program: string): Promise<string[]> {
  const compiled = ts.transpileModule(program, {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true },
  });
  const printed: string[] = [];
  const print = (...values: unknown[]): void => void printed.push(format(...values));
  // What a program writes to its standard error is printed too, as one.
  let shown = "";
  const stderr = { write: (text: string) => (shown += text) };
  const modules = new Map<string, object>([["node:process", { __esModule: true, default: { stderr } }]]);
  for (const [, name = ""] of compiled.outputText.matchAll(/\brequire\("([^"]+)"\)/g)) {
    if (modules.has(name)) continue;
    const load = MODULES[name];
    if (!load) throw new Error(`The program imports ${name}, which test/examples/blocks/here.ts does not know`);
    modules.set(name, { __esModule: true, ...(await load()) });
  }
  await new AsyncFunction("require", "exports", "console", compiled.outputText)(
    (name) => modules.get(name),
    {},
    {
      log: print,
      warn: print,
      error: print,
    },
  );
  return shown === "" ? printed : [...printed, shown];
}

/** What TypeScript says of programs that import the package by its names. */
export function diagnostics(programs: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ["mod.ts"] }, ts.sys, root);
  const { exports } = JSON.parse(ts.sys.readFile(join(root, "deno.json")) ?? "") as { exports: Record<string, string> };
  const paths = Object.entries(exports).flatMap(([name, path]) =>
    ["net-smtp", "@net-smtp/net-smtp"].map((packageName) => [packageName + name.slice(1), [path]]),
  );
  const all: ts.CompilerOptions = {
    ...options,
    allowJs: true,
    checkJs: true,
    declaration: false,
    isolatedDeclarations: false,
    // What a block declares is often not used in it.
    noUnusedLocals: false,
    paths: Object.fromEntries(paths),
  };
  const host = ts.createCompilerHost(all);
  const files = new Map(
    [...programs].map(([name, code]) => [join(root, "examples", name).replaceAll("\\", "/"), code]),
  );
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.readFile = (path) => files.get(path) ?? readFile.call(host, path);
  host.getSourceFile = (path, target, ...rest) => {
    const code = files.get(path);
    return code === undefined
      ? getSourceFile.call(host, path, target, ...rest)
      : ts.createSourceFile(path, code, target, true);
  };
  const program = ts.createProgram([...files.keys()], all, host);
  return [...files.keys()].flatMap((path) => {
    const file = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map(({ messageText }) => `${path}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`);
  });
}
