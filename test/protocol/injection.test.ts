/**
 * No value that a user gives makes a second line, or a parameter that was not asked for: it is an `SmtpArgumentError`, or
 * one line without control characters.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { type EsmtpParameters, forwardPaths, reversePath, SmtpAddress } from "../../src/protocol/address.ts";
import { ehlo, helo, mail, rawCommand, rcpt, validateLine } from "../../src/protocol/command.ts";
import { runs } from "../support/runs.ts";

/** An object that is another text each time it is read. */
function changing(first: string, then: string): unknown {
  let reads = 0;
  const read = (): string => (++reads % 2 === 1 ? first : then);
  return { toString: read, valueOf: read, toJSON: read, [Symbol.toPrimitive]: read, length: first.length };
}

const hostile = fc.constantFrom(
  "\r",
  "\n",
  "\r\n",
  "\0",
  "\x7f",
  "\u2028",
  "\u2029",
  "\u560a",
  "\u560d",
  "\u0085",
  ">",
  "> SIZE=1",
  "\ud800",
  '"',
  "\r\nRSET\r\n",
);
const harmless = fc.constantFrom("", "a", "a@b.example", "x.example", "42", '"', "\\", "<", "@", "[", " ");
const text = fc
  .array(fc.oneof(hostile, harmless, fc.string({ unit: "binary", maxLength: 3 })), { maxLength: 5 })
  .map((parts) => parts.join(""));
const value = fc.oneof(
  { weight: 6, arbitrary: text },
  { weight: 1, arbitrary: fc.tuple(text, text).map(([first, then]) => changing(first, then)) },
  { weight: 1, arbitrary: text.map((some) => new String(some)) },
  { weight: 1, arbitrary: text.map((some) => [some]) },
  { weight: 1, arbitrary: fc.constantFrom(undefined, null, 42, Number.NaN, true, Symbol("x"), 1n, () => "a\r\n") },
);

const lines: readonly [parameter: string, make: (value: never, utf8: boolean) => string | string[]][] = [
  ["helo of HELO", (name) => helo(name)],
  ["helo of EHLO", (name) => ehlo(name)],
  ["from", (from, smtputf8) => mail(reversePath(from, { smtputf8 }), smtputf8)],
  ["to", (to, smtputf8) => forwardPaths(to, { smtputf8 }).map(rcpt)],
  ["address", (address, smtputf8) => mail(reversePath(new SmtpAddress(address), { smtputf8 }), smtputf8)],
  ["a parameter's value", (body, smtputf8) => mailWith({ body }, smtputf8)],
  ["a parameter's keyword", (keyword, smtputf8) => mailWith({ [keyword]: 1 }, smtputf8)],
  ["all parameters", (parameters, smtputf8) => mailWith(parameters, smtputf8)],
  ["a line", (line, smtputf8) => validateLine(rawCommand(line), smtputf8)],
];

function mailWith(parameters: EsmtpParameters, smtputf8: boolean): string {
  return mail(reversePath(new SmtpAddress("a@b.example", parameters), { smtputf8 }), smtputf8);
}

describe("injection", () => {
  test.each(lines)("%s makes one line without control characters, or an SmtpArgumentError", (_, make) => {
    fc.assert(
      fc.property(value, fc.boolean(), (given, utf8) => {
        // A symbol as a computed keyword is no string key, so it is not there; anything else is turned into one by the test.
        let made: string | string[];
        try {
          made = make(given as never, utf8);
        } catch (error) {
          if (!(error instanceof SmtpArgumentError)) throw error;
          expect(error.message).not.toMatch(/\p{Cc}/u);
          return;
        }
        for (const line of [made].flat()) {
          expect(line).not.toMatch(/\p{Cc}|\p{Surrogate}/u);
          if (!utf8) expect(line).toMatch(/^[ -~]*$/);
        }
      }),
      { numRuns: runs(1000) },
    );
  });

  test("from and to make the one path that was given, and no parameter", () => {
    fc.assert(
      fc.property(text, (given) => {
        try {
          for (const line of forwardPaths(given, { smtputf8: false }).map(rcpt)) {
            expect(line).toMatch(/^RCPT TO:<(?:"(?:[^"\\]|\\.)*"|[^"<> ]+)(?:@[^"<> ]+)?>$/);
          }
        } catch (error) {
          if (!(error instanceof SmtpArgumentError)) throw error;
        }
      }),
      { numRuns: runs(1000) },
    );
  });
});
