/**
 * The parameters of MAIL and RCPT, as dialogues: each extension offered, not offered, left out with a warning, and asked for
 * more than the server gives. docs/extensions.md names the groups.
 */

import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type Delivery, NetSmtp, type SendOptions, SmtpAddress, type SmtpError, type SmtpOptions } from "../mod.ts";
import { network, type PlayedServer, type PlayOptions, play } from "./support/play.ts";
import { hello, type PlayedSession, session } from "./support/session.ts";
import { FROM, failure, told } from "./support/told.ts";

const TO = "b@y.example";
const COLLECT: SmtpOptions = { recipientPolicy: "collect" };

/** One message, all taken: MAIL, RCPT, DATA in one group. */
function taken(mail: string, rcpt = "<b@y.example>", content = "x"): string {
  return `
    C: MAIL FROM:${mail}
    C: RCPT TO:${rcpt}
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: ${content}
    C: .
    S: 250 stored`;
}

interface Case {
  readonly offers: readonly string[];
  readonly options?: SendOptions;
  readonly source?: string | Uint8Array | Readable;
  readonly from?: string | SmtpAddress;
  readonly to?: string | SmtpAddress | (string | SmtpAddress)[];
  readonly settings?: SmtpOptions;
  readonly stream?: PlayOptions;
}

function begin(script: string, { offers, settings, stream }: Case): Promise<PlayedSession> {
  return session(script, {
    extensions: ["PIPELINING", ...offers],
    options: { ...COLLECT, ...settings },
    ...(stream ? { stream } : {}),
  });
}

/** Sends against the script, which must be played to its end. */
async function sent(script: string, given: Case): Promise<Delivery> {
  const { smtp, server } = await begin(script, given);
  const { source = "x\r\n", from = FROM, to = TO, options } = given;
  const delivery = await smtp.sendMessage(source, from, to, options);
  server.finish();
  return delivery;
}

/** Nothing of the message is written, and the session goes on. */
async function unsent(given: Case): Promise<SmtpError> {
  const { smtp, server } = await begin("C: NOOP\nS: 250 ok", given);
  const { source = "x\r\n", from = FROM, to = TO, options } = given;
  const error = await failure(smtp.sendMessage(source, from, to, options));
  expect(error).toMatchObject({ fate: "unsent", retry: "never", temporary: false });
  expect(told(error)).toBe("b unsent");
  await smtp.getOk("NOOP");
  server.finish();
  return error;
}

/** The error of what is asked for and not offered. */
function unsupported(option: string, extension: string): object {
  return {
    name: "SmtpUnsupportedCommand",
    phase: "mail",
    command: "MAIL FROM",
    message: expect.stringContaining(`Option "${option}" asks for ${extension}, which the server does not offer`),
  };
}

describe("SIZE (RFC 1870)", () => {
  test("a message in memory is counted, line ends as CRLF and no stuffed dots, with a limit and without", async () => {
    for (const size of ["SIZE 1000000", "SIZE 0", "SIZE"])
      await sent(taken("<a@x.example> SIZE=7", "<b@y.example>", "..x\nC: y"), { offers: [size], source: ".x\ny\r\n" });
    const script = `
      C: MAIL FROM:<a@x.example> SIZE=8
      C: RCPT TO:<b@y.example>
      C: BDAT 8 LAST
      C: .x
      C: yz
      S: 250 ok
      S: 250 ok
      S: 250 stored`;
    await sent(script, { offers: ["SIZE 8", "CHUNKING"], source: ".x\nyz" });
  });

  test("a declared one is said for a stream, and goes before the count; nothing is said of a stream without", async () => {
    // The example of RFC 1870.
    const ned = "<ned@thor.innosoft.com>";
    const script = `
      C: MAIL FROM:${ned} SIZE=500000
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 stored`;
    const given = { offers: ["SIZE 1000000"], from: "ned@thor.innosoft.com" };
    await sent(script, { ...given, source: Readable.from(["x"]), options: { size: 500_000 } });
    await sent(script.replace(" SIZE=500000", ""), { ...given, source: Readable.from(["x"]) });
    await sent(taken(`${ned} SIZE=500000`), { ...given, options: { size: 500_000 } });
  });

  test("one in the sender's parameters stands; another in the options is bad input", async () => {
    const from = new SmtpAddress(FROM, { size: 99 });
    await sent(taken("<a@x.example> SIZE=99"), { offers: ["SIZE 1000"], from });
    await sent(taken("<a@x.example> SIZE=99"), { offers: ["SIZE 1000"], from, options: { size: 99 } });
    const error = await unsent({ offers: ["SIZE 1000"], from, options: { size: 98 } });
    expect(error).toMatchObject({ name: "SmtpArgumentError", message: expect.stringContaining("SIZE is given with") });
  });

  test("is not said where it is not offered", async () => {
    expect((await sent(taken("<a@x.example>"), { offers: [], options: { size: 5 } })).warnings).toHaveLength(1);
  });

  test("over the limit: an error before MAIL, counted or declared, whatever whenNotOffered says", async () => {
    const large = { offers: ["SIZE 3"], source: "xy" };
    const cases: Case[] = [
      large,
      { ...large, source: "x\ny" },
      { ...large, options: { whenNotOffered: "omit" } },
      { ...large, options: { size: 1 } },
      { ...large, from: new SmtpAddress(FROM, { size: 1 }) },
      { offers: ["SIZE 3"], source: Readable.from(["x"]), options: { size: 4 } },
    ];
    for (const given of cases) {
      const error = await unsent(given);
      expect(error).toMatchObject({ name: "SmtpArgumentError", phase: "content", command: "MAIL FROM" });
      expect(error.message).toMatch(
        /^Message of \d octets is larger than the server takes, expected at most 3 \(SIZE\)/,
      );
    }
    await sent(taken("<a@x.example> SIZE=3"), { offers: ["SIZE 3"] });
  });

  test("a limit that is no number is none", async () => {
    for (const limit of ["-1", "0x3", "3x", "9".repeat(21)])
      await sent(taken("<a@x.example> SIZE=7", "<b@y.example>", "hello"), {
        offers: [`SIZE ${limit}`],
        source: "hello",
      });
  });
});

describe("8BITMIME (RFC 6152)", () => {
  const offers = ["8BITMIME"];

  test("a message in memory says what it is: 8-bit where it is, nothing where it is not", async () => {
    await sent(taken("<a@x.example> BODY=8BITMIME", "<b@y.example>", "ü"), { offers, source: "ü\r\n" });
    await sent(taken("<a@x.example>"), { offers });
  });

  test("asked for, it is said, of a stream too", async () => {
    for (const body of ["8BITMIME", "7BIT"] as const) {
      await sent(taken(`<a@x.example> BODY=${body}`), { offers, options: { body } });
      const from = new SmtpAddress(FROM, { body });
      await sent(taken(`<a@x.example> BODY=${body}`), { offers, from });
    }
  });

  test("asked for and not offered: an error; left out of a message that is known to be 7-bit, with a warning", async () => {
    const options: SendOptions = { body: "8BITMIME" };
    const omit: SendOptions = { ...options, whenNotOffered: "omit" };
    expect(await unsent({ offers: [], options })).toMatchObject(unsupported("body", "8BITMIME"));
    for (const source of [Buffer.from("ü"), Readable.from(["x"])])
      expect(await unsent({ offers: [], options: omit, source })).toMatchObject(unsupported("body", "8BITMIME"));
    const { warnings } = await sent(taken("<a@x.example>"), { offers: [], options: omit });
    expect(warnings).toContain("BODY=8BITMIME was left out, since the server does not offer 8BITMIME");
  });

  test("not asked for and not offered: 8-bit content goes as it is, as in Net::SMTP", async () => {
    await sent(taken("<a@x.example>", "<b@y.example>", "ü"), { offers: [], source: "ü\r\n" });
  });

  test("7BIT of a message that is not: an error before MAIL; where 8BITMIME is not offered it need not be said", async () => {
    const options: SendOptions = { body: "7BIT" };
    for (const extensions of [[], offers])
      expect(await unsent({ offers: extensions, options, source: "ü" })).toMatchObject({
        name: "SmtpArgumentError",
        phase: "content",
      });
    await sent(taken("<a@x.example>"), { offers: [], options });
  });
});

describe("SMTPUTF8 (RFC 6531)", () => {
  test("a local part beyond ASCII takes it; it is said for headers too, if the caller says so", async () => {
    await sent(taken("<ü@x.example> SMTPUTF8", "<b@bücher.example>"), {
      offers: ["SMTPUTF8"],
      from: "ü@x.example",
      to: "b@bücher.example",
    });
    await sent(taken("<a@x.example> SMTPUTF8"), { offers: ["SMTPUTF8"], options: { smtputf8: true } });
  });

  test("an internationalised message with 8-bit headers says 8BITMIME too", async () => {
    await sent(taken("<ü@x.example> BODY=8BITMIME SMTPUTF8", "<ä@ö.example>", "Subject: ß"), {
      offers: ["SMTPUTF8", "8BITMIME"],
      from: "ü@x.example",
      to: "ä@ö.example",
      source: "Subject: ß\r\n",
    });
  });

  test("not offered: a domain goes as its A-label, a local part is an error before MAIL, headers too", async () => {
    await sent(taken("<a@xn--bcher-kva.example>", "<b@xn--fa-hia.example>"), {
      offers: [],
      from: "a@bücher.example",
      to: "b@faß.example",
    });
    const { smtp, server } = await begin("", { offers: [] });
    for (const [from, to] of [
      ["ü@x.example", TO],
      [FROM, "ü@y.example"],
    ] as const) {
      const error = await failure(smtp.sendMessage("x", from, to));
      expect(error).toMatchObject({ name: "SmtpArgumentError", fate: "unsent" });
      expect(error.message).toContain("expected ASCII, or a server that offers SMTPUTF8");
    }
    server.finish();
    const options: SendOptions = { smtputf8: true, whenNotOffered: "omit" };
    expect(await unsent({ offers: [], options })).toMatchObject(unsupported("smtputf8", "SMTPUTF8"));
  });

  test("false: the domain goes as its A-label although it is offered, and a local part is an error", async () => {
    const given: Case = { offers: ["SMTPUTF8"], options: { smtputf8: false }, from: "a@bücher.example" };
    await sent(taken("<a@xn--bcher-kva.example>"), given);
    const { smtp } = await begin("", given);
    expect((await failure(smtp.sendMessage("x", "ü@x.example", TO, given.options))).name).toBe("SmtpArgumentError");
  });
});

describe("DSN (RFC 3461)", () => {
  test("the RFC's own example: each recipient has its own NOTIFY and ORCPT", async () => {
    const of = (address: string, notify: "SUCCESS" | "FAILURE" | ["SUCCESS", "FAILURE"]): SmtpAddress =>
      new SmtpAddress(address, {}, { notify, orcpt: true });
    const script = `
      C: MAIL FROM:<Alice@Example.ORG> RET=HDRS ENVID=QQ314159
      C: RCPT TO:<Bob@Example.COM> NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM
      C: RCPT TO:<Carol@Ivory.EDU> NOTIFY=FAILURE ORCPT=rfc822;Carol@Ivory.EDU
      C: RCPT TO:<Dana@Ivory.EDU> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Dana@Ivory.EDU
      C: RCPT TO:<Eric@Bombs.AF.MIL> NOTIFY=FAILURE ORCPT=rfc822;Eric@Bombs.AF.MIL
      C: RCPT TO:<Fred@Bombs.AF.MIL> NOTIFY=NEVER
      C: RCPT TO:<George@Tax-ME.GOV> NOTIFY=FAILURE ORCPT=rfc822;George@Tax-ME.GOV
      C: DATA
      S: 250 <Alice@Example.ORG> sender ok
      S: 250 <Bob@Example.COM> recipient ok
      S: 250 <Carol@Ivory.EDU> recipient ok
      S: 250 <Dana@Ivory.EDU> recipient ok
      S: 250 <Eric@Bombs.AF.MIL> recipient ok
      S: 250 <Fred@Bombs.AF.MIL> recipient ok
      S: 250 <George@Tax-ME.GOV> recipient ok
      S: 354 okay, send message
      C: x
      C: .
      S: 250 message accepted`;
    await sent(script, {
      offers: ["DSN"],
      from: "Alice@Example.ORG",
      to: [
        of("Bob@Example.COM", "SUCCESS"),
        of("Carol@Ivory.EDU", "FAILURE"),
        of("Dana@Ivory.EDU", ["SUCCESS", "FAILURE"]),
        of("Eric@Bombs.AF.MIL", "FAILURE"),
        new SmtpAddress("Fred@Bombs.AF.MIL", {}, { notify: "NEVER" }),
        of("George@Tax-ME.GOV", "FAILURE"),
      ],
      options: { dsn: { ret: "HDRS", envid: "QQ314159" } },
    });
  });

  test("the message's notify and orcpt hold for recipients that have none of their own", async () => {
    const script = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b+c@y.example> NOTIFY=DELAY ORCPT=rfc822;b+2Bc@y.example
      C: RCPT TO:<d@y.example> NOTIFY=NEVER ORCPT=rfc822;d@y.example
      C: RCPT TO:<e@y.example> NOTIFY=DELAY
      C: RCPT TO:<f@y.example> NOTIFY=DELAY ORCPT=rfc822;old@z.example
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: x
      C: .
      S: 250 stored`;
    await sent(script, {
      offers: ["DSN"],
      to: [
        "b+c@y.example",
        new SmtpAddress("d@y.example", {}, { notify: "NEVER" }),
        new SmtpAddress("e@y.example", {}, { orcpt: false }),
        new SmtpAddress("f@y.example", {}, { orcpt: "old@z.example" }),
      ],
      options: { dsn: { notify: "DELAY", orcpt: true } },
    });
  });

  test("a recipient beyond ASCII has an ORCPT of type utf-8 (RFC 6533)", async () => {
    await sent(taken("<a@x.example> SMTPUTF8", "<ü@y.example> ORCPT=utf-8;\\x{FC}@y.example"), {
      offers: ["DSN", "SMTPUTF8"],
      to: "ü@y.example",
      options: { dsn: { orcpt: true } },
    });
  });

  const asks: [name: string, given: Omit<Case, "offers">, left: string][] = [
    ["RET", { options: { dsn: { ret: "FULL" } } }, "RET=FULL"],
    ["NOTIFY", { options: { dsn: { notify: "NEVER" } } }, "NOTIFY=NEVER"],
    ["ORCPT", { to: new SmtpAddress(TO, {}, { orcpt: true }) }, "ORCPT=rfc822;b@y.example"],
  ];
  test.each(asks)("%s not offered: an error, or left out with a warning", async (_name, given, left) => {
    expect(await unsent({ ...given, offers: [] })).toMatchObject(unsupported("dsn", "DSN"));
    const options: SendOptions = { ...given.options, whenNotOffered: "omit" };
    const { warnings } = await sent(taken("<a@x.example>"), { ...given, offers: [], options });
    expect(warnings).toContain(`${left} was left out, since the server does not offer DSN`);
  });

  test("rcptTo() and rcptToList() say it too, or reject", async () => {
    const to = new SmtpAddress(TO, {}, { notify: "NEVER" });
    const script = `
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example> NOTIFY=NEVER
      S: 250 ok
      C: RCPT TO:<b@y.example> NOTIFY=NEVER
      S: 250 ok`;
    const { smtp, server } = await begin(script, { offers: ["DSN"] });
    await smtp.mailFrom(FROM);
    await smtp.rcptTo(to);
    await smtp.rcptToList([to], () => undefined);
    server.finish();
    const other = await begin("", { offers: [] });
    expect(await failure(other.smtp.rcptTo(to))).toMatchObject(unsupported("dsn", "DSN"));
    expect(await failure(other.smtp.rcptToList([to], () => undefined))).toMatchObject(unsupported("dsn", "DSN"));
    other.server.finish();
  });

  test("of a sender, or beside the same parameter, it is bad input", async () => {
    const { smtp, server } = await begin("", { offers: ["DSN"] });
    const recipient = new SmtpAddress(FROM, {}, { notify: "NEVER" });
    expect((await failure(smtp.sendMessage("x", recipient, TO))).message).toContain('"from" has "dsn"');
    server.finish();
    const to = new SmtpAddress(TO, { notify: "DELAY" }, { notify: "NEVER" });
    expect((await unsent({ offers: ["DSN"], to })).message).toContain(
      "NOTIFY is given with the address and as an option",
    );
  });
});

describe("REQUIRETLS (RFC 8689)", () => {
  const options: SendOptions = { requireTls: true };
  const secure: Omit<Case, "offers"> = { options, stream: { tls: true } };
  const code = { name: "SmtpUnsupportedCommand", code: "SMTP_REQUIRETLS", phase: "mail", command: "MAIL FROM" };

  test("is said inside TLS with a verified certificate", async () => {
    await sent(taken("<a@x.example> REQUIRETLS"), { offers: ["REQUIRETLS"], ...secure });
  });

  test("not offered: an error before MAIL, never left out", async () => {
    for (const whenNotOffered of ["error", "omit"] as const) {
      const error = await unsent({ ...secure, offers: [], options: { ...options, whenNotOffered } });
      expect(error).toMatchObject({ ...unsupported("requireTls", "REQUIRETLS"), ...code });
    }
  });

  test.each<[string, Omit<Case, "offers">, string]>([
    ["in clear", { options }, "which is not there"],
    ["tlsVerify off", { ...secure, settings: { tlsVerify: false } }, "was not verified"],
    [
      "rejectUnauthorized off",
      { ...secure, settings: { tlsOptions: { rejectUnauthorized: false } } },
      "was not verified",
    ],
  ])("%s: an error before MAIL", async (_name, given, why) => {
    const error = await unsent({ ...given, offers: ["REQUIRETLS"] });
    expect(error).toMatchObject({ ...code, message: expect.stringContaining(why) });
  });
});

describe("REQUIRETLS on a socket of the caller's", () => {
  const wish: SendOptions = { requireTls: true };
  const on = (stream: PlayedServer): NetSmtp =>
    new NetSmtp("mx.example", 25, { ...COLLECT, network: network(), socket: stream });

  test("that came secured is refused: this engine has not seen its certificate", async () => {
    const stream = play(`${hello("REQUIRETLS")}\nC: NOOP\nS: 250 ok`, { tls: true });
    const smtp = await on(stream).start();
    expect(await failure(smtp.sendMessage("x", FROM, TO, wish))).toMatchObject({
      code: "SMTP_REQUIRETLS",
      fate: "unsent",
    });
    await smtp.getOk("NOOP");
    stream.finish();
  });

  test("is said after STARTTLS", async () => {
    const inside = hello("PIPELINING", "REQUIRETLS").split("\n").slice(1).join("\n");
    const message = taken("<a@x.example> REQUIRETLS").replace(/^ +/gm, "");
    const stream = play(`${hello("STARTTLS")}\nC: STARTTLS\nS: 220 go\nTLS\n${inside}${message}`);
    const smtp = await on(stream).start();
    expect((await smtp.sendMessage("x\r\n", FROM, TO, wish)).tls).toBe(true);
    stream.finish();
  });
});

describe("DELIVERBY (RFC 2852)", () => {
  const within = (time: number, mode: "R" | "N"): SendOptions => ({ deliverBy: { time, mode } });

  test("is said; a message to be returned only for as long as the server waits at least", async () => {
    for (const offers of [["DELIVERBY"], ["DELIVERBY 120"], ["DELIVERBY soon"]])
      await sent(taken("<a@x.example> BY=120;R"), { offers, options: within(120_000, "R") });
    await sent(taken("<a@x.example> BY=119;N"), { offers: ["DELIVERBY 120"], options: within(119_000, "N") });
    const error = await unsent({ offers: ["DELIVERBY 120"], options: within(119_000, "R") });
    expect(error).toMatchObject({ name: "SmtpArgumentError", command: "MAIL FROM" });
    expect(error.message).toContain("BY=119;R, and the server returns messages after 120 seconds at the earliest");
  });

  test("not offered: an error; mode N is left out with a warning, mode R never", async () => {
    expect(await unsent({ offers: [], options: within(1_000, "N") })).toMatchObject(
      unsupported("deliverBy", "DELIVERBY"),
    );
    const { warnings } = await sent(taken("<a@x.example>"), {
      offers: [],
      options: { ...within(1_000, "N"), whenNotOffered: "omit" },
    });
    expect(warnings).toContain("BY=1;N was left out, since the server does not offer DELIVERBY");
    const error = await unsent({ offers: [], options: { ...within(1_000, "R"), whenNotOffered: "omit" } });
    expect(error).toMatchObject(unsupported("deliverBy", "DELIVERBY"));
  });
});

describe("FUTURERELEASE (RFC 4865)", () => {
  const offers = ["FUTURERELEASE 86400 2030-01-01T00:00:00Z"];
  const until = (time: string): SendOptions => ({ holdUntil: new Date(time) });

  test("HOLDFOR and HOLDUNTIL are said, up to the server's limits", async () => {
    for (const extensions of [offers, ["FUTURERELEASE"]]) {
      await sent(taken("<a@x.example> HOLDFOR=86400"), { offers: extensions, options: { holdFor: 86_400_000 } });
      const options = until("2030-01-01T00:00:00Z");
      await sent(taken("<a@x.example> HOLDUNTIL=2030-01-01T00:00:00Z"), { offers: extensions, options });
    }
  });

  test("beyond the limits: an error before MAIL", async () => {
    expect((await unsent({ offers, options: { holdFor: 86_401_000 } })).message).toContain("for 86400 seconds at most");
    expect((await unsent({ offers, options: until("2030-01-01T00:00:01Z") })).message).toContain(
      "holds messages until 2030-01-01T00:00:00Z at most",
    );
  });

  test("not offered: an error before MAIL, never left out, since the message would go at once", async () => {
    for (const [option, options] of [
      ["holdFor", { holdFor: 1_000 }],
      ["holdUntil", until("2030-01-01T00:00:00Z")],
    ] as const) {
      const error = await unsent({ offers: [], options: { ...options, whenNotOffered: "omit" } });
      expect(error).toMatchObject(unsupported(option, "FUTURERELEASE"));
    }
  });
});

describe("MT-PRIORITY (RFC 6710)", () => {
  test("is said; not offered: an error, or left out with a warning", async () => {
    const options: SendOptions = { mtPriority: -3 };
    await sent(taken("<a@x.example> MT-PRIORITY=-3"), { offers: ["MT-PRIORITY MIXER"], options });
    expect(await unsent({ offers: [], options })).toMatchObject(unsupported("mtPriority", "MT-PRIORITY"));
    const { warnings } = await sent(taken("<a@x.example>"), {
      offers: [],
      options: { ...options, whenNotOffered: "omit" },
    });
    expect(warnings).toContain("MT-PRIORITY=-3 was left out, since the server does not offer MT-PRIORITY");
  });
});

describe("AUTH= (RFC 4954)", () => {
  test("is said, the RFC's example as xtext; not offered: an error, or left out with a warning", async () => {
    const options: SendOptions = { auth: "e=mc2@example.com" };
    const from = "e=mc2@example.com";
    await sent(taken("<e=mc2@example.com> AUTH=e+3Dmc2@example.com"), { offers: ["AUTH PLAIN"], options, from });
    await sent(taken("<a@x.example> AUTH=<>"), { offers: ["AUTH PLAIN"], options: { auth: "<>" } });
    expect(await unsent({ offers: [], options })).toMatchObject(unsupported("auth", "AUTH"));
    const { warnings } = await sent(taken("<a@x.example>"), {
      offers: [],
      options: { ...options, whenNotOffered: "omit" },
    });
    expect(warnings).toContain("AUTH=e+3Dmc2@example.com was left out, since the server does not offer AUTH");
  });
});

describe("all of them", () => {
  test("stand in one MAIL", async () => {
    const script = `
      C: MAIL FROM:<a@x.example> BODY=8BITMIME SIZE=4 RET=FULL ENVID=1 REQUIRETLS BY=60;NT HOLDFOR=1 MT-PRIORITY=9 AUTH=<> SMTPUTF8
      C: RCPT TO:<b@y.example> NOTIFY=NEVER
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: ü
      C: .
      S: 250 stored`;
    const offers = [
      "8BITMIME",
      "SIZE",
      "DSN",
      "REQUIRETLS",
      "DELIVERBY",
      "FUTURERELEASE",
      "MT-PRIORITY",
      "AUTH X",
      "SMTPUTF8",
    ];
    const { warnings } = await sent(script, {
      offers,
      source: "ü",
      stream: { tls: true },
      options: {
        dsn: { ret: "FULL", envid: "1", notify: "NEVER" },
        requireTls: true,
        deliverBy: { time: 60_000, mode: "N", trace: true },
        holdFor: 1_000,
        mtPriority: 9,
        auth: "<>",
        smtputf8: true,
      },
    });
    expect(warnings).toEqual([]);
  });

  test("are judged when the message has its turn: EHLO may have been said again", async () => {
    const { smtp, server } = await session(
      `
      C: EHLO localhost
      S: 250-mx.example
      S: 250 SIZE 3`,
      { extensions: ["PIPELINING", "SIZE 1000", "DSN"], options: COLLECT },
    );
    const again = smtp.ehlo("localhost");
    const large = failure(smtp.sendMessage("large", FROM, TO));
    const notified = failure(smtp.sendMessage("x", FROM, TO, { dsn: { ret: "FULL" } }));
    await again;
    expect((await large).message).toContain("expected at most 3 (SIZE)");
    expect(await notified).toMatchObject(unsupported("dsn", "DSN"));
    server.finish();
  });

  test("after HELO nothing is offered", async () => {
    const { smtp, server } = await session(`C: HELO localhost\nS: 250 mx\n${"C: NOOP\nS: 250 ok"}`, {
      extensions: ["DSN", "SIZE 1"],
    });
    await smtp.helo("localhost");
    const error = await failure(smtp.sendMessage("large", FROM, TO, { dsn: { ret: "FULL" } }));
    expect(error).toMatchObject(unsupported("dsn", "DSN"));
    await smtp.getOk("NOOP");
    server.finish();
  });
});
