/**
 * Time, as waits use it. The law here: a wait never keeps a process alive, and leaves no timer behind when it is given up.
 *
 * @module
 */

import { now } from "../alarms.ts";

/** A clock, and waits by it. */
export interface Time {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Resolves after so many milliseconds, or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 up to but not including 1. Default: `Math.random`. */
  random?(): number;
}

/** The runtime's time. */
export const TIME: Time = { now, sleep };

/** A runtime's timer counts at most so many ms; a longer wait is several. */
const LONGEST = 0x7fffffff;

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= LONGEST) await pause(Math.min(left, LONGEST), signal);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    letGo(timer);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

/** Node's and Bun's timers let go themselves; Deno's are numbers. */
function letGo(timer: unknown): void {
  const { Deno } = globalThis as { Deno?: { unrefTimer?(timer: unknown): void } };
  if (typeof timer === "number") Deno?.unrefTimer?.(timer);
  else (timer as { unref?(): unknown }).unref?.();
}
