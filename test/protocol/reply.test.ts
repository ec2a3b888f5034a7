import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpProtocolError } from "../../src/errors.ts";
import { type ReplyLimits, ReplyParser, type SmtpResponse } from "../../src/protocol/reply.ts";
import { runs } from "../support/runs.ts";

interface Outcome {
  /** `string` of each reply. */
  readonly replies: readonly string[];
  /** The message of the violation. */
  readonly violation: string | undefined;
  readonly buffered: number;
}

const encoder = new TextEncoder();

/** Octets of a string whose characters are octets, except those beyond U+00FF, which are UTF-8. */
function bytes(text: string): Uint8Array {
  return Uint8Array.from([...text].flatMap((c) => (c < "\u0100" ? [c.charCodeAt(0)] : [...encoder.encode(c)])));
}

/** What a new parser makes of the chunks. Each chunk is wiped once it was pushed, as a socket's buffer is used again. */
function parse(chunks: readonly Uint8Array[], limits?: Partial<ReplyLimits>): Outcome {
  const parser = new ReplyParser(limits);
  const replies: SmtpResponse[] = [];
  let violation: SmtpProtocolError | undefined;
  for (const chunk of chunks) {
    const copy = chunk.slice();
    violation = parser.push(copy, replies);
    copy.fill(0x58);
  }
  return { replies: replies.map(({ string }) => string), violation: violation?.message, buffered: parser.buffered };
}

function byteByByte(all: Uint8Array): Uint8Array[] {
  return Array.from(all, (_, index) => all.slice(index, index + 1));
}

/** What a parser makes of the octets, having checked that it does not depend on the cut. */
function parseEveryWay(all: Uint8Array, limits?: Partial<ReplyLimits>): Outcome {
  const whole = parse([all], limits);
  expect(parse(byteByByte(all), limits), "byte by byte").toEqual(whole);
  const cuts = all.length < 200 ? all.length : 0;
  for (let cut = 0; cut < cuts; cut++) {
    expect(parse([all.slice(0, cut), all.slice(cut)], limits), `cut at ${cut}`).toEqual(whole);
  }
  return whole;
}

describe("ReplyParser", () => {
  test.each<[what: string, octets: string, replies: string[]]>([
    ["a reply", "250 2.1.0 Ok\r\n", ["250 2.1.0 Ok"]],
    ["a code alone", "250\r\n", ["250"]],
    ["a code alone under LF", "250\n", ["250"]],
    ["a code and a space", "250 \r\n", ["250 "]],
    ["lines without text", "250-\r\n250-\r\n250 \r\n", ["250-\n250-\n250 "]],
    ["a last line of the code alone", "250-a\r\n250\r\n", ["250-a\n250"]],
    ["LF as a line end", "250-a\n250 b\n", ["250-a\n250 b"]],
    ["line ends of both kinds", "250-a\n250 b\r\n354 c\n", ["250-a\n250 b", "354 c"]],
    ["a bare CR as text", "250 a\rb\r\n", ["250 a\rb"]],
    ["one CR of two as the line end", "250 a\r\r\n", ["250 a\r"]],
    ["CR LF that ends an empty text", "250-\r\n250 \n", ["250-\n250 "]],
    ["many replies", "220 hi\r\n250 a\r\n550 no\r\n", ["220 hi", "250 a", "550 no"]],
    ["codes at the ends of the grammar", "200 a\r\n559 b\r\n", ["200 a", "559 b"]],
    ["different codes in different replies", "250-a\r\n250 b\r\n550-c\r\n550 d\r\n", ["250-a\n250 b", "550-c\n550 d"]],
    ["hyphens and spaces in the text", "250- -a \r\n250  b-\r\n", ["250- -a \n250  b-"]],
    ["NUL, ESC and TAB as text", "250 \0\x1b]0;x\x07\t\r\n", ["250 \0\x1b]0;x\x07\t"]],
    ["UTF-8 of two, three and four octets", "250 \u0416 \u20ac \u{1f4e7}\r\n", ["250 \u0416 \u20ac \u{1f4e7}"]],
    ["octets that are not UTF-8", "250 \xff\xe2\x82 x\r\n", ["250 \ufffd\ufffd x"]],
    ["a byte order mark in the text", "250 \ufeffx\r\n", ["250 \ufeffx"]],
    ["nothing", "", []],
  ])("push() reads %s, however it is cut", (_, octets, replies) => {
    expect(parseEveryWay(bytes(octets))).toEqual({ replies, violation: undefined, buffered: 0 });
  });

  const noReply = (line: string): string =>
    `Received a line that is no reply: "${line}"; expected a reply code such as 250, then a space`;
  test.each<[what: string, octets: string, replies: string[], violation: string]>([
    ["garbage", "hello there\r\n", [], noReply("hello there")],
    ["an empty line", "\r\n", [], noReply("")],
    ["LF alone", "\n", [], noReply("")],
    ["blanks only", "   \r\n", [], noReply("   ")],
    ["a code of two digits", "25\r\n", [], noReply("25")],
    ["a code of two digits and a space", "25 Ok\r\n", [], noReply("25 Ok")],
    ["a code of six digits", "250550 x\r\n", [], noReply("250550 x")],
    ["a tab behind the code", "250\tx\r\n", [], noReply("250\\tx")],
    ["a CR of its own behind the code", "250\r\r\n", [], noReply("250\\r")],
    ["a first digit too low", "150 x\r\n", [], noReply("150 x")],
    ["a first digit too high", "650 x\r\n", [], noReply("650 x")],
    ["a second digit too high", "260 x\r\n", [], noReply("260 x")],
    ["a character below the digits", "2/0 x\r\n", [], noReply("2/0 x")],
    ["a third character below the digits", "25/ x\r\n", [], noReply("25/ x")],
    ["a third character above the digits", "25: x\r\n", [], noReply("25: x")],
    ["a blank before the code", " 250 x\r\n", [], noReply(" 250 x")],
    ["a byte order mark before the code", "\ufeff250 x\r\n", [], noReply("\\ufeff250 x")],
    ["digits that are not ASCII", "\uff12\uff15\uff10 x\r\n", [], noReply("\uff12\uff15\uff10 x")],
    ["terminal escapes", "\x1b]0;pwn\x07\u202e\r\n", [], noReply("\\x1b]0;pwn\\x07\\u202e")],
    ["octets that are not UTF-8", "\xff\xfe\r\n", [], noReply("\ufffd\ufffd")],
    ["garbage behind a reply", "250 a\r\nx\r\n250 b\r\n", ["250 a"], noReply("x")],
    ["garbage within a reply", "250-a\r\nx\r\n250 b\r\n", [], noReply("x")],
    ["a long line", `${"x".repeat(61)}\r\n`, [], noReply(`${"x".repeat(60)}…`)],
    ["codes that differ within a reply", "250-ok\r\n550 no\r\n", [], mixed("250", "550 no")],
    ["codes that differ between lines that go on", "550-no\r\n250-ok\r\n", [], mixed("550", "250-ok")],
    ["codes that differ in the second digit", "250-a\r\n240 b\r\n", [], mixed("250", "240 b")],
    ["codes that differ in the third digit", "250-a\r\n251 b\r\n", [], mixed("250", "251 b")],
  ])("push() refuses %s, however it is cut", (_, octets, replies, violation) => {
    expect(parseEveryWay(bytes(octets))).toEqual({ replies, violation, buffered: 0 });
  });

  function mixed(code: string, line: string): string {
    return `Received a line of another code within a ${code} reply: "${line}"; expected ${code} in each of its lines`;
  }

  test.each<[what: string, octets: string, limits: Partial<ReplyLimits>, violation: string | undefined]>([
    ["a line at its limit", "250 abcd\r\n", { line: 10 }, undefined],
    ["a line over its limit", "250 abcde\r\n", { line: 10 }, 'line of more than 10 octets: "250 abcde\\r"'],
    ["a line that never ends", "250 abcdef", { line: 10 }, 'line of more than 10 octets: "250 abcdef"'],
    ["garbage that never ends", "x".repeat(100), { line: 90 }, `line of more than 90 octets: "${"x".repeat(60)}…"`],
    ["lines at their limit", "250-a\n250-b\n250 c\n", { lines: 3 }, undefined],
    ["one line too many", "250-a\n250-b\n250 c\n", { lines: 2 }, 'reply of more than 2 lines, one too many: "250 c"'],
    [
      "lines too many that go on",
      "250-a\n250-b\n250-",
      { lines: 1 },
      'reply of more than 1 lines, one too many: "250-b"',
    ],
    ["a reply at its limit", "250-a\r\n250 b\r\n", { bytes: 14 }, undefined],
    ["replies at their limit, each", "250-a\n250 b\n250-a\n250 b\n", { bytes: 12, lines: 2 }, undefined],
    [
      "a reply over its limit",
      "250-a\r\n250 bc\n",
      { bytes: 13 },
      'reply of more than 13 octets, at the line: "250 bc"',
    ],
    ["a reply full before its end", "250-a\n250-b\n", { bytes: 6 }, 'reply of more than 6 octets, at the line: ""'],
  ])("push() judges %s, however it is cut", (_, octets, limits, violation) => {
    const expected = violation === undefined ? undefined : `Received a ${violation}; expected a shorter reply`;
    expect(parseEveryWay(bytes(octets), limits).violation).toBe(expected);
  });

  test("push() takes a challenge of 12 288 octets, a reply of 1 000 lines and one of 65 536 octets by default", () => {
    const challenge = `334 ${"x".repeat(12_288 - 6)}\r\n`;
    expect(parse([bytes(challenge)]).replies).toHaveLength(1);
    expect(parse([bytes(`334 x${challenge.slice(4)}`)]).violation).toContain("line of more than 12288 octets");
    expect(parse([bytes(`${"250-\n".repeat(999)}250 \n`)]).replies).toHaveLength(1);
    expect(parse([bytes(`${"250-\n".repeat(1000)}250 \n`)]).violation).toContain("reply of more than 1000 lines");
    const line = `250-${"x".repeat(8_187)}\n`;
    expect(parse([bytes(`${line.repeat(7)}250 ${line.slice(4)}`)]).replies).toHaveLength(1);
    expect(parse([bytes(`${line.repeat(7)}250 x${line.slice(4)}`)]).violation).toContain("reply of more than 65536");
  });

  test("push() returns its violation again and reads nothing after it", () => {
    const parser = new ReplyParser();
    const replies: SmtpResponse[] = [];
    const violation = parser.push(bytes("250 a\r\nx\r\n250 b\r\n"), replies);
    expect(violation).toBeInstanceOf(SmtpProtocolError);
    expect(violation).toMatchObject({ code: "SMTP_PROTOCOL", phase: "command", fate: "unsent" });
    expect(parser.push(bytes("250 c\r\n"), replies)).toBe(violation);
    expect(parser.push(bytes(""), replies)).toBe(violation);
    expect(replies.map(String)).toEqual(["250 a"]);
  });

  test("buffered counts the octets of an incomplete reply and is 0 between replies", () => {
    const parser = new ReplyParser();
    const counts = ["", "2", "50-ab\r", "\n", "250", " c\r\n", "354 go\r\n25"].map((chunk) => {
      parser.push(bytes(chunk), []);
      return parser.buffered;
    });
    expect(counts).toEqual([0, 1, 7, 8, 11, 0, 2]);
  });

  /** Octets that are often nearly a reply, and sometimes anything. */
  const octets = fc
    .array(
      fc.oneof(
        {
          weight: 6,
          arbitrary: fc.constantFrom("250 Ok", "250-", "250", "550 5.1.1 no", "354 go", "25", "\xff", "\u20ac"),
        },
        { weight: 6, arbitrary: fc.constantFrom("\r\n", "\n", "\r") },
        { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
      ),
      { maxLength: 30 },
    )
    .map((parts) => bytes(parts.join("")));
  const limits = fc.constantFrom({}, { line: 8 }, { lines: 2 }, { bytes: 14 }, { line: 12, lines: 3, bytes: 20 });

  test("push() gives the same replies and the same violation of any octets, whole or in pieces", () => {
    fc.assert(
      fc.property(octets, limits, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (all, some, sizes) => {
        const pieces: Uint8Array[] = [];
        for (let start = 0; start < all.length; ) {
          const size = sizes.next().value as number;
          pieces.push(all.slice(start, start + size));
          start += size;
        }
        const whole = parse([all], some);
        expect(parse(pieces, some)).toEqual(whole);
        expect(parse(byteByByte(all), some)).toEqual(whole);
      }),
      { numRuns: runs(1000) },
    );
  });

  test("push() gives replies of the grammar or an error, and holds no more than its limit, of any octets", () => {
    fc.assert(
      fc.property(fc.oneof(octets, fc.uint8Array({ maxLength: 200 })), (all) => {
        const { replies, buffered } = parse([all], { line: 20, bytes: 40 });
        expect(buffered).toBeLessThan(40);
        for (const reply of replies) {
          const lines = reply.split("\n");
          const codes = new Set(lines.map((line) => /^([2-5][0-5][0-9])(?=[ -]|$)/.exec(line)?.[1]));
          expect(codes.size).toBe(1);
          expect(codes).not.toContain(undefined);
          expect(lines.map((line) => line[3] === "-")).toEqual(lines.map((_, index) => index < lines.length - 1));
        }
      }),
      { numRuns: runs(1000) },
    );
  });
});
