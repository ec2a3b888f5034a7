/** BINARYMIME (RFC 3030 3): content that goes as it is, or not at all. In a file of its own: other tests take CHUNKING from the host. */

import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { NetSmtp, SmtpAddress, type SmtpOptions } from "../mod.ts";
import { network } from "./support/play.ts";
import { type PlayedSession, session } from "./support/session.ts";
import { sink } from "./support/sink.ts";
import { failure } from "./support/told.ts";

const FROM = "a@x.example";

describe("BODY=BINARYMIME (RFC 3030 3)", () => {
  const extensions = ["PIPELINING", "CHUNKING", "BINARYMIME"];
  const octets = Buffer.from([0, 13, 10, 46, 13, 46, 10, 255, 13]);

  function binary(script: string, options: SmtpOptions = {}): Promise<PlayedSession> {
    return session(script, { extensions, options: { recipientPolicy: "collect", ...options } });
  }

  test("the message leaves octet for octet, under every policy, from memory and from a stream", async () => {
    for (const recipientPolicy of ["collect", "net-smtp", "all-or-nothing"] as const) {
      for (const source of [() => octets, () => Readable.from([octets.subarray(0, 2), octets.subarray(2)])]) {
        const stream = sink({ chunking: true, binary: true });
        const smtp = await NetSmtp.start("sink", { network: network(stream), recipientPolicy, strict: true });
        await smtp.sendMessage(source, FROM, "b@y.example", { body: "BINARYMIME" });
        expect(stream.contents.map((content) => content.toString("hex"))).toEqual([octets.toString("hex")]);
        expect(stream.chunks).toEqual([`BDAT ${octets.length} LAST`]);
      }
    }
  });

  test("an empty message is no octet at all", async () => {
    const stream = sink({ chunking: true, binary: true });
    const smtp = await NetSmtp.start("sink", { network: network(stream) });
    const { size } = await smtp.sendMessage("", FROM, "b@y.example", { body: "BINARYMIME" });
    expect([stream.chunks, size]).toEqual([["BDAT 0 LAST"], 0]);
  });

  test("MAIL says it, by the option or by the sender's parameter", async () => {
    const one = (tail = ""): string => `
      C: ${tail}MAIL FROM:<a@x.example> BODY=BINARYMIME
      C: RCPT TO:<b@y.example>
      C: BDAT 3 LAST
      C: x
      S: 250 ok
      S: 250 ok
      S: 250 taken`;
    const { smtp, server } = await binary(one() + one());
    await smtp.sendMessage("x\r\n", FROM, "b@y.example", { body: "BINARYMIME" });
    await smtp.sendMessage("x\r\n", new SmtpAddress(FROM, { body: "BINARYMIME" }), "b@y.example", {
      body: "BINARYMIME",
    });
    server.finish();
  });

  test.each([
    ["is not offered", ["PIPELINING", "CHUNKING"], {}, "the server does not offer it"],
    ["has no CHUNKING", ["PIPELINING", "BINARYMIME"], {}, "CHUNKING is not offered, or turned off"],
    ["has CHUNKING turned off", extensions, { chunking: false }, "CHUNKING is not offered, or turned off"],
  ])("where it %s: an error before MAIL, and the session goes on", async (_name, offered, options, why) => {
    const { smtp, server } = await session("C: NOOP\nS: 250 ok", { extensions: offered, options });
    const error = await failure(smtp.sendMessage("x", FROM, "b@y.example", { body: "BINARYMIME" }));
    expect(error).toMatchObject({ name: "SmtpUnsupportedCommand", phase: "mail", fate: "unsent", retry: "never" });
    expect(error.message).toContain(why);
    await smtp.getOk("NOOP");
    server.finish();
  });

  test("a sender that says another BODY is bad input", async () => {
    const { smtp, server } = await binary("");
    const from = new SmtpAddress(FROM, { body: "8BITMIME" });
    const error = await failure(smtp.sendMessage("x", from, "b@y.example", { body: "BINARYMIME" }));
    expect(error).toMatchObject({ name: "SmtpArgumentError", fate: "unsent" });
    server.finish();
  });
});
