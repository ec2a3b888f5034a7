/**
 * What a message can come from: which can be read again, what is refused, how a source fails, and that giving one up
 * waits for nothing and leaves nothing open. That the octets are right is test/golden.test.ts's.
 *
 * @module
 */

import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../src/errors.ts";
import { type Message, type MessageSource, message } from "../src/message.ts";

async function read(opened: Message): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of { [Symbol.asyncIterator]: () => opened.open() }) parts.push(chunk);
  return Buffer.concat(parts);
}

const text = async (source: MessageSource): Promise<string> => (await read(message(source))).toString("utf8");

const webStream = (...chunks: (string | Uint8Array)[]) =>
  new ReadableStream<string | Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

/** Rejects, instead of hanging the test, if the promise is still pending after everything that was due has run. */
async function soon<T>(promise: Promise<T>): Promise<T> {
  const pending = new Promise<never>((_, reject) => {
    setImmediate(() => setImmediate(() => reject(new Error("Still pending"))));
  });
  return Promise.race([promise, pending]);
}

describe("message() replayable", () => {
  const sources: readonly (readonly [string, () => MessageSource, boolean])[] = [
    ["a string", () => "ab", true],
    ["bytes", () => Buffer.from("ab"), true],
    ["a view into a larger buffer", () => Buffer.from("xaby").subarray(1, 3), true],
    ["an ArrayBuffer", () => new Uint8Array([97, 98]).buffer, true],
    ["a Blob", () => new Blob(["a", "b"]), true],
    ["a function", () => () => "ab", true],
    ["a function of a stream", () => async () => Readable.from(["a", Buffer.from("b")]), true],
    ["an array", () => ["a", Buffer.from("b")], false],
    ["a generator", () => ["a", "b"].values(), false],
    ["a Node stream", () => Readable.from(["a", Buffer.from("b")]), false],
    ["a Node byte stream", () => Readable.from([Buffer.from("ab")], { objectMode: false }), false],
    ["a web stream", () => webStream("a", Buffer.from("b")), false],
  ];

  test.each(sources)("%s gives its octets, twice if it says so", async (_name, make, replayable) => {
    const made = message(make());
    expect(made.replayable).toBe(replayable);
    expect(await read(made)).toEqual(Buffer.from("ab"));
    if (replayable) expect(await read(made)).toEqual(Buffer.from("ab"));
    else await expect(read(made)).rejects.toThrow(/only once|cannot be read again/);
  });

  test("bytes is the memory itself, without a copy, and undefined for what is not in memory", () => {
    const octets = Buffer.from("ab");
    expect(message(octets).bytes).toBe(octets);
    expect(message("ü").bytes).toEqual(new Uint8Array([0xc3, 0xbc]));
    expect(message(new Blob(["a"])).bytes).toBeUndefined();
    expect(message(["a"]).bytes).toBeUndefined();
    expect(message(() => "a").bytes).toBeUndefined();
  });
});

describe("message() text", () => {
  test.each([
    [["\ud83d", "\ude00"], "😀"],
    [["a\ud83d", "", "\ude00b"], "a😀b"],
    [["\ud83d"], "\ufffd"],
    [["\ud83d", Buffer.from("a")], "\ufffda"],
    [["\ud83d", "\ud83d", "\ude00"], "\ufffd😀"],
    [["\ude00"], "\ufffd"],
  ])("%j as chunks is one text", async (chunks, expected) => {
    expect(await text(chunks)).toBe(expected);
    expect(await text(Readable.from(chunks))).toBe(expected);
    expect(await text(webStream(...chunks))).toBe(expected);
  });
});

describe("message() refuses", () => {
  const wrong: readonly unknown[] = [
    undefined,
    null,
    5,
    true,
    Symbol("a"),
    {},
    new Uint16Array(1),
    new DataView(new ArrayBuffer(1)),
    1n,
  ];

  test.each(wrong.map((value) => [value]))("%o at once", (value) => {
    expect(() => message(value as MessageSource)).toThrow(SmtpArgumentError);
    expect(() => message(value as MessageSource)).toThrow(/"message"/);
  });

  test.each(wrong.map((value) => [value]))("%o from a function, when it is called", async (value) => {
    const made = message((() => value) as () => MessageSource);
    await expect(made.prepare?.()).rejects.toThrow(SmtpArgumentError);
    await expect(read(made)).rejects.toThrow(SmtpArgumentError);
  });

  test("a function that makes a function", async () => {
    const opened = read(message(() => () => "a"));
    await expect(opened).rejects.toThrow(SmtpArgumentError);
    await expect(opened).rejects.toThrow(/made another function/);
  });

  test.each([
    [5, /5/],
    [null, /null/],
    [{ a: 1 }, /an object/],
    [["a"], /an array/],
    [new Uint16Array(1), /an object/],
  ])("a chunk that is %o, and says so", async (chunk, told) => {
    const sources: unknown[] = [
      [chunk],
      webStream(chunk as never),
      (async function* () {
        yield chunk;
      })(),
    ];
    if (chunk !== null) sources.push(Readable.from([chunk]));
    for (const source of sources) {
      const opened = read(message(source as MessageSource));
      await expect(opened).rejects.toThrow(SmtpArgumentError);
      await expect(opened).rejects.toThrow(told);
    }
  });
});

describe("message() function", () => {
  test("is called when it is prepared or opened, each time anew, and not before", async () => {
    let calls = 0;
    const made = message(async () => `call ${++calls}`);
    expect(calls).toBe(0);
    expect((await made.prepare?.())?.bytes).toEqual(new TextEncoder().encode("call 1"));
    expect((await read(made)).toString()).toBe("call 2");
  });

  test("its error is the iterator's, as it is", async () => {
    const failure = new Error("no such message");
    await expect(read(message(() => Promise.reject(failure)))).rejects.toBe(failure);
  });
});

describe("message() source that fails", () => {
  test("its error comes out as it is, after what it gave", async () => {
    const failure = new Error("disk on fire");
    const fails = async function* () {
      yield "a";
      throw failure;
    };
    for (const source of [fails(), Readable.from(fails())]) {
      const chunks = message(source).open();
      expect(Buffer.from((await chunks.next()).value).toString()).toBe("a");
      await expect(chunks.next()).rejects.toBe(failure);
    }
  });

  test("a Node stream that closes before its end is no shorter message", async () => {
    const stream = new PassThrough();
    const chunks = message(stream).open();
    stream.write("half a mess");
    await chunks.next();
    stream.destroy();
    await expect(chunks.next()).rejects.toThrow(/premature/i);
  });

  test("a Node stream that was destroyed, read, or failed before its turn is no empty message", async () => {
    const destroyed = new PassThrough().destroy();
    const consumed = Readable.from(["a"]);
    for await (const _ of consumed);
    const ended = Readable.from(["a"], { autoDestroy: false });
    for await (const _ of ended.iterator({ destroyOnReturn: false }));
    expect(ended.destroyed).toBe(false);
    for (const stream of [destroyed, consumed, ended]) await expect(read(message(stream))).rejects.toThrow(/before/);
  });

  test("a Node stream that fails while its message waits is told when it is opened, and does not end the process", async () => {
    const stream = new PassThrough();
    const waiting = message(stream);
    const failure = new Error("no such file");
    stream.destroy(failure);
    await new Promise((resolve) => stream.once("close", resolve));
    await expect(read(waiting)).rejects.toBe(failure);
  });

  test("a web stream that is locked or errors is an error of the iterator", async () => {
    const locked = webStream("a");
    locked.getReader();
    await expect(read(message(locked))).rejects.toThrow(TypeError);
    const failure = new Error("lost");
    const errs = new ReadableStream<string>({ start: (controller) => controller.error(failure) });
    await expect(read(message(errs))).rejects.toBe(failure);
  });
});

describe("message() given up", () => {
  test("nothing of a source is touched before it is opened", () => {
    const untouched = new Proxy(
      {
        [Symbol.asyncIterator]: () => {
          throw new Error("touched");
        },
      },
      {},
    );
    expect(message(untouched as unknown as MessageSource).replayable).toBe(false);
  });

  test("return() closes a generator that has given a chunk", async () => {
    let closed = false;
    const chunks = message(
      (function* () {
        try {
          yield "a";
          yield "b";
        } finally {
          closed = true;
        }
      })(),
    ).open();
    await chunks.next();
    await chunks.return?.();
    expect(closed).toBe(true);
  });

  test("return() destroys a Node stream, also one that is being waited for, at once", async () => {
    for (const wait of [false, true]) {
      const stream = new PassThrough();
      const chunks = message(stream).open();
      stream.write("a");
      await chunks.next();
      const waiting = wait ? chunks.next().catch(() => undefined) : undefined;
      expect((await soon(chunks.return?.() ?? Promise.reject())).done).toBe(true);
      await waiting;
      expect(stream.destroyed).toBe(true);
    }
  });

  test("return() cancels a web stream, also one that is being waited for, at once", async () => {
    for (const wait of [false, true]) {
      let cancelled = false;
      const stream = new ReadableStream<string>({
        start: (controller) => controller.enqueue("a"),
        cancel: () => {
          cancelled = true;
        },
      });
      const chunks = message(stream).open();
      await chunks.next();
      const waiting = wait ? chunks.next().catch(() => undefined) : undefined;
      expect((await soon(chunks.return?.() ?? Promise.reject())).done).toBe(true);
      await waiting;
      expect(cancelled).toBe(true);
    }
  });

  test("return() closes what a function made, while it is being waited for, and what comes too late", async () => {
    const stream = new PassThrough();
    const chunks = message(() => stream).open();
    const waiting = chunks.next().catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    await soon(chunks.return?.() ?? Promise.reject());
    await waiting;
    expect(stream.destroyed).toBe(true);

    const late = new PassThrough();
    let give: (stream: PassThrough) => void = () => undefined;
    const promised = message(() => new Promise<PassThrough>((resolve) => (give = resolve))).open();
    const never = promised.next().catch(() => undefined);
    await soon(promised.return?.() ?? Promise.reject());
    give(late);
    await soon(never);
    expect(late.destroyed).toBe(true);
  });

  test("return() waits for no generator that never answers", async () => {
    const chunks = message(
      (async function* () {
        yield "a";
        await new Promise(() => undefined);
      })(),
    ).open();
    await chunks.next();
    chunks.next().catch(() => undefined);
    expect((await soon(chunks.return?.() ?? Promise.reject())).done).toBe(true);
  });

  test("a chunk of a wrong type closes its source", async () => {
    const stream = Readable.from([5, "a"]);
    await expect(read(message(stream))).rejects.toThrow(SmtpArgumentError);
    expect(stream.destroyed).toBe(true);

    let cancelled = false;
    const web = new ReadableStream({
      start: (controller) => controller.enqueue(5),
      cancel: () => {
        cancelled = true;
      },
    });
    await expect(read(message(web))).rejects.toThrow(SmtpArgumentError);
    expect(cancelled).toBe(true);
  });
});
