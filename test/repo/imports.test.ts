/**
 * Holds the shape of `src/`: imports point downward, the codec is pure, one file knows the runtime, files stay short.
 *
 * @module
 */

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSources, TIERS, violations } from "./layers.ts";

const root = join(import.meta.dirname, "../..");
const sources = readSources(root);
/** A file that a person takes in at once. */
const MAX_LINES = 300;

describe("src/", () => {
  test("imports point downward, and only src/net/node.ts, its diagnostics and the plugin know the runtime", () => {
    expect(violations(sources)).toEqual([]);
  });

  test("is all there, from the codec up", () => {
    for (const place of TIERS.flat().filter((place) => place.endsWith("/"))) {
      expect(
        [...sources.keys()].filter((path) => path.startsWith(place)),
        place,
      ).not.toEqual([]);
    }
  });

  test(`files have at most ${MAX_LINES} lines`, () => {
    const long = [...sources].map(([path, text]) => ({ path, lines: text.trimEnd().split("\n").length }));
    expect(long.filter(({ lines }) => lines > MAX_LINES)).toEqual([]);
  });

  test("files open with a module comment", () => {
    const bare = [...sources].filter(([, text]) => !/^\/\*\*\n[\s\S]*?@module\n \*\/\n/.test(text));
    expect(bare.map(([path]) => path)).toEqual([]);
  });
});

/** A tree without a fault; each case below plants one. */
const sound: readonly (readonly [string, string])[] = [
  ["mod.ts", 'export { NetSmtp } from "./src/smtp.ts";\nexport type { Wire } from "./src/dialogue.ts";'],
  ["src/smtp.ts", 'import { a } from "./dialogue.ts";\nexport const NetSmtp = a;'],
  ["src/dialogue.ts", 'import { line } from "./protocol/command.ts";\nexport const a = line;\nexport type Wire = 1;'],
  [
    "src/protocol/command.ts",
    '/** Like `import x from "node:net"` and Buffer. */\nexport const line = "Buffer, setTimeout";',
  ],
  ["src/errors.ts", 'import type { Wire } from "./dialogue.ts";\nexport const e = (w: Wire): Wire => w;'],
  ["src/opentelemetry/mod.ts", 'import { trace } from "@opentelemetry/api";\nexport const t = trace;'],
  ["src/net/node.ts", 'import { connect } from "node:net";\nexport const dial = [connect, Buffer, setTimeout];'],
];

const planted: readonly (readonly [string, string, string, string])[] = [
  [
    "a value from above",
    "src/protocol/command.ts",
    'import { a } from "../dialogue.ts";',
    "imports upward: src/dialogue.ts",
  ],
  ["a type written as a value", "src/errors.ts", 'import { type Wire } from "./dialogue.ts";', "imports upward"],
  ["a re-export from above", "src/errors.ts", 'export * from "./smtp.ts";', "imports upward: src/smtp.ts"],
  ["a lazy import from above", "src/errors.ts", 'export const f = () => import("./smtp.ts");', "imports upward"],
  ["node:", "src/dialogue.ts", 'import\n{ connect }\nfrom "node:net";', "imports a module of the runtime: node:net"],
  [
    "node: even as a type",
    "src/errors.ts",
    'import type { Socket } from "node:net";',
    "imports a module of the runtime",
  ],
  ["node: by the back door", "src/smtp.ts", 'process.getBuiltinModule("node:net");', "imports a module of the runtime"],
  ["a package", "src/net/node.ts", 'import { x } from "nodemailer";', "imports a package: nodemailer"],
  [
    "OpenTelemetry beside its folder",
    "src/smtp.ts",
    'import "@opentelemetry/api";',
    "imports a package: @opentelemetry",
  ],
  [
    "another package in that folder",
    "src/opentelemetry/mod.ts",
    'import "@opentelemetry/core";',
    "imports a package: @opentelemetry/core",
  ],
  ["a file that is not there", "src/smtp.ts", 'import "./gone.ts";', "imports src/gone.ts, which is not"],
  ["Buffer", "src/dialogue.ts", "export const b = Buffer.from([1]);", "names Buffer"],
  ["Buffer of globalThis", "src/smtp.ts", "export const b = globalThis.Buffer;", "names Buffer"],
  ["a clock in the codec", "src/protocol/command.ts", "export const t = Date.now();", "is not pure: Date"],
  ["a timer in a mechanism", "src/sasl/plain.ts", "setTimeout(() => 1);", "is not pure: setTimeout"],
  ["an await at the top", "src/smtp.ts", "await Promise.resolve();", "awaits at the top level"],
  ["a file on no step", "src/helper.ts", "export const x = 1;", "has no tier"],
];

describe("violations()", () => {
  test("finds nothing in a sound tree", () => {
    expect(violations(new Map(sound))).toEqual([]);
  });

  test.each(planted)("finds %s", (_, path, code, message) => {
    const tree = new Map(sound);
    tree.set(path, `${tree.get(path) ?? ""}\n${code}`);
    expect(violations(tree)).toEqual([expect.stringContaining(`${path} ${message}`)]);
  });

  test("finds a circle within one tier", () => {
    const tree = new Map(sound);
    tree.set("src/protocol/reply.ts", 'import { line } from "./command.ts";\nexport const r = line;');
    tree.set("src/protocol/command.ts", 'import { r } from "./reply.ts";\nexport const line = r;');
    expect(violations(tree)).toEqual([
      expect.stringContaining("a circle of imports: src/protocol/command.ts -> src/protocol/reply.ts ->"),
    ]);
  });
});
