/** Holds the tests to test/runtimes/differences.json: what differs by runtime is in that list with its reason, and nothing else is. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Difference, differs, RUNTIME } from "../support/differences.ts";

const root = join(import.meta.dirname, "../..");
const list = JSON.parse(readFileSync(join(root, "test/runtimes/differences.json"), "utf8")) as readonly (Difference & {
  readonly once?: true;
})[];

/** Those that ask where they run to say so, to start that runtime, or to use what only it has. */
const MAY_ASK = [
  "test/support/differences.ts",
  "test/repo/differences.test.ts",
  "test/hostile/soak.test.ts",
  "test/pool/exit.test.ts",
  "test/repo/runtime.test.ts",
  "test/campaign/compare.run.ts",
  "test/packages/bounds.run.ts",
];
const ASKS =
  /\b(?:Deno|Bun)" in globalThis|process\.versions|process\.version\b|\{[^}]*\bRUNTIME\b[^}]*\} from "[./]+support\/differences|\{ (?:Deno|Bun)\b/;
const SKIPS =
  /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo|fails)\b|\bskip\(|, \{ (?:skip|todo|fails)\b/;

const sources = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .map((path) => `test/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts") && !path.includes("node_modules"))
  .map((path) => [path, readFileSync(join(root, path), "utf8")] as const);

test("no test asks in its own way where it runs", () => {
  const found = sources.filter(([path, text]) => !MAY_ASK.includes(path) && ASKS.test(text));
  expect(found.map(([path]) => path)).toEqual([]);
  expect(sources.filter(([path, text]) => MAY_ASK.includes(path) && !ASKS.test(text))).toEqual([]);
});

test("no test is skipped", () => {
  const found = sources.filter(([path, text]) => path !== "test/repo/differences.test.ts" && SKIPS.test(text));
  expect(found.map(([path]) => path)).toEqual([]);
});

test("what is asked for is in the list, and what is in the list is asked for", () => {
  const asked = sources.flatMap(([, text]) =>
    [...text.matchAll(/(?:\bdiffers\(|\bunless: )"(.+?)"/g)].map(([, name]) => name),
  );
  const names = list.filter(({ once }) => !once).map(({ name }) => name);
  expect([...new Set(asked)].sort()).toEqual([...names].sort());
  const other = "the moon";
  expect(() => differs(other)).toThrow('No difference "the moon"');
});

test("each has runtimes, files that are there, what is otherwise, and why", () => {
  for (const { name, on, files, what, why } of list) {
    expect(on.length, name).toBeGreaterThan(0);
    expect(on, name).not.toContain("node20");
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect([name, what.length > 5, why.length > 20]).toEqual([name, true, true]);
  }
  expect(RUNTIME).toMatch(/^(node\d+|deno|bun)$/);
});
