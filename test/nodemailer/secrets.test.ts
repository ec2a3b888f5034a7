/**
 * Copies of a transport send, and nothing that a transport is, says or logs shows a secret.
 *
 * @module
 */

import { inspect } from "node:util";
import nodemailer from "nodemailer";
import { describe, expect, test } from "vitest";
import type { NetSmtpTransport, NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { failure, message, play, plugin, send, start } from "./support.ts";

const SECRET = "s3nt1nel-p4ss";
/** The secret as it can stand somewhere: itself, and in the base64 of PLAIN and LOGIN. */
const forms = [SECRET, btoa(SECRET), btoa(`\0me\0${SECRET}`), btoa(`user=me\x01auth=Bearer ${SECRET}\x01\x01`)];

function shows(value: unknown): string[] {
  const text = typeof value === "string" ? value : inspect(value, { depth: 12, showHidden: true, getters: true });
  return forms.filter((form) => text.includes(form));
}

/** As lodash and others merge: own and inherited enumerable keys, plain objects and instances alike, functions by reference. */
function deepMerge(target: Record<string, unknown>, source: object): Record<string, unknown> {
  for (const key in source) {
    const value = (source as Record<string, unknown>)[key];
    target[key] = typeof value === "object" && value !== null ? deepMerge({}, value) : value;
  }
  return target;
}

/** As lodash clones: the prototype, and own enumerable keys. */
function clone(source: object): object {
  return Object.assign(Object.create(Object.getPrototypeOf(source)), source);
}

const copies: readonly (readonly [string, (transport: NetSmtpTransport) => object])[] = [
  ["itself", (transport) => transport],
  ["spread", (transport) => ({ ...transport })],
  ["assigned", (transport) => Object.assign({}, transport)],
  ["deeply merged", (transport) => deepMerge({}, transport)],
  ["deeply merged as an option", (transport) => deepMerge({}, { transport }).transport as object],
  ["cloned", clone],
  ["behind a Proxy", (transport) => new Proxy(transport, {})],
];

describe("a transport", () => {
  test.each(copies)("%s still sends, verifies and knows whether it is idle", async (_, copy) => {
    const server = await start({ users: { me: SECRET }, allowInsecureAuth: true });
    const original = plugin(server, { auth: { user: "me", pass: SECRET } });
    const copied = copy(original) as NetSmtpTransport;
    const transporter = nodemailer.createTransport(copied);
    expect(await transporter.verify()).toBe(true);
    const sent = transporter.sendMail(message);
    expect([transporter.isIdle(), original.isIdle()]).toEqual([false, false]);
    expect((await sent).accepted).toEqual(["b@y.example"]);
    expect(server.messages).toMatchObject([{ user: "me" }]);
    expect(`${copied}`).toMatch(/^(#<NetSmtpTransport( 127\.0\.0\.1:\d+)?>|\[object Object\])$/);
    transporter.close();
  });

  test.each(copies)("%s shows no secret", (_, copy) => {
    const copied = copy(plugin({ port: 25 }, { auth: { user: "me", pass: SECRET } }));
    const transporter = nodemailer.createTransport(copied as NetSmtpTransport);
    expect(shows(copied)).toEqual([]);
    expect(shows(inspect(copied, { customInspect: false, showHidden: true, depth: 9 }))).toEqual([]);
    expect(shows(transporter)).toEqual([]);
    expect(shows(Object.values(copied).map(String).join())).toEqual([]);
  });

  test("can be written as JSON although Nodemailer has set mailer, and cannot be cloned structurally", () => {
    const transport = plugin({ port: 25 }, { auth: { user: "me", pass: SECRET } });
    nodemailer.createTransport(transport);
    expect(transport.mailer).toBeDefined();
    expect(JSON.parse(JSON.stringify(transport))).toEqual({
      name: "NetSmtp",
      version: transport.version,
      supportsAbortSignal: true,
    });
    expect(() => structuredClone(transport)).toThrow(DOMException);
    expect(inspect(transport)).toBe("#<NetSmtpTransport 127.0.0.1:25>");
  });
});

interface Line {
  readonly level: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its lines. */
function keeping(levels: readonly string[] = ["debug", "info", "warn", "error"]) {
  const lines: Line[] = [];
  const method = (level: string) => (fields: object, text: string) => {
    lines.push({ level, fields: fields as Line["fields"], message: text });
  };
  return { lines, logger: Object.fromEntries(levels.map((level) => [level, method(level)])) };
}

const LOGIN = `
  S: 220 mx.example ready
  C: EHLO me.example
  S: 250-mx.example
  S: 250-PIPELINING
  S: 250 AUTH PLAIN LOGIN XOAUTH2`;

const logins: readonly (readonly [string, NonNullable<NetSmtpTransportOptions["auth"]>, string])[] = [
  ["PLAIN", { user: "me", pass: SECRET }, `C: AUTH PLAIN ${btoa(`\0me\0${SECRET}`)}`],
  [
    "LOGIN",
    { user: "me", pass: SECRET, method: "LOGIN" },
    `C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: ${btoa("me")}\nS: 334 UGFzc3dvcmQ6\nC: ${btoa(SECRET)}`,
  ],
  [
    "XOAUTH2",
    { type: "oauth2", user: "me", accessToken: SECRET },
    `C: AUTH XOAUTH2 ${btoa(`user=me\x01auth=Bearer ${SECRET}\x01\x01`)}`,
  ],
];

describe("logger and debug", () => {
  test.each(logins)(
    "a login by %s shows no secret in the log, nor in the error when it is refused",
    async (_, auth, said) => {
      const server = await play(`${LOGIN}\n${said}\nS: 535 5.7.8 No, ${SECRET.slice(0, 3)}\nC: <close>`);
      const { lines, logger } = keeping();
      const error = await failure(send(plugin(server, { auth, logger, debug: true })));
      expect(error.code).toBe("EAUTH");
      await server.finish();
      expect(shows(error)).toEqual([]);
      expect(shows(lines)).toEqual([]);
      expect(shows(`${error.stack}${(error.cause as Error).stack}`)).toEqual([]);
      expect(lines.map((line) => line.message)).toContain("220 mx.example ready");
      expect(lines.some((line) => /^AUTH [A-Z0-9]+( \*{4})?$/.test(line.message))).toBe(true);
    },
  );

  test("tells of connections and messages, and with debug of the dialogue without the content", async () => {
    const server = await start();
    const quiet = keeping();
    await send(plugin(server, { logger: quiet.logger }));
    // When the connection ends is not the message's affair.
    const told = quiet.lines.filter(({ message: text }) => text !== "connection closed");
    expect(told.map(({ level, message: text }) => `${level} ${text.replace(/:\d+$/, ":0")}`)).toEqual([
      "info Sending <1@x.example> to <b@y.example>",
      "info connected to 127.0.0.1:0",
      "warn Message went in clear, since the server did not offer STARTTLS and TLS was not demanded",
      "info Sent <1@x.example>, 1 accepted, 0 refused: 250 Stored as 1",
    ]);
    const connected = told.splice(1, 1)[0]?.fields;
    expect(connected).toMatchObject({ component: "net-smtp", sid: expect.stringMatching(/^[0-9a-f]{8}$/) });
    for (const { fields } of told)
      expect(fields).toMatchObject({ component: "net-smtp", tnx: "send", messageId: "<1@x.example>" });
    for (const name of ["debug", "transactionLog"]) {
      const { lines, logger } = keeping();
      await send(plugin(server, { logger, [name]: true, component: "mine" }));
      const said = lines
        .filter(({ level }) => level === "debug")
        .map(({ fields, message: text }) => `${fields.tnx} ${text}`);
      expect(said.slice(0, 3)).toEqual([
        expect.stringMatching(/^server 220 /),
        "client EHLO me.example",
        expect.stringMatching(/^server 250-/),
      ]);
      expect(said).toContain("client (25 octets of the message)");
      expect(lines.every(({ fields }) => fields.component === "mine")).toBe(true);
      expect(lines.map(({ message: text }) => text).join()).not.toContain("dot");
    }
  });

  test("a failure is logged as an error, a level that is missing goes to another", async () => {
    const { lines, logger } = keeping(["log"]);
    const error = await failure(send(plugin({ port: 1 }, { logger })));
    expect(lines.at(-1)).toMatchObject({ level: "log", fields: { tnx: "send", err: error }, message: error.message });
    await failure(plugin({ port: 1 }, { logger }).verify());
    expect(lines.at(-1)).toMatchObject({ level: "log", fields: { tnx: "verify" } });
    await failure(plugin({ port: 1 }, { logger: {} }).verify());
  });

  test("a logger that throws or rejects harms nothing", async () => {
    const server = await start();
    const failing = (): never => {
      throw new Error("logger");
    };
    const rejecting = async (): Promise<never> => failing();
    const logger = { debug: failing, info: rejecting, warn: failing, error: failing };
    await send(plugin(server, { logger, debug: true }));
    expect(server.messages).toHaveLength(1);
  });

  test("true writes readable lines to the console", async () => {
    const server = await start();
    const written: string[] = [];
    const { log } = console;
    console.log = (...values) => written.push(values.join(" "));
    const transport = plugin(server, { logger: true, debug: true });
    try {
      await send(transport);
      await expect.poll(() => transport.isIdle()).toBe(true);
    } finally {
      console.log = log;
    }
    const stamp = /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] /;
    expect(written.every((line) => stamp.test(line))).toBe(true);
    const told = written.map((line) => line.replace(stamp, "").replace(/\[[0-9a-f]{8}\]/, "[sid]"));
    expect(told).toContain("INFO  Sending <1@x.example> to <b@y.example>");
    expect(told).toContain("DEBUG [sid] C: EHLO me.example");
    expect(told).toContain("DEBUG [sid] S: 250 SMTPUTF8");
  });
});
