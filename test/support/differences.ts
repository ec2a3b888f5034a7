/**
 * What differs by runtime in the tests: asked for here by the name that it has in `test/runtimes/differences.json`, which gives
 * the reason. Its law: no test asks in another way where it runs (test/repo/differences.test.ts).
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** An entry of the list. */
export interface Difference {
  /** What a test asks for. */
  readonly name: string;
  /** Where it is so: "deno", "bun", "node22", … */
  readonly on: readonly string[];
  /** The files it is in. */
  readonly files: readonly string[];
  /** Of these files: the tests that are not there, parts of their full names. None: all are there. */
  readonly without?: readonly string[];
  /** What is otherwise. */
  readonly what: string;
  /** Why. */
  readonly why: string;
}

const list = JSON.parse(
  readFileSync(join(import.meta.dirname, "../runtimes/differences.json"), "utf8"),
) as readonly Difference[];

/** What the tests run on: "deno", "bun", or "node" with its major version. */
export const RUNTIME: string =
  "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : `node${process.versions.node.split(".")[0]}`;

/** Whether this runtime differs so; throws if nobody has given a reason. */
export function differs(name: string): boolean {
  const found = list.find((difference) => difference.name === name);
  if (found === undefined) throw new Error(`No difference "${name}" in test/runtimes/differences.json`);
  return found.on.includes(RUNTIME);
}
