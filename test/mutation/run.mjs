/**
 * Mutation testing: every piece of the codec, the ledger and the fates is broken in turn, and a test has to fail.
 *
 *     npm run mutate                 all groups, one after the other, some 30 minutes on two cores
 *     npm run mutate -- codec        one of them
 *
 * Prints what survived, with its place, and a table by file. Left out: texts, since most are words of messages, and what runs
 * once when a file is loaded (`ignoreStatic`), which no single test covers.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Stryker } from "@stryker-mutator/core";

const GROUPS = {
  codec: ["src/protocol/**/*.ts", "!src/protocol/verdict.ts"],
  fates: ["src/protocol/verdict.ts", "src/owed.ts", "src/fate.ts", "src/told.ts"],
  dialogue: ["src/dialogue.ts"],
};

const DETECTED = ["Killed", "Timeout"];

async function mutate(group) {
  process.env.MUTATION_GROUP = group;
  const folder = mkdtempSync(join(tmpdir(), "mutation-"));
  await new Stryker({
    mutate: GROUPS[group],
    testRunner: "vitest",
    vitest: { configFile: "vitest.mutation.config.ts" },
    coverageAnalysis: "perTest",
    ignoreStatic: true,
    mutator: { excludedMutations: ["StringLiteral"] },
    concurrency: 2,
    timeoutMS: 8000,
    reporters: ["json", "progress-append-only"],
    jsonReporter: { fileName: join(folder, "report.json") },
    tempDirName: join(folder, "work"),
    allowEmpty: false,
  }).runMutationTest();
  return JSON.parse(readFileSync(join(folder, "report.json"), "utf8")).files;
}

const share = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;

/** A row a file: how many mutants counted, and how many were found. */
function row(name, mutants) {
  const counted = mutants.filter(({ status }) => [...DETECTED, "Survived", "NoCoverage"].includes(status));
  const found = counted.filter(({ status }) => DETECTED.includes(status));
  return { name, counted: counted.length, found: found.length };
}

function survivors(name, source, mutants) {
  const lines = source.split("\n");
  return mutants
    .filter(({ status }) => status === "Survived" || status === "NoCoverage")
    .map(({ location, mutatorName, replacement }) => {
      const { line } = location.start;
      return `${name}:${line} ${mutatorName}: ${(lines[line - 1] ?? "").trim()}  ->  ${replacement?.slice(0, 80)}`;
    });
}

const rows = [];
const left = [];
const asked = process.argv.slice(2);
for (const group of asked.length > 0 ? asked : Object.keys(GROUPS)) {
  for (const [name, { source, mutants }] of Object.entries(await mutate(group))) {
    rows.push(row(name, mutants));
    left.push(...survivors(name, source, mutants));
  }
}
rows.push({
  name: "all",
  counted: rows.reduce((sum, { counted }) => sum + counted, 0),
  found: rows.reduce((sum, { found }) => sum + found, 0),
});
const table = [
  "| file | mutants | killed | share |",
  "|---|--:|--:|--:|",
  ...rows.map(({ name, counted, found }) => `| ${name} | ${counted} | ${found} | ${share(found, counted)} |`),
];
const report = join(tmpdir(), "mutation-survivors.txt");
writeFileSync(report, `${left.join("\n")}\n`);
console.log(`${table.join("\n")}\n\n${left.length} survived: ${report}`);
