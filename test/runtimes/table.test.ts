/** The table of runtimes finds what it is there to find: each fault is planted here in sound reports. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { compare, type Report, readReports, table } from "./table.mjs";

const root = mkdtempSync(join(tmpdir(), "table-"));
const LIST = [
  {
    name: "late",
    on: ["bun"],
    files: ["test/net/a.test.ts"],
    without: ["begins late"],
    what: "not compared",
    why: "it cannot",
  },
];
let reports: [Report, Report];

function report(key: string, name: string, version: string, tests: string[]): Report {
  const passed = (name: string) => ({ name, state: "passed", ms: 1 });
  const files = {
    "test/net/a.test.ts": { state: "passed", ms: 1, tests: tests.map(passed) },
    "test/b.test.ts": { state: "passed", ms: 1, tests: [passed("b")] },
  };
  return { key, name, version, sample: key !== "node20", errors: 0, files };
}

beforeEach(() => {
  reports = [report("node20", "Node", "20.20.2", ["one", "TLS begins late"]), report("bun", "Bun", "1.4.5", ["one"])];
  for (const folder of ["test/runtimes", "build/runtimes"]) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "test/runtimes/differences.json"), JSON.stringify(LIST));
  writeFileSync(join(root, "test/b.test.ts"), "many(100_000, 10_000); runs(3_000); runs(50)");
});

afterAll(() => rmSync(root, { recursive: true }));

const tests = (of: Report) => of.files["test/net/a.test.ts"]!.tests;

describe("compare()", () => {
  test("finds nothing where all passed and what is missing has a reason", () => {
    expect(compare(root, reports)).toEqual([]);
  });

  test.each<[fault: string, plant: () => void, told: string]>([
    ["a test that failed", () => (tests(reports[1])[0]!.state = "failed"), "bun: test/net/a.test.ts > one failed"],
    [
      "a test that was skipped",
      () => (tests(reports[0])[0]!.state = "skipped"),
      "node20: test/net/a.test.ts > one skipped",
    ],
    ["a file that failed", () => (reports[1].files["test/b.test.ts"]!.state = "failed"), "bun: test/b.test.ts failed"],
    ["an error outside", () => (reports[1].errors = 2), "bun: 2 errors outside the tests"],
    [
      "a test that is missing",
      () => tests(reports[1]).pop(),
      "bun did not run test/net/a.test.ts > one, and test/runtimes/differences.json has no reason",
    ],
    [
      "a file that is missing",
      () => delete reports[1].files["test/b.test.ts"],
      "bun did not run test/b.test.ts > b, and test/runtimes/differences.json has no reason",
    ],
    [
      "one of two of the same name that is missing",
      () => tests(reports[0]).push({ name: "one", state: "passed", ms: 1 }),
      "bun did not run test/net/a.test.ts > one, and test/runtimes/differences.json has no reason",
    ],
    [
      "a test that only another ran",
      () => tests(reports[1]).push({ name: "two", state: "passed", ms: 1 }),
      "bun ran test/net/a.test.ts > two, which node20 did not",
    ],
    [
      "a reason that is none any more",
      () => tests(reports[1]).push({ name: "TLS begins late", state: "passed", ms: 1 }),
      "bun ran test/net/a.test.ts > TLS begins late, although test/runtimes/differences.json says that it does not",
    ],
    ["a sample in the place of everything", () => (reports[0].sample = true), "node20 ran the sample only"],
  ])("finds %s", (_fault, plant, told) => {
    plant();
    expect(compare(root, reports)).toEqual([told]);
  });
});

describe("table()", () => {
  test("has a row a suite, the differences, and what is tried less often", () => {
    const text = table(root, reports);
    for (const row of [
      "| suite | Node 20.20.2 | Bun 1.4.5 |",
      "| net | 2 | 1 |",
      "| the engine | 1 | 1 |",
      "| all | 3 | 2 |",
      "| Bun | 1 | `net/a.test.ts` | not compared | it cannot |",
      "| `b.test.ts` | 100 000 | 10 000 |",
      "| `b.test.ts` | 3 000 | 100 |",
    ])
      expect(text).toContain(`\n${row}\n`);
    expect(text).not.toContain("| 50 |");
  });
});

describe("readReports()", () => {
  test("reads what is there, and says which is not", () => {
    writeFileSync(join(root, "build/runtimes/bun.json"), JSON.stringify(reports[1]));
    expect(readReports(root, ["bun"])).toEqual([reports[1]]);
    expect(() => readReports(root, ["bun", "deno"])).toThrow("There is no report of deno");
  });
});
