/**
 * What a run of the suite leaves for the table: build/runtimes/RUNTIME.json, by file the full name of each test, how it ended, and
 * its milliseconds. Used where RUNTIME_REPORT is set (vitest.config.ts). Its law: what was skipped is told as such.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";

const root = join(import.meta.dirname, "../..");

/** The runtime that Vitest itself runs on; test/repo/runtime.test.ts holds its workers to the same. */
function runtime() {
  const { Deno, Bun } = globalThis;
  if (Deno) return { key: "deno", name: "Deno", version: Deno.version.deno };
  if (Bun) return { key: "bun", name: "Bun", version: Bun.version };
  const version = process.versions.node;
  return { key: `node${version.split(".")[0]}`, name: "Node", version };
}

export default class Reporter {
  #begun = Date.now();

  onTestRunEnd(modules, errors) {
    const files = {};
    for (const module of modules) {
      const tests = [...module.children.allTests()].map((test) => ({
        name: test.fullName,
        state: test.result().state,
        ms: Math.round(test.diagnostic()?.duration ?? 0),
      }));
      const ms = Math.round(module.diagnostic().duration);
      files[relative(root, module.moduleId).replaceAll("\\", "/")] = { state: module.state(), ms, tests };
    }
    const seconds = Math.round((Date.now() - this.#begun) / 1000);
    const report = { ...runtime(), sample: process.env.SUITE_SIZE === "sample", seconds, errors: errors.length, files };
    const path = join(root, "build/runtimes", `${report.key}.json`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(report));
  }
}
