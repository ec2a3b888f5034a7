/**
 * Sources opened ahead of their turn (`openAhead`): what the wire gains by it, and that a source that fails, hangs or is
 * given up costs the session nothing and is closed.
 */

import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { SmtpConnectionError, SmtpSourceError } from "../mod.ts";
import { ENVELOPE, session } from "./support/session.ts";
import { failure } from "./support/told.ts";

const COLLECT = { recipientPolicy: "collect" } as const;
const AHEAD = { openAhead: true } as const;
const send = (smtp: Awaited<ReturnType<typeof session>>["smtp"], source: () => never | unknown) =>
  smtp.sendMessage(source as () => string, "a@x.example", "b@y.example", AHEAD);

describe("openAhead", () => {
  test("a message whose function has given its bytes leaves with DATA in its group, behind the end before it", async () => {
    const { smtp, server } = await session(
      `${ENVELOPE}
      C: one
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 taken
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: two
      C: .
      S: 250 taken`,
      { options: COLLECT },
    );
    const first = smtp.sendMessage("one", "a@x.example", "b@y.example");
    const second = send(smtp, async () => "two");
    await Promise.all([first, second]);
    server.finish();
  });

  test("without it the function is called at its turn, and DATA waits for it", async () => {
    const called: string[] = [];
    const { smtp, server } = await session(
      `${ENVELOPE}
      C: one
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 taken
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: two
      C: .
      S: 250 taken`,
      { options: COLLECT },
    );
    const first = smtp.sendMessage("one", "a@x.example", "b@y.example").then(() => called.push("first done"));
    const second = smtp.sendMessage(
      () => {
        called.push("second opened");
        return "two";
      },
      "a@x.example",
      "b@y.example",
    );
    expect(called).toEqual([]);
    await Promise.all([first, second]);
    server.finish();
  });

  test("a function that fails is told at its turn, and the session goes on", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: two
      C: .
      S: 250 taken`,
      { options: COLLECT },
    );
    const broken = await failure(send(smtp, () => Promise.reject(new Error("no such file"))));
    expect(broken).toBeInstanceOf(SmtpSourceError);
    expect(broken).toMatchObject({ fate: "unsent", message: expect.stringContaining("no such file") });
    await smtp.sendMessage("two", "a@x.example", "b@y.example");
    server.finish();
  });

  test("a stream made for a message that never begins is closed", async () => {
    const { smtp, server } = await session(
      `${ENVELOPE}
      C: one
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: <close>`,
      { options: COLLECT },
    );
    const stream = Readable.from(["two"]);
    const closed = new Promise((resolve) => stream.once("close", resolve));
    const first = failure(smtp.sendMessage("one", "a@x.example", "b@y.example"));
    const second = failure(
      smtp.sendMessage(() => stream, "a@x.example", "b@y.example", { ...AHEAD, recipientPolicy: "net-smtp" }),
    );
    expect(await first).toMatchObject({ fate: "unknown" });
    expect(await second).toBeInstanceOf(SmtpConnectionError);
    expect(await second).toMatchObject({ fate: "unsent" });
    await closed;
    server.finish();
  });

  test("a stream made for a message that is aborted while it waits is closed at once", async () => {
    const { smtp } = await session(ENVELOPE, { options: COLLECT });
    const stream = Readable.from(["two"]);
    const closed = new Promise((resolve) => stream.once("close", resolve));
    const abort = new AbortController();
    const first = failure(smtp.sendMessage(() => new Promise<string>(() => undefined), "a@x.example", "b@y.example"));
    const second = failure(
      smtp.sendMessage(() => stream, "a@x.example", "b@y.example", { ...AHEAD, signal: abort.signal }),
    );
    await Promise.resolve();
    abort.abort();
    expect(await second).toMatchObject({ name: "AbortError", fate: "unsent" });
    await closed;
    void first;
  });
});
