/** Many recipients, many messages, long messages: nothing deadlocks, and nothing is held that need not be. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { type Delivery, type MessageSource, NetSmtp } from "../mod.ts";
import { nodeNetwork } from "../src/net/node.ts";
import type { SmtpNetwork, SmtpStream, StreamSink } from "../src/net/stream.ts";
import { network } from "./support/play.ts";
import { many } from "./support/runs.ts";
import { type PlayedSession, session } from "./support/session.ts";
import { sink } from "./support/sink.ts";
import { FROM, failure, told, turns } from "./support/told.ts";

const TO = "b@y.example";

function recipients(count: number, length: number): string[] {
  return Array.from({ length: count }, (_, index) => `${`${index}`.padStart(length, "r")}@y.example`);
}

/** The same stream, its writes told: how many octets, and whether it takes more. */
function watched(stream: SmtpStream, wrote: (octets: number, more: boolean) => void): SmtpStream {
  return {
    tls: stream.tls,
    loopback: stream.loopback,
    remote: stream.remote,
    open: (to) => stream.open(to),
    startTls: (settings) => stream.startTls(settings),
    end: () => stream.end(),
    destroy: () => stream.destroy(),
    write: (bytes) => {
      const more = stream.write(bytes);
      wrote(bytes.length, more);
      return more;
    },
  };
}

describe("5 000 recipients", () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  test.each([1, 100, 1_000, 5_000])(
    "%i recipients take two writes: the envelope with DATA, the message",
    async (count) => {
      const groups: number[] = [];
      const smtp = await NetSmtp.start("sink", {
        network: network(watched(sink(), (octets) => groups.push(octets))),
        recipientPolicy: "collect",
      });
      const to = recipients(count, 10);
      const delivery = await smtp.sendMessage("x", FROM, to);
      expect(delivery.accepted.map(({ address }) => address)).toEqual(to);
      const rcpts = to.reduce((sum, address) => sum + `RCPT TO:<${address}>\r\n`.length, 0);
      expect(groups.slice(1)).toEqual([
        `MAIL FROM:<${FROM}>\r\n`.length + rcpts + "DATA\r\n".length,
        "x\r\n.\r\n".length,
      ]);
    },
  );

  /**
   * Takes nothing before it is told to, then a little at a time, and nothing while its replies are not taken. It goes on
   * only if the client reads while it writes: a unix socket holds a few hundred kilobytes, less than either has to say.
   */
  function slow(socket: Socket): { go: () => void; waited: () => number } {
    const filler = "x".repeat(2_000);
    let line = "";
    let waits = 0;
    let inData = false;
    const reply = (command: string): string => {
      if (inData && command !== ".") return "";
      inData = command === "DATA";
      if (inData) return "354 go ahead\r\n";
      if (command.startsWith("EHLO")) return "250-slow\r\n250 PIPELINING\r\n";
      return command.startsWith("RCPT") ? `250 ${filler}\r\n` : "250 ok\r\n";
    };
    const take = (bytes: Buffer): void => {
      const lines = (line + bytes.toString("latin1")).split("\r\n");
      line = lines.pop() as string;
      const replies = lines.map(reply).join("");
      if (replies === "" || socket.write(replies)) return;
      waits++;
      socket.pause();
      socket.once("drain", () => socket.resume());
    };
    socket.on("error", () => undefined).write("220 slow\r\n");
    socket.once("data", (ehlo: Buffer) => {
      take(ehlo);
      socket.pause().on("data", take);
    });
    return { go: () => socket.resume(), waited: () => waits };
  }

  test("no deadlock with a server that reads late, and only while its replies are taken", async () => {
    let server: ReturnType<typeof slow> | undefined;
    const listener = createServer({ highWaterMark: 4_096 }, (socket) => {
      server = slow(socket);
      closing.push(async () => void socket.destroy());
    });
    const folder = mkdtempSync(join(tmpdir(), "size-"));
    const socketPath = join(folder, "smtp");
    closing.push(async () => rmSync(folder, { recursive: true }));
    await new Promise<void>((resolve) => listener.listen(socketPath, resolve));
    closing.push(() => new Promise((resolve) => listener.close(() => resolve())));
    let stalled = false;
    const net: SmtpNetwork = {
      ...nodeNetwork,
      connect: async (target, signal) =>
        watched(await nodeNetwork.connect(target, signal), (_octets, more) => {
          // The socket has more than it can take: now the server begins to read.
          if (!more) server?.go();
          stalled ||= !more;
        }),
    };
    const smtp = await NetSmtp.start("slow", { network: net, socketPath, recipientPolicy: "collect" });
    const to = recipients(5_000, 64);
    const delivery = await smtp.sendMessage("x", FROM, to);
    expect(delivery.accepted).toHaveLength(5_000);
    expect([stalled, (server?.waited() ?? 0) > 0]).toEqual([true, true]);
  });
});

describe("messages in the queue", () => {
  test.each([
    ["DATA", { chunking: false }, 1, 2],
    ["BDAT", { chunking: true }, 1, 2],
    ["BDAT in flight", { chunking: true }, 16, 17],
  ])(
    "under %s a source is made when its turn comes",
    { timeout: 120_000 },
    async (_framing, offers, inFlight, most) => {
      const stream = sink(offers);
      const smtp = await NetSmtp.start("sink", { network: network(stream), recipientPolicy: "collect", inFlight });
      let [alive, peak, next] = [0, 0, 0];
      const order: boolean[] = [];
      const send = async (number: number): Promise<Delivery> => {
        const source = (): string => {
          order.push(number === next++);
          peak = Math.max(peak, ++alive);
          return `message ${number}`;
        };
        const delivery = await smtp.sendMessage(source, FROM, TO);
        alive--;
        return delivery;
      };
      const count = many(100_000, 10_000);
      const sent = Array.from({ length: count }, (_, number) => send(number));
      expect(next).toBe(0);
      for (const { accepted } of await Promise.all(sent)) if (accepted.length !== 1) throw new Error("Not accepted");
      const dot = offers.chunking ? "" : ".\r\n";
      expect([stream.contents.length, order.length, order.includes(false)]).toEqual([count, count, false]);
      expect(stream.contents.findIndex((content, at) => content.toString() !== `message ${at}\r\n${dot}`)).toBe(-1);
      expect(peak).toBeLessThanOrEqual(most);
    },
  );
});

/** A server in memory that takes one write in a turn of the event loop, and keeps nothing of a message but its size. */
class Slow implements SmtpStream {
  readonly tls = false;
  readonly loopback = true;
  readonly remote = "memory";
  /** Octets of messages that were taken. */
  taken = 0;
  /** The most chunks of BDAT that were waiting for their replies. */
  unanswered = 0;
  #sink: StreamSink | undefined;
  #waiting: Uint8Array[] = [];
  #octets = 0;
  #line = "";
  #chunk = 0;
  #inData = false;
  #tail = "";
  #owed: string[] = [];
  readonly #chunking: boolean;

  constructor(chunking: boolean) {
    this.#chunking = chunking;
  }

  open(to: StreamSink): void {
    this.#sink = to;
    this.#say("220 slow");
  }

  write(bytes: Uint8Array): boolean {
    if (this.#waiting.push(bytes) === 1) setImmediate(() => this.#takeOne());
    this.#octets += bytes.length;
    return this.#octets < 16_384;
  }

  #takeOne(): void {
    const bytes = this.#waiting.shift() as Uint8Array;
    this.#octets -= bytes.length;
    this.#take(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    if (this.#waiting.length > 0) setImmediate(() => this.#takeOne());
    else this.#sink?.drain();
  }

  #take(bytes: Buffer): void {
    if (this.#inData) this.#takeContent(bytes);
    else this.#takeCommands(bytes);
  }

  #takeCommands(bytes: Buffer): void {
    const octets = Math.min(this.#chunk, bytes.length);
    this.#chunk -= octets;
    this.taken += octets;
    const rest = octets === 0 ? bytes : bytes.subarray(octets);
    const end = rest.indexOf("\r\n");
    this.#line += rest.toString("latin1", 0, end < 0 ? rest.length : end);
    if (end < 0) return;
    this.#command(this.#line);
    this.#line = "";
    this.#take(rest.subarray(end + 2));
  }

  #takeContent(bytes: Buffer): void {
    this.taken += bytes.length;
    this.#tail = (this.#tail + bytes.toString("latin1", Math.max(0, bytes.length - 5))).slice(-5);
    if (this.#tail !== "\r\n.\r\n") return;
    this.#inData = false;
    this.#say("250 stored");
  }

  #command(line: string): void {
    this.#inData = line === "DATA";
    if (line.startsWith("BDAT")) this.#chunk = Number(line.split(" ")[1]);
    if (line.startsWith("EHLO")) this.#say(`250-slow\r\n${this.#chunking ? "250-CHUNKING\r\n" : ""}250 PIPELINING`);
    else if (line.startsWith("BDAT") && !line.endsWith("LAST")) this.#answerLate();
    else this.#say(this.#inData ? "354 go ahead" : "250 ok");
  }

  /** A chunk is answered when nothing more comes: the client is seen to wait for it, and how many it let stand. */
  #answerLate(): void {
    this.unanswered = Math.max(this.unanswered, this.#owed.push("250 taken"));
    let quiet = 0;
    let before = this.taken;
    const look = (): void => {
      quiet = before === this.taken ? quiet + 1 : 0;
      before = this.taken;
      if (quiet < 20) setImmediate(look);
      else for (const reply of this.#owed.splice(0)) this.#say(reply);
    };
    if (this.#owed.length === 1) setImmediate(look);
  }

  #say(reply: string): void {
    queueMicrotask(() => this.#sink?.data(Buffer.from(`${reply}\r\n`)));
  }

  startTls(): Promise<SmtpStream> {
    return Promise.reject(new Error("It speaks no TLS"));
  }
  end(): void {}
  destroy(): void {}
}

describe("100 MB from an async iterable", () => {
  const CHUNK = new TextEncoder().encode(`${"x".repeat(62)}\r\n`.repeat(1_024));
  const COUNT = 1_600;

  test.each([
    ["DATA", false, 3],
    ["BDAT", true, 12],
  ])("under %s the engine holds a few chunks of a stream that takes them slowly", async (_framing, chunking, most) => {
    const stream = new Slow(chunking);
    const smtp = await NetSmtp.start("slow", { network: network(stream), recipientPolicy: "collect" });
    let [made, held] = [0, 0];
    async function* source(): AsyncGenerator<Uint8Array> {
      while (made < COUNT) {
        held = Math.max(held, ++made - Math.floor(stream.taken / CHUNK.length));
        yield CHUNK;
      }
    }
    const { size } = await smtp.sendMessage(source(), FROM, TO);
    expect([made, size]).toEqual([COUNT, COUNT * CHUNK.length + (chunking ? 0 : 3)]);
    expect(stream.taken).toBe(size);
    expect(held).toBeLessThanOrEqual(most);
    if (chunking) expect(stream.unanswered).toBe(4);
  });
});

const ENVELOPE = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok`;

describe("a source that gives nothing", () => {
  const FRAMINGS: [framing: string, extensions: string[], next: string][] = [
    [
      "DATA",
      ["PIPELINING"],
      `
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    ],
    [
      "BDAT",
      ["PIPELINING", "CHUNKING"],
      `
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 reset
      S: 250 ok
      S: 250 ok
      C: BDAT 6 LAST
      C: next
      S: 250 next queued`,
    ],
  ];
  const never = (): Promise<never> => new Promise(() => undefined);
  const gone = new Error("disk is gone");
  const SOURCES: Record<string, () => MessageSource> = {
    "an iterator that fails": () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(gone) }) }),
    "an iterator that hangs": () => ({ [Symbol.asyncIterator]: () => ({ next: never }) }),
    "a function that fails": () => () => Promise.reject(gone),
    "a function that throws": () => () => {
      throw gone;
    },
    "a function that hangs": () => never,
    "a function whose stream fails": () => () => new ReadableStream({ pull: () => Promise.reject(gone) }),
    "a function whose stream hangs": () => () => new ReadableStream({ pull: never }),
    "a Node stream that fails": () => new Readable({ read: () => undefined }).destroy(gone),
    "a Node stream that hangs": () => new Readable({ read: () => undefined }),
  };
  const cases = FRAMINGS.flatMap(([framing, extensions, next]) =>
    Object.entries(SOURCES).map(([name, source]) => ({ framing, extensions, next, name, source })),
  );

  test.each(cases)("$framing: $name costs no session", async ({ name, source, extensions, next }) => {
    const { smtp, server } = await session(`${ENVELOPE}${next}`, {
      extensions,
      options: { recipientPolicy: "collect" },
    });
    const hangs = name.includes("hangs");
    const controller = new AbortController();
    const sent = failure(smtp.sendMessage(source(), FROM, TO, { signal: controller.signal }));
    // Asked for before the first has failed.
    const delivery = smtp.sendMessage("next", FROM, TO);
    await turns();
    if (hangs) controller.abort();
    const error = await sent;
    expect([told(error), error.name]).toEqual(["b unsent", hangs ? "AbortError" : "SmtpSourceError"]);
    if (!hangs) expect(error.cause).toBe(gone);
    expect(told(await delivery)).toBe("b accepted 250");
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });
});

describe("a stream behind another message", () => {
  const two = (): string[] => ["two"];
  const STREAMS: [name: string, source: () => MessageSource][] = [
    ["an iterable", two],
    ["a Node stream", () => Readable.from(two())],
    ["a web stream", () => new Blob(two()).stream()],
    ["a Blob", () => new Blob(two())],
    ["a function", () => () => "two"],
  ];

  function overlapping(): Promise<PlayedSession> {
    return session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 one queued
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go ahead
      C: two
      C: .
      S: 250 two queued`,
      { options: { recipientPolicy: "collect" } },
    );
  }

  test.each(STREAMS)("%s: the group that leaves with the end before it ends with RCPT", async (_name, source) => {
    const { smtp, server } = await overlapping();
    const sent = [smtp.sendMessage("one", FROM, TO), smtp.sendMessage(source(), FROM, TO)];
    expect((await Promise.all(sent)).map(({ response }) => response.message)).toEqual([
      "250 one queued",
      "250 two queued",
    ]);
    const lines = server.writes.slice(1).map((write) => write.split("\r\n").map((line) => line.split(" ")[0]));
    expect(lines.map((words) => words.join(" ").trim()).slice(0, 3)).toEqual([
      "MAIL RCPT DATA",
      "one . MAIL RCPT",
      "DATA",
    ]);
    server.finish();
  });
});
