import { describe, expect, test } from "vitest";
import type { Delivery, RecipientResult, SmtpError } from "../mod.ts";
import { session } from "./support/session.ts";

const FROM = "a@x.example";
const TO = ["b@y.example", "nobody@y.example"];
const MESSAGE = "Subject: hi\n\nhello\n";

/** The fates as text: `b@y.example accepted 250`. */
function told(recipients: readonly RecipientResult[]): string[] {
  return recipients.map(({ address, fate, response }) => [address, fate, response?.status].filter(Boolean).join(" "));
}

async function failure(promise: Promise<unknown>): Promise<SmtpError> {
  return await promise.then(
    () => Promise.reject(new Error("Expected a rejection")),
    (error) => error,
  );
}

describe("sendMessage() in flights", () => {
  test("sendMessage() sends MAIL, RCPT and DATA in one write under collect", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: Subject: hi
      C:
      C: hello
      C: .
      S: 250 2.0.0 queued
      C: QUIT
      S: 221 bye`,
      { options: { recipientPolicy: "collect" } },
    );
    const delivery: Delivery = await smtp.sendMessage(MESSAGE, FROM, "b@y.example");
    expect(told(delivery.recipients)).toEqual(["b@y.example accepted 250"]);
    expect(server.writes.slice(1)).toEqual([
      "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n",
      "Subject: hi\r\n\r\nhello\r\n.\r\n",
    ]);
    await smtp.finish();
    server.finish();
  });

  test("sendMessage() delivers to the rest when one recipient is refused under collect", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<nobody@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 550 5.1.1 no such user
      S: 354 go ahead
      C: Subject: hi
      C:
      C: hello
      C: .
      S: 250 2.0.0 queued`,
      { options: { recipientPolicy: "collect" } },
    );
    const delivery = await smtp.sendMessage(MESSAGE, FROM, TO);
    expect(told(delivery.recipients)).toEqual(["b@y.example accepted 250", "nobody@y.example refused 550"]);
    server.finish();
  });

  test("sendMessage() sends the lone dot when all are refused and DATA was taken", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<nobody@y.example>
      C: DATA
      S: 250 ok
      S: 550 5.1.1 no such user
      S: 354 go ahead
      C: .
      S: 554 5.5.1 no recipients
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: x
      C: .
      S: 250 queued`,
      { options: { recipientPolicy: "collect" } },
    );
    const error = await failure(smtp.sendMessage(MESSAGE, FROM, "nobody@y.example"));
    expect(error.message).toBe(
      "Server refused the only recipient: <nobody@y.example>: 550 5.1.1 no such user; nobody got the message",
    );
    expect(told(error.recipients)).toEqual(["nobody@y.example refused 550"]);
    expect(error).toMatchObject({ fate: "refused", phase: "rcpt", retry: "never", temporary: false });
    await smtp.sendMessage("x", FROM, "b@y.example");
    server.finish();
  });

  test("sendMessage() tells unknown when the connection is lost after the end", async () => {
    const { smtp } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: x
      C: .
      S: <close>`,
      { options: { recipientPolicy: "collect" } },
    );
    const error = await failure(smtp.sendMessage("x", FROM, "b@y.example"));
    expect(error).toMatchObject({ fate: "unknown", phase: "final", retry: "ask", code: "SMTP_CONNECTION" });
    expect(error.message).toBe(
      "Server closed the connection while waiting for the reply to the message; it may have been delivered, so find out before you send it again, to <b@y.example>",
    );
    expect(smtp.errorOccurred).toBe(true);
  });

  test("sendMessage() decides before DATA under net-smtp", async () => {
    const { smtp, server } = await session(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<nobody@y.example>
      S: 250 ok
      S: 250 ok
      S: 535 5.7.8 not for you
      C: DATA
      S: 354 go ahead
      C: x
      C: .
      S: 250 queued`);
    const error = await failure(smtp.sendMessage("x", FROM, TO));
    expect(error.message).toBe('failed to deliver for "nobody@y.example"');
    expect(told(error.recipients)).toEqual(["b@y.example accepted 250", "nobody@y.example refused 535"]);
    expect(error.delivery?.accepted).toHaveLength(1);
    server.finish();
  });

  test("sendMessage() overlaps neighbours: the end and the next group leave in one write", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 queued
      S: 250 ok
      S: 250 ok
      S: 354 go ahead
      C: two
      C: .
      S: 250 queued`,
      { options: { recipientPolicy: "collect" } },
    );
    const first = smtp.sendMessage("one", FROM, "b@y.example");
    const second = smtp.sendMessage("two", FROM, "c@y.example");
    await Promise.all([first, second]);
    expect(server.writes.slice(1)).toHaveLength(3);
    server.finish();
  });
});

describe("command by command", () => {
  test("mailFrom(), rcptToList() and data() make a transaction", async () => {
    const { smtp, server } = await session(`
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued
      C: QUIT
      S: 221 bye`);
    await smtp.mailFrom(FROM);
    const reply = await smtp.rcptToList(["b@y.example", "c@y.example"], () => smtp.data("x"));
    expect(reply.status).toBe("250");
    await smtp.finish();
    server.finish();
  });
});
