/** examples/bulk.ts: a thousand rows, refusals, a process that is killed, and a run that goes on from there. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { bulk, type Letter, main, readRows, type Summary } from "../../examples/bulk.ts";
import { FileLedger } from "../../examples/support/ledger.ts";
import { NetSmtpPool, type PoolOptions } from "../../mod.ts";
import { differs } from "../support/differences.ts";
import { network, play } from "../support/play.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";
import { hello } from "../support/session.ts";
import { compile } from "./blocks/elsewhere.ts";
import { root } from "./blocks/extract.ts";

const LETTER: Letter = { from: "news@example.com", subject: "Hello, {{name}}", text: "Dear {{name}},\n\n{{words}}\n" };
let folder: string;
let server: RunningServer;

beforeAll(async () => {
  // Inside the repository, so that a compiled program finds its packages.
  await mkdir(join(root, "build"), { recursive: true });
  folder = await mkdtemp(join(root, "build/bulk-"));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => server?.close());

/** So many addresses, each tenth of them refused for good, each tenth for now; the first comes twice, and its first row holds. */
async function writeRows(path: string, length: number): Promise<string[]> {
  const addresses = Array.from({ length }, (_, at) => {
    const kind = at % 10 === 3 ? "refuse-550." : at % 10 === 7 ? "busy-450." : "reader";
    return `${kind}${at}@example.com`;
  });
  const rows = addresses.map((email, at) => `${email},"Reader ""${at}"", no. ${at}","Line one\nand ${at}"`);
  const again = `${addresses[0]},Somebody else,`;
  await writeFile(path, `\uFEFFemail,name,words\r\n${[...rows, again].join("\r\n")}\r\n`);
  return addresses;
}

async function send(ledger: string, csv: string, options: PoolOptions = {}): Promise<Summary> {
  const file = await FileLedger.open(ledger);
  const pool = new NetSmtpPool("127.0.0.1", server.port, options);
  try {
    return await bulk(pool, file, LETTER, await readRows(csv));
  } finally {
    await pool.close();
    await file.close();
  }
}

/** Who was sent to how often. */
function counts(): Map<string, number> {
  const counted = new Map<string, number>();
  for (const { to } of server.messages) for (const one of to) counted.set(one, (counted.get(one) ?? 0) + 1);
  return counted;
}

describe("bulk()", () => {
  test("each address once, refusals in the ledger, and a second run sends only what is owed", async () => {
    server = await startSmtpServer();
    const [csv, ledger] = [join(folder, "100.csv"), join(folder, "100.ledger")];
    const addresses = await writeRows(csv, 100);
    expect(await send(ledger, csv)).toEqual({
      addresses: 100,
      accepted: 80,
      refused: 10,
      owed: 10,
      inDoubt: 0,
      before: 0,
    });
    expect([...counts().values()]).toEqual(Array(80).fill(1));
    const raw = server.messages.find(({ to }) => to[0] === "reader0@example.com")?.raw.toString();
    expect(raw).toContain('\r\n\r\nDear Reader "0", no. 0,\r\n\r\nLine one\r\nand 0\r\n');
    const lines = (await readFile(ledger, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.find(({ to }) => to === "refuse-550.3@example.com")).toEqual({
      to: "refuse-550.3@example.com",
      state: "refused",
      response: "550 No such user",
    });
    expect(new Set(lines.map(({ to }) => to))).toEqual(new Set(addresses));
    expect(await send(ledger, csv)).toEqual({
      addresses: 100,
      accepted: 0,
      refused: 10,
      owed: 10,
      inDoubt: 0,
      before: 80,
    });
    expect(server.messages).toHaveLength(80);
  });

  test("what may have arrived stays in doubt, and is not sent again", async () => {
    const csv = join(folder, "one.csv");
    await writeFile(csv, "email,name\na@example.com,A\n");
    const [rows, path] = [await readRows(csv), join(folder, "doubt.ledger")];
    const lost = play(
      `${hello()}\nC: MAIL FROM:<news@example.com>\nS: 250 ok\nC: RCPT TO:<a@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: <anything>\nC: .\nS: <close>`,
    );
    for (const [servers, summary] of [
      [[lost], { inDoubt: 1 }],
      [[], { inDoubt: 1 }],
    ] as const) {
      const ledger = await FileLedger.open(path);
      const pool = new NetSmtpPool("mx.example", 25, { network: network(...servers) });
      expect(await bulk(pool, ledger, LETTER, rows)).toMatchObject({ accepted: 0, owed: 0, ...summary });
      await pool.close();
      await ledger.close();
    }
    expect(await readFile(path, "utf8")).toMatch(
      /^{"to":"a@example\.com","state":"in doubt","messageId":"<[^"]+>"}\n$/,
    );
  });

  test("a value of a row adds no header and no recipient", async () => {
    server = await startSmtpServer();
    const csv = join(folder, "injection.csv");
    await writeFile(
      csv,
      'email,name\na@example.com,"A\r\nBcc: b@example.com"\n"c@example.com>\r\nRCPT TO:<d@example.com",C\n',
    );
    expect(await send(join(folder, "injection.ledger"), csv)).toMatchObject({ accepted: 1, refused: 1 });
    expect(server.messages.map(({ to }) => to)).toEqual([["a@example.com"]]);
    const [headers = ""] = server.messages[0]?.raw.toString().split("\r\n\r\n") ?? [];
    expect(headers).toMatch(/^Subject: Hello, A Bcc: b@example\.com\r$/m);
    expect(headers).not.toMatch(/^Bcc:/m);
  });

  test("readRows() throws for a file without the column, and for what is no CSV", async () => {
    const csv = join(folder, "bad.csv");
    await writeFile(csv, "mail,name\na@example.com,A\n");
    await expect(readRows(csv)).rejects.toThrow('has no column "email"');
    await writeFile(csv, 'email,name\na@example.com,"A\n');
    await expect(readRows(csv)).rejects.toThrow(/Quote Not Closed/);
  });

  test("FileLedger goes on behind a line that the end of a process cut off", async () => {
    const path = join(folder, "cut.ledger");
    await writeFile(path, '{"to":"a@example.com","state":"in doubt"}\n{"to":"b@example.com","state":"acc');
    const ledger = await FileLedger.open(path, { durable: true });
    expect([...ledger.states]).toEqual([["a@example.com", "in doubt"]]);
    await ledger.write({ to: "b@example.com", state: "owed" });
    await ledger.close();
    const again = await FileLedger.open(path);
    expect([...again.states]).toEqual([
      ["a@example.com", "in doubt"],
      ["b@example.com", "owed"],
    ]);
    await again.close();
  });
});

test("main() gives 2 and its usage for missing arguments", async () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(await main(["--host", "localhost"])).toBe(2);
  expect(write.mock.calls).toEqual([[expect.stringContaining("--ledger FILE")]]);
  write.mockRestore();
});

if (!differs("a process that is killed")) {
  test("a thousand rows, killed in the middle and run again: nobody gets it twice, and who is not in doubt gets it", async () => {
    server = await startSmtpServer();
    const home = await mkdtemp(join(tmpdir(), "net-smtp-bulk-"));
    const [csv, text, ledger] = ["csv", "txt", "ledger"].map((end) => join(home, `letter.${end}`)) as [
      string,
      string,
      string,
    ];
    await writeRows(csv, 1_000);
    await writeFile(text, LETTER.text);
    await compile(folder, "mod.ts", "src", "examples/bulk.ts", "examples/support/ledger.ts");
    const args = [
      "--host",
      "127.0.0.1",
      "--port",
      `${server.port}`,
      "--from",
      LETTER.from,
      "--csv",
      csv,
      "--subject",
      LETTER.subject,
      "--text",
      text,
      "--ledger",
      ledger,
    ];
    const run = () =>
      spawn(process.execPath, [join(folder, "examples/bulk.js"), ...args], { stdio: ["ignore", "pipe", "inherit"] });

    const first = run();
    const { messages } = server;
    const push = messages.push.bind(messages);
    messages.push = (...more) => {
      if (messages.length === 300) first.kill("SIGKILL");
      return push(...more);
    };
    const [, signal] = await once(first, "close");
    expect(signal).toBe("SIGKILL");
    // What the server was given before is stored by it still.
    await Promise.all(server.connections.map(closed));
    const stored = messages.length;
    expect(stored).toBeGreaterThanOrEqual(300);
    expect(stored).toBeLessThan(800);

    const second = run();
    let out = "";
    second.stdout.on("data", (chunk) => (out += chunk));
    const [code] = await once(second, "close");
    expect(code).toBe(1);
    const summary = JSON.parse(out) as Summary;
    expect(summary).toMatchObject({ addresses: 1_000, refused: 100, owed: 100 });
    const sent = counts();
    expect([...sent.values()].filter((count) => count !== 1)).toEqual([]);
    // Everybody else has it, but for those in doubt, of whom some have it: at most what the connections had under way.
    const { inDoubt, accepted, before } = summary;
    expect(inDoubt + accepted + before).toBe(800);
    // Two a connection: one whose end is there, one whose answer came and was not written down yet.
    expect(inDoubt).toBeLessThanOrEqual(10);
    expect(800 - sent.size).toBeLessThanOrEqual(inDoubt);
    await rm(home, { recursive: true });
  }, 120_000);
}

/** A connection of the server has ended. */
function closed(connection: { closed: boolean }): Promise<void> {
  return new Promise((resolve) => {
    if (connection.closed) resolve();
    else Object.defineProperty(connection, "closed", { get: () => false, set: () => resolve() });
  });
}
