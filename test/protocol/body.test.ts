/**
 * What the encoder puts out, however a message is cut: by a table, by a slow encoder beside it, by the golden file, and by
 * servers strict and lax. And that it does not copy what needs no change, nor give thousands of pieces.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { BodyEncoder, type BodyEncoderOptions } from "../../src/protocol/body.ts";
import { runs } from "../support/runs.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (octets: Uint8Array): string => Buffer.from(octets).toString("latin1");

function encode(chunks: readonly Uint8Array[], options?: BodyEncoderOptions) {
  const encoder = new BodyEncoder(options);
  const pieces: Uint8Array[] = [];
  for (const chunk of chunks) encoder.push(chunk, pieces);
  encoder.end(pieces);
  return { encoder, pieces, wire: text(Buffer.concat(pieces)) };
}

/** The message whole, octet by octet, and in two chunks cut at every place: all the same, or it throws. */
function encodeEveryWay(message: string, options?: BodyEncoderOptions): string {
  const whole = bytes(message);
  const { wire } = encode([whole], options);
  const cuts: Uint8Array[][] = [Array.from(whole, (octet) => Uint8Array.of(octet))];
  for (let at = 0; at <= whole.length; at++) cuts.push([whole.subarray(0, at), new Uint8Array(0), whole.subarray(at)]);
  for (const chunks of cuts) expect(encode(chunks, options).wire).toBe(wire);
  return wire;
}

/** Slow and obvious: what the encoder must put out. */
function lines(message: string): string[] {
  const all = message.split(/\r\n|\r|\n/);
  return all.length > 1 && all.at(-1) === "" ? all.slice(0, -1) : all;
}
const stuffed = (message: string): string =>
  `${lines(message)
    .map((line) => `${line.startsWith(".") ? "." : ""}${line}\r\n`)
    .join("")}.\r\n`;
const plain = (message: string): string =>
  lines(message)
    .map((line) => `${line}\r\n`)
    .join("");

/** A strict server: lines end with CRLF, a lone dot ends the message. Gives the messages and what is left over. */
function received(wire: string): { messages: string[]; rest: string } {
  const messages: string[] = [];
  let rest = wire;
  for (;;) {
    const end = rest.startsWith(".\r\n") ? 0 : rest.indexOf("\r\n.\r\n") + 2;
    if (end === 1) return { messages, rest };
    messages.push(rest.slice(0, end).replaceAll(/(^|\r\n)\./g, "$1"));
    rest = rest.slice(end + 3);
  }
}

/** What lax servers also take for the end of data. */
const LAX_ENDS = [/\n\.\n/, /\n\.\r\n/, /\r\.\r/, /\r\.\r\n/, /\r\n\.\n/, /\n\.\r/, /\r\n\.\r/];

function laxEnds(wire: string): string[] {
  // The true end is left out; it begins with the CRLF of the last line.
  const content = wire.slice(0, -"\r\n.\r\n".length);
  return LAX_ENDS.filter((end) => end.test(content)).map(String);
}

const CASES: readonly (readonly [message: string, wire: string])[] = [
  ["", "\r\n.\r\n"],
  ["a", "a\r\n.\r\n"],
  ["a\r\n", "a\r\n.\r\n"],
  ["a\n", "a\r\n.\r\n"],
  ["a\r", "a\r\n.\r\n"],
  ["\n", "\r\n.\r\n"],
  ["\r", "\r\n.\r\n"],
  ["\r\n", "\r\n.\r\n"],
  ["\n\r", "\r\n\r\n.\r\n"],
  ["\r\r\n", "\r\n\r\n.\r\n"],
  ["a\r\r\nb", "a\r\n\r\nb\r\n.\r\n"],
  ["a\nb\rc\r\nd", "a\r\nb\r\nc\r\nd\r\n.\r\n"],
  [".", "..\r\n.\r\n"],
  ["..", "...\r\n.\r\n"],
  [".\r\n", "..\r\n.\r\n"],
  ["a.\r\nb.", "a.\r\nb.\r\n.\r\n"],
  ["a\r\n.b", "a\r\n..b\r\n.\r\n"],
  ["a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"],
  ["a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"],
  ["a\r\n.\r\nMAIL FROM:<b@example.com>\r\n", "a\r\n..\r\nMAIL FROM:<b@example.com>\r\n.\r\n"],
  ["\0\r\n\0.\r\n.\0", "\0\r\n\0.\r\n..\0\r\n.\r\n"],
  ["\x80\xff\r\n\x8d\x8a\xae", "\x80\xff\r\n\x8d\x8a\xae\r\n.\r\n"],
];

describe("BodyEncoder", () => {
  for (const [message, wire] of CASES) {
    test(`push() makes ${JSON.stringify(wire)} of ${JSON.stringify(message)}, however it is cut`, () => {
      expect(encodeEveryWay(message)).toBe(wire);
      expect(stuffed(message)).toBe(wire);
    });

    test(`push() without dots ends the lines of ${JSON.stringify(message)} and adds nothing`, () => {
      expect(encodeEveryWay(message, { dots: false })).toBe(plain(message));
    });
  }

  test("push() makes the golden file, cut at every octet", () => {
    const golden = (name: string) => readFileSync(new URL(`../golden/${name}`, import.meta.url)).toString("latin1");
    expect(encodeEveryWay(golden("message.in"))).toBe(golden("message.out"));
    expect(stuffed(golden("message.in"))).toBe(golden("message.out"));
  });

  test("push() finds every line end at every distance from the last, with every octet around it", () => {
    for (let length = 0; length < 70; length++) {
      for (const octet of ["a", "\0", "\t", "\x0b", "\x0e", "\x8d", "\xff", "."]) {
        for (const end of ["\r\n", "\n", "\r"]) {
          const message = `${octet.repeat(length)}${end}.${octet.repeat(length)}${end}`;
          expect(encode([bytes(message)]).wire).toBe(stuffed(message));
        }
      }
    }
  });

  test("push() takes a view into a larger buffer, and any kind of Uint8Array", () => {
    const message = "one\n.two\r\nthree and a half lines of text\rfour";
    for (let offset = 0; offset < 9; offset++) {
      const larger = bytes(`${"\n".repeat(offset)}${message}\n.\n`);
      const view = new Uint8Array(larger.buffer, offset, message.length);
      expect(encode([view]).wire).toBe(stuffed(message));
      expect(encode([Buffer.from(view)]).wire).toBe(stuffed(message));
    }
  });

  test("push() never changes what it is given", () => {
    const message = bytes(".a\nb\r.c\r\n".repeat(999));
    const before = text(message);
    encode([message]);
    expect(text(message)).toBe(before);
  });

  test("push() and end() after the end throw, since what follows the end of data is a command", () => {
    const { encoder } = encode([]);
    expect(() => encoder.push(bytes("MAIL"), [])).toThrow(SmtpArgumentError);
    expect(() => encoder.end([])).toThrow(SmtpArgumentError);
  });
});

describe("BodyEncoder pieces", () => {
  test("push() gives the chunk itself when nothing changes", () => {
    const chunk = bytes("line\r\n".repeat(20_000));
    const pieces: Uint8Array[] = [];
    new BodyEncoder().push(chunk, pieces);
    expect(pieces).toHaveLength(1);
    expect(pieces[0]).toBe(chunk);
  });

  test("push() gives views around a change, copying nothing that is long", () => {
    const long = "x".repeat(9_998).concat("\r\n");
    const chunk = bytes(`${long}.${long}${long}\n${long}`);
    const { pieces, wire } = encode([chunk]);
    expect(wire).toBe(stuffed(text(chunk)));
    expect(pieces.length).toBeLessThan(8);
    const copied = pieces.filter(({ buffer }) => buffer !== chunk.buffer).reduce((sum, { length }) => sum + length, 0);
    expect(copied).toBeLessThan(10);
  });

  test.each([
    ["bare LF", `${"x".repeat(76)}\n`],
    ["bare CR", `${"x".repeat(76)}\r`],
    ["dots", `.${"x".repeat(75)}\r\n`],
    ["empty lines", "\n"],
    ["dots and bare LF", ".\n"],
    ["lines of a thousand octets", `${"x".repeat(1000)}\n`],
    ["lines of four thousand octets", `${"x".repeat(4095)}\n`],
  ])("push() gives few pieces where much changes: %s", (_, line) => {
    const message = line.repeat(Math.ceil(200_000 / line.length));
    const { pieces, wire } = encode([bytes(message)]);
    expect(wire).toBe(stuffed(message));
    expect(wire.length / pieces.length).toBeGreaterThan(2048);
  });

  test("push() keeps the pieces it gave before", () => {
    const encoder = new BodyEncoder();
    const pieces: Uint8Array[] = [];
    const seen: string[] = [];
    for (let index = 0; index < 500; index++) {
      const out: Uint8Array[] = [];
      encoder.push(bytes(`${index}\n.${"y".repeat(index)}\n`), out);
      pieces.push(...out);
      seen.push(...out.map(text));
    }
    expect(pieces.map(text)).toEqual(seen);
  });
});

describe("BodyEncoder figures", () => {
  test.each([
    ["", 5, 2, 0],
    ["a", 6, 3, 1],
    [".\n", 7, 3, 1],
    ["ab\n.abc\r\rx", 19, 15, 4],
    [`a\r\n${"x".repeat(998)}\r\n`, 3 + 1000 + 3, 1003, 998],
    [`a\r\n${"x".repeat(999)}`, 3 + 1001 + 3, 1004, 999],
  ])(
    "size, messageSize and longestLine of %j are right however it is cut",
    (message, size, messageSize, longestLine) => {
      const whole = bytes(message);
      for (let at = 0; at <= whole.length; at++) {
        const { encoder, wire } = encode([whole.subarray(0, at), whole.subarray(at)]);
        expect([encoder.size, encoder.messageSize, encoder.longestLine]).toEqual([size, messageSize, longestLine]);
        expect(wire.length).toBe(size);
      }
    },
  );

  test("longestLine tells of a line that has not ended", () => {
    const encoder = new BodyEncoder();
    encoder.push(bytes("x".repeat(600)), []);
    encoder.push(bytes("x".repeat(600)), []);
    expect(encoder.longestLine).toBe(1200);
  });

  test("size without dots is what goes out, for BDAT tells it beforehand", () => {
    const { encoder, wire } = encode([bytes(".a\n.b")], { dots: false });
    expect(wire).toBe(".a\r\n.b\r\n");
    expect([encoder.size, encoder.messageSize]).toEqual([8, 8]);
  });
});

/** Text that is nearly all line ends and dots, with a few others between. */
const hostile = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom("\r", "\n", "\r\n", ".", "\0", "x") },
      fc.constant("word ".repeat(7)),
    ),
  )
  .map((parts) => parts.join(""));

/** The octets in chunks of the given lengths, the last takes the rest. */
function cut(message: string, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(bytes(message.slice(at, at + length)));
    at += length;
  }
  return [...chunks, bytes(message.slice(at))];
}

describe("BodyEncoder properties", () => {
  test("what a strict server reads is the message with its line ends normalised, and exactly one", () => {
    fc.assert(
      fc.property(hostile, fc.array(fc.nat({ max: 40 })), (message, lengths) => {
        const { wire, encoder } = encode(cut(message, lengths));
        expect(wire).toBe(stuffed(message));
        expect(received(wire)).toEqual({ messages: [plain(message)], rest: "" });
        expect(encoder.size).toBe(wire.length);
        expect(encoder.messageSize).toBe(plain(message).length);
        expect(encoder.longestLine).toBe(Math.max(...lines(message).map(({ length }) => length)));
      }),
      { numRuns: runs(2000) },
    );
  });

  test("any octets in chunks of any size come out as the slow encoder puts them", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat({ max: 40 }),
        fc.array(fc.nat({ max: 9000 })),
        (octets, times, lengths) => {
          const message = text(octets).repeat(times);
          expect(encode(cut(message, lengths)).wire === stuffed(message)).toBe(true);
          expect(encode(cut(message, lengths), { dots: false }).wire === plain(message)).toBe(true);
        },
      ),
      { numRuns: runs(300) },
    );
  });
});

describe("BodyEncoder against smuggling", () => {
  const ENDS = ["\r\n", "\n", "\r", "\r\r\n", "\n\r", "\0\r\n", "\r\n\0", "\r\0\n", ""];
  const smuggled = ENDS.flatMap((before) => ENDS.map((after) => `${before}.${after}`));

  test.each(smuggled.map((end) => [end]))("push() leaves no server a second message after %j", (end) => {
    const message = `text${end}MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nevil${end}`;
    const wire = encodeEveryWay(message);
    expect(received(wire)).toEqual({ messages: [plain(message)], rest: "" });
    expect(laxEnds(wire)).toEqual([]);
  });

  test("push() leaves no bare CR or LF, whatever stands around it", () => {
    fc.assert(
      fc.property(hostile, (message) => {
        expect(encode([bytes(message)]).wire).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
      }),
    );
  });
});

test("push() and end() of a binary message touch no octet, and count them", () => {
  const encoder = new BodyEncoder({ dots: false, binary: true });
  const out: Uint8Array[] = [];
  const chunk = Uint8Array.of(0, 13, 46, 10, 46, 13);
  encoder.push(chunk, out);
  encoder.push(chunk, out);
  encoder.end(out);
  expect(out).toEqual([chunk, chunk]);
  expect([encoder.size, encoder.messageSize, encoder.longestLine]).toEqual([12, 12, 0]);
});
