/** BDAT (RFC 3030) as transcripts: with its envelope, in flight, in chunks, refused, and never with a host that does not know it. */

import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type MessageSource, NetSmtp, type RecipientResult, type SmtpError, type SmtpOptions } from "../mod.ts";
import { network } from "./support/play.ts";
import { ENVELOPE, type PlayedSession, session } from "./support/session.ts";
import { type Sink, sink } from "./support/sink.ts";

const FROM = "a@x.example";

function told(recipients: readonly RecipientResult[]): string {
  return recipients
    .map(({ address, fate, response }) => [address, fate, response?.status].filter(Boolean).join(" "))
    .join(", ");
}

async function failure(promise: Promise<unknown>): Promise<SmtpError> {
  return await promise.then(
    () => Promise.reject(new Error("Expected a rejection")),
    (error) => error,
  );
}

function open(script: string, options: SmtpOptions = {}, address = "mx.example"): Promise<PlayedSession> {
  const extensions = ["PIPELINING", "CHUNKING"];
  return session(script, { extensions, options: { recipientPolicy: "collect", ...options }, address });
}

function start(stream: Sink): Promise<NetSmtp> {
  return NetSmtp.start("sink", { network: network(stream), recipientPolicy: "collect" });
}

describe("the octets", () => {
  const golden = readFileSync(new URL("./golden/message.out", import.meta.url));
  const message = readFileSync(new URL("./golden/message.in", import.meta.url));
  /** Under BDAT the same octets without the added dots and the end of data (hazards of RFC 3030). */
  const expected = golden
    .toString("latin1")
    .replace(/\.\r\n$/, "")
    .replace(/(^|\r\n)\.\./g, "$1.");

  const sources: Record<string, (at: number) => MessageSource> = {
    bytes: () => message,
    "an array": (at) => [message.subarray(0, at), message.subarray(at)],
    "a Node stream": (at) => Readable.from([message.subarray(0, at), message.subarray(at)]),
  };
  test.each(Object.entries(sources))("of %s are those of DATA without dots, cut anywhere", async (_name, source) => {
    const stream = sink({ chunking: true });
    const smtp = await start(stream);
    for (let at = 0; at <= message.length; at += 3) await smtp.sendMessage(source(at), FROM, "b@y.example");
    expect(stream.contents.findIndex((content) => content.toString("latin1") !== expected)).toBe(-1);
    expect(stream.chunks.every((chunk) => chunk === `BDAT ${expected.length} LAST`)).toBe(true);
  });

  test("of a large message go in chunks of bounded size", async () => {
    const line = "0123456789".repeat(7);
    const large = Buffer.from(`${line}\r\n`.repeat(50_000));
    for (const source of [
      large,
      Readable.from(Array.from({ length: 36 }, (_, index) => large.subarray(index * 1e5, (index + 1) * 1e5))),
    ]) {
      const stream = sink({ chunking: true });
      const smtp = await start(stream);
      await smtp.sendMessage(source, FROM, "b@y.example");
      expect(stream.contents[0]?.equals(large)).toBe(true);
      const sizes = stream.chunks.map((chunk) => Number(chunk.split(" ")[1]));
      expect(Math.max(...sizes)).toBeLessThan(600_000);
      expect(stream.chunks.filter((chunk) => chunk.endsWith("LAST"))).toEqual([stream.chunks.at(-1)]);
    }
  });
});

describe("sendMessage() with BDAT", () => {
  test("MAIL, RCPT, BDAT LAST and the octets leave in one write", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 5 LAST
      C: .hi
      S: 250 ok
      S: 250 ok
      S: 250 queued`);
    const delivery = await smtp.sendMessage(".hi\n", FROM, "b@y.example");
    expect(told(delivery.recipients)).toBe("b@y.example accepted 250");
    expect(delivery.size).toBe(5);
    expect(server.writes.slice(1)).toEqual([
      "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nBDAT 5 LAST\r\n.hi\r\n",
    ]);
    server.finish();
  });

  // But for PIPELINING, without which this engine says DATA: a chunk that leaves with its envelope is what BDAT is for.
  test("the dialogue of RFC 3030, section 4.1", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<Sam@Random.com>
      C: RCPT TO:<Susan@Random.com>
      C: BDAT 86 LAST
      C: To: Susan@random.com
      C: From: Sam@random.com
      C: Subject: This is a bodyless test message
      S: 250 <Sam@Random.com> Sender ok
      S: 250 <Susan@random.com> Recipient ok
      S: 250 Message OK, 86 octets received
      C: QUIT
      S: 221 Goodbye
      C: <close>`);
    const message = "To: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n";
    const { size, response } = await smtp.sendMessage(message, "Sam@Random.com", "Susan@Random.com");
    expect([size, `${response}`]).toEqual([86, "250 Message OK, 86 octets received"]);
    await smtp.finish();
    server.finish();
  });

  test("inFlight 1 waits for the reply before the next, which needs no RSET", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 ok
      S: 250 ok
      S: 250 queued
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: two
      S: 250 ok
      S: 250 ok
      S: 250 queued`);
    await Promise.all([smtp.sendMessage("one", FROM, "b@y.example"), smtp.sendMessage("two", FROM, "c@y.example")]);
    expect(server.writes).toHaveLength(3);
    server.finish();
  });

  test("three in flight leave in one write, RSET in front of each later MAIL; the middle one, refused by all, harms nobody", async () => {
    const { smtp, server } = await open(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<nobody@y.example>
      C: RCPT TO:<no@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<d@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 ok
      S: 250 ok
      S: 250 first queued
      S: 250 reset
      S: 250 ok
      S: 550 no such user
      S: 551 not here
      S: 554 no valid recipients
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 250 third queued
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 6 LAST
      C: four
      S: 250 ok
      S: 250 ok
      S: 250 fourth queued`,
      { inFlight: 16 },
    );
    const [one, two, three] = await Promise.allSettled([
      smtp.sendMessage("one", FROM, "b@y.example"),
      smtp.sendMessage("two", "a2@x.example", ["nobody@y.example", "no@y.example"]),
      smtp.sendMessage("three", "a3@x.example", "d@y.example"),
    ]);
    expect(server.writes).toHaveLength(2);
    expect(one).toMatchObject({ status: "fulfilled", value: { response: { string: "250 first queued" } } });
    expect(three).toMatchObject({ status: "fulfilled", value: { response: { string: "250 third queued" } } });
    const error = (two as PromiseRejectedResult).reason as SmtpError;
    expect(told(error.recipients)).toBe("nobody@y.example refused 550, no@y.example refused 551");
    expect(error).toMatchObject({ name: "SmtpFatalError", phase: "rcpt", response: { status: "550" } });
    await smtp.sendMessage("four", FROM, "e@y.example");
    server.finish();
  });

  test("inFlight 2 holds the third back until one was answered", async () => {
    const message = (recipient: string, text: string, reset: boolean): string =>
      [
        reset ? "C: RSET" : "",
        "C: MAIL FROM:<a@x.example>",
        `C: RCPT TO:<${recipient}@y.example>`,
        "C: BDAT 3 LAST",
        `C: ${text}`,
      ]
        .filter(Boolean)
        .join("\n");
    const { smtp, server } = await open(
      `
      ${message("b", "1", false)}
      ${message("c", "2", true)}
      S: 250 ok
      S: 250 ok
      S: 250 queued
      ${message("d", "3", true)}
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 250 queued
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 250 queued`,
      { inFlight: 2 },
    );
    await Promise.all(["1", "2", "3"].map((text, index) => smtp.sendMessage(text, FROM, `${"bcd"[index]}@y.example`)));
    expect(server.writes).toHaveLength(3);
    server.finish();
  });

  test("one refused recipient: the message goes to the others", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<nobody@y.example>
      C: BDAT 3 LAST
      C: x
      S: 250 ok
      S: 250 ok
      S: 550 no such user
      S: 250 queued`);
    const delivery = await smtp.sendMessage("x", FROM, ["b@y.example", "nobody@y.example"]);
    expect(told(delivery.recipients)).toBe("b@y.example accepted 250, nobody@y.example refused 550");
    server.finish();
  });

  test("the end refused: everybody refused, and an RSET in front of the next MAIL", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 3 LAST
      C: x
      S: 250 ok
      S: 250 ok
      S: 452 full
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: BDAT 3 LAST
      C: x
      S: 250 queued`);
    const error = await failure(smtp.sendMessage("x", FROM, "b@y.example"));
    expect(error).toMatchObject({ name: "SmtpServerBusy", phase: "final", fate: "refused", retry: "later" });
    await smtp.sendMessage("x", FROM, "b@y.example");
    server.finish();
  });

  test("content taken although MAIL or RSET was refused is unknown", async () => {
    for (const refused of ["MAIL", "RSET"]) {
      const { smtp } = await open(
        `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 3 LAST
      C: 1
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 3 LAST
      C: 2
      S: 250 ok
      S: 250 ok
      S: 250 queued
      S: ${refused === "RSET" ? "503 no" : "250 ok"}
      S: ${refused === "MAIL" ? "503 no" : "250 ok"}
      S: 250 ok
      S: 250 queued`,
        { inFlight: 2 },
      );
      const [, second] = await Promise.allSettled([
        smtp.sendMessage("1", FROM, "b@y.example"),
        smtp.sendMessage("2", FROM, "c@y.example"),
      ]);
      expect((second as PromiseRejectedResult).reason).toMatchObject({ fate: "unknown", retry: "ask" });
    }
  });

  test("the connection lost with two in flight: what was answered stands, the other is unknown", async () => {
    const { smtp } = await open(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 3 LAST
      C: 1
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 3 LAST
      C: 2
      S: 250 ok
      S: 250 ok
      S: 250 queued
      S: 250 ok
      S: <close>`,
      { inFlight: 2 },
    );
    const [first, second] = await Promise.allSettled([
      smtp.sendMessage("1", FROM, "b@y.example"),
      smtp.sendMessage("2", FROM, "c@y.example"),
    ]);
    expect(first.status).toBe("fulfilled");
    expect((second as PromiseRejectedResult).reason).toMatchObject({
      fate: "unknown",
      retry: "ask",
      name: "SmtpConnectionError",
    });
  });

  test("421 to the first in flight: refused, those behind that were handed over are unknown", async () => {
    const { smtp } = await open(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 3 LAST
      C: 1
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 3 LAST
      C: 2
      S: 421 closing
      S: <close>`,
      { inFlight: 2 },
    );
    const [first, second] = await Promise.allSettled([
      smtp.sendMessage("1", FROM, "b@y.example"),
      smtp.sendMessage("2", FROM, "c@y.example"),
    ]);
    expect((first as PromiseRejectedResult).reason).toMatchObject({ fate: "refused", temporary: true, retry: "now" });
    expect((second as PromiseRejectedResult).reason).toMatchObject({ fate: "unknown", retry: "ask" });
  });

  test("a stream goes in chunks once its recipients are accepted; what is short is one LAST", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: BDAT 10 LAST
      C: one
      C: two
      S: 250 queued`);
    await smtp.sendMessage(["one\n", "two"], FROM, "b@y.example");
    server.finish();
  });

  test("beforeEnd is awaited before the LAST, with the accepted recipients; if it says no, RSET and the session goes on", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<nobody@y.example>
      S: 250 ok
      S: 250 ok
      S: 550 no such user
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: BDAT 3 LAST
      C: y
      S: 250 queued`);
    const seen: unknown[] = [];
    const beforeEnd = async (message: unknown): Promise<void> => {
      seen.push(message);
      throw new Error("ledger is down");
    };
    const error = await failure(
      smtp.sendMessage("x", FROM, ["b@y.example", "nobody@y.example"], { beforeEnd, id: "7" }),
    );
    expect(seen).toEqual([{ id: "7", recipients: ["b@y.example"] }]);
    expect(told(error.recipients)).toBe("b@y.example unsent, nobody@y.example refused 550");
    expect(smtp.errorOccurred).toBe(false);
    await smtp.sendMessage("y", FROM, "b@y.example");
    server.finish();
  });

  test("a source that fails half-way ends nothing: unsent, RSET, no latch", async () => {
    const big = new Uint8Array(300_000).fill(65);
    const stream = sink({ chunking: true });
    const smtp = await start(stream);
    const source = async function* (): AsyncGenerator<Uint8Array> {
      yield big;
      throw new Error("disk is gone");
    };
    const error = await failure(smtp.sendMessage(source(), FROM, "b@y.example"));
    expect(error).toMatchObject({ name: "SmtpSourceError", fate: "unsent", phase: "content" });
    expect([smtp.errorOccurred, stream.contents.length, stream.chunks]).toEqual([false, 0, ["BDAT 300000"]]);
    await smtp.finish();
  });

  test("a refused chunk stops the rest: refused, RSET, the session goes on", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: BDAT 262144
      C: ${"A".repeat(262_142)}
      S: 552 too big
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: BDAT 3 LAST
      C: y
      S: 250 queued`);
    const chunk = `${"A".repeat(262_142)}\r\n`;
    const error = await failure(smtp.sendMessage([chunk, "more"], FROM, "b@y.example"));
    expect(error).toMatchObject({ fate: "refused", phase: "content", response: { status: "552" }, retry: "never" });
    await smtp.sendMessage("y", FROM, "b@y.example");
    server.finish();
  });

  test("aborted without a LAST: unsent at once, RSET, the session goes on", async () => {
    const { smtp, server } = await open(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: BDAT 3 LAST
      C: y
      S: 250 queued`);
    const abort = new AbortController();
    const source = async function* (): AsyncGenerator<string> {
      yield "begun";
      abort.abort(new Error("enough"));
      await new Promise(() => undefined);
    };
    const error = await failure(smtp.sendMessage(source(), FROM, "b@y.example", { signal: abort.signal }));
    expect(error).toMatchObject({ name: "AbortError", fate: "unsent" });
    await smtp.sendMessage("y", FROM, "b@y.example");
    server.finish();
  });

  test('the policies that decide before the content: "all-or-nothing" by BDAT, "net-smtp" by DATA as Net::SMTP', async () => {
    const envelope = "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nS: 250 ok\nS: 250 ok";
    const bdat = await open(`${envelope}\nC: BDAT 3 LAST\nC: x\nS: 250 queued`, { recipientPolicy: "all-or-nothing" });
    await bdat.smtp.sendMessage("x", FROM, "b@y.example");
    bdat.server.finish();
    const data = await open(`${envelope}\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 queued`, {
      recipientPolicy: "net-smtp",
    });
    await data.smtp.sendMessage("x", FROM, "b@y.example");
    data.server.finish();
  });

  test("BDAT not known: the connection is closed, and the host sees no BDAT again", async () => {
    const refused = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 3 LAST
      C: x
      S: 250 ok
      S: 250 ok
      S: 502 what
      C: <close>`;
    const { smtp, server } = await open(refused, {}, "old.example");
    const error = await failure(smtp.sendMessage("x", FROM, "b@y.example"));
    expect(error.fate).toBe("refused");
    expect(smtp.errorOccurred).toBe(true);
    server.finish();
    const taken = `${ENVELOPE}
      C: x
      C: .
      S: 250 queued`;
    const again = await open(taken, {}, "old.example");
    await again.smtp.sendMessage("x", FROM, "b@y.example");
    again.server.finish();
  });
});
