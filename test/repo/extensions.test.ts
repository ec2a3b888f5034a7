/** Holds docs/extensions.md to the code: every option is in its table, and every test that it names is there. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MAIL_OPTIONS } from "../../src/extensions.ts";
import { MECHANISMS } from "../../src/sasl/registry.ts";

const docs = join(import.meta.dirname, "../../docs");
const page = readFileSync(join(docs, "extensions.md"), "utf8");
const [about = "", ofLogins = ""] = page.split(/^## (?:Logins|What a number means)$/m);
const [header, ...extensions] = rows(about);
const [loginHeader, ...logins] = rows(ofLogins);

function rows(text: string): string[][] {
  return [...text.matchAll(/^\| (.+) \|$/gm)].map(([, row = ""]) => row.split(" | ")).filter((row) => row.length === 5);
}

test("the table has extension, RFC, option, what happens without it, and its dialogue", () => {
  expect(header).toEqual(["extension", "RFC", "option", "where it is not offered", "its dialogue"]);
  expect(extensions.length).toBeGreaterThan(10);
  for (const [name, rfc = "", option = "", without = ""] of extensions)
    expect([name, /^\d{4}(, \d{4})*$/.test(rfc), option.length > 4, without.length > 3]).toEqual([
      name,
      true,
      true,
      true,
    ]);
});

test("every option of a message is in it", () => {
  const options = extensions.map(([, , option = ""]) => option).join(" ");
  const missing = MAIL_OPTIONS.filter((name) => !new RegExp(`\`${name}\\b`).test(options));
  expect(missing).toEqual(["whenNotOffered"]);
  expect(page).toContain("`whenNotOffered:");
});

test("every mechanism is in the table of logins, in the order of the choice", () => {
  expect(loginHeader).toEqual(["mechanism", "RFC", "when it is chosen", "where it is not offered", "its test"]);
  expect(logins.map(([name]) => name)).toEqual(MECHANISMS);
  for (const [name, rfc = ""] of logins) expect([name, /^\d{4}(, \d{4})*$|^\(none\)$/.test(rfc)]).toEqual([name, true]);
});

test.each([...extensions, ...logins].map(([name = "", , , , dialogue = ""]) => [name, dialogue]))(
  "%s: the test that it names is there",
  (_name, dialogue) => {
    const [, path = "", title = ""] = /^\[(?:[\w/.]+)\]\(([\w/.]+)\) "(.+)"$/.exec(dialogue) ?? [];
    expect(existsSync(join(docs, path)), path).toBe(true);
    expect(readFileSync(join(docs, path), "utf8")).toMatch(
      new RegExp(`describe(\\.each\\(\\w+\\))?\\("${title.replaceAll(/[()]/g, "\\$&")}"`),
    );
  },
);

test("links lead to files that are there", () => {
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link);
  expect(links.filter((link) => !existsSync(join(docs, link)))).toEqual([]);
});
