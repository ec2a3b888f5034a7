/**
 * Starts workerd with a Worker in it: bundled by esbuild, run by miniflare, offline. Both are installed in this folder alone,
 * so they are asked for by path, and their types are what is used of them.
 *
 * @module
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { certificates } from "../support/certificates.ts";
import type { Job, Outcome } from "./worker.ts";

/** What is used of esbuild. */
interface Esbuild {
  build(options: object): Promise<{
    outputFiles: { text: string }[];
    metafile: { inputs: Record<string, unknown>; outputs: Record<string, { imports: { path: string }[] }> };
    warnings: unknown[];
  }>;
}

/** What is used of miniflare. */
interface Runtime {
  dispatchFetch(url: string, init: object): Promise<Response>;
  dispose(): Promise<void>;
}

/** A bundle and what it was made of. */
export interface Bundle {
  /** The whole program. */
  readonly text: string;
  /** The files in it, from the top of the repository. */
  readonly files: string[];
  /** What it still imports. */
  readonly imports: string[];
}

/** A Worker that runs. */
export interface Workerd {
  /** Runs a job of worker.ts. */
  run(name: string, job: Job): Promise<Outcome>;
  /** Sends the Worker a request. */
  fetch(path: string, init: object): Promise<Response>;
  /** Stops it. */
  close(): Promise<void>;
}

const root = join(import.meta.dirname, "../..");
const load = createRequire(import.meta.url);
const [ESBUILD, MINIFLARE] = ["esbuild", "miniflare"];

/** Bundles a Worker as wrangler does: `cloudflare:` is the runtime's, and there is nothing of Node's. */
export async function bundle(path: string): Promise<Bundle> {
  const esbuild = load(ESBUILD as string) as Esbuild;
  const { outputFiles, metafile, warnings } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [path],
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["cloudflare:*"],
    write: false,
    outdir: "none",
    metafile: true,
    logLevel: "silent",
  });
  if (warnings.length > 0) throw new Error(JSON.stringify(warnings));
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map((each) => each.path));
  return { text: outputFiles[0]?.text ?? "", files: Object.keys(metafile.inputs), imports };
}

/** Starts it, without `nodejs_compat`. It trusts the tests' authority and no other, and dials this machine alone. */
export async function startWorker(path: string, bindings: Record<string, string> = {}): Promise<Workerd> {
  const { Miniflare } = load(MINIFLARE as string) as { Miniflare: new (options: object) => Runtime };
  const { ca } = await certificates();
  const tlsOptions = { trustBrowserCas: false, trustedCertificates: [ca] };
  const runtime = new Miniflare({
    modules: true,
    script: (await bundle(path)).text,
    compatibilityDate: "2026-04-01",
    compatibilityFlags: [],
    bindings,
    outboundService: { network: { allow: ["private"], tlsOptions } },
    // What it says of connections that cannot be made is told by the errors that the tests look at.
    handleRuntimeStdio(stdout: NodeJS.ReadableStream, stderr: NodeJS.ReadableStream) {
      for (const output of [stdout, stderr]) output.resume();
    },
  });
  const send = (to: string, init: object): Promise<Response> => runtime.dispatchFetch(`http://worker/${to}`, init);
  return {
    fetch: send,
    async run(name, job) {
      const response = await send(name, { method: "POST", body: JSON.stringify(job) });
      const text = await response.text();
      if (!response.ok) throw new Error(`${name}: ${response.status} ${text}`);
      return JSON.parse(text) as Outcome;
    },
    close: () => runtime.dispose(),
  };
}
