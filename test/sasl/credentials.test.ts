/**
 * What is refused of user and secret, and that no error lets a secret out.
 *
 * @module
 */

import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError, SmtpAuthenticationError } from "../../src/errors.ts";
import { checkCredentials, secretOf } from "../../src/sasl/credentials.ts";
import type { SaslCredentials } from "../../src/sasl/mechanism.ts";
import { credentials } from "./talk.ts";

const SENTINEL = "s3ntinel-h0rse";

function thrownBy(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Nothing was thrown");
}

/** Everything of an error that may end up in a log. */
function everythingOf(error: Error): string {
  const deep = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  return [error.message, error.stack, JSON.stringify(error), deep].join("\n");
}

const BAD: [title: string, value: unknown, shown: string][] = [
  ["undefined", undefined, "undefined"],
  ["null", null, "null"],
  ["empty", "", "an empty string"],
  ["a number", 31337, "type number"],
  ["bytes", new TextEncoder().encode(SENTINEL), "type object"],
  ["a String object", new String(SENTINEL), "type object"],
  ["an object with toString", { toString: () => SENTINEL }, "type object"],
  ["an array", [SENTINEL], "type object"],
  ["NUL at its start", `\0${SENTINEL}`, "NUL"],
  ["NUL inside", `${SENTINEL}\0${SENTINEL}`, "NUL"],
  ["half of a surrogate pair", `${SENTINEL}\ud83d`, "surrogate"],
  ["the other half", `\ude00${SENTINEL}`, "surrogate"],
];

describe("checkCredentials()", () => {
  test.each(BAD)("checkCredentials() refuses a user: %s", (_title, user, shown) => {
    const error = thrownBy(() => checkCredentials(user, "secret"));
    expect(error).toBeInstanceOf(SmtpArgumentError);
    expect(error.message).toContain('"user"');
    expect(error.message).toContain(shown);
  });

  test.each(BAD)("checkCredentials() refuses a secret without showing it: %s", (_title, secret, shown) => {
    const error = thrownBy(() => checkCredentials("user", secret));
    expect(error).toBeInstanceOf(SmtpArgumentError);
    expect(error.message).toContain('"secret"');
    expect(error.message).toContain(shown);
    expect(everythingOf(error)).not.toMatch(new RegExp(`${SENTINEL}|31337`));
  });

  test("checkCredentials() refuses a function as user", () => {
    expect(() => checkCredentials(() => "user", "secret")).toThrow(/"user".*type function/);
  });

  test.each([["tim"], ["tim o tee"], ["jürgen@exämple.de"], ["😀"], ["a\r\nb\x01"]])(
    "checkCredentials() takes %j for both",
    (text) => {
      expect(() => checkCredentials(text, text)).not.toThrow();
    },
  );

  test("checkCredentials() does not call a function", () => {
    let calls = 0;
    checkCredentials("user", () => `${++calls}`);
    expect(calls).toBe(0);
  });
});

describe("secretOf()", () => {
  test.each<[string, SaslCredentials["secret"]]>([
    ["a string", SENTINEL],
    ["a function", () => SENTINEL],
    ["an async function", async () => SENTINEL],
  ])("secretOf() gives the secret of %s", async (_title, secret) => {
    expect(await secretOf(credentials("user", secret))).toBe(SENTINEL);
  });

  test.each(BAD)("secretOf() refuses what a function returns without showing it: %s", async (_title, value, shown) => {
    for (const secret of [() => value as string, async () => value as string]) {
      const error = (await secretOf(credentials("user", secret)).catch((e: unknown) => e)) as SmtpAuthenticationError;
      expect(error).toBeInstanceOf(SmtpAuthenticationError);
      expect([error.phase, error.temporary, error.retry]).toEqual(["auth", false, "never"]);
      expect(error.message).toContain(shown);
      expect(everythingOf(error)).not.toMatch(new RegExp(`${SENTINEL}|31337`));
    }
  });

  test("secretOf() keeps what a function threw as the cause, and out of the message", async () => {
    const cause = new Error(SENTINEL);
    const throwing = (): string => {
      throw cause;
    };
    for (const secret of [throwing, () => Promise.reject<string>(cause)]) {
      const error = (await secretOf(credentials("user", secret)).catch((e: unknown) => e)) as SmtpAuthenticationError;
      expect(error).toBeInstanceOf(SmtpAuthenticationError);
      expect(error.cause).toBe(cause);
      expect([error.phase, error.temporary, error.retry]).toEqual(["auth", true, "later"]);
      expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(SENTINEL);
    }
  });
});
