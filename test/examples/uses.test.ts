/**
 * The three uses: what the programs in examples/ say, and what a real server stored.
 *
 * @module
 */

import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { commands } from "../../examples/commands.ts";
import { block } from "../../examples/deno_block.ts";
import { mail } from "../../examples/nodemailer.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";

const root = join(import.meta.dirname, "../..");
const TO = ["a@example.com", "b@example.com"];
let server: RunningServer;

beforeEach(async () => {
  server = await startSmtpServer();
});

afterEach(() => server.close());

function textOf(index: number): string {
  return server.messages[index]?.raw.toString("latin1") ?? "";
}

describe("examples/nodemailer.ts", () => {
  test("mail() sends what Nodemailer composes, and tells the fate of both", async () => {
    expect(await mail("127.0.0.1", server.port)).toEqual([
      "a@example.com accepted: 250 Stored as 1",
      "b@example.com accepted: 250 Stored as 1",
    ]);
    expect(server.messages).toMatchObject([{ from: "from@example.com", to: TO }]);
    expect(textOf(0)).toMatch(/\r\nSubject: From Nodemailer\r\n[\s\S]*multipart\/alternative/);
  });

  test("mail() tells the fates of a message that failed, too", async () => {
    await server.close();
    expect(await mail("127.0.0.1", server.port)).toEqual([
      `Connection failed: 127.0.0.1:${server.port} ECONNREFUSED; the message was not sent: send it again later (fate: unsent)`,
      "a@example.com unsent, retry: later",
      "b@example.com unsent, retry: later",
    ]);
  });
});

describe("examples/deno_block.ts", () => {
  const told = [1, 1, 2, 2].map((number, at) => `${TO[at % 2]} accepted: 250 Stored as ${number}`);

  function expectBoth(): void {
    const { messages } = server;
    expect(messages).toMatchObject([
      { from: "from@example.com", to: TO, connection: 0 },
      { from: "from@example.com", to: TO, connection: 0 },
    ]);
    expect(textOf(0)).toBe("Subject: From a block\r\n\r\nThe session ends with the block.\r\n");
    expect(textOf(1)).toBe("Subject: Written piece by piece\r\n\r\nSent by a writer.\r\n");
  }

  test("block() sends two messages over one connection", async () => {
    expect(await block("127.0.0.1", server.port)).toEqual(told);
    expectBoth();
  });

  test("runs in Deno with no permission but the one to connect to the server", async () => {
    const args = ["run", "--no-prompt", `--allow-net=127.0.0.1:${server.port}`, "examples/deno_block.ts"];
    const { stdout } = await promisify(execFile)(
      join(root, "node_modules/.bin/deno"),
      [...args, "127.0.0.1", `${server.port}`],
      { cwd: root, env: { ...process.env, NO_COLOR: "1" } },
    );
    expect(stdout.trimEnd().split("\n")).toEqual(told);
    expectBoth();
  }, 60_000);
});

describe("examples/commands.ts", () => {
  test("commands() sends to the two and asks its question", async () => {
    expect(await commands("127.0.0.1", server.port)).toEqual(["DATA 250 Stored as 1", "NOOP 250 OK"]);
    expect(server.messages).toMatchObject([{ from: "from@example.com", to: TO }]);
    expect(textOf(0)).toBe("Subject: Command by command\r\n\r\nMAIL, RCPT, DATA.\r\n");
  });
});
