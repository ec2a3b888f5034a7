/**
 * One configuration for all runtimes: Node, Deno and Bun run the same files.
 * The sources are read as they are (`.ts`), so no build is needed before a test.
 *
 * ```text
 * SUITE_SIZE=sample   what is tried in bulk is tried less often (test/support/runs.ts), what is once for all is left out
 * RUNTIME_REPORT=1    what ran goes into build/runtimes/ (test/runtimes/reporter.mjs)
 * ```
 *
 * @module
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { configDefaults, defineConfig, type ViteUserConfig } from "vitest/config";

/** Files that need a process of their own: they put something in the place of a module, or count what is left in the process. */
const ALONE = [
  "test/campaign/*.test.ts",
  "test/hostile/soak.test.ts",
  "test/nodemailer/options.test.ts",
  "test/nodemailer/security.test.ts",
  "test/size.test.ts",
];

/** Files that hold two transports to each other by the clock: nothing else runs at their time, and they too have a process of their own. */
const TIMED = ["test/contract/contract.test.ts"];

/** What need not be run on each runtime. */
function once(): string[] {
  const list = JSON.parse(readFileSync("test/runtimes/differences.json", "utf8")) as { once?: true; files: string[] }[];
  return list.flatMap(({ once, files }) => (once ? files : []));
}

const exclude = [...configDefaults.exclude, ...(process.env.SUITE_SIZE === "sample" ? once() : [])];

const config: ViteUserConfig = defineConfig({
  test: {
    allowOnly: false,
    passWithNoTests: false,
    // Vitest would leave a processor to itself, which it does not need while the tests run.
    maxWorkers: "100%",
    // Loading the modules anew for each file took longer than the tests of most.
    projects: [
      {
        extends: true,
        test: {
          name: "together",
          include: ["test/**/*.test.ts"],
          exclude: [...exclude, ...ALONE, ...TIMED],
          isolate: false,
        },
      },
      { extends: true, test: { name: "alone", include: ALONE, exclude } },
      { extends: true, test: { name: "timed", include: TIMED, exclude, sequence: { groupOrder: 1 } } },
    ],
    reporters: ["default", ...(process.env.RUNTIME_REPORT ? ["./test/runtimes/reporter.mjs"] : [])],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: {
      provider: "v8",
      include: ["mod.ts", "src/**/*.ts"],
      reporter: ["text-summary", "json-summary", "html"],
      thresholds: { lines: 95, branches: 95 },
    },
  },
});

export default config;
