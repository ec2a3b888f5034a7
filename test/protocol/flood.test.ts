/** ReplyParser under a flood. Work that grows with the square takes minutes here, and the test has ten seconds. */

import { expect, test } from "vitest";
import { type ReplyLimits, ReplyParser, type SmtpResponse } from "../../src/protocol/reply.ts";

const WIDE: ReplyLimits = { line: 1e7, lines: 1e7, bytes: 1e7 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(chunks: Iterable<Uint8Array>, limits?: ReplyLimits): { replies: number; violation: string | undefined } {
  const parser = new ReplyParser(limits);
  const replies: SmtpResponse[] = [];
  let violation: string | undefined;
  for (const chunk of chunks) violation ??= parser.push(chunk, replies)?.message;
  return { replies: replies.length, violation };
}

function* octetByOctet(all: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < all.length; at++) yield all.subarray(at, at + 1);
}

test("push() is linear: a flood in one chunk, in lines and octet by octet", () => {
  expect(parse([new Uint8Array(20_000_000).fill(0x32)]).violation).toContain("line of more than");
  expect(parse([bytes("250-x\r\n".repeat(200_000))]).violation).toContain("lines");
  expect(parse(octetByOctet(bytes(`250 ${"x".repeat(1_000_000)}\r\n`)), WIDE)).toEqual({ replies: 1 });
  expect(parse([bytes(`${"250-x\r\n".repeat(100_000)}250 x\r\n`)], WIDE)).toEqual({ replies: 1 });
}, 10_000);
