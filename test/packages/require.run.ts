/**
 * The package is ESM, and CommonJS programs `require()` it: nothing in it may await at its top level.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import ts from "typescript";
import { expect, test } from "vitest";
import { attempt, ENTRIES, install, project, run, unpacked } from "./place.ts";

const PEERS = { nodemailer: "nodemailer", "@opentelemetry/api": "@opentelemetry/api" };

test("require() of every entry on this Node gives what import() gives", async () => {
  const path = project("require", {
    "main.cjs": `const entries = ${JSON.stringify(ENTRIES)};
const names = (module) => Object.keys(module).filter((name) => !/^(__esModule|module\\.exports)$/.test(name)).sort().join();
(async () => {
  for (const entry of entries) {
    const required = names(require(entry));
    console.log(entry, required.length > 0 && required === names(await import(entry)));
  }
})();
`,
  });
  install(path, PEERS);
  const printed = await run(path, [process.execPath, "main.cjs"]);
  expect(
    printed
      .trim()
      .split("\n")
      .filter((line) => !line.includes("Warning") && !line.startsWith("(Use")),
  ).toEqual(ENTRIES.map((entry) => `${entry} true`));
});

test("require() without the optional peers gives the entries that do without them", async () => {
  const path = project("without-peers", {
    "main.cjs":
      'console.log(typeof require("net-smtp").NetSmtp, typeof require("net-smtp/nodemailer").NetSmtpTransport);\n',
    "telemetry.cjs": 'require("net-smtp/opentelemetry");\n',
  });
  install(path, {});
  expect(await run(path, [process.execPath, "main.cjs"])).toContain("function function");
  const missing = await attempt(path, [process.execPath, "telemetry.cjs"]);
  expect([missing.code, missing.out]).toEqual([1, expect.stringContaining("@opentelemetry/api")]);
});

test("no file of the package awaits at its top level", () => {
  const dist = join(unpacked(), "dist");
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".js"));
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((path) => awaits(readFileSync(join(dist, path), "utf8")))).toEqual([]);
  expect([awaits("await 1;"), awaits("for await (const x of y);"), awaits("const f = async () => await 1;")]).toEqual([
    true,
    true,
    false,
  ]);
});

function awaits(code: string): boolean {
  const found = (node: ts.Node): boolean => {
    if (ts.isFunctionLike(node)) return false;
    if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier)) return true;
    return ts.forEachChild(node, found) ?? false;
  };
  return found(ts.createSourceFile("x.js", code, ts.ScriptTarget.Latest));
}
