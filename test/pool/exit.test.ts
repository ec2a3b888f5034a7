/** A process that sends and does not close its pool ends by itself: idle sessions and timers do not keep it alive. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSources } from "../repo/layers.ts";
import { certificates } from "../support/certificates.ts";
import { RUNTIME } from "../support/differences.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";

const root = join(import.meta.dirname, "../..");
let folder: string;
let server: RunningServer;

const PROGRAM = `
import { NetSmtpPool } from "./mod.js";
const pool = new NetSmtpPool("127.0.0.1", Number(process.argv[2]), { tlsVerify: false, starttls: process.argv[3] === "tls" ? "always" : false });
const { tls } = await pool.sendMessage("Subject: hi\\n\\nhello\\n", "a@x.example", "b@y.example");
console.log("sent", tls, pool.toString());
`;

beforeAll(async () => {
  const { key, cert } = (await certificates()).server;
  server = await startSmtpServer({ key, cert });
  folder = await mkdtemp(join(tmpdir(), "net-smtp-pool-"));
  for (const [path, text] of readSources(root)) compile(path, text);
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, "program.js"), PROGRAM);
}, 60_000);

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Node 20 does not strip types. */
function compile(path: string, text: string): void {
  const compilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2022,
    rewriteRelativeImportExtensions: true,
  };
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  const to = join(folder, path.replace(/\.ts$/, ".js"));
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, outputText);
}

describe.each([
  ["Node", RUNTIME.startsWith("node") ? process.execPath : "node", []],
  ["Deno", join(root, "node_modules/.bin/deno"), ["run", "-A"]],
  ["Bun", join(root, "node_modules/.bin/bun"), []],
])("in %s", (_, program, args) => {
  test.each(["clear", "tls"])("over %s", async (how) => {
    const command = [...args, join(folder, "program.js"), `${server.port}`, how];
    const { stdout } = await promisify(execFile)(program, command, { timeout: 18_000 });
    expect(stdout.trim()).toBe(
      `sent ${how === "tls"} #<NetSmtpPool 127.0.0.1:${server.port} 0 waiting, 0 under way; connections: 0 busy, 1 idle, 0 opening>`,
    );
  });
});
