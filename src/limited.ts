/**
 * Connecting takes at most `openTimeout` and ends when the caller's signal aborts. The law here: whoever waits hears of it
 * at once, the timer and the listener are gone when it is over.
 *
 * @module
 */

import { now } from "./alarms.ts";
import { SmtpAbortError, SmtpOpenTimeout } from "./errors.ts";

/** What limits the opening of a session. */
export interface Limits {
  /** Milliseconds in all. */
  readonly openTimeout: number;
  /** Ends it. */
  readonly signal: AbortSignal | undefined;
  /** The command that led to it, if one did. */
  readonly command?: string;
}

/** A deadline for several steps together. */
export class OpenDeadline {
  readonly #limits: Limits;
  readonly #until: number;

  /** Begins to count. */
  constructor(limits: Limits) {
    this.#limits = limits;
    this.#until = now() + limits.openTimeout;
  }

  /** True once the time is over or the signal has aborted. */
  get over(): boolean {
    return now() >= this.#until || this.#limits.signal?.aborted === true;
  }

  /** Runs one step; rejects with `SmtpOpenTimeout` or `SmtpAbortError` when its time is over, and aborts the step's own signal. */
  run<T>(step: (signal: AbortSignal) => Promise<T>, phase: "connect" | "tls" = "connect"): Promise<T> {
    const { openTimeout, signal, command } = this.#limits;
    const abort = new AbortController();
    return new Promise((resolve, reject) => {
      // Whatever ends it, also a deadline on a step that settles later or never: nothing stays behind.
      const over = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
      };
      const fail = (error: Error): void => {
        over();
        abort.abort(error);
        reject(error);
      };
      const timedOut = (): void =>
        fail(new SmtpOpenTimeout(`No connection within ${openTimeout} ms`, { phase, command }));
      const aborted = (): void => fail(new SmtpAbortError("Start was aborted", { phase, cause: signal?.reason }));
      let timer: ReturnType<typeof setTimeout> | undefined;
      if (signal?.aborted) return aborted();
      timer = setTimeout(timedOut, Math.min(Math.max(this.#until - now(), 0), 0x7fffffff));
      signal?.addEventListener("abort", aborted);
      step(abort.signal).then(resolve, reject).finally(over);
    });
  }
}
