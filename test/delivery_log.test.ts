/**
 * The delivery log: records of hand-made events, and of a played session.
 *
 * @module
 */

import { expect, test } from "vitest";
import { NetSmtp, SmtpConnectionError, type SmtpEvent, SmtpResponse, SmtpSessionError } from "../mod.ts";
import { type DeliveryRecord, deliveryLog, deliveryRecords } from "../src/delivery_log.ts";
import * as made from "./support/events.ts";
import { network, play } from "./support/play.ts";
import { hello } from "./support/session.ts";

/** What a log was given of the events. */
function logged(...events: readonly SmtpEvent[]): DeliveryRecord[] {
  const records: DeliveryRecord[] = [];
  const observer = deliveryLog((record) => records.push(record));
  for (const event of events) observer(event);
  return records;
}

const SAME = { time: 3, id: "m1", from: "a@x.example", duration: 100, host: "mx.example", port: 25 };

test("deliveryRecords() has one for each recipient of an attempt", () => {
  const error = new SmtpConnectionError("Connection was lost");
  const event = made.sendEnd({
    attempt: 2,
    error,
    recipients: [
      { address: "b@y.example", fate: "accepted", response: new SmtpResponse("250 2.0.0 queued") },
      {
        address: "c@y.example",
        fate: "refused",
        response: new SmtpResponse("550-5.1.1 no\n550 5.1.1 user"),
        retry: "never",
      },
      { address: "c@y.example", fate: "unknown", retry: "ask" },
    ],
  });
  const same = { ...SAME, attempt: 2, connection: "c1" };
  expect(deliveryRecords(event)).toEqual([
    { ...same, recipient: "b@y.example", fate: "accepted", response: "250 2.0.0 queued", enhancedCode: "2.0.0" },
    {
      ...same,
      recipient: "c@y.example",
      fate: "refused",
      response: "550 5.1.1 no user",
      enhancedCode: "5.1.1",
      retry: "never",
    },
    { ...same, recipient: "c@y.example", fate: "unknown", error: "SMTP_CONNECTION", retry: "ask" },
  ]);
});

test.each([made.sendStart(), made.messageStart(), made.messageEnd({}), made.retry(), made.connectEnd()])(
  "deliveryRecords() has none for $type",
  (event) => {
    expect(deliveryRecords(event)).toEqual([]);
  },
);

test("deliveryLog() has a record of each attempt, and none of a message that is told by its attempts", () => {
  const records = logged(
    made.messageStart(),
    made.sendStart(),
    made.sendEnd({ fates: ["refused", "accepted"] }),
    made.retry(),
    made.sendStart({ attempt: 2 }),
    made.sendEnd({ attempt: 2, fates: ["accepted"] }),
    made.messageEnd({ fates: ["accepted", "accepted"] }),
  );
  expect(records.map(({ attempt, recipient, fate }) => [attempt, recipient, fate])).toEqual([
    [1, "r0@y.example", "refused"],
    [1, "r1@y.example", "accepted"],
    [2, "r0@y.example", "accepted"],
  ]);
});

test("deliveryLog() has records of a message that no session ever took", () => {
  const error = new SmtpSessionError("Pool was closed");
  const records = logged(made.messageStart(), made.messageEnd({ error, fates: ["unsent"], attempts: 0 }));
  expect(records).toEqual([{ ...SAME, attempt: 0, recipient: "r0@y.example", fate: "unsent", error: "SMTP_SESSION" }]);
});

test("deliveryLog() goes on when the hook fails, at once or later", () => {
  const seen: string[] = [];
  const observer = deliveryLog(({ recipient }) => {
    seen.push(recipient);
    if (seen.length === 1) throw new Error("hook");
    return Promise.reject(new Error("hook"));
  });
  expect(() => observer(made.sendEnd({ fates: ["accepted", "accepted", "accepted"] }))).not.toThrow();
  expect(seen).toEqual(["r0@y.example", "r1@y.example", "r2@y.example"]);
});

test("a session has a delivery log", async () => {
  const records: DeliveryRecord[] = [];
  const script = `${hello("PIPELINING")}
C: MAIL FROM:<a@x.example>
C: RCPT TO:<b@y.example>
C: RCPT TO:<c@y.example>
C: DATA
S: 250 ok
S: 250 ok
S: 452 4.2.2 full
S: 354 go
C: x
C: .
S: 250 2.0.0 queued
C: QUIT
S: 221 bye`;
  const observe = deliveryLog((record) => records.push(record));
  const smtp = new NetSmtp("mx.example", 25, { observe, network: network(play(script)) });
  await smtp.start();
  const to = ["b@y.example", "c@y.example"];
  await smtp.sendMessage("x", "a@x.example", to, { recipientPolicy: "collect", id: "m1" });
  await smtp.finish();
  expect(records).toMatchObject([
    { id: "m1", attempt: 1, recipient: "b@y.example", fate: "accepted", response: "250 2.0.0 queued" },
    { id: "m1", attempt: 1, recipient: "c@y.example", fate: "refused", enhancedCode: "4.2.2", retry: "later" },
  ]);
});
