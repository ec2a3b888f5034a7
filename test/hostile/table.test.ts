/**
 * Holds docs/attacks.md to the tests: every class of attack and every probe is there, and every test named exists.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/attacks.md"), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

/** The titles of the tests and groups of a file, as its source writes them. */
function titles(path: string): Set<string> {
  const found = new Set<string>();
  const look = (node: ts.Node): void => {
    const [title] = ts.isCallExpression(node) ? node.arguments : [];
    if (
      title &&
      ts.isStringLiteralLike(title) &&
      ts.isCallExpression(node) &&
      /^(?:test|describe)\b/.test(node.expression.getText())
    )
      found.add(title.text);
    node.forEachChild(look);
  };
  look(ts.createSourceFile(path, readFileSync(join(root, path), "utf8"), ts.ScriptTarget.ESNext, true));
  return found;
}

test("docs/attacks.md has every class and every probe, each with a test", () => {
  const classes = rows.filter((row) => row.length === 4 && row[0] !== "class");
  expect(classes.map(([letter]) => letter)).toEqual([..."ABCDEFGHIJKLMNO"]);
  const probes = rows.filter((row) => row.length === 2 && row[0] !== "probe");
  expect(probes).toHaveLength(11);
  for (const row of [...classes, ...probes])
    expect(row.at(-1)).toMatch(/^(?:`test\/[^`]+\.test\.ts` "[^"]+"(?:; |$))+$/);
});

test("docs/attacks.md names tests that exist", () => {
  const named = [...page.matchAll(/`(test\/[^`]+\.test\.ts)` "([^"]+)"/g)];
  expect(named.length).toBeGreaterThan(40);
  for (const [, path = "", title = ""] of named) expect(titles(path), path).toContain(title);
});
