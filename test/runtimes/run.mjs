/**
 * The suite on every runtime, and the table of what passed. Its law: a test that failed, that was skipped, or that is on one
 * runtime and not on another without a reason in differences.json, is a failure.
 *
 *     npm run test:runtimes                      all of them, one after the other, and the table
 *     npm run test:runtimes -- node22 deno       some of them
 *     npm run test:runtimes -- table             the table of what was run, printed and written to docs/runtimes.md
 *
 * An argument that begins with `--` goes to Vitest. Node 20 is the one that runs this: it runs everything, in full; the others
 * the sample (vitest.config.ts).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { compare, readReports, table } from "./table.mjs";

const root = join(import.meta.dirname, "../..");
const BIN = join(root, "node_modules/.bin");
const VITEST = ["node_modules/vitest/vitest.mjs", "run"];
const other = (name) => join(root, "test/runtimes/node_modules", name, "bin/node");

/** How each is started. */
const RUNTIMES = {
  node20: [process.execPath, ...VITEST],
  node22: [other("node22"), ...VITEST],
  node24: [other("node24"), ...VITEST],
  node26: [other("node26"), ...VITEST],
  deno: [join(BIN, "deno"), "run", "-A", ...VITEST],
  bun: [join(BIN, "bun"), "--bun", ...VITEST],
};

function install() {
  const npm = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
  execFileSync("npm", npm, { cwd: join(root, "test/runtimes"), stdio: "inherit" });
}

/** Runs the suite; whether it passed. A report of before would be taken for this run's. */
function run(key, options) {
  if (key === "node20" && !process.version.startsWith("v20."))
    throw new Error(`The table begins with Node 20, the oldest that is supported, and this is Node ${process.version}`);
  rmSync(join(root, "build/runtimes", `${key}.json`), { force: true });
  const [program, ...given] = RUNTIMES[key];
  const sample = key === "node20" ? {} : { SUITE_SIZE: "sample" };
  const env = { ...process.env, RUNTIME_REPORT: "1", TEST_RUNTIME: key, ...sample };
  const { status, error } = spawnSync(program, [...given, ...options], { cwd: root, env, stdio: "inherit" });
  if (error) throw error;
  return status === 0;
}

/** Prints the table, and what is wrong. Only a table without a fault is written. */
function report() {
  const reports = readReports(root, Object.keys(RUNTIMES));
  const faults = compare(root, reports);
  const text = table(root, reports);
  console.log(text);
  for (const fault of faults) console.log(`FAULT ${fault}`);
  if (faults.length === 0) writeFileSync(join(root, "docs/runtimes.md"), text);
  return faults.length === 0;
}

const asked = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const options = process.argv.slice(2).filter((argument) => argument.startsWith("--"));
const unknown = asked.filter((name) => name !== "install" && name !== "table" && !(name in RUNTIMES));
if (unknown.length > 0) throw new Error(`No such runtime: ${unknown}; there are ${Object.keys(RUNTIMES)}`);

const all = asked.length === 0;
if (all || asked.includes("install")) install();
const keys = all ? Object.keys(RUNTIMES) : asked.filter((name) => name in RUNTIMES);
const passed = keys.map((key) => run(key, options));
if (all || asked.includes("table")) passed.push(report());
process.exitCode = passed.every(Boolean) ? 0 : 1;
