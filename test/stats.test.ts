/**
 * Figures and health: folds of hand-made events, and of a played session.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { type Fate, NetSmtp, SmtpArgumentError, SmtpConnectionError } from "../mod.ts";
import { type SmtpHealthLimits, SmtpStats } from "../src/stats.ts";
import * as made from "./support/events.ts";
import { network, play } from "./support/play.ts";
import { hello } from "./support/session.ts";

/** What was counted of the events. */
function counted(...events: readonly Parameters<SmtpStats["observer"]>[0][]): SmtpStats {
  const stats = new SmtpStats(5);
  for (const event of events) stats.observer(event);
  return stats;
}

/** Attempts that ended so, each a message of a bare session. */
function attempts(count: number, fate: Fate, duration = 100) {
  return Array.from({ length: count }, (_, at) => made.sendEnd({ id: `${fate}${at}`, fates: [fate], duration }));
}

describe("stats()", () => {
  test("of nothing says nothing", () => {
    expect(counted().stats()).toEqual({
      since: 5,
      totalSent: 0,
      totalFailed: 0,
      totalRetries: 0,
      successRate: undefined,
      recentSuccessRate: undefined,
      averageResponseTime: undefined,
      percentiles: undefined,
      lastError: undefined,
      fates: { accepted: 0, refused: 0, unsent: 0, unknown: 0 },
      connections: { open: 0, opened: 0, failed: 0 },
    });
  });

  test.each([
    ["accepted by all", ["accepted", "accepted"], 1, 0],
    ["accepted by one", ["refused", "accepted"], 1, 0],
    ["refused", ["refused"], 0, 1],
    ["unsent", ["unsent"], 0, 1],
    ["unknown", ["unknown"], 0, 1],
  ] as [string, Fate[], number, number][])("a message %s", (_, fates, totalSent, totalFailed) => {
    const figures = counted(made.sendStart(), made.sendEnd({ fates })).stats();
    expect(figures).toMatchObject({ totalSent, totalFailed, totalRetries: 0, successRate: totalSent });
    for (const fate of fates) expect(figures.fates[fate]).toBe(fates.filter((other) => other === fate).length);
  });

  test("a message of the pool counts once, with its last fates", () => {
    const figures = counted(
      made.messageStart(),
      made.sendStart({ attempt: 1 }),
      made.sendEnd({ fates: ["refused", "accepted"] }),
      made.retry({ attempt: 2 }),
      made.sendStart({ attempt: 2 }),
      made.sendEnd({ attempt: 2, fates: ["accepted"] }),
      made.messageEnd({ fates: ["accepted", "accepted"] }),
      made.sendEnd({ id: "m1", fates: ["unsent"] }),
    ).stats();
    expect(figures).toMatchObject({ totalSent: 1, totalFailed: 1, totalRetries: 1 });
    expect(figures.fates).toEqual({ accepted: 2, refused: 0, unsent: 1, unknown: 0 });
  });

  test("two messages of the pool may have one id", () => {
    const figures = counted(
      made.messageStart(),
      made.messageStart(),
      made.messageEnd({ fates: ["accepted"] }),
      made.sendEnd({ fates: ["accepted"] }),
      made.messageEnd({ fates: ["accepted"] }),
    ).stats();
    expect(figures.totalSent).toBe(2);
  });

  test("who sends again on a bare session counts by `attempt`", () => {
    expect(counted(made.sendStart({ attempt: 2 }), made.sendStart({ attempt: 1 })).stats().totalRetries).toBe(1);
  });

  test("times are those of the last 100 accepted", () => {
    const events = Array.from({ length: 150 }, (_, at) => made.sendEnd({ fates: ["accepted"], duration: at + 1 }));
    const figures = counted(...events, ...attempts(100, "refused", 9_999)).stats();
    expect(figures.averageResponseTime).toBe(100.5);
    expect(figures.percentiles).toEqual({ p50: 100, p90: 140, p99: 149 });
    expect(figures.recentSuccessRate).toBe(0);
    expect(figures.successRate).toBe(0.6);
  });

  test.each([
    [[7], { p50: 7, p90: 7, p99: 7 }],
    [[30, 10, 20], { p50: 20, p90: 30, p99: 30 }],
  ])("percentiles of %j", (times, expected) => {
    const events = times.map((duration) => made.sendEnd({ fates: ["accepted"], duration }));
    expect(counted(...events).stats().percentiles).toEqual(expected);
  });

  test("connections: open, ever opened, failed", () => {
    const error = new SmtpConnectionError("no");
    const stats = counted(made.connectEnd(), made.connectEnd(), made.disconnect(), made.connectEnd({ error }));
    expect(stats.stats().connections).toEqual({ open: 1, opened: 2, failed: 1 });
  });

  test("the last error, as plain data; a connection lost later is none", () => {
    const error = new SmtpConnectionError("Connection was lost", { phase: "final" });
    const later = new SmtpConnectionError("idle");
    const { lastError } = counted(
      made.sendEnd({ fates: ["unknown"], error }),
      made.disconnect({ error: later }),
    ).stats();
    expect(lastError).toEqual({ time: 3, code: "SMTP_CONNECTION", phase: "final", message: "Connection was lost" });
    expect(JSON.parse(JSON.stringify(lastError))).toEqual(lastError);
  });

  test("is a copy", () => {
    const stats = counted();
    const figures = stats.stats();
    stats.observer(made.connectEnd());
    stats.observer(made.sendEnd({ fates: ["refused"] }));
    expect(figures.connections.opened).toBe(0);
    expect(figures.fates.refused).toBe(0);
  });
});

describe("healthCheck()", () => {
  const failedConnect = made.connectEnd({ error: new SmtpConnectionError("no") });

  test.each([
    ["nothing happened", [], {}, []],
    ["95 of 100 went", [...attempts(5, "refused"), ...attempts(95, "accepted")], {}, []],
    ["9 failed, too few to tell", attempts(9, "refused"), {}, []],
    ["9 failed, and that is enough", attempts(9, "refused"), { minMessages: 9 }, ["Success rate of the last 9"]],
    [
      "94 of 100 went",
      [...attempts(6, "refused"), ...attempts(94, "accepted")],
      {},
      ["is 0.94, expected at least 0.95"],
    ],
    ["old failures", [...attempts(100, "refused"), ...attempts(100, "accepted")], {}, []],
    ["94 of 100 are enough", [...attempts(6, "refused"), ...attempts(94, "accepted")], { minSuccessRate: 0.9 }, []],
    ["slow", attempts(1, "accepted", 10_001), {}, ["Average response time is 10001 ms, expected at most 10000 ms"]],
    ["just not slow", attempts(1, "accepted", 10_000), {}, []],
    [
      "slow for these",
      attempts(1, "accepted", 50),
      { maxAverageResponseTime: 49 },
      ["is 50 ms, expected at most 49 ms"],
    ],
    ["two starts failed", [failedConnect, failedConnect], {}, []],
    ["three starts failed", [failedConnect, failedConnect, failedConnect], {}, ["Last 3 connections failed"]],
    ["two failed", [failedConnect, failedConnect], { maxFailedConnections: 1 }, ["Last 2 connections failed"]],
    ["one of them went", [failedConnect, failedConnect, made.connectEnd(), failedConnect], {}, []],
    ["a limit that is undefined is the default", attempts(10, "refused"), { minSuccessRate: undefined }, ["0.95"]],
  ] as [string, ReturnType<typeof attempts>, SmtpHealthLimits, string[]][])("%s", (_, events, limits, reasons) => {
    const stats = counted(...events);
    const health = stats.healthCheck(limits);
    expect(health.reasons).toEqual(reasons.map((reason) => expect.stringContaining(reason)));
    expect(health.healthy).toBe(reasons.length === 0);
    expect(health).toMatchObject(stats.stats());
  });

  test.each([
    ["minSuccessRate", 95],
    ["minSuccessRate", Number.NaN],
    ["minMessages", 0],
    ["maxAverageResponseTime", "1s"],
    ["maxFailedConnections", -1],
    ["minRate", 1],
  ])("refuses %s %s", (limit, value) => {
    expect(() => counted().healthCheck({ [limit]: value } as never)).toThrow(SmtpArgumentError);
    expect(() => counted().healthCheck({ [limit]: value } as never)).toThrow(`"${limit}"`);
  });
});

test("an observer of a session counts what happens on it", async () => {
  const stats = new SmtpStats();
  const script = `${hello("PIPELINING")}
C: MAIL FROM:<a@x.example>
C: RCPT TO:<b@y.example>
C: DATA
S: 250 ok
S: 550 5.1.1 no
S: 354 go
C: .
S: 554 no recipients
C: QUIT
S: 221 bye`;
  const smtp = new NetSmtp("mx.example", 25, { observe: stats.observer, network: network(play(script)) });
  await smtp.start();
  expect(stats.stats().connections).toEqual({ open: 1, opened: 1, failed: 0 });
  await expect(smtp.sendMessage("x", "a@x.example", "b@y.example", { recipientPolicy: "collect" })).rejects.toThrow();
  await smtp.finish();
  expect(stats.stats()).toMatchObject({ totalSent: 0, totalFailed: 1, connections: { open: 0, opened: 1 } });
  expect(stats.stats().lastError).toMatchObject({ code: "SMTP_FATAL", phase: "rcpt" });
});
