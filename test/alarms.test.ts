/** The session's one timer. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Alarms, now } from "../src/alarms.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Alarms", () => {
  test("set() rings each in its time, on one timer", () => {
    const alarms = new Alarms();
    const rung: string[] = [];
    for (const after of [300, 100, 200]) alarms.set(now() + after, () => rung.push(`${after}`));
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(99);
    expect(rung).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(rung).toEqual(["100"]);
    vi.advanceTimersByTime(200);
    expect(rung).toEqual(["100", "200", "300"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("set() of what is overdue rings in the next turn, never at once", () => {
    const rung: number[] = [];
    new Alarms().set(now() - 5, () => rung.push(now()));
    expect(rung).toEqual([]);
    vi.advanceTimersByTime(0);
    expect(rung).toHaveLength(1);
  });

  test("drop() calls off one alarm, and the last of them the timer", () => {
    const alarms = new Alarms();
    const ring = vi.fn();
    const first = alarms.set(now() + 100, ring);
    const second = alarms.set(now() + 200, ring);
    alarms.drop(first);
    expect(vi.getTimerCount()).toBe(1);
    alarms.drop(second);
    alarms.drop(second);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(ring).not.toHaveBeenCalled();
    alarms.set(now() + 100, ring);
    vi.advanceTimersByTime(100);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  test("clear() leaves nothing, also when an alarm that rings calls it", () => {
    const alarms = new Alarms();
    const ring = vi.fn();
    alarms.set(now() + 10, () => alarms.clear());
    alarms.set(now() + 10, ring);
    vi.advanceTimersByTime(1_000);
    expect(ring).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("set() inside an alarm rings later", () => {
    const alarms = new Alarms();
    const ring = vi.fn();
    alarms.set(now() + 10, () => alarms.set(now() + 10, ring));
    vi.advanceTimersByTime(19);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  test("set() beyond what a timer counts looks again", () => {
    const alarms = new Alarms();
    const ring = vi.fn();
    alarms.set(now() + 2 ** 31 + 5_000, ring);
    vi.advanceTimersByTime(2 ** 31);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5_000);
    expect(ring).toHaveBeenCalledTimes(1);
  });
});
