/**
 * The writer of a stream block: what its methods write, the order, backpressure, and where each failure surfaces.
 * An unhandled rejection anywhere in here fails the run.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { SmtpArgumentError, SmtpSessionError } from "../src/errors.ts";
import { type MessageWriter, writerMessage } from "../src/message.ts";

type Block = (writer: MessageWriter) => unknown;

async function chunksOf(block: Block): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const message = writerMessage(block);
  for await (const chunk of { [Symbol.asyncIterator]: () => message.open() }) if (chunk.length > 0) chunks.push(chunk);
  return chunks;
}

const written = async (block: Block): Promise<string> => Buffer.concat(await chunksOf(block)).toString("utf8");
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("MessageWriter", () => {
  const lines: readonly (readonly [string, Block, string])[] = [
    ["puts() adds a newline", (w) => w.puts("a"), "a\n"],
    ["puts() adds none where one is", (w) => w.puts("a\n", "b\r\n"), "a\nb\r\n"],
    ["puts() writes each value as a line", (w) => w.puts("a", 1, true, 2n), "a\n1\ntrue\n2\n"],
    ["puts() without values writes an empty line", (w) => w.puts(), "\n"],
    ["puts() of an empty string writes an empty line", (w) => w.puts(""), "\n"],
    ["puts() of an empty array writes an empty line", (w) => w.puts([]), "\n"],
    ["puts() flattens arrays", (w) => w.puts(["a", ["b", ["c\n"]]], "d"), "a\nb\nc\nd\n"],
    ["puts() of nothing is an empty line", (w) => w.puts(null, undefined), "\n\n"],
    ["puts() takes octets", (w) => w.puts(new Uint8Array([97]), new Uint8Array([98, 10])), "a\nb\n"],
    ["print() adds nothing", (w) => w.print("a", 1, "b\n"), "a1b\n"],
    ["print() takes octets", (w) => w.print(new Uint8Array([97])), "a"],
    ["write() adds nothing", (w) => w.write("a"), "a"],
    ["write() takes octets", (w) => w.write(new Uint8Array([0xc3, 0xbc])), "ü"],
    [
      "append() gives the writer",
      (w) =>
        void w
          .append("a")
          .append(new Uint8Array([98]))
          .puts("c"),
      "abc\n",
    ],
    ["printf() formats", (w) => w.printf("%s: %d%%\n", "a", 5), "a: 5%\n"],
    ["a character cut in two comes out whole", (w) => void w.append("\ud83d").append("\ude00"), "😀"],
    ["half a character at the end is replaced", (w) => w.write("\ud83d"), "\ufffd"],
    ["nothing written is the empty message", () => undefined, ""],
  ];

  test.each(lines)("%s", async (_name, block, expected) => {
    expect(await written(block)).toBe(expected);
  });

  test.each([
    ["Uint8Array", new Uint8Array([97])],
    ["Buffer", Buffer.from("a")],
  ])("a %s is taken as it was when it was written", async (_name, octets) => {
    const chunks = await chunksOf(async (writer) => {
      await writer.write(octets);
      octets[0] = 98;
      await writer.write(octets);
      octets[0] = 99;
    });
    expect(Buffer.concat(chunks).toString()).toBe("ab");
  });
});

describe("writerMessage()", () => {
  test("runs the block once the message is read, not before, and only once", async () => {
    let runs = 0;
    const message = writerMessage(() => ++runs);
    expect([runs, message.bytes, message.replayable]).toEqual([0, undefined, false]);
    expect((await message.open().next()).value ?? new Uint8Array(0)).toHaveLength(0);
    expect(runs).toBe(1);
    expect(() => message.open()).toThrow();
    expect(runs).toBe(1);
  });

  test("keeps the order of writes, awaited or not, sync or late", async () => {
    const text = await written(async (writer) => {
      void writer.puts("1");
      await writer.write("2\n");
      writer.append("3\n").print("4\n");
      await turn();
      await writer.printf("%d\n", 5);
      void writer.puts("6");
    });
    expect(text).toBe("1\n2\n3\n4\n5\n6\n");
  });

  test("joins small writes that are not awaited, up to a limit", async () => {
    const chunks = await chunksOf((writer) => {
      for (let index = 0; index < 30_000; index++) void writer.puts("0123456789");
    });
    expect(Buffer.concat(chunks)).toHaveLength(330_000);
    expect(chunks.length).toBeLessThan(10);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(128 * 1024);
  });

  test("an awaited write waits until it is taken", async () => {
    const steps: string[] = [];
    const chunks = writerMessage(async (writer) => {
      for (const step of ["a", "b", "c"]) {
        await writer.write(step);
        steps.push(step);
      }
    }).open();
    const first = await chunks.next();
    await turn();
    expect([Buffer.from(first.value).toString(), steps]).toEqual(["a", ["a"]]);
    await chunks.next();
    await turn();
    expect(steps).toEqual(["a", "b"]);
    await chunks.return?.();
  });
});

describe("writerMessage() block that fails", () => {
  const failure = new Error("no more");
  test.each<[string, Block]>([
    [
      "throws",
      () => {
        throw failure;
      },
    ],
    ["rejects", () => Promise.reject(failure)],
    [
      "rejects after a write",
      async (writer) => {
        await writer.puts("a");
        throw failure;
      },
    ],
    [
      "rejects with writes that nobody awaits",
      (writer) => {
        writer.puts("a");
        throw failure;
      },
    ],
  ])("%s: the iterator rejects with its error", async (_name, block) => {
    await expect(written(block)).rejects.toBe(failure);
    await turn();
  });

  test.each([[undefined], [null], [0], [""]])("rejects with %j: still no end of the message", async (nothing) => {
    let ended = false;
    await written(() => Promise.reject(nothing)).then(
      () => {
        ended = true;
      },
      () => undefined,
    );
    expect(ended).toBe(false);
  });

  const bad: readonly (readonly [string, Block])[] = [
    ["write(5)", (w) => w.write(5 as never)],
    ["write(null)", (w) => w.write(null as never)],
    ["write([])", (w) => w.write(["a"] as never)],
    ["append({})", (w) => void w.append({} as never)],
    ["printf(5)", (w) => w.printf(5 as never)],
    ["printf(%y)", (w) => w.printf("%y", 1)],
    ["printf(%s)", (w) => w.printf("%s")],
  ];

  test.each(bad)("%s fails the message where the block ends, awaited or not", async (_name, write) => {
    await expect(written(write)).rejects.toThrow(SmtpArgumentError);
    await expect(
      written((writer) => {
        write(writer);
      }),
    ).rejects.toThrow(SmtpArgumentError);
    await turn();
  });

  test("a value that cannot be text fails the message, also if nobody awaits it", async () => {
    const untextual = Object.create(null);
    await expect(
      written((writer) => {
        void writer.puts(untextual);
      }),
    ).rejects.toThrow(TypeError);
    await turn();
  });
});

describe("writerMessage() too late", () => {
  test("a write after the block has ended rejects, and is never unhandled", async () => {
    let kept: MessageWriter | undefined;
    await written((writer) => {
      kept = writer;
    });
    for (const write of [
      () => kept?.puts("a"),
      () => kept?.print("a"),
      () => kept?.printf("a"),
      () => kept?.write("a"),
    ]) {
      write();
      await turn();
      await expect(write()).rejects.toThrow(SmtpSessionError);
    }
  });

  test("return() rejects what waits and what comes, at once, whatever the block does", async () => {
    let kept: MessageWriter | undefined;
    const chunks = writerMessage((writer) => {
      kept = writer;
      void writer.puts("a");
      return new Promise(() => undefined);
    }).open();
    await chunks.next();
    const waiting = kept?.puts("b");
    expect((await chunks.return?.())?.done).toBe(true);
    const late = kept?.puts("c");
    await expect(waiting).rejects.toThrow(SmtpSessionError);
    await expect(late).rejects.toThrow(SmtpSessionError);
  });

  test("return() with writes that nobody awaits leaves no rejection unhandled", async () => {
    const chunks = writerMessage(async (writer) => {
      await writer.puts("a");
      void writer.puts("b");
      await new Promise(() => undefined);
    }).open();
    await chunks.next();
    await turn();
    await chunks.return?.();
    await turn();
  });

  test("return() while the reader waits, and a block that fails afterwards: nobody hears of it", async () => {
    let fail: (error: Error) => void = () => undefined;
    const chunks = writerMessage(() => new Promise((_, reject) => (fail = reject))).open();
    const waiting = chunks.next().catch(() => undefined);
    await chunks.return?.();
    await waiting;
    fail(new Error("nobody hears"));
    await turn();
  });
});
