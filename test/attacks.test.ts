/** What somebody who tried to make the engine lie had found, so that nobody finds it again. */
import { describe, expect, test } from "vitest";
import type { SmtpError } from "../mod.ts";
import { session } from "./support/session.ts";

const FROM = "a@x.example";
const TO = "b@y.example";

async function failure(promise: Promise<unknown>): Promise<SmtpError> {
  return await promise.then(
    () => Promise.reject(new Error("Expected a rejection")),
    (error) => error,
  );
}

const ENVELOPE = "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@y.example>\nS: 250 ok\n";

describe("law 1", () => {
  test("an abort out of debugOutput while the end is written is unknown, not unsent", async () => {
    const abort = new AbortController();
    const debugOutput = (event: { text: string }): void => {
      if (event.text === ".") abort.abort();
    };
    const { smtp, server } = await session(`${ENVELOPE}C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 stored`, {
      extensions: [],
      options: { debugOutput },
    });
    const error = await failure(smtp.sendMessage("x", FROM, TO, { signal: abort.signal }));
    expect(error).toMatchObject({ name: "AbortError", fate: "unknown", retry: "ask" });
    expect(server.writes.join("")).toContain("\r\n.\r\n");
  });

  const RAW = `C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<raw@y.example>\nS: 250 ok\nC: RCPT TO:<b@y.example>\nS: 550 no\nC: DATA\nS: 354 go\nC: x\nC: .\n`;
  test.each([
    ["S: <close>", { fate: "unknown", retry: "ask" }],
    ["S: 250 stored", undefined],
  ])("data() behind a recipient of a raw line, then %s", async (end, told) => {
    const { smtp } = await session(`${RAW}${end}`, { extensions: [] });
    await smtp.mailFrom(FROM);
    await smtp.getOk("RCPT TO:<raw@y.example>");
    await failure(smtp.rcptTo(TO));
    const outcome = await smtp.data("x").catch((error) => error);
    if (told) expect(outcome).toMatchObject(told);
    else expect(outcome.status).toBe("250");
  });

  test("data() with a function that returns the message instead of writing it sends none", async () => {
    const { smtp } = await session(`${ENVELOPE}C: DATA\nS: 354 go\nC: <close>`, { extensions: [] });
    await smtp.mailFrom(FROM);
    await smtp.rcptTo(TO);
    const error = await failure(smtp.data(() => "Subject: lost"));
    expect(error).toMatchObject({ name: "SmtpArgumentError", fate: "unsent" });
  });
});

describe("every promise settles", () => {
  test.each(["lost", "latched"])(
    "a message that waits behind a manual transaction whose session is %s",
    async (how) => {
      const { smtp } = await session(`C: MAIL FROM:<a@x.example>\nS: 250 ok${how === "lost" ? "\n\nS: <close>" : ""}`);
      const opened = smtp.mailFrom(FROM);
      const waiting = failure(smtp.sendMessage("x", FROM, TO));
      await opened;
      if (how === "latched") await failure(smtp.critical(() => Promise.reject(new Error("mine"))));
      expect(await waiting).toMatchObject({ fate: "unsent", retry: "now" });
    },
  );
});

describe("laws 2 and 5", () => {
  test("an address beyond ASCII is judged again when its turn comes", async () => {
    const { smtp, server } = await session("C: HELO me.example\nS: 250 mx", { extensions: ["SMTPUTF8", "8BITMIME"] });
    const said = smtp.helo("me.example");
    const error = await failure(smtp.sendMessage("x", "ü@x.example", TO));
    await said;
    expect(error).toMatchObject({ name: "SmtpArgumentError", fate: "unsent" });
    expect(error.message).toContain("SMTPUTF8");
    server.finish();
  });
});

describe("nobody gets another's message", () => {
  test("behind a transaction that stands open the content waits for the RSET", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<no@y.example>
      S: 250 ok
      S: 250 ok
      S: 550 no
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      S: 450 not now
      S: 503 in a transaction
      S: 250 ok
      C: <close>`,
      { extensions: ["PIPELINING", "CHUNKING"], options: { recipientPolicy: "collect" } },
    );
    await failure(smtp.sendMessage("x", FROM, [TO, "no@y.example"], { recipientPolicy: "all-or-nothing" }));
    expect(await failure(smtp.sendMessage("x", FROM, "c@y.example"))).toMatchObject({ fate: "refused" });
    server.finish();
  });

  test("a 3xx to DATA that is not 354 gets no dot", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 550 no
      S: 334 what
      C: <close>`,
      { options: { recipientPolicy: "collect" } },
    );
    expect(await failure(smtp.sendMessage("x", FROM, TO))).toMatchObject({ fate: "refused" });
    expect(smtp.errorOccurred).toBe(true);
    server.finish();
  });
});
