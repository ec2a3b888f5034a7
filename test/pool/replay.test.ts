/** A source that can be read once, read again: what each attempt is given, how much is kept, when the source is let go. */
import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../mod.ts";
import { type MessageSource, message } from "../../src/message.ts";
import { type Replayed, replayed } from "../../src/pool/replay.ts";
import { runs } from "../support/runs.ts";
import { turns } from "../support/told.ts";

const LIMIT = { replayLimit: 1_000 };

/** The chunks of one attempt, read as the engine reads them. */
function opened({ source }: Replayed): AsyncIterator<Uint8Array> {
  return message(source).open();
}

/** Reads on; `count` chunks, or all. */
async function read(chunks: AsyncIterator<Uint8Array>, count: number = Number.POSITIVE_INFINITY): Promise<string> {
  const parts: Uint8Array[] = [];
  while (parts.length < count) {
    const { done, value } = await chunks.next();
    if (done) break;
    if (value.length > 0) parts.push(value);
  }
  return Buffer.concat(parts).toString("utf8");
}

/** Reads so many chunks and is given up, as an attempt that fails. */
async function begun(replay: Replayed, count: number): Promise<string> {
  const chunks = opened(replay);
  const text = await read(chunks, count);
  await chunks.return?.();
  return text;
}

function webStream(...chunks: string[]): ReadableStream<string> {
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
}

describe("replayed() gives each attempt all of it", () => {
  const once: readonly (readonly [string, () => MessageSource])[] = [
    ["a Node stream", () => Readable.from(["ab", "cd", "ef"])],
    ["a Node byte stream", () => Readable.from([Buffer.from("ab"), Buffer.from("cd"), Buffer.from("ef")])],
    ["a web stream", () => webStream("ab", "cd", "ef")],
    ["a generator", () => ["ab", "cd", "ef"].values()],
    ["an array", () => ["ab", "cd", "ef"]],
  ];

  test.each(once)("%s: from its beginning, and then the rest", async (_name, make) => {
    const replay = replayed(make(), LIMIT);
    expect(replay).toMatchObject({ remade: false, obstacle: undefined });
    expect(await begun(replay, 1)).toBe("ab");
    expect(await begun(replay, 2)).toBe("abcd");
    expect(await begun(replay, 0)).toBe("");
    expect(await read(opened(replay))).toBe("abcdef");
    expect(await read(opened(replay))).toBe("abcdef");
    expect(replay.obstacle).toBeUndefined();
  });

  test("any cuts, any attempts, any limit: all octets in order, or an error once the limit was passed", async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    const property = fc.asyncProperty(
      bytes,
      fc.array(fc.nat(13), { maxLength: 5 }),
      fc.nat(200),
      async (chunks, cuts, replayLimit) => {
        const whole = Buffer.concat(chunks).toString("latin1");
        const replay = replayed(chunks.values(), { replayLimit });
        let most = 0;
        for (const cut of [...cuts, 100]) {
          const reader = opened(replay);
          const parts: Uint8Array[] = [];
          try {
            for (let count = 0; count < cut; count++) {
              const { done, value } = await reader.next();
              if (done) break;
              parts.push(value);
            }
          } catch (error) {
            expect(error).toBeInstanceOf(SmtpArgumentError);
            expect(most).toBeGreaterThan(replayLimit);
            expect(parts).toEqual([]);
            return;
          }
          const text = Buffer.concat(parts).toString("latin1");
          expect(whole.startsWith(text)).toBe(true);
          if (cut === 100) expect(text).toBe(whole);
          most = Math.max(most, text.length);
          expect(replay.obstacle === undefined).toBe(most <= replayLimit);
        }
      },
    );
    await fc.assert(property, { numRuns: runs(500) });
  });

  test("a source that can be read again is left as it is", () => {
    const sources: readonly MessageSource[] = ["x", Buffer.from("x"), new ArrayBuffer(1), new Blob(["x"])];
    for (const source of sources) expect(replayed(source, LIMIT)).toMatchObject({ source, remade: false });
    const make = (): string => "x";
    expect(replayed(make, LIMIT)).toMatchObject({ source: make, remade: true, obstacle: undefined });
  });

  test("what is no source is refused when it is given", () => {
    expect(() => replayed(7 as never, LIMIT)).toThrow('Parameter "message" is 7');
  });

  test("memory that a source fills again is kept as it was", async () => {
    const memory = new Uint8Array(2);
    function* refilled(): Generator<Uint8Array> {
      for (const text of ["ab", "cd"]) yield memory.fill(0) && new TextEncoder().encodeInto(text, memory) && memory;
    }
    const replay = replayed(refilled(), LIMIT);
    expect(await begun(replay, 2)).not.toBe("");
    expect(await read(opened(replay))).toBe("abcd");
  });

  test("half a character waits for its other half across attempts", async () => {
    const replay = replayed(["\ud83d", "\ude00"].values(), LIMIT);
    await begun(replay, 0);
    expect(await read(opened(replay))).toBe("😀");
    expect(await read(opened(replay))).toBe("😀");
  });
});

describe("replayed() a function that gives the same source", () => {
  test("is called at its turn, once, and what it gave is kept", async () => {
    let calls = 0;
    const replay = replayed(() => [`call ${++calls}`].values(), { ...LIMIT, singleUse: true });
    expect([calls, replay.remade]).toEqual([0, false]);
    expect(await read(opened(replay))).toBe("call 1");
    expect(await read(opened(replay))).toBe("call 1");
  });

  test("octets that it gave are not copied, a Blob is opened anew, however long", async () => {
    const bytes = Buffer.alloc(LIMIT.replayLimit + 1, "x");
    const replay = replayed(async () => bytes, { ...LIMIT, singleUse: true });
    for (let attempt = 1; attempt <= 2; attempt++) {
      const made = await message(replay.source).prepare?.();
      expect(made?.bytes).toBe(bytes);
    }
    const blob = replayed(() => new Blob([bytes]), { ...LIMIT, singleUse: true });
    for (let attempt = 1; attempt <= 2; attempt++) expect((await read(opened(blob))).length).toBe(bytes.length);
    expect([replay.obstacle, blob.obstacle]).toEqual([undefined, undefined]);
  });

  test("its failure is the failure of the source", async () => {
    let calls = 0;
    const make = (): never => {
      calls++;
      throw new RangeError("no file");
    };
    const replay = replayed(make, { ...LIMIT, singleUse: true });
    for (let attempt = 1; attempt <= 2; attempt++) await expect(read(opened(replay))).rejects.toThrow("no file");
    expect(calls).toBe(1);
    expect(replay.obstacle).toBe("its source failed: pass a function that makes the source anew");
  });
});

describe("replayed() keeps replayLimit octets", () => {
  test.each([
    [5, 5, undefined],
    [
      6,
      5,
      "its source can be read only once and was longer than replayLimit, 5 octets: pass a function that makes the source anew, or raise replayLimit",
    ],
    [
      1,
      0,
      "its source can be read only once and was longer than replayLimit, 0 octets: pass a function that makes the source anew, or raise replayLimit",
    ],
  ])("%d octets of a limit of %d: %s", async (octets, replayLimit, obstacle) => {
    const text = "abcdefgh".slice(0, octets);
    const replay = replayed(text.split("").values(), { replayLimit });
    expect(await read(opened(replay))).toBe(text);
    expect(replay.obstacle).toBe(obstacle);
    if (obstacle === undefined) expect(await read(opened(replay))).toBe(text);
    else
      await expect(read(opened(replay))).rejects.toThrow(`Parameter "message" cannot be sent again, since ${obstacle}`);
  });

  test("an attempt goes on past the limit that an earlier one came near", async () => {
    const replay = replayed(["abc", "def", "ghi"].values(), { replayLimit: 4 });
    expect(await begun(replay, 1)).toBe("abc");
    expect(await read(opened(replay))).toBe("abcdefghi");
    expect(replay.obstacle).toContain("replayLimit, 4 octets");
  });

  test("a long source is kept in few pieces of memory", async () => {
    const chunks = Array.from({ length: 100 }, (_, index) => Buffer.alloc(1_000, index));
    const replay = replayed(chunks.values(), { replayLimit: 100_000 });
    await begun(replay, 100);
    expect(replay.obstacle).toBeUndefined();
    const { value } = await opened(replay).next();
    expect(Buffer.from(value).equals(Buffer.concat(chunks))).toBe(true);
    expect(value.buffer.byteLength).toBe(100_000);
  });
});

describe("replayed() reads what is asked for", () => {
  test("nothing before, one chunk a time, and none for an attempt that was given up", async () => {
    let asked = 0;
    function* counted(): Generator<string> {
      for (const text of ["ab", "cd", "ef"]) {
        asked++;
        yield text;
      }
    }
    const replay = replayed(counted(), LIMIT);
    await turns();
    expect(asked).toBe(0);
    expect(await begun(replay, 1)).toBe("ab");
    await turns();
    expect(asked).toBe(1);
    const chunks = opened(replay);
    expect(await read(chunks, 1)).toBe("ab");
    await turns();
    expect(asked).toBe(1);
    expect(await read(chunks, 1)).toBe("cd");
    expect(asked).toBe(2);
  });

  test("a chunk that an attempt asked for which was given up goes to the next", async () => {
    const stream = new PassThrough();
    const replay = replayed(stream, LIMIT);
    stream.write("ab");
    const first = opened(replay);
    expect(await read(first, 1)).toBe("ab");
    const stalled = first.next();
    await first.return?.();
    const second = opened(replay);
    expect(await read(second, 1)).toBe("ab");
    const waiting = read(second, 1);
    stream.write("cd");
    expect(await waiting).toBe("cd");
    await stalled;
    stream.end("ef");
    expect(await read(second)).toBe("ef");
    expect(await read(opened(replay))).toBe("abcdef");
  });
});

describe("replayed() lets the source go", () => {
  test("a source that failed fails each attempt, and is none to try again", async () => {
    const stream = new PassThrough();
    const replay = replayed(stream, LIMIT);
    stream.write("ab");
    const first = opened(replay);
    expect(await read(first, 1)).toBe("ab");
    const rest = first.next();
    await first.return?.();
    expect(replay.obstacle).toBeUndefined();
    stream.destroy(new RangeError("disk"));
    await rest.catch(() => undefined);
    expect(replay.obstacle).toBe("its source failed: pass a function that makes the source anew");
    await expect(read(opened(replay))).rejects.toThrow("its source failed");
  });

  test("a stream that was begun is destroyed at the end, not before, and one that was not begun is left", async () => {
    const [begunStream, left] = [new PassThrough(), new PassThrough()];
    const replay = replayed(begunStream, LIMIT);
    begunStream.write("ab");
    expect(await begun(replay, 1)).toBe("ab");
    await turns();
    expect(begunStream.destroyed).toBe(false);
    replay.close();
    await turns();
    expect(begunStream.destroyed).toBe(true);
    replayed(left, LIMIT).close();
    await turns();
    expect(left.destroyed).toBe(false);
  });

  test("a generator runs its finally, and a stalled source is not waited for", async () => {
    let closed = 0;
    function* watched(): Generator<string> {
      try {
        yield "ab";
        yield "cd";
      } finally {
        closed++;
      }
    }
    const replay = replayed(watched(), LIMIT);
    await begun(replay, 1);
    replay.close();
    await turns();
    expect(closed).toBe(1);
    const stream = new PassThrough();
    const stalled = replayed(stream, LIMIT);
    const given = begun(stalled, 1).catch((error) => error.message);
    await turns();
    stalled.close();
    await turns();
    expect(stream.destroyed).toBe(true);
    expect(await given).toBe("Premature close");
  });

  test("a source that ended is not touched again", async () => {
    let destroyed = 0;
    const source = Object.assign(Readable.from(["ab"], { autoDestroy: false }), { destroy: () => destroyed++ });
    const replay = replayed(source as never, LIMIT);
    expect(await read(opened(replay))).toBe("ab");
    const before = destroyed;
    replay.close();
    await turns();
    expect(destroyed).toBe(before);
  });
});
