/**
 * Holds docs/ to itself and to the code: links lead somewhere, the index is whole, figures are those of the benchmarks, the
 * API reference has every entry point.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
const files = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "examples/README.md",
  ...pages.map((name) => `docs/${name}`),
];

/** What a heading can be linked by, as the forges make it. */
function anchors(path: string): string[] {
  const headings = read(path)
    .replaceAll(/^```[\s\S]*?^```/gm, "")
    .matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- _]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** The links of a page that lead nowhere. */
function dead(file: string): string[] {
  const links = [...read(file).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^https?:/.test(link));
  return links.filter((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? file : normalize(join(dirname(file), path)).replaceAll("\\", "/");
    return !existsSync(join(root, target)) || (anchor !== undefined && !anchors(target).includes(anchor));
  });
}

test.each(files)("%s: every link leads to a file, and to a heading of it", (file) => {
  expect(dead(file)).toEqual([]);
});

test("docs/README.md names every page of docs/", () => {
  const listed = [...read("docs/README.md").matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, page]) => page);
  expect([...listed, "README.md"].sort()).toEqual([...pages].sort());
});

test("examples/README.md names every program of examples/", () => {
  const programs = readdirSync(join(root, "examples")).filter((name) => /\.[mc]?[jt]s$/.test(name));
  const text = read("examples/README.md");
  expect(
    programs.filter((name) => !text.includes(`| [${name}](${name})`) && !text.includes(`[${name}](${name})`)),
  ).toEqual([]);
});

describe("docs/performance.md", () => {
  const measured = `${read("docs/benchmark.md")}${read("docs/benchmark-pool.md")}`;
  const text = read("docs/performance.md");
  const figures = [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/\d+\.\d+/g)].map(([figure]) => figure);

  test("each figure of it stands in a benchmark", () => {
    expect(figures.length).toBeGreaterThan(10);
    const stands = (figure: string): boolean =>
      new RegExp(`(?<![\\d.])${figure.replace(".", "\\.")}(?![\\d])`).test(measured);
    expect(figures.filter((figure) => !stands(figure))).toEqual([]);
  });

  test("names scripts that are there", () => {
    const scripts = [...text.matchAll(/`(bench\/[\w.]+)`/g)].map(([, script = ""]) => script);
    expect(scripts.length).toBeGreaterThan(5);
    expect(scripts.filter((script) => !existsSync(join(root, script)))).toEqual([]);
  });
});

test("the API reference has every entry point of the package, and warnings are errors", () => {
  const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, string | { default: string }> };
  const entries = Object.values(exports).flatMap((entry) =>
    typeof entry === "string" ? [] : [entry.default.replace("./dist/", "").replace(/\.js$/, ".ts")],
  );
  const options = JSON.parse(read("typedoc.json")) as Record<string, unknown>;
  expect(options.entryPoints).toEqual(entries);
  expect(options).toMatchObject({ treatWarningsAsErrors: true, treatValidationWarningsAsErrors: true });
  expect(Object.values(options.validation as object)).toEqual(Array(6).fill(true));
});
