/**
 * The bounds of the engine alone, a program that uses NetSmtp and no pool: under 30 ms to import in a fresh process, under
 * 40 KB (40 000 octets) minified and gzipped, what it needs to connect on Node among them.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { BUNDLERS, type Chunk, loaded, TARGETS } from "./bundlers.ts";
import { install, project, record, run } from "./place.ts";

const MAX_OCTETS = 40_000;
const MAX_MS = 30;
/** Fresh processes for each figure; the least of them, since others can only make it more. */
const RUNS = 9;

const [NODE] = TARGETS as [(typeof TARGETS)[number]];

/** A consumer that exports the engine: what is measured is the package's, not a program's. */
function source(name: string): string {
  const path = project(`bounds/${name}`, {
    "package.json": { name: "consumer", type: "module" },
    "main.js": 'export { NetSmtp } from "net-smtp";\n',
  });
  install(path, {});
  return path;
}

function packed(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
}

test.each(Object.entries(BUNDLERS))("the engine bundled by %s is under 40 KB", async (name, bundle) => {
  const path = source(`size-${name}`);
  const chunks = await bundle(path, NODE, false, true);
  const atImport = loaded(chunks);
  const network = chunks.find((chunk) => chunk.modules.includes("src/net/node.js"));
  const ordinary = [...new Set([...atImport, ...loaded(chunks, network)])];
  const [whole] = await bundle(path, NODE, true, true);
  const figures = {
    import: packed(atImport),
    connected: packed(ordinary),
    all: packed(chunks),
    single: packed(whole ? [whole] : []),
  };
  record(`size-${name}`, figures);
  expect(network?.modules).toContain("src/net/node.js");
  expect(
    atImport.flatMap(({ modules }) => modules).filter((module) => /scram|md5\.|saslprep|writer|printf/.test(module)),
  ).toEqual([]);
  expect(figures.import).toBeGreaterThan(20_000);
  expect(figures.connected).toBeLessThan(MAX_OCTETS);
});

test("the engine is imported in under 30 ms", async () => {
  const path = source("time");
  writeFileSync(join(path, "nothing.mjs"), "export const nothing = 1;\n");
  const paths: Record<string, string> = { nothing: join(path, "nothing.mjs"), package: "net-smtp" };
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    for (const single of [false, true]) {
      const chunks = await bundle(path, NODE, single, true);
      const made = project(
        `bounds/time/${name}-${single ? "single" : "split"}`,
        Object.fromEntries(chunks.map(({ name, code }) => [name, code])),
      );
      paths[`${name}, ${single ? "one file" : "lazy parts apart"}`] = join(made, "main.js");
    }
  }
  const figures = await times(path, paths);
  record("time", { runs: RUNS, node: process.version, figures });
  for (const [name, ms] of Object.entries(figures)) {
    if (name !== "package") expect([name, ms < MAX_MS, ms]).toEqual([name, true, ms]);
  }
});

/** The ms that an import takes in a fresh process, over those of an import of nothing; in turns, so that each meets the same machine. */
async function times(path: string, paths: Readonly<Record<string, string>>): Promise<Record<string, number>> {
  const least: Record<string, number> = {};
  for (let at = 0; at < RUNS; at++) {
    for (const [name, target] of Object.entries(paths)) {
      const code = `const begun = performance.now(); await import(${JSON.stringify(target)}); console.log(performance.now() - begun);`;
      const ms = Number(await run(path, [process.execPath, "--input-type=module", "--eval", code]));
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, ms);
    }
  }
  const { nothing = 0, ...measured } = least;
  return Object.fromEntries(Object.entries(measured).map(([name, ms]) => [name, ms - nothing]));
}
