/**
 * XOAUTH2: the example format of Google's documentation, the empty answer to an error, and fields that cannot be forged.
 *
 * @module
 */

import { expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { base64 } from "../../src/protocol/base64.ts";
import { xoauth2 } from "../../src/sasl/xoauth2.ts";
import { credentials, talk } from "./talk.ts";

const USER = "someuser@example.com";
const TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";

test("xoauth2 sends Google's example", async () => {
  const [initial] = await talk(xoauth2, credentials(USER, TOKEN), []);
  expect(initial).toBe(`user=${USER}\x01auth=Bearer ${TOKEN}\x01\x01`);
  expect(base64(initial as string)).toBe(
    "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==",
  );
});

test("xoauth2 answers an error challenge with an empty line, once", async () => {
  const error = '{"status":"401","schemes":"bearer","scope":"https://mail.google.com/"}';
  expect((await talk(xoauth2, credentials(USER, TOKEN), [error, error])).slice(1)).toEqual(["", "ended"]);
});

test("xoauth2 takes the token from a function", async () => {
  const [initial] = await talk(
    xoauth2,
    credentials(USER, () => Promise.resolve("fresh")),
    [],
  );
  expect(initial).toContain("Bearer fresh\x01\x01");
});

test.each([
  ["user", "a\x01auth=Bearer evil", TOKEN],
  ["user", "a\r\n", TOKEN],
  ["secret", USER, "t0ken\x01\x01host=evil"],
  ["secret", USER, "t0ken\x7f"],
  ["secret", USER, () => "t0ken\n"],
])("xoauth2 refuses a control character in %s before it says anything", async (parameter, user, secret) => {
  const error = await talk(xoauth2, credentials(user, secret), []).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SmtpArgumentError);
  expect(String(error)).toContain(`"${parameter}"`);
  expect(String(error)).not.toContain("t0ken");
});
