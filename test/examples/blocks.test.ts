/**
 * Every block of code in the documentation is run, as it stands there. The titles of the tests are the table: where a block
 * is, and how it was run.
 *
 * @module
 */

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificates } from "../support/certificates.ts";
import { differs } from "../support/differences.ts";
import { type Workshop, workshop } from "./blocks/elsewhere.ts";
import { allBlocks, type Block, blocksIn, root } from "./blocks/extract.ts";
import { diagnostics, programOf, runHere } from "./blocks/here.ts";
import { type Here, WAYS, type Way } from "./blocks/ways.ts";
import { startWorld, type World } from "./blocks/world.ts";

const blocks = allBlocks();
let world: World;
let folder: string;

beforeAll(async () => {
  world = await startWorld();
  folder = await mkdtemp(join(tmpdir(), "net-smtp-blocks-"));
  await writeFile(join(folder, "authority.pem"), (await certificates()).ca);
  await writeFile(join(folder, "large.eml"), `Subject: large\n\n${"x".repeat(70)}\n`.repeat(10_000));
});

afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

type Kind<K extends string> = Extract<Way, Record<K, unknown>>;

function ways<K extends string>(kind: K): [string, Block, Kind<K>][] {
  return blocks.flatMap((block) => {
    const way = WAYS[block.key];
    return way && kind in way ? [[block.place, block, way as Kind<K>]] : [];
  });
}

/** The words of this process in the replacements: a port, files. */
function around(here: Here): Here {
  const words: Record<string, string> = {
    PROXY: `${world.proxyPort}`,
    FILE: join(folder, "large.eml"),
    AUTHORITY: join(folder, "authority.pem"),
  };
  const filled = (text: string): string =>
    text.replaceAll(/\b(PROXY|FILE|AUTHORITY)\b/g, (word) => words[word] ?? word);
  return {
    ...here,
    ...(here.before === undefined ? {} : { before: filled(here.before) }),
    ...(here.replace ? { replace: here.replace.map(([from, to]) => [from, filled(to)]) } : {}),
  };
}

function expectPrinted(printed: readonly string[], patterns: readonly RegExp[]): void {
  expect(printed, printed.join("\n")).toHaveLength(patterns.length);
  for (const [at, pattern] of patterns.entries()) expect(printed[at]).toMatch(pattern);
}

test("every block has a way to be run, and every way a block", () => {
  expect(blocks.length).toBeGreaterThan(50);
  expect(blocks.map(({ key }) => key).filter((key) => WAYS[key] === undefined)).toEqual([]);
  const keys = new Set(blocks.map(({ key }) => key));
  expect(Object.keys(WAYS).filter((key) => !keys.has(key))).toEqual([]);
});

test("every block is of a language that its way can run", () => {
  const languages: Record<string, readonly string[]> = {
    here: ["ts", "js"],
    types: ["ts", "js"],
    file: ["ts", "js"],
    shell: ["sh"],
    gates: ["sh"],
    text: ["text"],
  };
  const wrong = blocks.filter(({ key, language }) => {
    const [kind = ""] = Object.keys(WAYS[key] ?? {});
    return !languages[kind]?.includes(language);
  });
  expect(wrong.map(({ place, language }) => `${place} ${language}`)).toEqual([]);
});

test("blocksIn() finds fences of Markdown and of docstrings, and minds one that is not closed", () => {
  const markdown = "# A\n```ts\n// a.mjs\n```\n## B\n```sh\nls\n```\n```text\n```\n";
  expect(
    blocksIn("x.md", markdown).map(({ key, place, language, name, code }) => [key, place, language, name, code]),
  ).toEqual([
    ["x.md#A", "x.md:2", "ts", "a.mjs", "// a.mjs\n"],
    ["x.md#B", "x.md:6", "sh", undefined, "ls\n"],
    ["x.md#B#2", "x.md:9", "text", undefined, "\n"],
  ]);
  expect(blocksIn("x.ts", "/**\n * ```ts\n * a\n *   b\n * ```\n */\nconst s = `\n```\n`;\n")).toMatchObject([
    { key: "x.ts", code: "a\n  b\n" },
  ]);
  expect(() => blocksIn("x.md", "```ts\n")).toThrow("x.md:1: the fence is not closed");
});

describe("in this process, against embedded servers", () => {
  test.each(ways("here"))("%s", async (_, block, { here }) => {
    world.forget();
    const { prints, stores, ...rest } = around(here);
    const printed = await runHere(programOf(block, rest));
    if (prints) expectPrinted(printed, prints);
    expect(world.messages()).toHaveLength(stores);
  });
});

test("what is run here, and the files, pass the type check", () => {
  const programs = [...ways("here"), ...ways("types"), ...ways("file")].map(([, block, way], at) => {
    const setup = "here" in way ? around(way.here) : "types" in way ? way.types : way;
    return [block.name ? `${at}-${block.name}` : `${at}.ts`, programOf(block, setup)] as const;
  });
  const wrong = 'import { NetSmtp } from "net-smtp";\nawait new NetSmtp("x").deliver();\n';
  expect(diagnostics(new Map([...programs, ["wrong.ts", wrong]]))).toEqual([
    expect.stringMatching(/wrong\.ts: Property 'deliver' does not exist on type 'NetSmtp'/),
  ]);
}, 60_000);

describe("commands of the project itself: gates of .ci/run", () => {
  test.each(ways("gates"))("%s", async (_, { code }) => {
    const gates = [
      ...(await readFile(join(root, ".ci/run"), "utf8")).matchAll(/^(?:gate|begin)(?: --show)? "[^"]+" \d+ (.*)$/gm),
    ].map(([, command = ""]) => command);
    const commands = code
      .trim()
      .split(/\n|&&/)
      .map((command) => command.replace(/#.*/, "").trim());
    expect(
      commands.filter((command) => !gates.some((gate) => gate === command || gate.startsWith(`${command} --`))),
    ).toEqual([]);
  });
});

// Other runtimes are started by one of them.
if (!differs("what starts other runtimes")) {
  describe("by a shell, with the runtimes it names", () => {
    let shop: Workshop;
    beforeAll(async () => {
      shop = await workshop();
    }, 60_000);
    afterAll(() => shop.close());

    const scripts = ways("shell");
    const sections = [...new Set(scripts.map(([, { section }]) => section))].map((section) => {
      const found = scripts.filter(([, block]) => block.section === section);
      return [found.map(([place]) => place).join(", "), section, found] as const;
    });
    test.each(sections)(
      "%s",
      async (_, section, found) => {
        world.forget();
        const { stores, prints, check = "" } = found[0]![2].shell;
        const script = [...found.map(([, { code }]) => code), check].join("\n");
        const files = blocks.filter((block) => block.section === section && block.name !== undefined);
        const output = await shop.run(script, new Map(files.map(({ name = "", code }) => [name, code])), world.port);
        expectPrinted(output.slice(-prints.length), prints);
        expect(world.messages()).toHaveLength(stores);
      },
      60_000,
    );
  });

  test("every file of a section is run by a script of it", () => {
    const unused = ways("file").filter(([, { section, name = "" }, way]) => {
      const scripts = ways("shell").filter(([, block]) => block.section === section);
      return way.file !== name || !scripts.some(([, { code }]) => code.includes(` ${name}`));
    });
    expect(unused.map(([place]) => place)).toEqual([]);
  });
}
