import { expect, test } from "vitest";
import type { Delivery, SmtpError } from "../mod.ts";
import { session } from "./support/session.ts";

const ENVELOPE = "MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n";
const COLLECT = { recipientPolicy: "collect" } as const;

/** One envelope, and what is answered to it; the reply to an end in front of it comes first. */
function envelope(...replies: readonly string[]): string {
  const lines = ["C: MAIL FROM:<a@x.example>", "C: RCPT TO:<b@y.example>", "C: DATA"];
  return ["", ...lines, ...replies.map((reply) => `S: ${reply}`)].join("\n      ");
}

/** One message as a server takes it that wants nothing behind an end. */
function message(text: string): string {
  return `${envelope("250 ok", "250 ok", "354 go")}
      C: ${text}
      C: .`;
}

const PIPELINED = "503 pipelined after end of DATA";

/** The next envelope, refused for standing behind an end. */
const REFUSED = envelope("250 queued", PIPELINED, PIPELINED, PIPELINED);

function fateOf(outcome: PromiseSettledResult<Delivery>): string {
  const { recipients } = outcome.status === "fulfilled" ? outcome.value : (outcome.reason as SmtpError);
  return recipients.map(({ fate, response }) => `${fate} ${response?.status}`).join();
}

/** As Haraka 3.3.4 talks: PIPELINING offered, and what comes behind an end refused, against RFC 2920 3.1. */
test("sendMessage() sends again what was refused for standing behind an end, and overlaps no more on that host", async () => {
  const first = await session(
    `${message("one")}${REFUSED}${message("two")}
      S: 250 queued${message("three")}
      S: 250 queued`,
    { options: COLLECT, address: "in-order.example" },
  );
  const sent = ["one", "two", "three"].map((text) => first.smtp.sendMessage(text, "a@x.example", "b@y.example"));
  const outcomes = await Promise.allSettled(sent);
  expect(outcomes.map(fateOf)).toEqual(["accepted 250", "accepted 250", "accepted 250"]);
  expect(first.server.writes.slice(1)).toEqual([
    ENVELOPE,
    `one\r\n.\r\n${ENVELOPE}`,
    ENVELOPE,
    "two\r\n.\r\n",
    ENVELOPE,
    "three\r\n.\r\n",
  ]);
  first.server.finish();

  const next = await session(`${message("four")}\n      S: 250 queued${message("five")}\n      S: 250 queued`, {
    options: COLLECT,
    address: "in-order.example",
  });
  await Promise.all(["four", "five"].map((text) => next.smtp.sendMessage(text, "a@x.example", "b@y.example")));
  expect(next.server.writes.slice(1)).toEqual([ENVELOPE, "four\r\n.\r\n", ENVELOPE, "five\r\n.\r\n"]);
  next.server.finish();
});

test("sendMessage() refused 503 twice is refused", async () => {
  const { smtp, server } = await session(`${message("one")}${REFUSED}${envelope("503 no", "503 no", "503 no")}`, {
    options: COLLECT,
    address: "refuses.example",
  });
  const sent = ["one", "two"].map((text) => smtp.sendMessage(text, "a@x.example", "b@y.example"));
  expect((await Promise.allSettled(sent)).map(fateOf)).toEqual(["accepted 250", "refused 503"]);
  server.finish();
});

test("sendMessage() is not sent again where a part of its envelope was taken, or no end was in front of it", async () => {
  const taken = await session(`${message("one")}${envelope("250 queued", "503 out of sequence", "250 ok", "503 no")}`, {
    options: COLLECT,
    address: "takes.example",
  });
  const sent = ["one", "two"].map((text) => taken.smtp.sendMessage(text, "a@x.example", "b@y.example"));
  expect((await Promise.allSettled(sent)).map(fateOf)).toEqual(["accepted 250", "refused 503"]);
  taken.server.finish();

  const alone = await session(envelope("503 no", "503 no", "503 no"), { options: COLLECT, address: "alone.example" });
  const lone = alone.smtp.sendMessage("one", "a@x.example", "b@y.example");
  expect((await Promise.allSettled([lone])).map(fateOf)).toEqual(["refused 503"]);
  alone.server.finish();
});
