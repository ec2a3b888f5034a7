/**
 * The bundlers, out of the node_modules of this folder, and what is used of them in types of our own: the repository's type
 * check and the search for unused code go without that folder being installed.
 *
 * @module
 */

import { createRequire } from "node:module";
import { join } from "node:path";

interface EsbuildImport {
  readonly path: string;
  readonly kind: string;
  readonly external?: boolean;
}

interface EsbuildOutput {
  readonly imports: readonly EsbuildImport[];
  readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
}

/** What is used of esbuild. */
export interface Esbuild {
  build(options: object): Promise<{
    readonly outputFiles: readonly { readonly path: string; readonly text: string }[];
    readonly metafile: { readonly outputs: Readonly<Record<string, EsbuildOutput>> };
  }>;
  transform(code: string, options: object): Promise<{ readonly code: string }>;
}

interface RollupChunk {
  readonly fileName: string;
  readonly code: string;
  readonly imports: readonly string[];
  readonly dynamicImports: readonly string[];
  readonly modules: Readonly<Record<string, { readonly renderedLength: number }>>;
}

interface Rollup {
  rollup(options: object): Promise<{
    generate(options: object): Promise<{ readonly output: readonly RollupChunk[] }>;
    close(): Promise<void>;
  }>;
}

const require = createRequire(join(import.meta.dirname, "package.json"));

/** Loads esbuild. */
export function esbuild(): Esbuild {
  return require("esbuild") as Esbuild;
}

/** Loads rollup and the two plugins that find packages and take CommonJS. */
export function rollup(): Rollup & { nodeResolve(options: object): unknown; commonjs(): unknown } {
  const { rollup } = require("rollup") as Rollup;
  const { nodeResolve } = require("@rollup/plugin-node-resolve") as { nodeResolve(options: object): unknown };
  const commonjs = require("@rollup/plugin-commonjs") as () => unknown;
  return { rollup, nodeResolve, commonjs };
}
