import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { base64, decodeBase64 } from "../../src/protocol/command.ts";

describe("base64", () => {
  // The vectors of RFC 4648 section 10, and text beyond Latin-1.
  test.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foobar", "Zm9vYmFy"],
    ["\0user\0pass", "AHVzZXIAcGFzcw=="],
    ["\u00fc\u20ac\u{1f511}", "w7zigqzwn5SR"],
    ["\ufeffx", "77u/eA=="],
  ])("base64() and decodeBase64() of %j", (text, encoded) => {
    expect(base64(text)).toBe(encoded);
    expect(decodeBase64(encoded)).toBe(text);
  });

  test("base64() encodes any well-formed text as the runtime does, and decodeBase64() gives it back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(base64(text)).toBe(Buffer.from(text, "utf8").toString("base64"));
        expect(decodeBase64(base64(text))).toBe(text);
      }),
    );
  });

  test("base64() takes a megabyte", () => {
    const text = "\u20ac".repeat(350_000);
    expect(base64(text)).toBe(Buffer.from(text).toString("base64"));
  });

  test.each(["\ud800", "secret\udc00", "\udc00\ud800"])(
    "base64() refuses half of a surrogate pair in %j, unseen",
    (text) => {
      expect(() => base64(text)).toThrow(SmtpArgumentError);
      expect(() => base64(text)).toThrow(
        /^Text to encode holds half of a surrogate pair; expected well-formed Unicode$/,
      );
    },
  );

  test.each([
    ["padding left out", "Zg"],
    ["half of the padding", "Zg="],
    ["padding over", "Zm9v===="],
    ["padding in the middle", "Zg==Zg=="],
    ["one character", "Z"],
    ["a blank", "Zm 9v"],
    ["a blank in front", " Zm9v"],
    ["a line end", "Zm9v\n"],
    ["characters of base64url", "Zm9-"],
    ["a character beyond Latin-1", "Zm9\u20ac"],
    ["stray bits", "Zh=="],
    ["octets that are not UTF-8", "/w=="],
    ["half of a surrogate pair in UTF-8", "7aCA"],
    ["the end-of-challenge star", "*"],
    ["padding alone", "="],
  ])("decodeBase64() refuses %s", (_, encoded) => {
    expect(decodeBase64(encoded)).toBeUndefined();
  });
});
