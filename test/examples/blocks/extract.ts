/**
 * Finds the code in the documentation: fenced blocks of Markdown, and of docstrings. The law here: every fence counts; what
 * is no code says so by its language, `text`.
 *
 * @module
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The repository. */
export const root: string = join(import.meta.dirname, "../../..");

/** A block of code as it stands in a file. */
export interface Block {
  /** Where: `docs/delivery.md:71`. */
  readonly place: string;
  /** What it is called by, which does not move with its line: `docs/delivery.md#A retry loop`, `#2` behind it for the second there. */
  readonly key: string;
  /** The part of the key before `#2`: blocks of one heading can belong together. */
  readonly section: string;
  /** The language of the fence. */
  readonly language: string;
  /** The file that it is said to be, by a first line such as `// send.mjs`. */
  readonly name: string | undefined;
  readonly code: string;
}

/** Every block of README.md, CONTRIBUTING.md, SECURITY.md, docs/ and examples/ (Markdown), and of the docstrings of mod.ts and src/. */
export function allBlocks(): Block[] {
  const below = (folder: string, end: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(end))
      .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
      .sort();
  const prose = ["README.md", "CONTRIBUTING.md", "SECURITY.md", ...below("docs", ".md"), ...below("examples", ".md")];
  const sources = ["mod.ts", ...below("src", ".ts")];
  return [...prose, ...sources].flatMap((file) => blocksIn(file, readFileSync(join(root, file), "utf8")));
}

/** The blocks of one file. */
export function blocksIn(file: string, text: string): Block[] {
  const prefix = file.endsWith(".ts") ? /^\s*\*( |$)/ : /^/;
  const lines = text.split("\n").map((line) => (prefix.test(line) ? line.replace(prefix, "") : ""));
  const blocks: Block[] = [];
  const counts = new Map<string, number>();
  let heading = "";
  for (let at = 0; at < lines.length; at++) {
    heading = /^#+ (.*)$/.exec(lines[at] as string)?.[1] ?? heading;
    const language = /^```(.*)$/.exec(lines[at] as string)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`${file}:${at + 1}: the fence is not closed`);
    const code = `${lines.slice(at + 1, end).join("\n")}\n`;
    const section = heading === "" || file.endsWith(".ts") ? file : `${file}#${heading}`;
    const count = (counts.get(section) ?? 0) + 1;
    counts.set(section, count);
    const name = /^\/\/ (\w+\.[mc]?[jt]s)\b/.exec(code)?.[1];
    blocks.push({
      place: `${file}:${at + 1}`,
      key: count === 1 ? section : `${section}#${count}`,
      section,
      language,
      name,
      code,
    });
    at = end;
  }
  return blocks;
}
