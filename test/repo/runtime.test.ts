/**
 * `npm run test:deno`, `test:bun` and `test:runtimes` would pass just as well if the workers ran on another runtime; this says that
 * they do not.
 *
 * @module
 */

import { expect, test } from "vitest";
import { RUNTIME } from "../support/differences.ts";

/** Where each script of package.json wants its tests to run. */
const scripts = new Map([
  ["test", "node"],
  ["coverage", "node"],
  ["test:deno", "deno"],
  ["test:bun", "bun"],
]);

test("the tests run on the runtime that their script names", () => {
  const { npm_lifecycle_event: script = "", TEST_RUNTIME } = process.env;
  const wanted = TEST_RUNTIME ?? scripts.get(script) ?? "";
  expect(RUNTIME.slice(0, wanted.length)).toBe(wanted);
});
