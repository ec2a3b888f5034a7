/**
 * Deno with the permissions that README names and no other: `permitted.ts`, run with `--no-prompt`, so that what it asks for
 * besides is an error. The server and the judge are outside. It runs once, on Node: on Deno it would be the same Deno.
 */

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certificates } from "../support/certificates.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "permissions-"));
const CA = join(folder, "ca.pem");
const SOCKET = join(folder, "smtp.sock");
const UNIX = [`--allow-net=unix:${SOCKET}`, `--allow-read=${SOCKET}`, `--allow-write=${SOCKET}`];
const LACKING = "this program has no permission to connect";
let starttls: RunningServer;
let tls: RunningServer;
let unix: RunningServer;

beforeAll(async () => {
  const { ca, server } = await certificates();
  writeFileSync(CA, ca);
  const users = { me: "secret" };
  starttls = await startSmtpServer({ ...server, users });
  tls = await startSmtpServer({ ...server, secure: true });
  unix = await startSmtpServer({ path: SOCKET });
});

afterAll(async () => {
  await Promise.all([starttls, tls, unix].map((server) => server.close()));
  rmSync(folder, { recursive: true });
});

/** What the program says, run with these flags; a question to the user would be an error, and is none. */
function deno(flags: readonly string[], use: string, host: string, port: number, ca = ""): Promise<string> {
  const program = ["run", "--no-prompt", ...flags, "test/runtimes/permitted.ts"];
  return new Promise((resolve) => {
    execFile(
      join(root, "node_modules/.bin/deno"),
      [...program, use, host, `${port}`, ca],
      { cwd: root, env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1" }, timeout: 18_000 },
      (_error, stdout, stderr) => resolve(`${stdout}${stderr}`.trim()),
    );
  });
}

const net = (...targets: string[]): string => `--allow-net=${targets.join()}`;

describe("Deno with --allow-net=HOST:PORT and no other permission", () => {
  test.each(["127.0.0.1", "localhost"])("a session to %s", async (host) => {
    const { port, messages } = starttls;
    const before = messages.length;
    expect(await deno([net(`${host}:${port}`)], "clear", host, port)).toBe("accepted, tls: false");
    expect(messages.length).toBe(before + 1);
    expect(messages.at(-1)).toMatchObject({ from: "from@example.com", to: ["to@example.com"] });
  });

  test("a pool of two connections", async () => {
    const { port, messages } = starttls;
    const before = messages.length;
    const fates = Array.from({ length: 8 }, () => "accepted").join(" ");
    expect(await deno([net(`127.0.0.1:${port}`)], "pool", "127.0.0.1", port)).toBe(fates);
    expect(messages.length).toBe(before + 8);
  });

  test("the plugin, which then says [127.0.0.1]", async () => {
    const { port, connections } = starttls;
    expect(await deno([net(`localhost:${port}`)], "plugin", "localhost", port)).toBe("accepted");
    expect(connections.at(-1)?.helo).toBe("[127.0.0.1]");
  });
});

describe("Deno with one permission more, for what it is for", () => {
  test.each([["starttls"], ["tls"]])(
    "--allow-read of the authority: %s, verified, with a name and with an address",
    async (use) => {
      const { port, messages } = use === "tls" ? tls : starttls;
      for (const host of ["localhost", "127.0.0.1"]) {
        const flags = [net(`${host}:${port}`), `--allow-read=${CA}`];
        expect(await deno(flags, use, host, port, CA)).toBe("accepted, tls: true");
        expect(messages.at(-1)).toMatchObject({ secure: true, user: use === "tls" ? undefined : "me" });
      }
    },
  );

  test("--allow-sys=hostname: the plugin says the name of the host, if it is dotted", async () => {
    const { port, connections } = starttls;
    const flags = [net(`127.0.0.1:${port}`), "--allow-sys=hostname"];
    expect(await deno(flags, "plugin", "127.0.0.1", port)).toBe("accepted");
    expect(connections.at(-1)?.helo).toBe(hostname().includes(".") ? hostname() : "[127.0.0.1]");
  });

  test.each([
    ["with the port the addresses are looked up, and the name is dialled", (port: number) => `localhost:${port}`],
    ["with an address's the address is dialled", (port: number) => `127.0.0.1:${port}`],
  ])("--allow-net of the bare name too: %s", async (_, more) => {
    const { port } = starttls;
    expect(await deno([net("localhost", more(port))], "clear", "localhost", port)).toBe("accepted, tls: false");
  });

  test("--allow-net, --allow-read and --allow-write of a unix socket", async () => {
    expect(await deno(UNIX, "socket", SOCKET, 26)).toBe("accepted, tls: false");
  });
});

describe("Deno without the permission", () => {
  const lacks = (what: string, code: string, flags: readonly string[]): string =>
    `SmtpConnectionError Connection failed: ${what} ${code}; ${LACKING} (Deno: ${flags.join(" ")}) (fate: unsent, retry: never)`;

  test.each([
    ["127.0.0.1", "NotCapable"],
    ["localhost", "EPERM"],
  ])("to connect to %s: the error says what to give, and the message is unsent", async (host, code) => {
    const { port } = starttls;
    const told = lacks(`${host}:${port}`, code, [net(`${host}:${port}`)]);
    expect(await deno([], "clear", host, port)).toBe(told);
    expect(await deno([net(`${host}:1`)], "clear", host, port)).toBe(told);
  });

  test("to connect to a unix socket: the error says what to give, each of which is needed", async () => {
    const told = lacks(SOCKET, "NotCapable", UNIX);
    for (const left of UNIX) {
      const flags = UNIX.filter((flag) => flag !== left);
      expect(await deno(flags, "socket", SOCKET, 26)).toBe(told);
    }
  });

  test("to read the authority: Deno's own error, before anything is dialled", async () => {
    const { port, connections } = starttls;
    const before = connections.length;
    expect(await deno([net(`localhost:${port}`)], "starttls", "localhost", port, CA)).toContain("--allow-read");
    expect(connections.length).toBe(before);
  });

  test("README names these flags and these words", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const flags = ["--allow-net=smtp.example.com:587", "--allow-net=smtp.example.com", "--allow-sys=hostname"];
    for (const words of [
      ...flags,
      "--allow-read=ca.pem",
      "--allow-net=unix:PATH --allow-read=PATH --allow-write=PATH",
      LACKING,
    ])
      expect(readme).toContain(words);
  });
});
