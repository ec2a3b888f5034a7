/**
 * Class A, injection: every string and number that a caller can give, with every way to end a line or a path early.
 * The law here: the server hears no line that was not asked for, even if a bare CR or LF ends its lines.
 */
import { describe, expect, test } from "vitest";
import { isSmtpError, NetSmtp, type SaslMechanism, SmtpAddress, type SmtpOptions } from "../../mod.ts";
import { ENVELOPE, expectNothingMore, VALUES } from "./evil.ts";
import { Peer } from "./peer.ts";

const LOGIN = { user: "me", secret: "secret" };
const yields = (what: unknown): SaslMechanism => ({
  name: "X-OWN",
  *exchange() {
    yield what as string;
  },
});

type Use = (peer: Peer, value: never) => Promise<unknown>;

function start(peer: Peer, options: object, use: (smtp: NetSmtp) => unknown = send): Promise<unknown> {
  return NetSmtp.start("mx.example", 25, { ...options, network: peer } as SmtpOptions, async (smtp) => use(smtp));
}
const send = (smtp: NetSmtp): Promise<unknown> => smtp.sendMessage("x", "a@x.example", "b@y.example");
const option =
  (name: string, more: object = {}): Use =>
  (peer, value) =>
    start(peer, { ...more, [name]: value });
const sendOption =
  (name: string): Use =>
  (peer, value) =>
    start(peer, {}, (smtp) => smtp.sendMessage("x", "a@x.example", "b@y.example", { [name]: value }));
/** A key of an option that is an object. */
const inOption =
  (name: string, key: string, more: object = {}): Use =>
  (peer, value) =>
    start(peer, {}, (smtp) =>
      smtp.sendMessage("x", "a@x.example", "b@y.example", { [name]: { ...more, [key]: value } }),
    );
const recipientDsn =
  (key: string): Use =>
  (peer, value) =>
    start(peer, {}, (smtp) =>
      smtp.sendMessage("x", "a@x.example", new SmtpAddress("b@y.example", {}, { [key]: value })),
    );

const STRINGS: readonly (readonly [parameter: string, harmless: string, use: Use])[] = [
  ["address", "mx.example", (peer, value) => NetSmtp.start(value, 25, { network: peer }, send)],
  ["helo", "me.example", option("helo")],
  ["user", "me", option("user", { secret: "secret" })],
  ["secret", "secret", option("secret", { user: "me" })],
  ["secret of a function", "secret", (peer, value) => start(peer, { user: "me", secret: () => value })],
  ["password", "secret", option("password", { user: "me" })],
  ["a token", "token", option("secret", { user: "me", authType: "XOAUTH2" })],
  ["authType", "PLAIN", option("authType", LOGIN)],
  [
    "a mechanism's name",
    "X-OWN",
    (peer, name) => start(peer, { ...LOGIN, authType: name, mechanisms: [{ ...yields("x"), name }] }),
  ],
  [
    "what a mechanism says",
    "x",
    (peer, value) => start(peer, { ...LOGIN, authType: "X-OWN", mechanisms: [yields(value)] }),
  ],
  ["tlsHostname", "mx.example", option("tlsHostname")],
  ["localAddress", "192.0.2.9", option("localAddress")],
  ["socketPath", "/run/smtp", option("socketPath")],
  ["starttls", "auto", option("starttls")],
  ["recipientPolicy", "collect", option("recipientPolicy")],
  ["recipientPolicy of a message", "collect", sendOption("recipientPolicy")],
  ["id", "1", sendOption("id")],
  ["from", "a@x.example", (peer, value) => start(peer, {}, (smtp) => smtp.sendMessage("x", value, "b@y.example"))],
  [
    "from, quoted",
    '"a',
    (peer, value) =>
      start(peer, {}, (smtp) =>
        smtp.sendMessage("x", typeof value === "string" ? (`${value}"@x.example` as never) : value, "b@y.example"),
      ),
  ],
  ["to", "b@y.example", (peer, value) => start(peer, {}, (smtp) => smtp.sendMessage("x", "a@x.example", value))],
  [
    "to in a list",
    "b@y.example",
    (peer, value) => start(peer, {}, (smtp) => smtp.sendMessage("x", "a@x.example", ["c@y.example", [value]])),
  ],
  [
    "to's domain",
    "192.0.2.1",
    (peer, value) =>
      start(peer, {}, (smtp) =>
        smtp.sendMessage("x", "a@x.example", typeof value === "string" ? (`b@[${value}]` as never) : value),
      ),
  ],
  [
    "SmtpAddress",
    "b@y.example",
    (peer, value) => start(peer, {}, (smtp) => smtp.sendMessage("x", "a@x.example", new SmtpAddress(value))),
  ],
  [
    "a parameter's value",
    "8BITMIME",
    (peer, value) =>
      start(peer, {}, (smtp) => smtp.sendMessage("x", new SmtpAddress("a@x.example", { body: value }), "b@y.example")),
  ],
  [
    "a parameter's keyword",
    "BODY",
    (peer, value) =>
      start(peer, {}, (smtp) =>
        smtp.sendMessage("x", new SmtpAddress("a@x.example", { [String(value)]: 1 }), "b@y.example"),
      ),
  ],
  ["body", "7BIT", sendOption("body")],
  ["auth", "a@x.example", sendOption("auth")],
  ["whenNotOffered", "omit", sendOption("whenNotOffered")],
  ["holdUntil, in place of a date", new Date(2e12) as never, sendOption("holdUntil")],
  ["dsn.ret", "FULL", inOption("dsn", "ret")],
  ["dsn.envid", "1", inOption("dsn", "envid")],
  ["dsn.notify", "NEVER", inOption("dsn", "notify")],
  ["dsn.notify of a recipient", "NEVER", recipientDsn("notify")],
  ["dsn.orcpt of a recipient", "c@z.example", recipientDsn("orcpt")],
  ["deliverBy.mode", "R", inOption("deliverBy", "mode", { time: 1_000 })],
  ["helo()", "me.example", (peer, value) => start(peer, {}, (smtp) => smtp.helo(value))],
  ["ehlo()", "me.example", (peer, value) => start(peer, {}, (smtp) => smtp.ehlo(value))],
  ["mailFrom()", "a@x.example", (peer, value) => start(peer, {}, (smtp) => smtp.mailFrom(value))],
  [
    "rcptTo()",
    "b@y.example",
    (peer, value) =>
      start(peer, {}, async (smtp) => {
        await smtp.mailFrom("a@x.example");
        await smtp.rcptTo(value);
      }),
  ],
  [
    "rcptToList()",
    "b@y.example",
    (peer, value) =>
      start(peer, {}, async (smtp) => {
        await smtp.mailFrom("a@x.example");
        await smtp.rcptToList([value], () => smtp.data("x"));
      }),
  ],
  ["authenticate()", "me", (peer, value) => start(peer, {}, (smtp) => smtp.authenticate(value, "secret", "LOGIN"))],
  [
    "authenticate()'s type",
    "LOGIN",
    (peer, value) => start(peer, {}, (smtp) => smtp.authenticate("me", "secret", value)),
  ],
  ["getOk()", "NOOP x", (peer, value) => start(peer, {}, (smtp) => smtp.getOk(value))],
  ["getResponse()", "NOOP x", (peer, value) => start(peer, {}, (smtp) => smtp.getResponse(value))],
];

const NUMBERS: readonly (readonly [parameter: string, harmless: number, use: Use])[] = [
  ["port", 25, (peer, value) => NetSmtp.start("mx.example", value, { network: peer }, send)],
  ...(["openTimeout", "greetingTimeout", "readTimeout", "finalTimeout", "writeTimeout", "quitTimeout"] as const).map(
    (name) => [name, 5_000, option(name)] as const,
  ),
  ["inFlight", 2, option("inFlight", { recipientPolicy: "collect" })],
  ["deadline", 5_000, sendOption("deadline")],
  ["size", 5, sendOption("size")],
  ["holdFor", 5_000, sendOption("holdFor")],
  ["mtPriority", 5, sendOption("mtPriority")],
  ["deliverBy.time", 5_000, inOption("deliverBy", "time", { mode: "R" })],
  [
    "a parameter's number",
    1,
    (peer, value) =>
      start(peer, {}, (smtp) => smtp.sendMessage("x", new SmtpAddress("a@x.example", { size: value }), "b@y.example")),
  ],
];

const EXTENSIONS = [
  "PIPELINING",
  "CHUNKING",
  "AUTH PLAIN LOGIN XOAUTH2 X-OWN",
  "SIZE",
  "DSN",
  "DELIVERBY",
  "FUTURERELEASE",
  "MT-PRIORITY",
];
const peerFor = (utf8: boolean): Peer =>
  new Peer({ extensions: utf8 ? [...EXTENSIONS, "8BITMIME", "SMTPUTF8"] : EXTENSIONS });

/** What is said with the harmless value, and with the others nothing else: an error of the family, or one line. */
async function tryAll(harmless: unknown, use: Use, values: readonly unknown[]): Promise<void> {
  for (const utf8 of [false, true]) {
    const asked = peerFor(utf8);
    await use(asked, harmless as never);
    for (const value of values) {
      const peer = peerFor(utf8);
      const outcome = await Promise.resolve()
        .then(() => use(peer, value as never))
        .catch((error) => error);
      if (outcome instanceof Error) expect(isSmtpError(outcome), String(outcome)).toBe(true);
      if (outcome instanceof Error) expect(outcome.message).not.toMatch(/\p{Cc}/u);
      expectNothingMore(peer, asked.verbs);
    }
  }
}

describe("no line more", () => {
  test.each(STRINGS)("%s", async (_parameter, harmless, use) => {
    await tryAll(
      harmless,
      use,
      VALUES.map(([, value]) => value(harmless)),
    );
  });

  test.each(NUMBERS)("%s, in place of a number", async (_parameter, harmless, use) => {
    const values = VALUES.map(([, value]) => value(String(harmless)));
    await tryAll(harmless, use, [...values, String(harmless), Number.NaN, -1, 1.5, 1e21, 1n, Number.POSITIVE_INFINITY]);
  });

  test("the looks for a line more see one", () => {
    const peer = peerFor(false);
    for (const line of ["EHLO me", "RSET", "MAIL FROM:<a@x.example>"]) peer.heard(line);
    expect(() => expectNothingMore(peer, ["EHLO", "MAIL"])).toThrow();
    expect("MAIL FROM:<a@x.example> NOTIFY=NEVER>").not.toMatch(ENVELOPE);
  });
});
