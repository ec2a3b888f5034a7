/**
 * CRAM-MD5: the example of RFC 2195, users with spaces, and secrets around the size of a block.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { SmtpAuthenticationError } from "../../src/errors.ts";
import { cramMd5 } from "../../src/sasl/cram_md5.ts";
import { credentials, talk } from "./talk.ts";

const CHALLENGE = "<1896.697170952@postoffice.reston.mci.net>";

test("cramMd5 answers RFC 2195's challenge as its example does", async () => {
  expect(await talk(cramMd5, credentials("tim", "tanstaaftanstaaf"), [CHALLENGE, "more?"])).toEqual([
    undefined,
    "tim b913a602c7eda7a495b4e6e7334d3890",
    "ended",
  ]);
});

test("cramMd5 keeps the spaces of a user", async () => {
  const [, answer] = await talk(cramMd5, credentials("tim o tee", "tanstaaftanstaaf"), [CHALLENGE]);
  expect(answer).toBe("tim o tee b913a602c7eda7a495b4e6e7334d3890");
});

test.each([
  ["64 octets", "k".repeat(64)],
  ["65 octets", "k".repeat(65)],
  ["32 characters, 64 octets", "ü".repeat(32)],
  ["33 characters, 66 octets", "ü".repeat(33)],
])("cramMd5 signs with the octets of a secret of %s", async (_title, secret) => {
  const digest = createHmac("md5", Buffer.from(secret)).update(CHALLENGE).digest("hex");
  const [, answer] = await talk(cramMd5, credentials("tim", secret), [CHALLENGE]);
  expect(answer).toBe(`tim ${digest}`);
});

test("cramMd5 signs a challenge that is not ASCII by its UTF-8", async () => {
  const digest = createHmac("md5", "s").update(Buffer.from("<é@x>")).digest("hex");
  const [, answer] = await talk(cramMd5, credentials("u", "s"), ["<é@x>"]);
  expect(answer).toBe(`u ${digest}`);
});

test("cramMd5 says nothing at all when the function for the secret fails", async () => {
  const failing = (): string => {
    throw new Error("no secret");
  };
  await expect(cramMd5.exchange(credentials("u", failing)).next("")).rejects.toThrow(SmtpAuthenticationError);
});
