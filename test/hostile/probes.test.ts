/**
 * The behaviour probes: what a server may do that other clients have believed, each with the behaviour that is wanted.
 * The law here: a reply that cannot be right ends the session, and no message is told as sent that was not.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import { NetSmtp } from "../../mod.ts";
import { network, play } from "../support/play.ts";
import { session } from "../support/session.ts";
import { FROM, failure, told, turns } from "../support/told.ts";
import { Peer } from "./peer.ts";

const TO = "b@y.example";
const TURN = "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@y.example>\nS: 250 ok\nC: DATA";

afterEach(() => {
  vi.useRealTimers();
});

describe("one reply, two answers", () => {
  test.each(["250-ok\nS: 550 no", "550-no\nS: 250 ok", "250-ok\nS: 251 ok"])(
    "codes that differ within a reply, %j: SmtpProtocolError, closed",
    async (reply) => {
      const { smtp, server } = await session(`C: MAIL FROM:<a@x.example>\nS: ${reply}\nC: <close>`, { extensions: [] });
      const error = await failure(smtp.sendMessage("x", FROM, TO));
      expect(error).toMatchObject({ name: "SmtpProtocolError", fate: "unsent" });
      server.finish();
    },
  );

  test.each(["250550 x", "250x", "25", "250_ok", "2500", " 250 ok", "hello there", "", "650 ok", "199 ok", "260 ok"])(
    "%j in place of a reply: SmtpProtocolError, closed",
    async (line) => {
      const { smtp, server } = await session(`C: MAIL FROM:<a@x.example>\nS: ${line}\nC: <close>`, { extensions: [] });
      expect((await failure(smtp.sendMessage("x", FROM, TO))).name).toBe("SmtpProtocolError");
      server.finish();
    },
  );

  test("a garbage line in a pipelined group is no refusal of a recipient: SmtpProtocolError, closed", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 ok
      S: hello there
      S: 250 ok
      S: 354 go
      C: <close>`,
      { options: { recipientPolicy: "collect" } },
    );
    const error = await failure(smtp.sendMessage("x", FROM, [TO, "c@y.example"]));
    expect(error).toMatchObject({ name: "SmtpProtocolError", phase: "rcpt", command: "RCPT TO:<b@y.example>" });
    expect(told(error)).toBe("b unsent, c unsent");
    server.finish();
  });
});

describe("answers before their time", () => {
  test("all replies sent glued to the greeting, before any command: SmtpProtocolError, nothing said", async () => {
    const server = play("S: 220 hi\nS: 250 mx\nS: 250 ok\nS: 250 ok\nS: 354 go\nS: 250 sent\nS: 221 bye");
    const error = await failure(new NetSmtp("mx.example", 25, { network: network(server) }).start());
    expect([error.name, server.writes, server.closed]).toEqual(["SmtpProtocolError", [], "destroy"]);
  });

  test.each(["in turn", "in flights"])(
    "250 during DATA, before the dot, %s: SmtpProtocolError, unsent",
    async (mode) => {
      const peer = new Peer({ extensions: mode === "in turn" ? [] : ["PIPELINING"] });
      const smtp = await new NetSmtp("mx.example", 25, { network: peer, recipientPolicy: "collect" }).start();
      async function* source() {
        yield "half a message\r\n";
        await turns();
        await peer.speak("250 2.0.0 stored\r\n");
        yield "the other half\r\n";
      }
      const error = await failure(smtp.sendMessage(source(), FROM, TO));
      expect(error).toMatchObject({ name: "SmtpProtocolError", fate: "unsent" });
      expect(await failure(smtp.sendMessage("y", FROM, TO))).toMatchObject({ fate: "unsent", retry: "now" });
      expect([peer.stored, peer.wire.includes("other half"), peer.verbs.filter((verb) => verb === "MAIL")]).toEqual([
        [],
        false,
        ["MAIL"],
      ]);
    },
  );

  test.each(["452 4.3.1 full", "552 5.3.4 too big"])(
    "%s during DATA stops the message, closes, and is what is told; no command goes into the message",
    async (reply) => {
      const peer = new Peer();
      const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start();
      async function* source() {
        yield "half a message\r\n";
        await turns();
        await peer.speak(`${reply}\r\n`);
        yield "the other half\r\n";
      }
      const error = await failure(smtp.sendMessage(source(), FROM, TO));
      expect(error).toMatchObject({ fate: "refused", response: { status: reply.slice(0, 3) } });
      expect(peer.wire.endsWith("DATA\r\nhalf a message\r\n")).toBe(true);
      expect([peer.open, peer.stored]).toEqual([0, []]);
    },
  );

  test.each(["250 ok", "235 ok", "350 go", "334 go"])("DATA answered %s: an error, and no content", async (reply) => {
    const { smtp, server } = await session(`${TURN}\nS: ${reply}\nC: <anything>\nS: <close>`, { extensions: [] });
    const error = await failure(smtp.sendMessage("Subject: content", FROM, TO));
    expect(error.fate).toBe("unsent");
    expect(server.writes.join("")).not.toContain("content");
  });
});

describe("the clock", () => {
  test("250-wait every 200 ms for a reply of 1 s: SmtpReadTimeout after that second", async () => {
    vi.useFakeTimers();
    const peer = new Peer({ say: (verb, reply) => (verb === "MAIL" ? "250-wait\r\n" : reply) });
    peer.patient = true;
    const smtp = await new NetSmtp("mx.example", 25, { network: peer, readTimeout: 1_000 }).start();
    let error: Error | undefined;
    const sending = failure(smtp.sendMessage("x", FROM, TO)).then((reason) => {
      error = reason;
    });
    await turns();
    for (let elapsed = 0; elapsed < 900; elapsed += 200) {
      await peer.speak("250-wait\r\n");
      await vi.advanceTimersByTimeAsync(200);
      expect(error === undefined).toBe(elapsed < 800);
    }
    await sending;
    expect(error).toMatchObject({ name: "SmtpReadTimeout", fate: "unsent" });
    expect(peer.open).toBe(0);
  });
});

describe("EHLO", () => {
  test.each([421, 450, 521, 530, 535, 554])("answered %i ends it: no HELO", async (code) => {
    const peer = new Peer({ say: (verb, reply) => (verb === "EHLO" ? `${code} no\r\n` : reply) });
    expect(await failure(new NetSmtp("mx.example", 25, { network: peer }).start())).toMatchObject({ phase: "ehlo" });
    expect(peer.verbs).toEqual(["EHLO"]);
  });

  test.each([500, 501, 502, 504, 550])("answered %i: HELO, and nothing that EHLO offers", async (code) => {
    const peer = new Peer({
      say: (verb, reply) => (verb === "EHLO" ? `${code}-PIPELINING\r\n${code} CHUNKING\r\n` : reply),
    });
    const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start();
    await smtp.sendMessage("x", FROM, TO);
    expect([peer.verbs, smtp.capabilities]).toEqual([["EHLO", "HELO", "MAIL", "RCPT", "DATA", "."], undefined]);
  });

  test("answered 500, with credentials: no AUTH without TLS and an offer", async () => {
    const say = (verb: string, reply: string): string => (verb === "EHLO" ? "500 what\r\n" : reply);
    for (const loopback of [true, false]) {
      const peer = new Peer({ say, loopback });
      const started = new NetSmtp("mx.example", 25, { network: peer }).start({ user: "me", secret: "secret" });
      expect((await failure(started)).name).toBe("SmtpUnsupportedCommand");
      expect(peer.verbs).toEqual(["EHLO", "HELO"]);
    }
  });
});

describe("after a refusal", () => {
  test.each(["net-smtp", "collect", "all-or-nothing"] as const)(
    "DATA refused with 554, then the next message, %s: sent or an error, never a reply that nobody gave",
    async (recipientPolicy) => {
      const behind =
        recipientPolicy === "net-smtp"
          ? "C: <close>"
          : `C: RSET\nS: 250 ok\n${TURN}\nS: 354 go\nC: two\nC: .\nS: 250 stored`;
      const { smtp, server } = await session(`${TURN}\nS: 554 5.5.1 no\n${behind}`, {
        extensions: [],
        options: { recipientPolicy },
      });
      expect(await failure(smtp.sendMessage("one", FROM, TO))).toMatchObject({ fate: "refused" });
      const next = await smtp.sendMessage("two", FROM, TO).catch((error) => error);
      if (recipientPolicy === "net-smtp") {
        expect(next).toMatchObject({ name: "SmtpLatchedError", fate: "unsent" });
        await smtp.finish();
      } else expect(told(next)).toBe("b accepted 250");
      server.finish();
    },
  );
});
