/**
 * Slowing down when the server asks for it. The law here: each time it asks, the pause doubles up to a limit; after the
 * pause one goes ahead as a probe, and its success ends it all. What was under way when it asked tells nothing new.
 * Pure: the clock is the caller's.
 *
 * @module
 */

import type { Phase } from "../errors.ts";
import type { SmtpResponse } from "../protocol/reply.ts";

/** A pause that grows. */
export class Throttle {
  readonly #first: number;
  readonly #longest: number;
  readonly #tell: ((delay: number, response: SmtpResponse | undefined) => void) | undefined;
  #delay = 0;
  #until = Number.NEGATIVE_INFINITY;
  #round = 0;

  /** `first` ms, 0: never; doubled up to `longest`. `tell` hears of each pause. */
  constructor(first: number, longest: number, tell?: (delay: number, response: SmtpResponse | undefined) => void) {
    this.#first = first;
    this.#longest = longest;
    this.#tell = tell;
  }

  /** Which pause it was last: what began before it does not count for the next. */
  get round(): number {
    return this.#round;
  }

  /** True from the first pause until something succeeds: one goes ahead at a time. */
  get slowed(): boolean {
    return this.#delay > 0;
  }

  /** When the pause ends. */
  get until(): number {
    return this.#until;
  }

  /** Something that began in `round` was asked to slow down. Gives the pause in ms, undefined if there is none of its own. */
  slowDown(now: number, round: number, response?: SmtpResponse): number | undefined {
    if (this.#first === 0 || round !== this.#round) return undefined;
    this.#delay = Math.min(this.#delay === 0 ? this.#first : this.#delay * 2, Math.max(this.#first, this.#longest));
    this.#until = now + this.#delay;
    this.#round++;
    this.#tell?.(this.#delay, response);
    return this.#delay;
  }

  /** Something that began in `round` succeeded. */
  succeeded(round: number): void {
    if (this.#delay > 0 && round === this.#round) this.reset();
  }

  /** Nothing holds any more. */
  reset(): void {
    this.#delay = 0;
    this.#until = Number.NEGATIVE_INFINITY;
  }
}

/** 454 and 432 are said by servers that throttle (Amazon SES, Exchange), X.7.X is "security or policy" (RFC 3463 3.8). */
const SLOW_DOWN: readonly string[] = ["421", "454", "432"];

/**
 * True of a reply that asks the client to slow down. A 4.7.X to RCPT is greylisting, which is about one recipient. A 421
 * on a session that has served before is how servers end a session: it retires, and nothing else is slowed.
 */
export function asksToSlowDown(reply: SmtpResponse | undefined, phase: Phase, served: boolean): boolean {
  if (reply === undefined) return false;
  const byPolicy = reply.enhancedCode?.startsWith("4.7.") ?? false;
  if (reply.status === "421" && served) return byPolicy || reply.enhancedCode?.startsWith("4.3.") === true;
  return SLOW_DOWN.includes(reply.status) || (byPolicy && phase !== "rcpt");
}
