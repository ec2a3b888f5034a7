/**
 * What is published holds what it should and nothing else: by rule for the many files, by name for the few that stand alone.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { describe, expect, test } from "vitest";
import { ENTRIES, MODULES, type manifest, ROOT, record, run, unpacked } from "./place.ts";

/** Beside what follows from the sources. */
const ALONE = ["CHANGELOG.md", "LICENSE", "README.md", "mod.ts", "package.json"];
/** What tsc makes of a source. */
const BUILT = [".js", ".js.map", ".d.ts", ".d.ts.map"];

const sources = filesOf(join(ROOT, "src")).map((path) => `src/${path}`);
const packed = filesOf(unpacked());

describe("npm pack", () => {
  test("holds the sources, what is built of them, and five files more; nothing else", () => {
    const built = ["mod.ts", ...sources].flatMap((path) => BUILT.map((end) => `dist/${path.replace(/\.ts$/, end)}`));
    expect(sources.length).toBeGreaterThan(100);
    expect(packed).toEqual([...ALONE, ...sources, ...built].sort());
  });

  test("holds no test, benchmark, document, example, tool's file or secret", () => {
    const wrong =
      /(^|\/)(test|tests|bench|docs|examples|node_modules|coverage|build|\.[^/]+)(\/|$)|\.(test|run)\.|\.(pem|key|crt|p12|env|log|tgz)$/;
    expect(packed.filter((path) => wrong.test(path))).toEqual([]);
    const secret = /-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:_authToken|npm_[A-Za-z0-9]{36})\b/;
    expect(packed.filter((path) => secret.test(text(path)))).toEqual([]);
  });

  test("has what package.json names: the entries, their types, no dependency", () => {
    const { exports, dependencies } = JSON.parse(text("package.json")) as ReturnType<typeof manifest>;
    const named = Object.values(exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target as object),
    );
    expect(named.length).toBeGreaterThan(6);
    expect(named.map(String).filter((path) => !packed.includes(path.replace("./", "")))).toEqual([]);
    expect(dependencies).toBeUndefined();
    const known = ["net-smtp", "net-smtp/nodemailer", "net-smtp/opentelemetry", "net-smtp/workers"];
    expect([...ENTRIES].sort()).toEqual(known);
  });

  test("maps lead to sources that are in it, and hold no copy of them", () => {
    for (const path of packed.filter((path) => path.endsWith(".map"))) {
      const map = JSON.parse(text(path)) as { sources: string[]; sourcesContent?: unknown };
      const led = map.sources.map((source) => relative(unpacked(), join(unpacked(), path, "..", source)));
      expect([path, led.filter((source) => !packed.includes(source)), map.sourcesContent]).toEqual([
        path,
        [],
        undefined,
      ]);
    }
  });
});

test.each([
  ["deno publish", [join(MODULES, ".bin/deno"), "publish"]],
  ["jsr publish", [join(MODULES, ".bin/jsr"), "publish"]],
])("%s holds mod.ts, the sources and the documents of the package; nothing else", async (name, command) => {
  // With the cache of whoever runs this: in an empty one Deno checks all types anew.
  const env = {
    DENO_BIN_PATH: join(MODULES, ".bin/deno"),
    HOME: process.env.HOME,
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME,
  };
  const printed = await run(ROOT, [...command, "--dry-run", "--allow-dirty"], env);
  const listed = [...printed.matchAll(/^ +file:\/\/(\S+) \(/gm)].map(([, path = ""]) => relative(ROOT, path));
  const configuration = name === "jsr publish" ? ["jsr.json", "deno.json"] : ["deno.json"];
  const expected = ["CHANGELOG.md", "LICENSE", "README.md", "mod.ts", ...sources];
  expect(listed.filter((path) => !configuration.includes(path)).sort()).toEqual(expected.sort());
});

test("the figures are for the page", () => {
  const octets = packed.reduce((sum, path) => sum + readFileSync(join(unpacked(), path)).length, 0);
  record("content", { files: packed.length, octets, entries: ENTRIES });
  expect(octets).toBeLessThan(4_000_000);
});

function text(path: string): string {
  return readFileSync(join(unpacked(), path), "utf8");
}

function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all
    .filter((one) => one.isFile())
    .map((one) => relative(folder, join(one.parentPath, one.name)))
    .sort();
}
