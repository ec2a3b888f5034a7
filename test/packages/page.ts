/**
 * docs/packages.md, made of what the tests found.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Consumers {
  readonly systems: readonly string[];
  readonly rows: readonly { name: string; about: string; version?: string; cells: Readonly<Record<string, string>> }[];
}

interface Size {
  readonly import: number;
  readonly connected: number;
  readonly all: number;
  readonly single: number;
}

/** Stands where a file of tests was not run. */
export const NOTHING = "not run";

/** The page of the results in a folder. */
export function page(folder: string): string {
  const read = <T>(section: string): T | undefined => {
    const path = join(folder, `${section}.json`);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
  };
  const sizes = ["esbuild", "rollup"].map((name) => [name, read<Size>(`size-${name}`)] as const);
  return [
    "# The package as its users get it",
    "Written by `npm run test:packages`, which packs the package, takes it into use outside the repository and measures it.",
    "## A consumer per package manager and module system",
    "Each is a project of its own in an empty folder: it installs the tarball of `npm pack` and Nodemailer, is built where the runtime does not take TypeScript, and its program sends one message through the engine and one through the plugin to a server. In the table: what arrived.",
    consumers(read<Consumers>("consumers")),
    "Yarn's Plug'n'Play keeps packages in zip files, out of which Node does not `require()` an ES module (the test sees it refuse): CommonJS programs `import()` it there.",
    "## The engine alone",
    "A program that uses `NetSmtp` and no pool, bundled for Node, minified by esbuild, gzipped, in octets. The bound is 40 000 for what is loaded at import and what connects together. SCRAM, CRAM-MD5, what binds a login to TLS, and the writer of a stream block are loaded when they are first used; a bundle in one file holds them too, and is over 40 000.",
    size(sizes),
    "The time of its import in a fresh process, over that of an empty module; the least of several. The bound is 30 ms, for the engine in a bundle. As it is installed the package comes in a file for each of its modules, the pool with them, and Node takes its time over every file: a program whose start counts is bundled.",
    time(read("time")),
    "## Bundled",
    "Each bundle was run with no package beside it, and sent a message.",
    bundles(read("bundles")),
    "## TypeScript",
    "`strict`, with declarations checked (`skipLibCheck: false`); every entry in one program.",
    types(read("types")),
    "## Contents",
    contents(read("content")),
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function consumers(found: Consumers | undefined): string {
  if (!found) return NOTHING;
  const { systems, rows } = found;
  return table(
    ["package manager", ...systems, "how"],
    rows.map(({ name, version = "?", cells, about }) => [
      `${name} ${version}`,
      ...systems.map((system) => cells[system] ?? "**nothing**"),
      about,
    ]),
  );
}

function size(found: readonly (readonly [string, Size | undefined])[]): string {
  const rows: readonly (readonly [string, keyof Size])[] = [
    ["loaded at import", "import"],
    ["that, and what connects on Node", "connected"],
    ["that, and every lazy part", "all"],
    ["all of it as one file", "single"],
  ];
  return table(
    ["", ...found.map(([bundler]) => bundler)],
    rows.map(([name, key]) => [name, ...found.map(([, figures]) => (figures ? `${figures[key]}` : NOTHING))]),
  );
}

function time(found: { runs: number; node: string; figures: Readonly<Record<string, number>> } | undefined): string {
  if (!found) return NOTHING;
  const rows = Object.entries(found.figures).map(([name, ms]) => [
    name === "package"
      ? "`net-smtp` as it is installed, with the pool and in files of their own"
      : `bundled by ${name}`,
    ms.toFixed(1),
  ]);
  return table([`Node ${found.node}, least of ${found.runs}`, "ms"], rows);
}

function bundles(found: readonly { entry: string; bundler: string; target: string }[] | undefined): string {
  if (!found) return NOTHING;
  const columns = [...new Set(found.map(({ bundler, target }) => `${bundler}, ${target}`))];
  const entries = [...new Set(found.map(({ entry }) => entry))];
  const has = (entry: string, column: string): boolean =>
    found.some((one) => one.entry === entry && `${one.bundler}, ${one.target}` === column);
  return table(
    ["entry", ...columns],
    entries.map((entry) => [`\`${entry}\``, ...columns.map((column) => (has(entry, column) ? "sent" : "**no**"))]),
  );
}

function types(found: { versions: readonly string[]; taken: Readonly<Record<string, string[]>> } | undefined): string {
  if (!found) return NOTHING;
  const columns = [...new Set(Object.values(found.taken).flat())].sort();
  return table(
    ["TypeScript", ...columns],
    found.versions.map((version) => [
      version,
      ...columns.map((column) => (found.taken[version]?.includes(column) ? "compiles" : "**no**")),
    ]),
  );
}

function contents(found: { files: number; octets: number; entries: readonly string[] } | undefined): string {
  if (!found) return NOTHING;
  const entries = found.entries.map((entry) => `\`${entry}\``).join(", ");
  return `${found.files} files, ${(found.octets / 1e6).toFixed(1)} MB unpacked: \`mod.ts\` and \`src/\`, what \`tsc\` makes of them in \`dist/\`, README, CHANGELOG, LICENSE, package.json. Entries: ${entries}.`;
}
