import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BodyEncoder } from "../../src/protocol/body.ts";
import { isSevenBit, messageSize } from "../../src/protocol/octets.ts";
import { runs } from "../support/runs.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("messageSize() (RFC 1870)", () => {
  test.each([
    ["", 2],
    ["x", 3],
    ["x\r\n", 3],
    ["x\n", 3],
    ["x\r", 3],
    ["x\n\r\ny", 8],
    [".\r\n..\r\n", 7],
    ["\r\r\n", 4],
  ])("%j is %i octets", (text, size) => {
    expect(messageSize(bytes(text))).toBe(size);
  });

  test("is what the encoder counts, of any octets, also in a view of a larger buffer", () => {
    const octet = fc.oneof(fc.constantFrom(13, 10, 46), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 90 }), fc.nat(20), (values, offset) => {
        const view = new Uint8Array([...new Array(offset).fill(13), ...values, 10]).subarray(
          offset,
          offset + values.length,
        );
        const encoder = new BodyEncoder();
        encoder.push(view, []);
        encoder.end([]);
        expect(messageSize(view)).toBe(encoder.messageSize);
      }),
      { numRuns: runs(2_000) },
    );
  });
});

describe("isSevenBit() (RFC 6152)", () => {
  test("finds one octet over 0x7F at any place of any length", () => {
    for (let length = 0; length <= 40; length++) {
      const view = new Uint8Array(length + 3).fill(255).subarray(3).fill(0x7f);
      expect(isSevenBit(view)).toBe(true);
      for (let at = 0; at < length; at++) {
        view[at] = at % 2 ? 0x80 : 0xff;
        expect([length, at, isSevenBit(view)]).toEqual([length, at, false]);
        view[at] = 0x7f;
      }
    }
  });

  test("looks at no octet outside the view", () => {
    const all = new Uint8Array(64).fill(0xff);
    all.fill(0, 5, 43);
    expect(isSevenBit(all.subarray(5, 43))).toBe(true);
  });
});
