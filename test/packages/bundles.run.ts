/**
 * Every entry bundled by esbuild and rollup, for Node and for Workers: the bundle runs with nothing beside it and sends a
 * message; and a program has in its bundle only what it uses.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, test } from "vitest";
import { startSmtpServer } from "../support/server.ts";
import { BUNDLERS, type Chunk, loaded, TARGETS } from "./bundlers.ts";
import { ENTRIES, install, manifest, project, record, run } from "./place.ts";
import { ENGINE, SENDS } from "./sends.ts";

const PEERS = { nodemailer: "nodemailer", "@opentelemetry/api": "@opentelemetry/api" };
const sent: { entry: string; bundler: string; target: string }[] = [];

/** A consumer with a program; with the peers. */
function source(name: string, code: string): string {
  const path = project(`bundles/${name.replaceAll(/\W+/g, "-")}`, {
    "package.json": { name: "consumer", type: "module" },
    "main.js": code,
  });
  install(path, PEERS);
  return path;
}

/** Writes the chunks where no package can be found, runs the first against a server, gives what arrived. */
async function sends(name: string, chunks: readonly Chunk[]): Promise<string[]> {
  const files = Object.fromEntries(chunks.map((chunk) => [chunk.name, chunk.code]));
  const path = project(`bundled/${name.replaceAll(/\W+/g, "-")}`, { "package.json": { type: "module" }, ...files });
  const server = await startSmtpServer();
  try {
    expect((await run(path, [process.execPath, "main.js", `${server.port}`])).trim()).toBe("accepted");
    return server.messages.map(({ raw }) => /^Subject: (\w+)\r?$/m.exec(`${raw}`)?.[1] ?? "");
  } finally {
    await server.close();
  }
}

test("there is a program for every entry", () => {
  expect(ENTRIES.filter((entry) => SENDS[entry] === undefined)).toEqual([]);
});

describe.each(ENTRIES)("%s", (entry) => {
  const path = (): string => source(entry, SENDS[entry] ?? "");
  test.for(
    Object.entries(BUNDLERS).flatMap(([name, bundle]) =>
      TARGETS.map((target) => [name, target.name, bundle, target] as const),
    ),
  )("bundled by %s for %s sends a message", async ([bundler, name, bundle, target]) => {
    const chunks = await bundle(path(), target);
    expect(await sends(`${entry} ${bundler} ${name}`, chunks)).toEqual(["bundled"]);
    sent.push({ entry, bundler, target: name });
  });
});

const PARTS =
  /^src\/(pool|nodemailer|opentelemetry|workers)\/|^src\/(stats|mx|delivery_log)\.js$|^(nodemailer|@opentelemetry)\//;

describe.each(Object.entries(BUNDLERS))("of %s", (name, bundle) => {
  test.each(TARGETS)(
    "a program for $name that uses NetSmtp alone has nothing of pool, plugin, OpenTelemetry",
    async (target) => {
      const chunks = await bundle(source(`shaken ${name} ${target.name}`, ENGINE), target);
      const modules = chunks.flatMap((chunk) => chunk.modules);
      expect(modules).toContain("src/smtp.js");
      expect(modules.filter((path) => PARTS.test(path))).toEqual([]);
      const text = chunks.map(({ code }) => code).join("");
      expect([text.includes("NetSmtpPool"), text.includes("EENVELOPE"), text.includes("messaging.client")]).toEqual([
        false,
        false,
        false,
      ]);
    },
  );

  test("a program that uses the pool has it", async () => {
    const [target] = TARGETS;
    const code = 'import { NetSmtpPool } from "net-smtp";\nconsole.log(new NetSmtpPool("localhost"));\n';
    const chunks = await bundle(source(`pool ${name}`, code), target as (typeof TARGETS)[number]);
    expect(chunks.flatMap((chunk) => chunk.modules)).toContain("src/pool/pool.js");
  });

  test("a program that imports all and uses nothing has nothing", async () => {
    const [target] = TARGETS;
    const code = `${ENTRIES.map((entry, at) => `import * as unused${at} from "${entry}";`).join("\n")}\nconsole.log("alone");\n`;
    const chunks = await bundle(source(`nothing ${name}`, code), target as (typeof TARGETS)[number]);
    const modules = loaded(chunks).flatMap((chunk) => chunk.modules);
    expect(modules.filter((path) => path.startsWith("src/"))).toEqual([]);
  });
});

test("package.json says that no file has effects by being loaded", () => {
  expect(manifest().sideEffects).toBe(false);
});

test("and none has: loading every entry leaves the globals and the process as they were", async () => {
  const path = source("effects", "");
  const code = `const seen = () => JSON.stringify([Reflect.ownKeys(globalThis).map(String), process.eventNames().map(String), process._getActiveHandles().length]);
const before = seen();
for (const entry of ${JSON.stringify(ENTRIES)}) await import(entry);
console.log(before === seen());
`;
  writeFileSync(join(path, "effects.js"), code);
  expect((await run(path, [process.execPath, "effects.js"])).trim()).toBe("true");
});

afterAll(() => record("bundles", sent));
