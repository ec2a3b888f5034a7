/**
 * Time, as waits use it. The law here: a wait is a message's, and keeps the process alive, or the message would be lost with
 * it; it leaves no timer behind when it is given up.
 *
 * @module
 */

import { LONGEST, now } from "../alarms.ts";

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

/** A wait longer than a timer of the runtime counts is several. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= LONGEST) await pause(Math.min(left, LONGEST), signal);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
