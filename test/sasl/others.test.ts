/** EXTERNAL, ANONYMOUS, and whom a login is for. */
import { expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { checkCredentials } from "../../src/sasl/credentials.ts";
import { findMechanism } from "../../src/sasl/registry.ts";
import { credentials, talk } from "./talk.ts";

test.each([
  ["EXTERNAL", "", undefined, ""],
  ["EXTERNAL", "me", undefined, "me"],
  ["EXTERNAL", "me", "other", "other"],
  ["EXTERNAL", "me", "", "me"],
  ["ANONYMOUS", "", undefined, ""],
  ["ANONYMOUS", "sirhc", undefined, "sirhc"],
  ["ANONYMOUS", "é".repeat(255), undefined, "é".repeat(255)],
  ["PLAIN", "tim", "ulf", "ulf\0tim\0secret"],
  ["PLAIN", "tim", "", "\0tim\0secret"],
])("%s for user %j and authzid %j", async (name, user, authzid, said) => {
  const who = { ...credentials(user, "secret"), ...(authzid === undefined ? {} : { authzid }) };
  expect(await talk(findMechanism(name), who, ["more?"])).toEqual([said, "ended"]);
});

test.each(["LOGIN", "CRAM-MD5", "XOAUTH2", "ANONYMOUS"])("%s cannot say whom it is for: bad input", async (name) => {
  const error = await talk(findMechanism(name), { ...credentials("me", "s"), authzid: "other" }, []).catch((e) => e);
  expect(error).toBeInstanceOf(SmtpArgumentError);
  expect(error.message).toContain(`"authzid" cannot be said by ${name}`);
});

test.each(["a\r\nb", "x".repeat(256), "a\u0085"])("ANONYMOUS refuses the trace %j", async (trace) => {
  await expect(talk(findMechanism("ANONYMOUS"), credentials(trace, ""), [])).rejects.toBeInstanceOf(SmtpArgumentError);
});

test("without a secret a user may be missing; a bad one may not", () => {
  for (const user of [undefined, "", "me"]) expect(() => checkCredentials(user, undefined, true)).not.toThrow();
  for (const user of [1, null, "a\0b", "\ud800"])
    expect(() => checkCredentials(user, undefined, true)).toThrow(/"user"/);
});
