/**
 * LOGIN: the server speaks first, and its prompts do not matter.
 *
 * @module
 */

import { expect, test } from "vitest";
import { SmtpAuthenticationError } from "../../src/errors.ts";
import { login } from "../../src/sasl/login.ts";
import { credentials, talk } from "./talk.ts";

test.each([
  ["the usual prompts", ["Username:", "Password:"]],
  ["empty prompts", ["", ""]],
  ["prompts of another order", ["Password:", "Username:"]],
])("login gives the user, then the secret, to %s", async (_title, prompts) => {
  expect(await talk(login, credentials("jürgen", "p€ss"), [...prompts, "and?"])).toEqual([
    undefined,
    "jürgen",
    "p€ss",
    "ended",
  ]);
});

test("login says nothing at all when the function for the secret fails", async () => {
  const failing = (): string => {
    throw new Error("no token");
  };
  await expect(login.exchange(credentials("u", failing)).next("")).rejects.toThrow(SmtpAuthenticationError);
});

test("login calls the function for the secret once", async () => {
  let calls = 0;
  const said = await talk(
    login,
    credentials("u", () => `secret ${++calls}`),
    ["Username:", "Password:"],
  );
  expect(said).toEqual([undefined, "u", "secret 1"]);
  expect(calls).toBe(1);
});
