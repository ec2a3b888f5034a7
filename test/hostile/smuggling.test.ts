/**
 * Class B, smuggling: a message that holds what some server takes for its end, in every way known, cut at every octet.
 * The law here: each reader, strict or lax, finds exactly one message, which is the one given, and no command in it.
 */
import { describe, expect, test } from "vitest";
import { NetSmtp } from "../../mod.ts";
import { Peer } from "./peer.ts";
import { normalised, READERS, readChunks } from "./readers.ts";

const BEFORE = ["\n", "\r", "\r\n", "\r\r\n", "\n\r", "\r\n\0", "\r\0\n"];
const BEHIND = ["\n", "\r", "\r\n", "\r\r\n", "\n\r", "\0\r\n", "\r\0\n"];
const ENDINGS = BEFORE.flatMap((before) => BEHIND.map((behind) => `${before}.${behind}`));

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const smuggling = (end: string): string => `a${end}MAIL FROM:<e@x>${end}`;

/** Sends the message once for each place where it can be cut in two, in one session; gives all that went over the wire. */
async function sendEveryCut(message: string, extensions: readonly string[]): Promise<{ wire: string; count: number }> {
  const peer = new Peer({ extensions });
  await NetSmtp.start("mx.example", 25, { network: peer, recipientPolicy: "collect" }, async (smtp) => {
    for (let at = 0; at <= message.length; at++) {
      const cut = [bytes(message.slice(0, at)), bytes(message.slice(at))];
      await smtp.sendMessage(cut, "a@x.example", "b@y.example");
    }
    await smtp.sendMessage(bytes(message), "a@x.example", "b@y.example");
  });
  return { wire: peer.wire, count: message.length + 2 };
}

function expectOnly(session: { commands: string[]; messages: string[] }, message: string, count: number): void {
  expect(new Set(session.messages)).toEqual(new Set([normalised(message)]));
  expect(session.messages).toHaveLength(count);
  const verbs = new Set(session.commands.map((line) => line.replace(/[ :].*/, "")));
  expect([...verbs].filter((verb) => !["EHLO", "MAIL", "RCPT", "DATA", "BDAT", "QUIT"].includes(verb))).toEqual([]);
  expect(session.commands.filter((line) => line.startsWith("MAIL"))).toHaveLength(count);
}

describe("endings", () => {
  test.each(ENDINGS.map((end) => [JSON.stringify(end), end]))(
    "%s is one message by DATA, for a strict and four lax readers, however it is cut",
    async (_shown, end) => {
      const message = smuggling(end);
      const { wire, count } = await sendEveryCut(message, ["PIPELINING"]);
      for (const read of Object.values(READERS)) expectOnly(read(wire), message, count);
    },
  );

  test.each(ENDINGS.map((end) => [JSON.stringify(end), end]))(
    "%s is one message by BDAT, with the same octets, however it is cut",
    async (_shown, end) => {
      const message = smuggling(end);
      const { wire, count } = await sendEveryCut(message, ["PIPELINING", "CHUNKING"]);
      const session = readChunks(wire);
      expectOnly(session, message, count);
      // Whoever passes it on sees the same lines, whatever ends lines for him.
      for (const content of session.messages) expect(content).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
    },
  );

  test("the readers do find a second message where there is one", () => {
    const wire = (end: string): string => `DATA\r\na${end}MAIL FROM:<e@x>\r\n.\r\nQUIT\r\n`;
    const found = (end: string): string[] =>
      Object.entries(READERS)
        .filter(([, read]) => read(wire(end)).commands.includes("MAIL FROM:<e@x>"))
        .map(([name]) => name);
    expect(found("\r\n.\r\n")).toEqual(Object.keys(READERS));
    expect(found("\n.\n")).toHaveLength(3);
    expect(found("\r.\r")).toHaveLength(3);
    expect(found("\n.\r\n")).toHaveLength(3);
    expect(found("x.\r\n")).toEqual([]);
  });
});
