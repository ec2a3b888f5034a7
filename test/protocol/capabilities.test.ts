import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCapabilities } from "../../src/protocol/capabilities.ts";

describe("parseCapabilities", () => {
  test.each<[what: string, lines: string[], capabilities: [string, string[]][]]>([
    ["nothing of no lines", [], []],
    ["nothing of the first line", ["PIPELINING SIZE"], []],
    [
      "keywords in capitals",
      ["x", "pipelining", "8BitMime"],
      [
        ["PIPELINING", []],
        ["8BITMIME", []],
      ],
    ],
    [
      "parameters as they are",
      ["x", "SIZE 42", "LIMITS MailMax=1 RCPTMAX=2"],
      [
        ["SIZE", ["42"]],
        ["LIMITS", ["MailMax=1", "RCPTMAX=2"]],
      ],
    ],
    ["words between any number of spaces", ["x", " SIZE   42 "], [["SIZE", ["42"]]]],
    ["the last of a keyword said twice", ["x", "SIZE 1", "size 2"], [["SIZE", ["2"]]]],
    ["AUTH in capitals", ["x", "auth plain Login"], [["AUTH", ["PLAIN", "LOGIN"]]]],
    ["AUTH without mechanisms", ["x", "AUTH"], [["AUTH", []]]],
    [
      "AUTH lines joined, each mechanism once",
      ["x", "AUTH PLAIN LOGIN", "AUTH CRAM-MD5 plain"],
      [["AUTH", ["PLAIN", "LOGIN", "CRAM-MD5"]]],
    ],
    ["the old AUTH=", ["x", "auth=PLAIN LOGIN"], [["AUTH", ["PLAIN", "LOGIN"]]]],
    [
      "AUTH and AUTH= joined",
      ["x", "AUTH=LOGIN PLAIN", "AUTH PLAIN XOAUTH2"],
      [["AUTH", ["LOGIN", "PLAIN", "XOAUTH2"]]],
    ],
    ["AUTH= with nothing behind it", ["x", "AUTH="], [["AUTH", []]]],
    ["X-STARTTLS as what it is", ["x", "X-STARTTLS"], [["X-STARTTLS", []]]],
    ["nothing of blank lines", ["x", "", "   ", "\t"], []],
    [
      "nothing of malformed keywords",
      ["x", "__proto__ polluted", "-SIZE 1", "A=B", "SIZE\t1", "\0", "\ufffd", "X:Y"],
      [],
    ],
    ["nothing of letters that only look like S", ["x", "\u017fTARTTLS", "\uff33TARTTLS"], []],
    ["what of parameters is printable ASCII", ["x", "SIZE \x1b[2J 42 \ufffd"], [["SIZE", ["42"]]]],
    [
      "names of Object.prototype as keywords like others",
      ["x", "CONSTRUCTOR a", "toString"],
      [
        ["CONSTRUCTOR", ["a"]],
        ["TOSTRING", []],
      ],
    ],
  ])("parseCapabilities() gives %s", (_, lines, capabilities) => {
    expect([...parseCapabilities(lines)]).toEqual(capabilities);
  });

  test("parseCapabilities() reaches no prototype", () => {
    const capabilities = parseCapabilities(["x", "__proto__ polluted", "constructor prototype"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(capabilities.has("constructor")).toBe(false);
    expect(capabilities.has("__proto__")).toBe(false);
  });

  test("parseCapabilities() gives a map of its own each time", () => {
    const lines = ["x", "SIZE 42"];
    expect(parseCapabilities(lines)).not.toBe(parseCapabilities(lines));
  });

  test("parseCapabilities() gives keywords and parameters of the grammar only, of any lines", () => {
    const word = fc.oneof(
      fc.constantFrom("AUTH", "AUTH=", "SIZE", "__proto__", "\u017fIZE"),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(fc.array(fc.array(word).map((words) => words.join(" "))), (lines) => {
        for (const [keyword, parameters] of parseCapabilities(lines)) {
          expect(keyword).toMatch(/^[A-Z0-9][A-Z0-9-]*$/);
          for (const parameter of parameters) expect(parameter).toMatch(/^[!-~]+$/);
        }
      }),
    );
  });
});
