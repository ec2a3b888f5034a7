/**
 * From the reports of reporter.mjs to the table of docs/runtimes.md, and to what is wrong with them. Its law: every test that
 * Node 20 ran is accounted for on every other runtime, and so is every one that it did not.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SOURCE = "test/runtimes/differences.json";

/** Folders that are no suite of their own. */
const SUITE = /^test\/(?:([^/]+)\/)?[^/]+$/;

export function readReports(root, keys) {
  return keys.map((key) => {
    const path = join(root, "build/runtimes", `${key}.json`);
    try {
      return JSON.parse(readFileSync(path, "utf8"));
    } catch (cause) {
      throw new Error(`There is no report of ${key}: the suite was not run on it, or did not end`, { cause });
    }
  });
}

function listed(root) {
  return JSON.parse(readFileSync(join(root, SOURCE), "utf8"));
}

/** The tests of a report by file and full name. A name that several have counts as often. */
function named({ files }) {
  const names = new Map();
  for (const [file, { tests }] of Object.entries(files))
    for (const { name } of tests) names.set(`${file} > ${name}`, (names.get(`${file} > ${name}`) ?? 0) + 1);
  return names;
}

/** Whether the list says that this test is not on this runtime. */
function isExcused(list, key, test) {
  return list.some(({ on, files, without = [] }) => {
    return (
      on.includes(key) &&
      files.some((file) => test.startsWith(`${file} > `)) &&
      without.some((part) => test.includes(part))
    );
  });
}

/** A sentence for each fault; none is the wish. */
export function compare(root, reports) {
  const list = listed(root);
  const [first, ...others] = reports;
  const faults = reports.flatMap(failures);
  if (first.sample) faults.push(`${first.key} ran the sample only`);
  const whole = named(first);
  for (const report of others) {
    const names = named(report);
    for (const [test, times] of whole)
      if ((names.get(test) ?? 0) < times && !isExcused(list, report.key, test))
        faults.push(`${report.key} did not run ${test}, and ${SOURCE} has no reason`);
    for (const [test, times] of names)
      if ((whole.get(test) ?? 0) < times) faults.push(`${report.key} ran ${test}, which ${first.key} did not`);
    faults.push(...excusedInVain(list, report.key, names));
  }
  return faults;
}

function failures({ key, files, errors }) {
  const found = errors > 0 ? [`${key}: ${errors} errors outside the tests`] : [];
  for (const [file, { state, tests }] of Object.entries(files)) {
    for (const test of tests) if (test.state !== "passed") found.push(`${key}: ${file} > ${test.name} ${test.state}`);
    if (state !== "passed") found.push(`${key}: ${file} ${state}`);
  }
  return found;
}

/** What the list says is not run, and was. */
function excusedInVain(list, key, names) {
  const run = [...names.keys()].filter((test) => isExcused(list, key, test));
  return run.map((test) => `${key} ran ${test}, although ${SOURCE} says that it does not`);
}

function suiteOf(file) {
  return SUITE.exec(file)?.[1] ?? "the engine";
}

/** By suite, how many passed. */
function counts({ files }) {
  const passed = new Map();
  for (const [file, { tests }] of Object.entries(files)) {
    const suite = suiteOf(file);
    passed.set(suite, (passed.get(suite) ?? 0) + tests.filter(({ state }) => state === "passed").length);
  }
  return passed;
}

const row = (...cells) => `| ${cells.join(" | ")} |`;

function passedTable(reports) {
  const columns = reports.map(counts);
  const suites = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort();
  const sum = (column) => [...column.values()].reduce((total, passed) => total + passed, 0);
  return [
    row("suite", ...reports.map(({ name, version }) => `${name} ${version}`)),
    row("---", ...reports.map(() => "--:")),
    ...suites.map((suite) => row(suite, ...columns.map((column) => column.get(suite) ?? 0))),
    row("all", ...columns.map(sum)),
  ];
}

/** How many tests of Node 20 this runtime did not run for this reason. */
function left(entry, whole, key) {
  return entry.on.includes(key) ? [...whole.keys()].filter((test) => isExcused([entry], key, test)).length : 0;
}

function differenceTable(list, reports) {
  const whole = named(reports[0]);
  const names = new Map(
    reports.map(({ key, name, version }) => [key, key.startsWith("node") ? `Node ${version.split(".")[0]}` : name]),
  );
  return [
    row("on", "tests fewer", "in", "what", "why"),
    row("---", "--:", "---", "---", "---"),
    ...list.map((entry) => {
      const { on, files, what, why } = entry;
      const places = files.map((file) => `\`${file.replace(/^test\//, "")}\``).join(", ");
      return row(on.map((key) => names.get(key)).join(", "), left(entry, whole, on[0]), places, what, why);
    }),
  ];
}

/** Every place that tries less in the sample, read from the tests. */
function bulk(root) {
  const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts") && !path.includes("node_modules") && path !== "support/runs.ts");
  return files.sort().flatMap((path) => {
    const text = readFileSync(join(root, "test", path), "utf8");
    const many = [...text.matchAll(/\bmany\(([\d_]+), ([\d_]+)\)/g)].map(([, full, part]) => [full, part]);
    const runs = [...text.matchAll(/\bruns\(([\d_]+)\)/g)]
      .map(([, full]) => [full, "100"])
      .filter(([full]) => number(full) > 100);
    return [...many, ...runs].map(([full, part]) => row(`\`${path}\``, spaced(full), spaced(part)));
  });
}

const number = (text) => Number(text.replaceAll("_", ""));
const spaced = (text) => String(number(text)).replaceAll(/\B(?=(\d{3})+$)/g, " ");

export function table(root, reports) {
  return `# The suite on every runtime

\`npm run test:runtimes\` wrote this (test/runtimes/run.mjs), as every run of CI does. It holds the number of tests that passed; none failed and none was
skipped, or it would not have been written.

${passedTable(reports).join("\n")}

*The engine* are the files directly in \`test/\`; every other suite is a folder there.

## Differences

Node 20 runs everything. A test that another runtime does not run has its reason here (\`${SOURCE}\`), or the run fails.

${differenceTable(listed(root), reports).join("\n")}

What is tried in bulk is tried in full on Node 20 and less often elsewhere; the tests and what they demand are the same. Of the campaign
(\`test/campaign\`) \`npm run campaign\` makes the cuts on Node 20, beside 500 of them in its suite; the other runtimes make 1 000. Mutants are tried on Node 20 only
(\`npm run mutate\`).

| in | Node 20 | elsewhere |
|---|--:|--:|
${bulk(root).join("\n")}

On Deno the suite itself has all permissions, since Vitest starts processes. What a program needs that uses the engine is in \`test/runtimes/permissions.test.ts\`: there Deno
has exactly the permissions that README names, and asks for no other.
`;
}
