/** SASLprep: the examples of RFC 4013 section 3, and a line of each table of RFC 3454. */
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { preparedName, preparedSecret } from "../../src/sasl/saslprep.ts";

describe("preparedSecret()", () => {
  test.each([
    ["I\u00adX", "IX"],
    ["user", "user"],
    ["USER", "USER"],
    ["\u00aa", "a"],
    ["\u2168", "IX"],
    ["a\u00a0b\u3000c\u1680d\u200be", "a b c d e"],
    ["a\u034f\u1806\u180b\u200c\u200d\u2060\ufe0f\ufeffb", "ab"],
    ["e\u0301", "é"],
    ["\u0627\u0661\u0628", "\u0627\u0661\u0628"],
    ["\u{1f510} key", "\u{1f510} key"],
    [" a ", " a "],
  ])("preparedSecret() makes %j into %j", (given, made) => {
    expect(preparedSecret(given)).toBe(made);
    expect(preparedName("user", given)).toBe(made);
  });

  test.each([
    ["C.2.1", "\u0007"],
    ["C.2.1", "a\u007f"],
    ["C.2.2", "\u0085"],
    ["C.2.2", "\u2028"],
    ["C.2.2", "\u{1d173}"],
    ["C.3", "\ue000"],
    ["C.3", "\u{10fffd}"],
    ["C.4", "\ufdd0"],
    ["C.4", "\u{1fffe}"],
    ["C.5", "\ud800"],
    ["C.6", "\ufffd"],
    ["C.7", "\u2ff0"],
    ["C.8", "\u200e"],
    ["C.8", "\u202e"],
    ["C.8", "\u206a"],
    ["C.9", "\u{e0020}"],
    ["D: does not end as it begins", "\u06271"],
    ["D: does not begin as it ends", "1\u0627"],
    ["D: mixed", "\u05d0a\u05d0"],
    ["nothing is left", "\u00ad"],
  ])("preparedSecret() refuses %s", (_table, text) => {
    for (const prepare of [preparedSecret, (given: string) => preparedName("authzid", given)]) {
      expect(() => prepare(text)).toThrow(SmtpArgumentError);
    }
  });

  test("what Unicode does not know is refused in a password and taken in a name", () => {
    expect(() => preparedSecret("\u0378")).toThrow(/does not know/);
    expect(preparedName("user", "\u0378")).toBe("\u0378");
  });

  test("an error says which of the two, and nothing of it", () => {
    expect(() => preparedSecret("s3cret\u0007")).toThrow(
      /^Invalid "secret": it holds a control character[^3]*RFC 4013\) prohibits$/,
    );
    expect(() => preparedName("authzid", "\u0007")).toThrow(/^Invalid "authzid"/);
  });
});
