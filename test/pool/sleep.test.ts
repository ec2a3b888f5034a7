/** The runtime's time: waits that end when they are woken, and keep no process alive. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TIME } from "../../src/pool/sleep.ts";
import { turns } from "../support/told.ts";

/** Whether a wait is over, asked without waiting for it. */
function watched(promise: Promise<void>): { over: boolean } {
  const state = { over: false };
  void promise.then(() => {
    state.over = true;
  });
  return state;
}

describe("TIME.sleep()", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => vi.useRealTimers());

  test("is over after its time, and not before", async () => {
    const wait = watched(TIME.sleep(1_000, new AbortController().signal));
    await vi.advanceTimersByTimeAsync(999);
    await turns();
    expect(wait.over).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await turns();
    expect(wait.over).toBe(true);
  });

  test("is over at once when it is woken, and leaves neither timer nor listener", async () => {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const wait = watched(TIME.sleep(1_000, controller.signal));
    expect(vi.getTimerCount()).toBe(1);
    controller.abort();
    await turns();
    expect([wait.over, vi.getTimerCount(), removed.mock.calls.length]).toEqual([true, 0, 1]);
    await TIME.sleep(1_000, controller.signal);
    await TIME.sleep(0, new AbortController().signal);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("may be longer than a timer of the runtime counts", async () => {
    const longest = 2 ** 31 - 1;
    const wait = watched(TIME.sleep(longest + 5, new AbortController().signal));
    await vi.advanceTimersByTimeAsync(longest);
    await turns();
    expect([wait.over, vi.getTimerCount()]).toEqual([false, 1]);
    await vi.advanceTimersByTimeAsync(5);
    await turns();
    expect(wait.over).toBe(true);
  });
});
