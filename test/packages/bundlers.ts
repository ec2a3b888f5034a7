/**
 * esbuild and rollup, asked for the same: a program and what it imports in ES modules, the lazy parts in files of their own
 * unless they are wanted in one.
 *
 * @module
 */

import { join } from "node:path";
import { esbuild, rollup } from "./tools.ts";

/** A file that came out. */
export interface Chunk {
  readonly name: string;
  readonly code: string;
  /** What it loads as it is loaded, of the files that came out. */
  readonly imports: readonly string[];
  /** What it loads when that is needed. */
  readonly lazy: readonly string[];
  /** The modules that something is left of: paths in the package, or names. */
  readonly modules: readonly string[];
}

/** What a bundler is told of where its bundle will run. */
export interface Target {
  readonly name: string;
  readonly platform: "node" | "neutral";
  readonly conditions: readonly string[];
}

/** For Node, and for runtimes of the Workers' kind. */
export const TARGETS: readonly Target[] = [
  { name: "Node", platform: "node", conditions: ["node"] },
  { name: "Workers", platform: "neutral", conditions: ["workerd", "worker", "browser"] },
];

const EXTERNAL = ["node:*", "cloudflare:*"];

/** Bundles a program that lies in a folder; `single`: all in one file. The first chunk is the program's. */
export type Bundler = (path: string, target: Target, single?: boolean, minify?: boolean) => Promise<Chunk[]>;

async function byEsbuild(path: string, target: Target, single = false, minify = false): Promise<Chunk[]> {
  const { outputFiles, metafile } = await esbuild().build({
    absWorkingDir: path,
    entryPoints: ["main.js"],
    outdir: "out",
    bundle: true,
    format: "esm",
    splitting: !single,
    minify,
    write: false,
    metafile: true,
    platform: target.platform,
    conditions: [...target.conditions],
    mainFields: ["module", "main"],
    external: EXTERNAL,
    logLevel: "silent",
  });
  const chunks = Object.entries(metafile.outputs).map(([name, { imports, inputs }]) => ({
    name: name.replace("out/", ""),
    code: outputFiles.find((file) => file.path === join(path, name))?.text ?? "",
    imports: imports.filter(({ kind, external }) => kind === "import-statement" && !external).map(local),
    lazy: imports.filter(({ kind, external }) => kind === "dynamic-import" && !external).map(local),
    modules: Object.entries(inputs)
      .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
      .map(([input]) => module(input)),
  }));
  return chunks.sort((a, b) => Number(b.name === "main.js") - Number(a.name === "main.js"));
}

function local({ path }: { path: string }): string {
  return path.replace("out/", "");
}

async function byRollup(path: string, target: Target, single = false, minify = false): Promise<Chunk[]> {
  const { rollup: bundling, nodeResolve, commonjs } = rollup();
  const bundle = await bundling({
    input: join(path, "main.js"),
    external: (id: string) => /^(node|cloudflare):/.test(id),
    plugins: [
      nodeResolve({ exportConditions: [...target.conditions], preferBuiltins: true, browser: false }),
      commonjs(),
    ],
    onLog: () => undefined,
  });
  const { output } = await bundle.generate({ format: "es", inlineDynamicImports: single });
  await bundle.close();
  const made = await Promise.all(
    output.map(async ({ fileName, code, imports, dynamicImports, modules }) => ({
      name: fileName,
      code: minify ? (await esbuild().transform(code, { minify: true, format: "esm" })).code : code,
      imports: imports.filter((name) => !name.includes(":")),
      lazy: dynamicImports.filter((name) => !name.includes(":")),
      modules: Object.entries(modules)
        .filter(([, { renderedLength }]) => renderedLength > 0)
        .map(([id]) => module(id)),
    })),
  );
  return made.sort((a, b) => Number(b.name === "main.js") - Number(a.name === "main.js"));
}

/** Both. */
export const BUNDLERS: Readonly<Record<string, Bundler>> = { esbuild: byEsbuild, rollup: byRollup };

/** `src/smtp.js` for a module of the package, the rest of its path for another. */
function module(path: string): string {
  return path.replace(/^.*node_modules\/net-smtp\/dist\//, "").replace(/^.*node_modules\//, "");
}

/** The chunks that are loaded with the first, itself among them. */
export function loaded(chunks: readonly Chunk[], first: Chunk | undefined = chunks[0]): Chunk[] {
  const found = new Set<Chunk>();
  const add = (chunk: Chunk | undefined): void => {
    if (!chunk || found.has(chunk)) return;
    found.add(chunk);
    for (const name of chunk.imports) add(chunks.find((one) => one.name === name));
  };
  add(first);
  return [...found];
}
