/**
 * A real message reaches a real server with the same octets through the plugin as through Nodemailer's own SMTP transport.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import { Readable } from "node:stream";
import nodemailer, { type SendMailOptions } from "nodemailer";
import { expect, test } from "vitest";
import { plugin, start } from "./support.ts";

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** 5 MB that no encoding makes short, the same each time. */
const attachment = Buffer.alloc(5_000_000);
for (let at = 0, seed = 1; at < attachment.length; at++) {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  attachment[at] = seed >> 16;
}

const calendar = [
  "BEGIN:VCALENDAR",
  "VERSION:2.0",
  "PRODID:-//x//y//EN",
  "METHOD:REQUEST",
  "BEGIN:VEVENT",
  "UID:1@x.example",
  "DTSTAMP:20260101T000000Z",
  "DTSTART:20260101T100000Z",
  "SUMMARY:Übung",
  "END:VEVENT",
  "END:VCALENDAR",
].join("\r\n");

const fixed = {
  date: new Date("2026-01-02T03:04:05Z"),
  messageId: "<fixed@x.example>",
  baseBoundary: "fixed",
  from: '"Jürgen Größe" <a@x.example>',
  to: ["Ωmega <b@y.example>", "c@y.example"],
};

const messages: readonly (readonly [string, () => SendMailOptions])[] = [
  [
    "with everything in it",
    () => ({
      ...fixed,
      cc: "d@y.example",
      bcc: "hidden@y.example",
      subject: "Grüße aus Köln, 日本 und mehr, und so weiter, damit die Zeile gefaltet wird",
      text: "Hallo\n.Punkt\n..zwei\n\n.\nEnde",
      html: '<p>Hallo <b>Köln</b> <img src="cid:logo@x.example"></p>',
      watchHtml: "<b>watch</b>",
      amp: "<!doctype html><html ⚡4email></html>",
      icalEvent: { method: "REQUEST", content: calendar },
      alternatives: [{ contentType: "text/x-markdown", content: "**Köln**" }],
      attachments: [
        { cid: "logo@x.example", filename: "logo.png", content: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255]) },
        { filename: "groß.bin", content: attachment },
        { filename: "gestreamt.txt", content: Readable.from(["eins\n", "zwei\n"]) },
      ],
      list: { unsubscribe: "https://x.example/unsubscribe" },
      headers: { "X-Test": "ä".repeat(80) },
      dkim: { domainName: "x.example", keySelector: "test", privateKey },
    }),
  ],
  ["raw, with bare line ends, dots and no end", () => ({ ...fixed, raw: ".a\n..b\r\r\n.\rc\r\n\n.\n.end" })],
  ["raw and empty", () => ({ ...fixed, raw: "" })],
  ["of 8-bit octets", () => ({ ...fixed, raw: Buffer.from([0x53, 0x3a, 0x20, 0xff, 0xfe, 0x0a, 0x0a, 0x2e, 0x80]) })],
  ["of a stream that ends within a character", () => ({ ...fixed, raw: Readable.from([Buffer.from([0xc3]), "\n."]) })],
];

test.each(messages)("a message %s arrives as Nodemailer's own transport sends it", async (_, data) => {
  const server = await start();
  const options = { host: "127.0.0.1", port: server.port, name: "me.example" };
  const own = await nodemailer.createTransport(options).sendMail(data());
  const info = await nodemailer.createTransport(plugin(server)).sendMail(data());
  const [theirs, ours] = server.messages;
  expect(ours?.raw.equals(theirs?.raw as Buffer)).toBe(true);
  if (data().dkim) {
    expect(ours?.raw.length).toBeGreaterThan(5_000_000);
    expect(ours?.raw.toString("latin1", 0, 20)).toContain("DKIM-Signature");
  }
  expect([ours?.from, ours?.to]).toEqual([theirs?.from, theirs?.to]);
  expect(info.envelope).toEqual(own.envelope);
  expect([info.messageId, info.messageSize]).toEqual([own.messageId, own.messageSize]);
});
