/**
 * `npm start` as a function: its own server, a server of the user's, bad arguments.
 *
 * @module
 */

import { createHash, createPublicKey, createVerify } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import nodemailer from "nodemailer";
import { afterEach, describe, expect, test } from "vitest";
import { main } from "../../examples/main.ts";
import { letter, makeSigner } from "../../examples/support/letter.ts";
import { cut, wantsColour } from "../../examples/support/screen.ts";
import { NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { playServer } from "../support/play-server.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";

let server: RunningServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function started(options?: ServerOptions): Promise<RunningServer> {
  server = await startSmtpServer(options);
  return server;
}

/** Runs the demo as the command line does. */
async function run(args: readonly string[], environment: Record<string, string> = {}, columns?: number) {
  let [out, err] = ["", ""];
  const output = { ...(columns === undefined ? {} : { columns }), write: (text: string) => (out += text) };
  const code = await main(args, output, { write: (text: string) => (err += text) }, environment);
  return { code, out, err, lines: out.split("\n") };
}

const own = (port: number, ...more: string[]): string[] => ["--host", "127.0.0.1", "--port", `${port}`, ...more];

describe("main() with its own server", () => {
  test("shows the dialogue, the fate of each recipient with its reply, and a summary; gives 0", async () => {
    const { code, out, err, lines } = await run([]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const said = lines.map((line) => /(?:C:|S:|--) .*$/.exec(line)?.[0]).filter((line) => line !== undefined);
    const expected = [
      /^-- connected to 127\.0\.0\.1:\d+$/,
      /^S: 220 mail\.example\.com/,
      /^C: EHLO /,
      /^S: 250 mail\.example\.com/,
      /^C: STARTTLS$/,
      /^S: 220 /,
      /^-- TLS/,
      /^C: EHLO /,
      /^S: 250 mail\.example\.com/,
      /^C: AUTH PLAIN \*\*\*\*$/,
      /^S: 235 /,
      /^C: MAIL FROM:<demo@example\.org>/,
      /^C: RCPT TO:<ada@example\.com>$/,
      /^C: RCPT TO:<nobody@example\.com>$/,
      /^C: RCPT TO:<grace@example\.com>$/,
      /^S: 250 /,
      /^S: 250 /,
      /^S: 550 No mailbox nobody@example\.com here$/,
      /^S: 250 /,
      /^C: DATA$/,
      /^S: 354 /,
      /^C: \(\d+ octets of the message\)$/,
      /^C: \.$/,
      /^C: QUIT$/,
      /^S: 250 Stored as message 1$/,
      /^S: 221 /,
    ];
    let at = 0;
    for (const line of said) if (expected[at]?.test(line)) at++;
    expect(expected[at], "the first line that is not in the dialogue").toBeUndefined();
    expect(out).toContain("  ada@example.com     accepted         250 Stored as message 1\n");
    expect(out).toContain("  nobody@example.com  refused   never  550 No mailbox nobody@example.com here\n");
    expect(out).toContain("  grace@example.com   accepted         250 Stored as message 1\n");
    expect(out).toContain("\n  2 accepted, 1 refused; nothing unknown\n");
    expect(out).not.toContain("Not as expected");
    expect(out).not.toContain("after an error");
  });

  test("keeps its lines within the terminal, and without colours there is nothing but text", async () => {
    const { lines, out } = await run([], {}, 50);
    expect(lines.filter((line) => line.length > 50 && !line.includes("net-smtp") && !line.includes("octets;"))).toEqual(
      [],
    );
    expect(out).not.toContain("\u001b");
    expect(out).toContain("…");
    expect(lines.filter((line) => line !== line.trimEnd())).toEqual([]);
  });

  test("colours what FORCE_COLOR asks for, the text unchanged", async () => {
    const { out } = await run([], { FORCE_COLOR: "1" });
    expect(out).toContain("\u001b[31mrefused");
    expect(out).toContain("\u001b[32maccepted");
  });
});

test("wantsColour() follows the terminal, FORCE_COLOR and NO_COLOR", () => {
  const cases: [boolean, Record<string, string>, boolean][] = [
    [true, {}, true],
    [false, {}, false],
    [false, { FORCE_COLOR: "1" }, true],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "" }, true],
    [true, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
  ];
  for (const [terminal, environment, wanted] of cases) {
    expect(wantsColour(terminal, environment), JSON.stringify([terminal, environment])).toBe(wanted);
  }
});

test("cut() leaves what fits", () => {
  expect([cut("abcd", 4), cut("abcde", 4), cut("ab de", 4)]).toEqual(["abcd", "abc…", "ab…"]);
});

describe("main() with a server of the user's", () => {
  test("sends to the recipients given, in clear where nothing else is offered", async () => {
    const { port, messages } = await started();
    const { code, out } = await run(
      own(port, "--from", "me@x.example", "--to", "a@y.example, b@y.example", "--to", "c@y.example"),
    );
    expect(code).toBe(0);
    expect(messages).toMatchObject([
      { from: "me@x.example", to: ["a@y.example", "b@y.example", "c@y.example"], secure: false },
    ]);
    expect(out).toContain("\n  3 accepted; nothing unknown\n");
  });

  test("sends the same three parts as with its own", async () => {
    const { port, messages } = await started();
    await run(own(port));
    const raw = messages[0]?.raw.toString("latin1") ?? "";
    for (const part of ["text/plain", "text/html", "filename=fates.csv", "DKIM-Signature: v=1; ", "\r\n.a line that"]) {
      expect(raw).toContain(part);
    }
  });

  test.each([
    ["--secure", { secure: true }],
    ["--require-tls", {}],
  ])("%s with --ca and a login from the environment", async (option, options) => {
    const { server: identity, ca } = await certificates();
    const { port, messages } = await started({ ...options, ...identity, users: { me: "geheim" } });
    const folder = await mkdtemp(join(tmpdir(), "net-smtp-"));
    const file = join(folder, "ca.pem");
    try {
      await writeFile(file, ca);
      const { code, out } = await run(own(port, option, "--ca", file, "--user", "me"), { SMTP_PASS: "geheim" });
      expect({ code, out: out.includes("geheim") }).toEqual({ code: 0, out: false });
      expect(messages).toMatchObject([{ secure: true, user: "me" }]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a certificate that nobody vouches for: gives 1, everybody unsent; --insecure takes it", async () => {
    const { selfSigned } = await certificates();
    const { port, messages } = await started({ ...selfSigned });
    const { code, out } = await run(own(port));
    expect({ code, stored: messages.length }).toEqual({ code: 1, stored: 0 });
    expect(out).toContain("\n  3 unsent; nothing unknown\n");
    expect((await run(own(port, "--insecure"))).code).toBe(0);
    expect(messages).toMatchObject([{ secure: true }]);
  });

  test("--require-tls sends nothing where STARTTLS is not offered, --ignore-tls sends in clear where it is", async () => {
    const plain = await started();
    const { code, out } = await run(own(plain.port, "--require-tls"));
    expect({ code, stored: plain.messages.length }).toEqual({ code: 1, stored: 0 });
    expect(out).toContain("\n  3 unsent; nothing unknown\n");
    await plain.close();
    const { port, messages } = await started((await certificates()).server);
    expect((await run(own(port, "--ignore-tls"))).code).toBe(0);
    expect(messages).toMatchObject([{ secure: false }]);
  });

  test("everybody refused: gives 1, with the replies", async () => {
    const { port } = await started();
    const { code, out } = await run(own(port, "--to", "refuse-550@y.example,busy-450@y.example"));
    expect(code).toBe(1);
    expect(out).toContain("  refuse-550@y.example  refused  never  550 No such user\n");
    expect(out).toContain("  busy-450@y.example    refused  later  450 Try again later\n");
    expect(out).toContain("\n  2 refused; nothing unknown\n");
  });

  test("the connection lost after the end of the message: gives 1, and says unknown", async () => {
    const silent = await playServer(`
      S: 220 mail.example
      C: EHLO me.example
      S: 250 mail.example
      C: MAIL FROM:<demo@example.org>
      S: 250 Ok
      C: RCPT TO:<a@y.example>
      S: 250 Ok
      C: DATA
      S: 354 Go ahead
      C: <anything>
      C: .
      S: <close>`);
    const { code, out } = await run(own(silent.port, "--name", "me.example", "--to", "a@y.example"));
    await silent.finish();
    await silent.close();
    expect(code).toBe(1);
    expect(out).toMatch(/\n {2}a@y\.example {2}unknown {2}ask\n/);
    expect(out).toContain("\n  1 unknown\n");
  });
});

/** What a verifier does (RFC 6376 6.1): the hash of the body, and the signature over the headers it names; both relaxed. */
function verifyDkim(raw: string, publicKey: string): { body: boolean; signature: boolean } {
  const end = raw.indexOf("\r\n\r\n");
  const headers = raw.slice(0, end + 2).match(/^[^\s].*\r\n(?:[ \t].*\r\n)*/gm) ?? [];
  const relaxed = (header: string): string => {
    const [name = "", ...value] = header.split(":");
    return `${name.trim().toLowerCase()}:${value
      .join(":")
      .replaceAll("\r\n", "")
      .replaceAll(/[ \t]+/g, " ")
      .trim()}`;
  };
  const canonical = headers.map(relaxed);
  const signature = canonical.find((header) => header.startsWith("dkim-signature:")) ?? "";
  const tag = (name: string): string =>
    new RegExp(`[:;] ?${name}=([^;]*)`).exec(signature)?.[1]?.replaceAll(" ", "") ?? "";
  const body = raw
    .slice(end + 4)
    .replaceAll(/[ \t]+\r\n/g, "\r\n")
    .replaceAll(/[ \t]+/g, " ")
    .replace(/(?:\r\n)*$/, "\r\n");
  const signed = tag("h")
    .split(":")
    .map((name) => canonical.find((header) => header.startsWith(`${name.toLowerCase()}:`)))
    .filter((header) => header !== undefined);
  const unsigned = signature.replace(/([:;] ?b=)[^;]*/, "$1");
  const verifier = createVerify("RSA-SHA256").update([...signed, unsigned].join("\r\n"), "latin1");
  return {
    body: createHash("sha256").update(body, "latin1").digest("base64") === tag("bh"),
    signature: verifier.verify(createPublicKey(publicKey), tag("b"), "base64"),
  };
}

test("the DKIM signature of the demo's message holds for what the server stored", async () => {
  const { port, messages } = await started();
  const { signer, publicKey } = await makeSigner("me@x.example");
  const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "127.0.0.1", port }), { dkim: signer });
  await transporter.sendMail(letter("me@x.example", ["a@y.example"]));
  const raw = messages[0]?.raw.toString("latin1") ?? "";
  expect(verifyDkim(raw, publicKey)).toEqual({ body: true, signature: true });
  expect(verifyDkim(raw.replace("begins with a dot", "begins with a dog"), publicKey).body).toBe(false);
  expect(verifyDkim(raw.replace("\nFrom: me@", "\nFrom: eve@"), publicKey).signature).toBe(false);
});

describe("main() with bad arguments", () => {
  test.each([
    ["--port 25", "Option --port needs --host: without it the demo talks to a server of its own"],
    ["--host x --port abc", 'Option --port is "abc", expected a whole number from 1 to 65535'],
    ["--host x --port 65536", 'Option --port is "65536", expected a whole number from 1 to 65535'],
    ["--host x --port 0", 'Option --port is "0", expected a whole number from 1 to 65535'],
    ["--host x --bogus", "Unknown option '--bogus'"],
    ["--host x --user me", "Option --user needs --pass, or SMTP_PASS in the environment"],
    ["--host x --pass me", "Option --pass needs --user"],
    ["--host x --require-tls --ignore-tls", "Options --require-tls and --ignore-tls exclude each other"],
    ["--host x --to a@y.example,,b@y.example", "Option --to has an empty address in its list"],
    ["--host x --from=", "Option --from is empty"],
    ["--host x --ca /nowhere/ca.pem", "Option --ca: /nowhere/ca.pem could not be read (ENOENT)"],
    ["--host x --name a_b!", 'Option "name" is "a_b!", expected'],
    ["mail", "Unexpected argument 'mail'"],
  ])("%s: a clear error, and 1", async (args, message) => {
    const { code, out, err } = await run(args.split(" "));
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(message);
    expect(err).toMatch(/\nUsage: npm start -- --help\n$/);
  });

  test("--help prints every option and gives 0", async () => {
    const { code, out, err } = await run(["--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const option of "host port secure require-tls ignore-tls ca insecure user pass name from to help".split(" ")) {
      expect(out).toContain(`\n  --${option} `);
    }
  });
});
