/**
 * What can be overdue in a dialogue: the oldest reply owed, or a write that makes no progress. The law here (design.md,
 * Signatures): a reply's deadline starts when its command was handed over or the reply before it was complete, whichever
 * is later; a trickle of octets does not move it.
 *
 * @module
 */

import { type Alarm, type Alarms, now } from "./alarms.ts";
import { overdueReply, stalledWrite } from "./breaks.ts";
import type { SmtpError } from "./errors.ts";
import type { Owed } from "./owed.ts";

/** Deadlines in milliseconds, and what else limits; the object is shared with the session, whose setters act on a live dialogue. */
export interface Timeouts {
  /** For TLS after STARTTLS. */
  openTimeout: number;
  /** For the reply to a command. */
  readTimeout: number;
  /** For the reply to the content. */
  finalTimeout: number;
  /** Without progress in writing. */
  writeTimeout: number;
  /** For the reply to QUIT. */
  quitTimeout: number;
  /** For the server to close after it. */
  closeTimeout?: number;
  /** Octets of one reply, if it is not the parser's own limits. */
  maxReplySize?: number | undefined;
}

/** Milliseconds for which reading goes on after a 421 (design.md, Fates). */
const AFTER_421 = 5_000;

/** Watches a ledger. */
export class Deadlines {
  readonly #alarms: Alarms;
  readonly #timeouts: Timeouts;
  readonly #ledger: readonly Owed[];
  readonly #overdue: (error: SmtpError) => void;
  #lastReply = 0;
  #stalledSince: number | undefined;
  #check: Alarm | undefined;
  #lingering: Alarm | undefined;

  /** `overdue` is told of the first thing that is. */
  constructor(alarms: Alarms, timeouts: Timeouts, ledger: readonly Owed[], overdue: (error: SmtpError) => void) {
    this.#alarms = alarms;
    this.#timeouts = timeouts;
    this.#ledger = ledger;
    this.#overdue = overdue;
  }

  /** True while the stream takes nothing. */
  get stalled(): boolean {
    return this.#stalledSince !== undefined;
  }

  /** A complete reply came. */
  replied(): void {
    this.#lastReply = now();
  }

  /** The stream has enough for now. */
  writeStalls(): void {
    this.#stalledSince ??= now();
    this.watch();
  }

  /** The stream has taken what it had. */
  writeGoesOn(): void {
    this.#stalledSince = undefined;
  }

  /** Rings when the time for what is owed behind a 421 is over. */
  linger(ring: () => void): void {
    this.#lingering = this.#alarms.set(now() + AFTER_421, ring);
  }

  /** Nothing is watched any more. */
  stop(): void {
    if (this.#check) this.#alarms.drop(this.#check);
    if (this.#lingering) this.#alarms.drop(this.#lingering);
    this.#check = undefined;
  }

  /** Sees that the timer looks in time; it is touched only if it would look too late. */
  watch(): void {
    const due = this.#due();
    if (due === Number.POSITIVE_INFINITY || (this.#check && this.#check.at <= due)) return;
    if (this.#check) this.#alarms.drop(this.#check);
    this.#check = this.#alarms.set(due, () => this.#look());
  }

  #due(): number {
    const owed = this.#ledger[0];
    const reply = owed?.handedOver
      ? Math.max(owed.handedOverAt, this.#lastReply) + owed.timeout
      : Number.POSITIVE_INFINITY;
    return Math.min(reply, this.#stalledUntil());
  }

  #stalledUntil(): number {
    return this.#stalledSince === undefined
      ? Number.POSITIVE_INFINITY
      : this.#stalledSince + this.#timeouts.writeTimeout;
  }

  #look(): void {
    this.#check = undefined;
    const time = now();
    if (this.#due() > time) this.watch();
    else if (this.#stalledUntil() <= time) this.#overdue(stalledWrite(this.#timeouts.writeTimeout));
    else this.#overdue(overdueReply(this.#ledger[0] as Owed));
  }
}
