/**
 * PLAIN: the example of RFC 4616, and what goes out of text that is not ASCII.
 *
 * @module
 */

import { expect, test } from "vitest";
import { base64 } from "../../src/protocol/base64.ts";
import { plain } from "../../src/sasl/plain.ts";
import { credentials, talk } from "./talk.ts";

test("plain sends RFC 4616's example as the initial response, and answers nothing more", async () => {
  expect(await talk(plain, credentials("tim", "tanstaaftanstaaf"), ["more?"])).toEqual([
    "\0tim\0tanstaaftanstaaf",
    "ended",
  ]);
});

test.each([
  ["tim", "tanstaaftanstaaf", "AHRpbQB0YW5zdGFhZnRhbnN0YWFm"],
  ["jürgen", "p€ss wörd", Buffer.from("006ac3bc7267656e0070e282ac73732077c3b67264", "hex").toString("base64")],
  ["😀", "\ufeffx", Buffer.from("00f09f988000efbbbf78", "hex").toString("base64")],
])("plain as %s is the UTF-8 of its text once encoded", async (user, secret, encoded) => {
  const [initial] = await talk(plain, credentials(user, secret), []);
  expect(base64(initial as string)).toBe(encoded);
});

test("plain asks a function for the secret", async () => {
  expect(
    await talk(
      plain,
      credentials("tim", async () => "tanstaaf"),
      [],
    ),
  ).toEqual(["\0tim\0tanstaaf"]);
});
