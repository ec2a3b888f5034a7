import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unicodeXtext, xtext } from "../../src/protocol/xtext.ts";

describe("xtext()", () => {
  test.each([
    // RFC 4954 section 5, RFC 3461 section 10.1.
    ["e=mc2@example.com", "e+3Dmc2@example.com"],
    ["QQ314159", "QQ314159"],
    ["Carol@Ivory.EDU", "Carol@Ivory.EDU"],
    ["<>", "<>"],
    ["a+b", "a+2Bb"],
    ["two words", "two+20words"],
    ["!~", "!~"],
    ['"b c"@y', '"b+20c"@y'],
    ["", ""],
    ["\r\n\t\0\x7f", "+0D+0A+09+00+7F"],
  ])("%j is %j", (text, encoded) => {
    expect(xtext(text)).toBe(encoded);
  });

  test("is of the grammar and reads back, of any ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
        const encoded = xtext(text);
        expect(encoded).toMatch(/^(?:[!-*,-<>-~]|\+[0-9A-F]{2})*$/);
        const decoded = encoded.replace(/\+(..)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
        expect(decoded).toBe(text);
      }),
    );
  });
});

describe("unicodeXtext()", () => {
  test.each([
    // RFC 6533 section 3.
    ["ü@x.example", "\\x{FC}@x.example"],
    ["\u{1f4e7}@x", "\\x{1F4E7}@x"],
    ["a+b=c\\d e", "a\\x{2B}b\\x{3D}c\\x{5C}d\\x{20}e"],
    ["plain@x", "plain@x"],
  ])("%j is %j", (text, encoded) => {
    expect(unicodeXtext(text)).toBe(encoded);
  });

  test("is of the grammar and reads back, of any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const encoded = unicodeXtext(text);
        expect(encoded).toMatch(/^(?:[!-*,-<>-[\]-~]|\\x\{[0-9A-F]{2,6}\})*$/);
        const decoded = encoded.replace(/\\x\{([^}]+)\}/g, (_, code: string) =>
          String.fromCodePoint(Number.parseInt(code, 16)),
        );
        expect(decoded).toBe(text);
      }),
    );
  });
});
