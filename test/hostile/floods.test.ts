/**
 * Classes F and G: replies without an end, in every shape, and addresses made to be slow.
 * The law here: what is held of a reply is bounded, the work is linear in the octets, and the error comes within the
 * deadline. The work is counted, not timed.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { NetSmtp, SmtpAddress, SmtpArgumentError } from "../../mod.ts";
import { ReplyParser, type SmtpResponse } from "../../src/protocol/reply.ts";
import { failure, turns } from "../support/told.ts";
import { Peer } from "./peer.ts";

const MB = 1024 * 1024;
const FLOOD = 200 * MB;
const LIMIT = 64 * 1024;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A session that waits for the reply to MAIL; what comes then is the test's. */
async function waiting(readTimeout = 60_000) {
  const peer = new Peer({ say: (verb, reply) => (verb === "MAIL" ? "" : reply) });
  peer.patient = true;
  const smtp = await new NetSmtp("mx.example", 25, { network: peer, readTimeout }).start();
  let error: Error | undefined;
  const sending = failure(smtp.sendMessage("x", "a@x.example", "b@y.example")).then((reason) => {
    error = reason;
  });
  await turns();
  return { peer, sending, error: () => error };
}

/** Heap and what buffers hold outside of it, after as much collection as the runtime lets us ask for. */
function held(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, arrayBuffers = 0 } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const CHUNK = 64 * 1024;
const shapes: readonly (readonly [name: string, line: string])[] = [
  ["without an end", "2"],
  ["of 250- lines", "250-x\r\n"],
  ["of long 250- lines", `250-${"x".repeat(500)}\r\n`],
  ["of empty 250- lines", "250-\r\n"],
  ["of NUL", "\0"],
  ["of CR", "\r"],
];

describe("F: 200 MB", () => {
  test.each(shapes)("a reply %s ends in an error, under 5 MB held", async (_name, line) => {
    const { peer, sending, error } = await waiting();
    const chunk = Buffer.from(line.repeat(Math.ceil(CHUNK / line.length)), "latin1");
    const before = held();
    let most = before;
    let read = 0;
    for (let sent = 0; sent < FLOOD; sent += chunk.length) {
      if (peer.open > 0) read += chunk.length;
      peer.pour(chunk);
      if (sent % (20 * MB) < chunk.length) most = Math.max(most, held());
    }
    await sending;
    expect(error()).toMatchObject({ name: "SmtpProtocolError", fate: "unsent" });
    expect(error()?.message.length).toBeLessThan(500);
    expect(read).toBeLessThanOrEqual(LIMIT + chunk.length);
    expect(peer.open).toBe(0);
    expect(most - before).toBeLessThan(5 * MB);
  });

  test("a parser that is given all of it holds no more than its limit", () => {
    for (const [, line] of shapes) {
      const parser = new ReplyParser();
      const replies: SmtpResponse[] = [];
      const chunk = Buffer.from(line.repeat(Math.ceil(CHUNK / line.length)), "latin1");
      let most = 0;
      for (let sent = 0; sent < FLOOD; sent += chunk.length) {
        parser.push(chunk, replies);
        most = Math.max(most, parser.buffered);
      }
      expect(most).toBeLessThanOrEqual(LIMIT);
      expect(replies).toEqual([]);
    }
  });

  test("complete replies that nothing asked for end it at the first", async () => {
    const { peer, sending, error } = await waiting();
    peer.pour(Buffer.from("250 x\r\n".repeat(100_000)));
    await sending;
    expect(error()).toMatchObject({ name: "SmtpProtocolError", fate: "unsent" });
  });
});

describe("F: drop by drop", () => {
  /** Octets copied from one buffer to another while the parser reads: the only work that could grow with the square. */
  function copied(work: () => void): number {
    let octets = 0;
    const { set } = Uint8Array.prototype;
    const spy = vi.spyOn(Uint8Array.prototype, "set").mockImplementation(function (this: Uint8Array, from, at) {
      octets += from.length;
      set.call(this, from, at);
    });
    try {
      work();
    } finally {
      spy.mockRestore();
    }
    return octets;
  }

  test("one octet a segment costs in proportion to the octets", () => {
    const cost = (length: number): number =>
      copied(() => {
        const parser = new ReplyParser({ line: 1e7, lines: 1e7, bytes: 1e7 });
        const replies: SmtpResponse[] = [];
        for (const octet of Buffer.from(`250 ${"x".repeat(length)}\r\n`)) parser.push(Uint8Array.of(octet), replies);
        expect(replies).toHaveLength(1);
      });
    const [small, large] = [cost(10_000), cost(80_000)];
    expect(small).toBeGreaterThan(10_000);
    expect(small).toBeLessThan(10_000 * 4);
    expect(large / small).toBeLessThan(12);
  });

  test("one octet a segment is a reply like any other", async () => {
    const peer = new Peer({ cut: (bytes) => Array.from(bytes, (octet) => Buffer.of(octet)) });
    const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start();
    await smtp.sendMessage("x", "a@x.example", "b@y.example");
    await smtp.finish();
    expect(peer.stored).toHaveLength(1);
  });

  test.each(["250-wait\r\n", "2", "250-x"])(
    "one octet a second of %j: an error at the deadline, not later",
    async (text) => {
      vi.useFakeTimers();
      const { peer, sending, error } = await waiting(5_000);
      for (let second = 1; second <= 5; second++) {
        peer.pour(Buffer.from(text.charAt((second - 1) % text.length)));
        await vi.advanceTimersByTimeAsync(1_000);
        expect(error() === undefined).toBe(second < 5);
      }
      await sending;
      expect(error()).toMatchObject({ name: "SmtpReadTimeout", fate: "unsent" });
      expect([peer.open, vi.getTimerCount()]).toEqual([0, 0]);
    },
  );

  test.each(["", " ", "250-\r\n250-   \r\n250 ", "250-\0\0\r\n250 \xff\xff", "250-\t\r\n250 PIPELINING\t", "250"])(
    "EHLO answered %j: a session without extensions, or an error",
    async (text) => {
      const peer = new Peer({ say: (verb, reply) => (verb === "EHLO" ? `${text}\r\n` : reply) });
      const outcome = await new NetSmtp("mx.example", 25, { network: peer }).start().catch((error) => error);
      if (outcome instanceof NetSmtp) expect([...(outcome.capabilities ?? [])]).toEqual([]);
      else expect(outcome.name).toBe("SmtpProtocolError");
    },
  );
});

describe("G: addresses", () => {
  const mega = (text: string): string => text.repeat(MB / text.length);
  test.each(["(", '"a"@', ",", "<", "\\", "a@", '"', "[", ".", "\u0130", "xn--"])(
    "a megabyte of %j is refused by its length alone",
    async (text) => {
      const address = mega(text);
      const [search, test] = [vi.spyOn(String.prototype, "search"), vi.spyOn(RegExp.prototype, "test")];
      const peer = new Peer({ extensions: ["SMTPUTF8", "8BITMIME"] });
      const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start();
      const looked = (): number =>
        [...search.mock.contexts, ...test.mock.calls.flat()].filter((given) => String(given).length > 10_000).length;
      for (const use of [
        () => smtp.sendMessage("x", address, "b@y.example"),
        () => smtp.sendMessage("x", "a@x.example", [new SmtpAddress(address)]),
      ]) {
        const error = await failure(use());
        expect(error).toBeInstanceOf(SmtpArgumentError);
        expect(error.message.length).toBeLessThan(400);
      }
      expect(looked()).toBe(0);
      expect(peer.verbs).toEqual(["EHLO"]);
    },
  );
});
