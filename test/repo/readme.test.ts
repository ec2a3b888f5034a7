/**
 * Holds README.md to the code: what is there is in it, and what it names is there.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, test } from "vitest";
import * as engine from "../../mod.ts";
import { POOL_OPTION_CHECKS } from "../../src/nodemailer/pool_options.ts";
import { DEFAULTS } from "../../src/options.ts";
import { POOL_DEFAULTS } from "../../src/pool/options.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = read("README.md");

/** The part under a heading, up to the next of its level or above. */
function section(heading: string): string {
  const [, level = ""] = /^(#+) /.exec(heading) ?? [];
  const from = readme.indexOf(`\n${heading}`);
  expect(from, `README has no "${heading}"`).toBeGreaterThan(-1);
  const rest = readme.slice(from + 1 + heading.length);
  const next = rest.search(new RegExp(`^#{1,${level.length}} `, "m"));
  return next < 0 ? rest : rest.slice(0, next);
}

/** The rows of the tables in a text, header and rule left out, as cells. */
function rows(text: string): string[][] {
  const cells = [...text.matchAll(/^\|(.+)\|$/gm)].map(([, row = ""]) =>
    row.split(/(?<!\\)\|/).map((cell) => cell.trim()),
  );
  return cells.filter(
    (row, at) => !row.every((cell) => /^-+$/.test(cell)) && !cells[at + 1]?.every((cell) => /^-+$/.test(cell)),
  );
}

/** What stands between backticks. */
function quoted(text: string): string[] {
  return [...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, read(path), ts.ScriptTarget.ESNext, true);
}

/** The members of an interface, or the public ones of a class; constructor, symbols and what is `@ignore`d left out. */
function members(path: string, name: string): string[] {
  const found = new Set<string>();
  parse(path).forEachChild((node) => {
    if (!(ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) || node.name?.text !== name) return;
    for (const member of node.members) {
      const hidden =
        ts.getCombinedModifierFlags(member as ts.Declaration) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected);
      const ignored = ts.getJSDocTags(member).some((tag) => tag.tagName.text === "ignore");
      if (member.name && ts.isIdentifier(member.name) && !hidden && !ignored) found.add(member.name.text);
    }
  });
  expect(found.size, `members of ${name} in ${path}`).toBeGreaterThan(0);
  return [...found];
}

/** The names that a module exports, types too. */
function exported(path: string): string[] {
  const names: string[] = [];
  parse(path).forEachChild((node) => {
    if (!ts.isExportDeclaration(node) || !node.exportClause || !ts.isNamedExports(node.exportClause)) return;
    names.push(...node.exportClause.elements.map((element) => element.name.text));
  });
  return names;
}

const SESSION: readonly string[] = [
  ...members("src/client.ts", "SmtpClient"),
  ...members("src/commands.ts", "SmtpCommands"),
  ...members("src/session.ts", "SmtpSession"),
  ...members("src/settings.ts", "SmtpSettings"),
];
const REPLY = members("src/protocol/response.ts", "SmtpResponse");
const WRITER = members("src/writer.ts", "MessageWriter");
const EXPORTS: readonly string[] = ["mod.ts", "src/api.ts", "src/nodemailer/mod.ts"].flatMap(exported);
const OPTIONS = [...members("src/options.ts", "StartOptions"), ...members("src/options.ts", "SmtpOptions")];

/** The names in the right column of the name table, without what is called and given. */
const names = rows(section("## Net::SMTP's names")).flatMap(([, here = ""]) =>
  quoted(here).map((code) => /^(?:new )?(?:NetSmtp\.)?(\w+)/.exec(code)?.[1] ?? code),
);

describe("options in README", () => {
  const tables = [
    ["### Of a session", OPTIONS],
    ["### Of a message", members("src/client.ts", "SendOptions")],
    ["### Of the extensions", members("src/extensions.ts", "MailOptions")],
    ["### Of a pool", members("src/pool/options.ts", "PoolOptions")],
    [
      "### Of the plugin",
      [...members("src/nodemailer/types.ts", "NetSmtpTransportOptions"), ...Object.keys(POOL_OPTION_CHECKS)],
    ],
  ] as const;

  test.each(tables)("%s: a row for each, and no other", (heading, options) => {
    expect(
      rows(section(heading))
        .map(([option = ""]) => option.replaceAll("`", ""))
        .sort(),
    ).toEqual([...options].sort());
  });

  test("the options of a start are those of StartOptions", () => {
    const listed = /: ((?:`\w+`(?:, )?)+), as above/.exec(section("### Of a start"))?.[1] ?? "";
    expect(quoted(listed)).toEqual(members("src/options.ts", "StartOptions"));
  });

  test("the keys of the plugin's auth are named", () => {
    const row = rows(section("### Of the plugin")).find(([option]) => option === "`auth`")?.[2] ?? "";
    for (const key of members("src/nodemailer/login_types.ts", "NetSmtpAuth")) expect(quoted(row)).toContain(key);
  });

  test("defaults are those of the code", () => {
    const tables = `${section("### Of a session")}${section("### Of a pool")}`;
    const stated = rows(tables).map(([option = "", value = ""]) => [option.replaceAll("`", ""), value]);
    const defaults: Readonly<Record<string, unknown>> = { ...DEFAULTS, ...POOL_DEFAULTS };
    for (const [option = "", value] of stated) {
      const holds = defaults[option];
      if (typeof holds === "number") expect([option, Number(value?.replaceAll(" ", ""))]).toEqual([option, holds]);
      else if (typeof holds === "boolean" || typeof holds === "string")
        expect([option, value]).toEqual([option, `\`${JSON.stringify(holds)}\``]);
      else expect([option, /^`|^\d/.test(value ?? "")]).toEqual([option, false]);
    }
  });
});

describe("errors in README", () => {
  const classes = Object.entries(engine).filter(([name]) => /^Smtp\w*(Error|Busy|Command|Timeout)$/.test(name));

  test("a row for each class, with its code, and no other", () => {
    const listed = rows(section("## Errors")).map(([name, code]) => [name, code]);
    const expected = classes.map(([name, Class]) => {
      const { code } = new (Class as typeof engine.SmtpError)("");
      return [`\`${name}\``, `\`${code}\``];
    });
    expect(listed.sort()).toEqual(expected.sort());
  });

  test("each row says what happened and what to do", () => {
    for (const [name, , cause = "", advice = ""] of rows(section("## Errors"))) {
      expect([name, cause.length > 10, advice.length > 10]).toEqual([name, true, true]);
    }
  });
});

describe("the name table in README", () => {
  test.each([
    ["NetSmtp", SESSION],
    ["SmtpResponse", REPLY],
    ["MessageWriter", WRITER],
  ])("has every public name of %s", (_, expected) => {
    expect(expected.filter((name) => !names.includes(name))).toEqual([]);
  });

  test("has every constant and class of Net::SMTP that is exported", () => {
    const values = Object.keys(engine).filter((name) =>
      /^[A-Z][A-Z_0-9]+$|^(NetSmtp|NetSmtpSession|SmtpAddress)$/.test(name),
    );
    expect(values.length).toBeGreaterThan(5);
    expect(values.filter((name) => !names.includes(name))).toEqual([]);
  });

  test("names nothing that is not there", () => {
    const there = new Set([...SESSION, ...REPLY, ...WRITER, ...EXPORTS, ...OPTIONS, "await"]);
    expect(names.length).toBeGreaterThan(90);
    expect(names.filter((name) => !there.has(name))).toEqual([]);
  });
});

test("README names as an export only what is exported", () => {
  const named = quoted(readme).flatMap((code) => code.match(/\b(?:NetSmtp|Smtp|Sasl)[A-Z]?\w*/g) ?? []);
  expect(named.length).toBeGreaterThan(50);
  expect([...new Set(named)].filter((name) => !EXPORTS.includes(name))).toEqual([]);
});

test("README links to files that are there, and names npm scripts that are there", () => {
  const links = [...readme.matchAll(/\]\(([^)]+)\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^https?:/.test(link));
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !existsSync(join(root, link)))).toEqual([]);
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const run = [...readme.matchAll(/npm (?:run )?(start|test|[a-z]+:[a-z]+)\b/g)].map(([, script = ""]) => script);
  expect(run).toContain("start");
  expect(run.filter((script) => scripts[script] === undefined)).toEqual([]);
});
