/**
 * `npm run test:deno` and `test:bun` would pass just as well if the workers ran on Node; this says that they do not.
 *
 * @module
 */

import { expect, test } from "vitest";

/** Where each script of package.json wants its tests to run. */
const scripts = new Map([
  ["test", "node"],
  ["coverage", "node"],
  ["test:deno", "deno"],
  ["test:bun", "bun"],
]);

function runtime(): string {
  if ("Deno" in globalThis) return "deno";
  return "Bun" in globalThis ? "bun" : "node";
}

test("the tests run on the runtime that their script names", () => {
  const wanted = scripts.get(process.env.npm_lifecycle_event ?? "");
  expect(runtime()).toBe(wanted ?? runtime());
});
