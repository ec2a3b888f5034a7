/**
 * The moment, and a timer for the next thing that the pool has to look at. The law here: one timer of the runtime, armed for the earliest
 * moment that was asked for; whoever rings it looks himself what is due.
 *
 * @module
 */

import { holdTimer, LONGEST, now } from "../alarms.ts";
import type { Moment } from "./decide.ts";

/** The moment by both clocks. */
export function moment(): Moment {
  return { wall: Date.now(), steady: now() };
}

/** One timer. */
export class Wake {
  readonly #look: () => void;
  readonly #held: boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Number.POSITIVE_INFINITY;

  /** `held`: it keeps the process alive, since somebody waits. */
  constructor(look: () => void, held: boolean) {
    this.#look = look;
    this.#held = held;
  }

  /** Rings at a moment by the clock that says `now`, unless it rings earlier anyway. */
  at(moment: number, now: number): void {
    if (moment >= this.#at) return;
    this.clear();
    this.#at = moment;
    this.#timer = setTimeout(() => this.#ring(), Math.min(Math.max(moment - now, 0), LONGEST));
    if (!this.#held) holdTimer(this.#timer, false);
  }

  /** Does not ring. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  #ring(): void {
    this.clear();
    this.#look();
  }
}
