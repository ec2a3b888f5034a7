/**
 * Messages per window. The law here: a slot is taken before a connection is, and is free again a window after the message
 * it was taken for was answered, not granted. So two uses of a slot are a window apart by the server's clock too, whatever
 * the latency. Pure: the clock is the caller's.
 *
 * @module
 */

/** As many slots as messages may go in any window. */
export class RateLimit {
  readonly #limit: number;
  readonly #window: number;
  /** When each slot is free again, as a ring: they are given back in the order of the clock. */
  readonly #free: number[] = [];
  #next = 0;
  #returning = 0;
  #unanswered = 0;

  /** `limit` messages in `window` ms; 0: no limit. */
  constructor(limit: number, window: number) {
    this.#limit = limit;
    this.#window = window;
  }

  /** How many messages may be given now. */
  room(now: number): number {
    if (this.#limit === 0) return Number.POSITIVE_INFINITY;
    while (this.#returning > 0 && (this.#free[this.#next] as number) <= now) {
      this.#next = (this.#next + 1) % this.#limit;
      this.#returning--;
    }
    return this.#limit - this.#returning - this.#unanswered;
  }

  /** When there will be more room; infinity while that hangs on an answer. Asked after `room`. */
  get next(): number {
    return this.#returning > 0 ? (this.#free[this.#next] as number) : Number.POSITIVE_INFINITY;
  }

  /** A message is given. */
  take(): void {
    this.#unanswered++;
  }

  /** A message was answered, or will not be. */
  answered(now: number): void {
    if (this.#limit === 0) return;
    this.#unanswered--;
    this.#free[(this.#next + this.#returning) % this.#limit] = now + this.#window;
    this.#returning++;
  }
}
