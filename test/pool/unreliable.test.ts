/**
 * 10 000 messages through a pool of 5 against a server that drops, throttles, refuses and restarts at random.
 * The law here is design.md's first: none stored twice, and what the error says of a message is so.
 */

import { describe, expect, test } from "vitest";
import { NetSmtpPool, type SmtpError } from "../../mod.ts";
import { many } from "../support/runs.ts";
import { until } from "./support.ts";
import { type Troubles, UnreliableServer } from "./unreliable.ts";

const COUNT = many(10_000, 2_000);
const TROUBLES: Troubles = { throttle: 400, busy: 60, refuse: 80, drop: 150, restart: 500 };
const PATIENT = {
  attempts: 12,
  retryDelay: 1,
  maxRetryDelay: 8,
  throttleDelay: 1,
  maxThrottleDelay: 4,
  recipientPolicy: "collect",
} as const;

/** Sends them all at once; gives by subject what the caller was told: "accepted", or the error's fate. */
async function sendAll(pool: NetSmtpPool, count: number): Promise<Map<string, string>> {
  const told = new Map<string, string>();
  const one = async (subject: string): Promise<void> => {
    const message = `Subject: ${subject}\r\n\r\nhello\r\n`;
    await pool.sendMessage(message, "a@x.example", "b@y.example").then(
      () => told.set(subject, "accepted"),
      (error: SmtpError) => told.set(subject, error.fate),
    );
  };
  await Promise.all(Array.from({ length: count }, (_, index) => one(`message ${index}`)));
  return told;
}

async function played(troubles: Troubles, options: object, extensions?: readonly string[]) {
  const server = await UnreliableServer.start(troubles, 20_261_124, extensions);
  const pool = new NetSmtpPool("127.0.0.1", server.port, { ...PATIENT, maxConnections: 5, ...options });
  const told = await sendAll(pool, COUNT);
  const idle = [pool.isIdle(), pool.pendingCount()];
  await pool.close();
  await until(() => server.open === 0);
  await server.close();
  return { told, stored: server.stored, made: server.made, idle, figures: pool.stats() };
}

function count(told: ReadonlyMap<string, string>, fate: string): number {
  return [...told.values()].filter((one) => one === fate).length;
}

describe("a pool of 5 against an unreliable server", () => {
  test("stores no message twice, and tells of each what became of it", async () => {
    const { told, stored, made, idle, figures } = await played(TROUBLES, {});
    expect([...stored.values()].filter((times) => times > 1)).toEqual([]);
    expect(told.size).toBe(COUNT);
    for (const [subject, fate] of told) {
      if (fate === "accepted") expect(stored.get(subject), subject).toBe(1);
      else if (fate !== "unknown") expect(stored.has(subject), `${subject} ${fate}`).toBe(false);
    }
    // Every trouble came up, and every end but the certain loss of a message.
    for (const trouble of Object.keys(TROUBLES)) expect(made[trouble], trouble).toBeGreaterThan(0);
    for (const fate of ["accepted", "refused", "unknown"]) expect(count(told, fate), fate).toBeGreaterThan(0);
    expect(count(told, "accepted")).toBeGreaterThan(COUNT * 0.9);
    expect(idle).toEqual([true, 0]);
    expect([figures.totalSent, figures.totalFailed]).toEqual([
      count(told, "accepted"),
      COUNT - count(told, "accepted"),
    ]);
    expect(figures.connections.open).toBe(0);
    expect(figures.totalRetries).toBeGreaterThan(0);
  }, 120_000);

  test("stores every message with retryUnknown, where none is refused for good", async () => {
    const { told, stored, idle } = await played({ ...TROUBLES, refuse: 0 }, { retryUnknown: true, attempts: 50 });
    expect(count(told, "accepted")).toBe(COUNT);
    expect(stored.size).toBe(COUNT);
    expect(idle).toEqual([true, 0]);
  }, 120_000);
});
