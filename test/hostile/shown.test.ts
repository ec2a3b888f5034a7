/**
 * Classes H, K and L: what a server says becomes data and printable text, and what a client keeps secret is shown nowhere.
 * The law here: no control character of a server's reaches a message or a transcript, no keyword reaches a prototype,
 * and neither errors nor an inspected session hold a secret or an option.
 */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type DialogueEvent, NetSmtp, type SmtpError } from "../../mod.ts";
import { NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { failure } from "../support/told.ts";
import { Peer } from "./peer.ts";

const ESCAPES: readonly (readonly [name: string, text: string])[] = [
  ["an OSC title", "\x1b]0;pwned\x07"],
  ["CSI", "\x1b[2J\x1b[31m"],
  ["C1 CSI", "\xc2\x9b31m"],
  ["CR over the line", "fine\r250 all is well"],
  ["U+202E", "\xe2\x80\xaegnp.exe"],
  ["U+2066", "\xe2\x81\xa6x"],
  ["U+2028", "\xe2\x80\xa8250 forged"],
  ["invalid UTF-8", "\xff\xfe\xc3("],
  ["NUL and DEL", "\0\x7f"],
  ["BEL and backspace", "\x07\x08\x08\x08"],
];
const UNPRINTABLE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** Each reply of a session, refused by the escape; and replies that are no replies. */
const STEPS = ["(greeting)", "EHLO", "STARTTLS", "AUTH", "(answer)", "MAIL", "RCPT", "DATA", ".", "BDAT", "QUIT"];

async function shownAt(step: string, said: string): Promise<string> {
  const shown: string[] = [];
  const events: DialogueEvent[] = [];
  for (const debugOutput of [
    { write: (text: string) => shown.push(...text.split("\n")) },
    (event: DialogueEvent) => events.push(event),
  ]) {
    const extensions = ["STARTTLS", "AUTH LOGIN", ...(step === "BDAT" ? ["PIPELINING", "CHUNKING"] : [])];
    const peer = new Peer({ extensions, say: (verb, reply) => (verb === step ? said : reply) });
    const smtp = new NetSmtp("mx.example", 25, {
      network: peer,
      debugOutput,
      user: "me",
      secret: "secret",
      recipientPolicy: "collect",
    });
    const outcome: SmtpError | string = await smtp
      .start((session) => session.sendMessage("x", "a@x.example", "b@y.example").then(() => "sent"))
      .catch((error) => error);
    if (step !== "QUIT") expect(outcome).toBeInstanceOf(Error);
    for (let error: unknown = outcome; error instanceof Error; error = error.cause) shown.push(error.message);
  }
  return [...shown, ...events.map(({ text }) => text)].join(" ");
}

describe("L: escapes", () => {
  test.each(ESCAPES)("%s in each reply: messages and transcripts are printable", async (_name, text) => {
    for (const step of STEPS) {
      expect(await shownAt(step, `554 5.0.0 ${text}\r\n`), step).not.toMatch(UNPRINTABLE);
      expect(await shownAt(step, `${text}\r\n`), step).not.toMatch(UNPRINTABLE);
      expect(await shownAt(step, `554-${text}\r\n554 ${text}\r\n`), step).not.toMatch(UNPRINTABLE);
    }
  });

  test("the reply itself keeps what the server wrote", async () => {
    const peer = new Peer({ say: (verb, reply) => (verb === "MAIL" ? "554 \x1b]0;pwned\x07\r\n" : reply) });
    const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start();
    const { response, message } = await failure(smtp.sendMessage("x", "a@x.example", "b@y.example"));
    expect(response?.string).toBe("554 \x1b]0;pwned\x07");
    expect(message).toContain("\\x1b]0;pwned\\x07");
  });
});

describe("K: capability names", () => {
  test("names of a prototype are names like others, and pollute nothing", async () => {
    const extensions = ["__proto__ polluted", "CONSTRUCTOR x", "TOSTRING", "HASOWNPROPERTY", "PROTOTYPE polluted"];
    const smtp = await new NetSmtp("mx.example", 25, { network: new Peer({ extensions }) }).start();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect([...(smtp.capabilities?.keys() ?? [])]).toEqual(["CONSTRUCTOR", "TOSTRING", "HASOWNPROPERTY", "PROTOTYPE"]);
    expect(smtp.capable("__proto__")).toBe(false);
    const bare = await new NetSmtp("mx.example", 25, { network: new Peer() }).start();
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"])
      expect(bare.capable(name)).toBe(false);
  });

  test("options count only where they are own keys", () => {
    const inherited = Object.create({ tls: true, esmtp: false }) as object;
    expect(new NetSmtp("mx.example", 25, inherited)).toMatchObject({ tls: false, esmtp: true });
    const polluting = JSON.parse('{"__proto__": {"tls": true}}') as object;
    expect(() => new NetSmtp("mx.example", 25, polluting)).toThrow("__proto__");
    expect(({} as { tls?: unknown }).tls).toBeUndefined();
  });
});

describe("H: what holds a secret", () => {
  const SENTINEL = "S3ntinel~Of~a~Secret";
  const everything = (value: unknown): string =>
    [
      inspect(value, { depth: null, showHidden: true, getters: true }),
      JSON.stringify(value),
      String(value),
      ...Object.getOwnPropertyNames(value),
    ].join("\n");

  test("a session shows none: inspected, as JSON, as text, by its accessors, whatever state it is in", async () => {
    const peer = new Peer({ extensions: ["AUTH LOGIN"] });
    const smtp = new NetSmtp("mx.example", 25, {
      network: peer,
      user: "me",
      secret: SENTINEL,
      tlsOptions: { key: SENTINEL },
    });
    const seen = [everything(smtp)];
    await smtp.start();
    seen.push(everything(smtp));
    await failure(smtp.critical(() => Promise.reject(new Error("mine"))));
    seen.push(everything(smtp));
    await smtp.finish();
    seen.push(everything(smtp));
    for (const name of ["secret", "password", "user", "settings", "options"]) {
      expect(seen.join()).not.toContain(`"${name}"`);
      expect(Object.keys(smtp)).not.toContain(name);
    }
    expect(seen.join()).not.toContain(SENTINEL);
    expect(peer.lines).toContain(Buffer.from(SENTINEL).toString("base64"));
  });

  test("a transport shows none, made of options or of a URL", () => {
    for (const transport of [
      new NetSmtpTransport({ host: "mx.example", auth: { user: "me", pass: SENTINEL } }),
      new NetSmtpTransport(`smtps://me:${SENTINEL}@mx.example`),
    ]) {
      expect(everything(transport)).not.toContain(SENTINEL);
    }
  });

  test.each(["__proto__", "startTls"])("a bad option %s beside a secret: the error holds no option", (name) => {
    const options = JSON.parse(`{"${name}": 1, "secret": "${SENTINEL}", "user": "me"}`) as object;
    const error = (() => {
      try {
        return new NetSmtp("mx.example", 25, options);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(TypeError);
    expect(everything(error)).not.toContain(SENTINEL);
  });
});
