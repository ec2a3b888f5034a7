/**
 * What a session tells of itself: the exact events of played dialogues.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { NetSmtp, type SmtpEvent, type SmtpOptions } from "../mod.ts";
import { Observed } from "./support/observed.ts";
import { network, type PlayedServer, play } from "./support/play.ts";
import { ENVELOPE, hello } from "./support/session.ts";

const TEXT = "Subject: hi\r\n\r\nhello\r\n";
const CONTENT = `
      C: Subject: hi
      C:${" "}
      C: hello
      C: .`;
const QUIT = `
      C: QUIT
      S: 221 bye`;

interface Play {
  extensions?: readonly string[];
  options?: SmtpOptions;
  observe?: SmtpOptions["observe"];
}

/** A session that is observed, not started. */
function observed(script: string, { extensions = ["PIPELINING"], options, observe }: Play = {}) {
  const told = new Observed();
  const server = play(trimmed(`${hello(...extensions)}\n${script}`));
  const smtp = new NetSmtp("mx.example", 25, {
    ...options,
    observe: observe ?? told.observer,
    network: network(server),
  });
  return { smtp, told, server };
}

function trimmed(script: string): string {
  return script.replaceAll(/^ +/gm, "");
}

async function finished(smtp: NetSmtp, server: PlayedServer): Promise<void> {
  if (smtp.started) await smtp.finish();
  server.finish();
}

describe("a session tells", () => {
  test("of a message that was accepted", async () => {
    const { smtp, told, server } = observed(`${ENVELOPE}${CONTENT}
      S: 250 2.0.0 queued${QUIT}`);
    await smtp.start();
    await smtp.sendMessage(TEXT, "a@x.example", ["b@y.example"], { id: "m1", recipientPolicy: "collect" });
    await finished(smtp, server);
    expect(told.lines()).toEqual([
      "connectStart",
      "connectEnd",
      "sendStart | m1/1 | <a@x.example> -> b@y.example",
      'sendEnd | m1/1 | b@y.example accepted | 25 octets | "250 2.0.0 queued"',
      "disconnect",
    ]);
  });

  test("of replies, where they come", async () => {
    const { smtp, told, server } = observed(`${ENVELOPE}${CONTENT}
      S: 250 2.0.0 queued${QUIT}`);
    await smtp.start();
    await smtp.sendMessage(TEXT, "a@x.example", ["b@y.example"], { id: "m1", recipientPolicy: "collect" });
    await finished(smtp, server);
    expect(told.lines({ replies: true }).map((line) => line.split(" | ")[0])).toEqual([
      "connectStart",
      "reply 220 mx.example ready",
      "reply 250 PIPELINING",
      "connectEnd",
      "sendStart",
      "reply 250 ok",
      "reply 250 ok",
      "reply 354 go",
      "reply 250 2.0.0 queued",
      "sendEnd",
      "reply 221 bye",
      "disconnect",
    ]);
  });

  test("of one recipient refused, the others in the order given", async () => {
    const { smtp, told, server } = observed(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<nobody@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 550 5.1.1 no such user
      S: 354 go${CONTENT}
      S: 250 queued${QUIT}`);
    await smtp.start();
    const to = ["b@y.example", "nobody@y.example"];
    await smtp.sendMessage(TEXT, "a@x.example", to, { id: "m1", recipientPolicy: "collect", attempt: 2 });
    await finished(smtp, server);
    expect(told.lines()).toEqual([
      "connectStart",
      "connectEnd",
      "sendStart | m1/2 | <a@x.example> -> b@y.example, nobody@y.example",
      'sendEnd | m1/2 | b@y.example accepted, nobody@y.example refused never | 25 octets | "250 queued"',
      "disconnect",
    ]);
  });

  test("of Net::SMTP's error for a message that went to some", async () => {
    const { smtp, told, server } = observed(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      S: 250 ok
      S: 250 ok
      S: 530 5.7.0 no
      C: DATA
      S: 354 go${CONTENT}
      S: 250 queued${QUIT}`);
    await smtp.start();
    const sent = smtp.sendMessage(TEXT, "a@x.example", ["b@y.example", "c@y.example"], { id: "m1" });
    await expect(sent).rejects.toThrow("failed to deliver for");
    await finished(smtp, server);
    expect(told.lines().at(-2)).toBe(
      'sendEnd | m1/1 | b@y.example accepted, c@y.example refused never | 25 octets | "250 queued" | SmtpAuthenticationError/rcpt',
    );
  });

  test("of a connection lost after the end: nobody knows", async () => {
    const { smtp, told, server } = observed(`${ENVELOPE}${CONTENT}
      S: <reset>`);
    await smtp.start();
    const sent = smtp.sendMessage(TEXT, "a@x.example", ["b@y.example"], { id: "m1", recipientPolicy: "collect" });
    await expect(sent).rejects.toMatchObject({ fate: "unknown" });
    await finished(smtp, server);
    expect(told.lines()).toEqual([
      "connectStart",
      "connectEnd",
      "sendStart | m1/1 | <a@x.example> -> b@y.example",
      "disconnect | SmtpConnectionError/final",
      "sendEnd | m1/1 | b@y.example unknown ask | 0 octets | SmtpConnectionError/final",
    ]);
  });

  test("of a login that was refused, and of no disconnect, since it never was connected", async () => {
    const { smtp, told, server } = observed(
      `
      C: AUTH PLAIN AG1lAHNlc2FtZQ==
      S: 535 5.7.8 no
      C: <close>`,
      { extensions: ["AUTH PLAIN"], options: { user: "me", secret: "sesame", allowInsecureAuth: true } },
    );
    await expect(smtp.start()).rejects.toMatchObject({ phase: "auth" });
    await finished(smtp, server);
    expect(told.lines()).toEqual(["connectStart", "connectEnd | SmtpAuthenticationError/auth"]);
  });

  test("of a message that was aborted before its turn", async () => {
    const { smtp, told, server } = observed(QUIT);
    await smtp.start();
    const options = { id: "m1", signal: AbortSignal.abort() };
    await expect(smtp.sendMessage(TEXT, "a@x.example", "b@y.example", options)).rejects.toThrow("aborted");
    await finished(smtp, server);
    expect(told.lines()).toEqual([
      "connectStart",
      "connectEnd",
      "sendStart | m1/1 | <a@x.example> -> b@y.example",
      "sendEnd | m1/1 | b@y.example unsent never | 0 octets | AbortError/command",
      "disconnect",
    ]);
  });

  test("of a message that was aborted behind its end, and of a session that was", async () => {
    const aborting = new AbortController();
    const { smtp, told, server } = observed(`${ENVELOPE}${CONTENT}
      C: <close>`);
    await smtp.start({ signal: aborting.signal });
    const options = { id: "m1", signal: aborting.signal, recipientPolicy: "collect" } as const;
    const sent = smtp.sendMessage(TEXT, "a@x.example", "b@y.example", options);
    const outcome = expect(sent).rejects.toThrow("may have been delivered");
    while (!server.writes.join("").endsWith("\r\n.\r\n")) await setImmediate();
    aborting.abort();
    await outcome;
    server.finish();
    expect(told.lines().slice(3)).toEqual([
      "disconnect | AbortError/command",
      "sendEnd | m1/1 | b@y.example unknown ask | 0 octets | AbortError/command",
    ]);
  });

  test("of a connection that could not be made", async () => {
    const told = new Observed();
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const smtp = new NetSmtp("mx.example", 25, { observe: told.observer, network: network(refused) });
    await expect(smtp.start()).rejects.toThrow("ECONNREFUSED");
    expect(told.lines()).toEqual(["connectStart", "connectEnd | SmtpConnectionError/connect"]);
    expect(told.events[1]).toMatchObject({ host: "mx.example", port: 25 });
  });

  test("once of a connection that was lost while idle", async () => {
    const { smtp, told, server } = observed("S: <close>");
    await smtp.start();
    while (told.events.at(-1)?.type !== "disconnect") await setImmediate();
    await finished(smtp, server);
    expect(told.lines()).toEqual(["connectStart", "connectEnd", "disconnect | SmtpConnectionError/command"]);
  });

  test("whether it is inside TLS", async () => {
    const { smtp, told, server } = observed(
      `
      C: STARTTLS
      S: 220 go
      TLS
      C: EHLO localhost
      S: 250 mx.example${QUIT}`,
      { extensions: ["STARTTLS"] },
    );
    await smtp.start();
    await finished(smtp, server);
    expect(told.lines()).toEqual(["connectStart", "connectEnd | tls", "disconnect"]);
  });
});

describe("an event", () => {
  test("names its connection, its place, its time and how long it took", async () => {
    const { smtp, told, server } = observed(`${ENVELOPE}${CONTENT}
      S: 250 queued${QUIT}`);
    await smtp.start();
    const before: string[] = [];
    const beforeEnd = ({ id }: { id: string }): unknown => before.push(id);
    await smtp.sendMessage(TEXT, "a@x.example", "b@y.example", { recipientPolicy: "collect", beforeEnd });
    await finished(smtp, server);
    const [start] = told.events as [SmtpEvent & { connection: string }];
    expect(start.connection).toMatch(/^[0-9a-f-]{36}$/);
    for (const event of told.events) {
      expect(event).toMatchObject({ connection: start.connection });
      expect(Math.abs(Date.now() - event.time)).toBeLessThan(60_000);
      if (event.type !== "reply") expect(event).toMatchObject({ host: "mx.example", port: 25 });
      if ("duration" in event) expect(event.duration).toBeGreaterThanOrEqual(0);
    }
    const ids = told.events.flatMap((event) => ("attempt" in event ? [event.id] : []));
    expect(ids).toEqual([before[0], before[0]]);
  });

  test("hides what a transcript hides: the challenges of a login", async () => {
    const { smtp, told, server } = observed(
      `
      C: AUTH LOGIN
      S: 334 VXNlcm5hbWU6
      C: bWU=
      S: 334 UGFzc3dvcmQ6
      C: c2VzYW1l
      S: 235 2.7.0 ok${QUIT}`,
      {
        extensions: ["AUTH LOGIN"],
        options: { user: "me", secret: "sesame", allowInsecureAuth: true, authType: "login" },
      },
    );
    await smtp.start();
    await finished(smtp, server);
    expect(told.lines({ replies: true }).slice(3, 6)).toEqual([
      "reply 334 ****",
      "reply 334 ****",
      "reply 235 2.7.0 ok",
    ]);
    expect(JSON.stringify(told.events)).not.toMatch(/c2VzYW1l|sesame|VXNlcm5hbWU6|UGFzc3dvcmQ6/);
  });

  test("is a copy: what is done to it is not done to the delivery", async () => {
    const spoil = (event: SmtpEvent): void => {
      if (event.type !== "sendEnd") return;
      expect(() => Object.assign(event, { id: "other" })).toThrow(TypeError);
      expect(() => Object.assign(event.recipients[0]!, { fate: "refused" })).toThrow(TypeError);
      expect(() => (event.recipients as unknown[]).pop()).toThrow(TypeError);
    };
    const seen: unknown[] = [];
    const checked = (event: SmtpEvent): void => {
      try {
        spoil(event);
      } catch (error) {
        seen.push(error);
      }
    };
    const { smtp, server } = observed(
      `${ENVELOPE}${CONTENT}
      S: 250 queued${QUIT}`,
      { observe: checked },
    );
    await smtp.start();
    const delivery = await smtp.sendMessage(TEXT, "a@x.example", "b@y.example", { recipientPolicy: "collect" });
    await finished(smtp, server);
    expect(seen).toEqual([]);
    expect(Object.isFrozen(delivery.recipients[0])).toBe(false);
    expect(delivery.accepted).toHaveLength(1);
  });
});

describe("observers", () => {
  const script = `${ENVELOPE}${CONTENT}
      S: 250 queued${QUIT}`;

  test.each([
    ["throws", () => assert()],
    ["rejects", () => Promise.reject(new Error("observer"))],
    ["rejects with nothing", () => Promise.reject()],
  ])("one that %s changes nothing, also not for the next", async (_, observer) => {
    const second = new Observed();
    const { smtp, server } = observed(script, { observe: [observer, second.observer] });
    await smtp.start();
    await smtp.sendMessage(TEXT, "a@x.example", "b@y.example", { recipientPolicy: "collect" });
    await finished(smtp, server);
    await setImmediate();
    expect(second.lines().map((line) => line.split(" ")[0])).toEqual([
      "connectStart",
      "connectEnd",
      "sendStart",
      "sendEnd",
      "disconnect",
    ]);
  });

  test("are told of the start of a message within the call, and of its end before the caller", async () => {
    const { smtp, told, server } = observed(script);
    await smtp.start();
    const sent = smtp.sendMessage(TEXT, "a@x.example", "b@y.example", { recipientPolicy: "collect" });
    expect(told.events.at(-1)?.type).toBe("sendStart");
    await sent.then(() => expect(told.events.at(-1)?.type).toBe("sendEnd"));
    await finished(smtp, server);
  });

  test("that are none cost no clock and no id", async () => {
    const { smtp, server } = observed(script, { observe: [] });
    await smtp.start();
    const [clock, id] = [vi.spyOn(Date, "now"), vi.spyOn(crypto, "randomUUID")];
    await smtp.sendMessage(TEXT, "a@x.example", "b@y.example", { recipientPolicy: "collect" });
    expect([clock.mock.calls.length, id.mock.calls.length]).toEqual([0, 0]);
    vi.restoreAllMocks();
    await finished(smtp, server);
  });
});

function assert(): never {
  throw new Error("observer");
}
