/** What the clock does to a pool: idle sessions, old ones, a frozen process, deadlines. The clock is the test's. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FROM, failure, told, turns } from "../support/told.ts";
import { HELLO, overlapping, pooled, QUIT, stored, TO, until } from "./support.ts";

const HOUR = 3_600_000;
const ONE = `${HELLO}${stored("one")}${QUIT}`;
const TWO = `${HELLO}${stored("two")}${QUIT}`;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("idleTimeout", () => {
  test("ends a session with QUIT when it had nothing to do for so long", async () => {
    const { pool, finish } = pooled([ONE, TWO], { idleTimeout: 1_000 });
    await pool.sendMessage("one", FROM, TO);
    vi.advanceTimersByTime(999);
    await turns();
    expect(String(pool)).toContain("connections: 0 busy, 1 idle");
    vi.advanceTimersByTime(1);
    await turns();
    expect(String(pool)).toContain("connections: 0 busy, 0 idle");
    await pool.sendMessage("two", FROM, TO);
    await pool.close();
    finish();
  });

  test("counts from the last message, for each session", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("one")}${stored("two")}${stored("two")}${QUIT}`, ONE], {
      idleTimeout: 1_000,
    });
    await Promise.all(["one", "one"].map((text) => pool.sendMessage(text, FROM, TO)));
    vi.advanceTimersByTime(600);
    await pool.sendMessage("two", FROM, TO);
    vi.advanceTimersByTime(600);
    await turns();
    expect(String(pool)).toContain("connections: 0 busy, 1 idle");
    await pool.sendMessage("two", FROM, TO);
    vi.advanceTimersByTime(1_000);
    await turns();
    expect(String(pool)).toContain("connections: 0 busy, 0 idle");
    finish();
    await pool.close();
  });

  test("of 0 keeps a session", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("one")}${stored("two")}${QUIT}`], { idleTimeout: 0 });
    await pool.sendMessage("one", FROM, TO);
    vi.advanceTimersByTime(24 * HOUR);
    await pool.sendMessage("two", FROM, TO);
    await pool.close();
    finish();
  });
});

test("maxAge ends a session that became so old, when it is idle", async () => {
  const { pool, finish } = pooled([`${HELLO}${stored("one")}${stored("one")}${QUIT}`, TWO], { maxAge: 1_000 });
  await pool.sendMessage("one", FROM, TO);
  vi.advanceTimersByTime(600);
  await pool.sendMessage("one", FROM, TO);
  vi.advanceTimersByTime(400);
  await turns();
  expect(String(pool)).toContain("connections: 0 busy, 0 idle");
  await pool.sendMessage("two", FROM, TO);
  await pool.close();
  finish();
});

describe("a process that was frozen", () => {
  test("opens a new connection at first try, although there is place for one only and the old one does not answer", async () => {
    const { pool, network } = pooled([`${HELLO}${stored("one")}\nC: <anything>`, TWO], { maxConnections: 1 });
    await pool.sendMessage("one", FROM, TO);
    vi.setSystemTime(Date.now() + HOUR);
    expect(told(await pool.sendMessage("two", FROM, TO))).toBe("b accepted 250");
    expect(network.targets).toHaveLength(2);
    await pool.close({ force: true });
  });

  test("gives no message to a session that has waited all that time for an answer", async () => {
    const { pool, network } = pooled([`${HELLO}${stored("one").replace(/\n.*$/, "")}\nC: <anything>`, TWO], {
      maxConnections: 2,
    });
    const one = failure(pool.sendMessage("one", FROM, TO));
    await until(() => String(pool).includes("1 under way"));
    await turns();
    vi.setSystemTime(Date.now() + HOUR);
    await pool.sendMessage("two", FROM, TO);
    expect(network.targets).toHaveLength(2);
    await pool.close({ force: true });
    expect(told(await one)).toBe("b unknown");
  });

  test("for less than the idle limit uses its session", async () => {
    const { pool, network, finish } = pooled([`${HELLO}${stored("one")}${stored("two")}${QUIT}`]);
    await pool.sendMessage("one", FROM, TO);
    vi.setSystemTime(Date.now() + 239_000);
    await pool.sendMessage("two", FROM, TO);
    expect(network.targets).toHaveLength(1);
    await pool.close();
    finish();
  });
});

describe("deadline", () => {
  test("of a message that waits rejects it, unsent, and no timer is left", async () => {
    const { pool } = pooled(["C: <anything>"], { maxConnections: 1, openTimeout: HOUR });
    const one = failure(pool.sendMessage("one", FROM, TO, { deadline: 500 }));
    const two = failure(pool.sendMessage("two", FROM, TO));
    vi.advanceTimersByTime(499);
    expect(pool.pendingCount()).toBe(2);
    vi.advanceTimersByTime(1);
    const error = await one;
    expect([error.message, told(error)]).toEqual([
      "Message was not done within 500 ms; the message was not sent",
      "b unsent",
    ]);
    expect(pool.pendingCount()).toBe(1);
    await pool.close({ force: true });
    await two;
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of the pool holds for each message, and the waiting counts", async () => {
    const { pool } = pooled([`${HELLO}${overlapping("one").replace(/\n.*$/, "")}\nC: <anything>`], { deadline: 1_000 });
    const one = failure(pool.sendMessage("one", FROM, TO));
    vi.advanceTimersByTime(400);
    await until(() => String(pool).includes("1 under way"));
    await turns();
    vi.advanceTimersByTime(599);
    await turns();
    expect(pool.pendingCount()).toBe(1);
    vi.advanceTimersByTime(1);
    expect(told(await one)).toBe("b unknown");
    await pool.close({ force: true });
  });

  test("costs a message that has none no timer", async () => {
    const { pool } = pooled(["C: <anything>"], { maxConnections: 1 });
    const sent = [failure(pool.sendMessage("one", FROM, TO))];
    await turns();
    const timers = vi.getTimerCount();
    for (let count = 0; count < 100; count++) sent.push(failure(pool.sendMessage("x", FROM, TO)));
    expect(vi.getTimerCount()).toBe(timers);
    for (let count = 0; count < 100; count++) sent.push(failure(pool.sendMessage("x", FROM, TO, { deadline: 5_000 })));
    expect(vi.getTimerCount()).toBe(timers + 1);
    await pool.close({ force: true });
    await Promise.all(sent);
    expect(vi.getTimerCount()).toBe(0);
  });
});
