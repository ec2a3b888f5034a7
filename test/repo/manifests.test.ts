/**
 * Holds the manifests together: npm reads package.json, Deno reads deno.json, `jsr publish` reads jsr.json, and none
 * of them says when it differs from the others.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSources } from "./layers.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly publish: { readonly include: readonly string[] };
}

interface NpmManifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies?: unknown;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, "../..");
const text = (path: string): string => readFileSync(join(root, path), "utf8");
const npm = JSON.parse(text("package.json")) as NpmManifest;
const deno = JSON.parse(text("deno.json")) as Manifest;
const jsr = JSON.parse(text("jsr.json")) as Manifest;

test.each(["name", "version", "license", "exports", "publish"] as const)(
  "jsr.json has the %s of deno.json",
  (field) => {
    expect(deno[field]).toBeDefined();
    expect(jsr[field]).toEqual(deno[field]);
  },
);

test("package.json has the name, version and license of deno.json", () => {
  expect(deno.name.split("/")[1]).toBe(npm.name);
  expect({ version: npm.version, license: npm.license }).toEqual({ version: deno.version, license: deno.license });
});

test("package.json exports what deno.json exports, built into dist/", () => {
  const built = Object.entries(deno.exports).map(([entry, source]) => {
    const stem = source.replace("./", "./dist/").replace(/\.ts$/, "");
    return [entry, { types: `${stem}.d.ts`, default: `${stem}.js` }];
  });
  expect(npm.exports).toEqual({ ...Object.fromEntries(built), "./package.json": "./package.json" });
});

test("every source named by an export is there", () => {
  expect(Object.values(deno.exports).filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("package.json has no dependencies, and pins those of development", () => {
  expect(npm.dependencies).toBeUndefined();
  expect(
    Object.values(npm.devDependencies).filter((version) => !/^(npm:@?[^@]+@)?\d+\.\d+\.\d+$/.test(version)),
  ).toEqual([]);
});

test("package-lock.json has the version, and no download addresses", () => {
  const lock = JSON.parse(text("package-lock.json")) as { version: string };
  expect(lock.version).toBe(npm.version);
  expect(text("package-lock.json")).not.toContain('"resolved"');
});

test("VERSION in the sources and the head of CHANGELOG.md are the version", () => {
  const stated = [...readSources(root).values()].flatMap((source) =>
    [...source.matchAll(/\bVERSION(?:: string)? = "([^"]+)"/g)].map((match) => match[1]),
  );
  expect(stated).toEqual([npm.version]);
  expect(text("CHANGELOG.md").match(/^## (\S+)/m)?.[1]).toBe(npm.version);
});

test.each(["SECURITY.md", "CONTRIBUTING.md"])("%s names only tests that are there", (document) => {
  const named = [...text(document).matchAll(/`(test\/[^`]+\.ts)`/g)].map((match) => match[1] ?? "");
  expect(named).not.toEqual([]);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});
