/**
 * A short message whose content is at hand is composed without Nodemailer's stream: the same octets, in every Nodemailer.
 *
 * @module
 */

import { PassThrough, Readable, type Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compose, type MimeNode } from "../../src/nodemailer/composed.ts";
import { contentOf } from "../../src/nodemailer/content.ts";
import type { NetSmtpMail } from "../../src/nodemailer/types.ts";

type Node = MimeNode & NetSmtpMail["message"] & { createReadStream(): Readable };
type Composer = new (options: object) => { compile(): Node & { transform(with_: Transform): void } };

const LIMIT = 64 * 1024;

/** True if its stream is not opened. */
const isAtHand = (message: NetSmtpMail["message"]): boolean => !contentOf(message).singleUse;

/** The mail composer of each Nodemailer that the plugin works with. */
const composers: readonly (readonly [name: string, path: string])[] = [
  ["6", "nodemailer-6/lib/mail-composer"],
  ["7", "nodemailer-7/lib/mail-composer"],
  ["8", "nodemailer-8/lib/mail-composer"],
  ["9", "nodemailer-9/lib/mail-composer"],
  ["10", "nodemailer/lib/mail-composer"],
];

async function composerOf(path: string): Promise<Composer> {
  const { default: found } = (await import(path)) as { default: Composer | { default: Composer } };
  return typeof found === "function" ? found : found.default;
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.stringMatching(/^[\r\n.a-zé ]{0,200}$/),
  fc.constantFrom(
    "",
    "one line",
    "ends with CR\r",
    "ends with LF\n",
    "ends\r\n",
    "x".repeat(2_000),
    `${"long ".repeat(400)}`,
  ),
);
const attachment = fc.record({
  filename: fc.constantFrom("a.txt", "b.bin", "ü.pdf"),
  content: fc.oneof(text, fc.uint8Array({ maxLength: 200 }).map(Buffer.from)),
});
const part = fc.record(
  { text, html: text, attachments: fc.array(attachment, { maxLength: 3 }), raw: fc.oneof(text, fc.constant("")) },
  { requiredKeys: [] },
);

const options = (mail: object): object => ({
  from: "a@x.example",
  to: "b@y.example",
  subject: "Grüße",
  date: new Date("2026-01-02T03:04:05Z"),
  messageId: "<fixed@x.example>",
  baseBoundary: "fixed",
  ...mail,
});

describe.each(composers)("Nodemailer %s", (_, path) => {
  test("what is composed at hand is what its stream gives, octet for octet", async () => {
    const MailComposer = await composerOf(path);
    const compiled = (mail: object): Node => new MailComposer(options(mail)).compile();
    await fc.assert(
      fc.asyncProperty(part, async (mail) => {
        expect(isAtHand(compiled(mail))).toBe(true);
        const whole = await compose(compiled(mail)).whole;
        expect(Buffer.from(whole)).toEqual(await buffer(compiled(mail).createReadStream()));
      }),
      { numRuns: 60 },
    );
  });

  test("what has to be read from elsewhere, is long, or is changed on its way is no such message", async () => {
    const MailComposer = await composerOf(path);
    const compiled = (mail: object): Node => new MailComposer(options(mail)).compile();
    const changed = new MailComposer(options({ text: "x" })).compile();
    changed.transform(new PassThrough());
    const own = Object.assign(compiled({ text: "x" }), { createReadStream: () => Readable.from("own") });
    const found = {
      text: isAtHand(compiled({ text: "x" })),
      stream: isAtHand(compiled({ text: Readable.from("x") })),
      file: isAtHand(compiled({ html: { path: "/etc/hostname" } })),
      address: isAtHand(compiled({ attachments: [{ href: "http://127.0.0.1:9/x" }] })),
      long: isAtHand(compiled({ text: "x".repeat(LIMIT), html: "y" })),
      lineEnds: isAtHand(compiled({ text: "x", newline: "unix" })),
      plugin: isAtHand(changed),
      own: isAtHand(own),
    };
    expect(found).toEqual({
      text: true,
      stream: false,
      file: false,
      address: false,
      long: false,
      lineEnds: false,
      plugin: false,
      own: false,
    });
  });

  test("it is composed once, and given up when it is closed", async () => {
    const MailComposer = await composerOf(path);
    const content = contentOf(new MailComposer(options({ text: "x" })).compile());
    const source = content.source as () => Promise<Uint8Array>;
    expect(content.singleUse).toBe(false);
    expect(await source()).toBe(await source());
    content.close();

    const given = contentOf(new MailComposer(options({ text: "x", html: "y" })).compile());
    const composing = (given.source as () => Promise<Uint8Array>)();
    given.close();
    await expect(composing).rejects.toThrow(/closed before/);
  });
});
