/**
 * A message is tried until it is settled. The law here: each attempt goes only to recipients still owed; between attempts
 * the message waits, and what ends the wait (the signal, the deadline, the end of the pool) ends the message with all that
 * is known of it. Where nothing can be tried again nothing is added to the one attempt.
 *
 * @module
 */

import type { Delivery } from "../delivery.ts";
import { type RecipientResult, SmtpAbortError } from "../errors.ts";
import type { MessageSource } from "../message.ts";
import { deliveredRound, type Ending, failedRound, outcomeOf, type Round } from "../outcome.ts";
import { MAX_DEPTH, type RecipientList, SmtpAddress } from "../protocol/address.ts";
import type { RecipientPolicy } from "../protocol/verdict.ts";
import { type Replayed, replayed } from "./replay.ts";
import { type NextAttempt, nextAttempt, type RetrySettings } from "./retry.ts";
import { TIME, type Time } from "./sleep.ts";

/** A message that may be tried several times. */
export interface TriedMessage {
  /** What it comes from. */
  readonly source: MessageSource;
  /** True if the source is a function that gives the same source each time, which can be read once. */
  readonly singleUse?: boolean;
  /** Who it goes to. */
  readonly to: RecipientList;
}

/** How it is tried. */
export interface AttemptOptions extends RetrySettings {
  /** What happens when a recipient is refused. */
  readonly recipientPolicy: RecipientPolicy;
  /** Milliseconds from the call after which nothing is tried any more, all attempts and waits together; 0: none. */
  readonly deadline: number;
  /** Ends a wait when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** The waits of the pool, which ends them when it closes. */
  readonly waits?: Waits | undefined;
  /** Is told of each further attempt before the wait for it. */
  readonly onRetry?: ((retry: Retrial) => void) | undefined;
}

/** What is told of another attempt. */
export interface Retrial {
  /** Its number; the first was 1. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly delay: number;
  /** The addresses that it goes to. */
  readonly recipients: readonly string[];
  /** What the attempt before rejected with; undefined if it was a delivery to others. */
  readonly error: Error | undefined;
}

/**
 * One attempt, to those recipients, counted from 1. `source` is what it reads; `deadline` is what is left of the message's,
 * in milliseconds, 0 for none.
 */
export type Once = (to: RecipientList, attempt: number, source: MessageSource, deadline: number) => Promise<Delivery>;

/** All waits of a pool: it can end them. */
export class Waits {
  #closed = false;
  readonly #ends = new Set<() => void>();

  /** True once the waits have been ended: none begins any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many messages wait. */
  get size(): number {
    return this.#ends.size;
  }

  /** Ends all waits: each message is settled with what is known of it. */
  close(): void {
    this.#closed = true;
    for (const end of this.#ends) end();
  }

  /** @ignore Called by a wait; `end` ends it. */
  add(end: () => void): void {
    this.#ends.add(end);
  }

  /** @ignore The wait is over. */
  delete(end: () => void): void {
    this.#ends.delete(end);
  }
}

/**
 * Tries the message until it is settled, `attempts` times at most. Gives or throws what all attempts together came to; of
 * a message that may be tried once, or was settled at once, exactly what its attempt gave.
 */
export function attempts(
  message: TriedMessage,
  options: AttemptOptions,
  once: Once,
  time: Time = TIME,
): Promise<Delivery> {
  if (options.attempts === 1) return once(message.to, 1, message.source, options.deadline);
  const list: Recipient[] = [];
  // Lists nested too deep are left for the attempt to refuse.
  if (!flat(message.to, list)) return once(message.to, 1, message.source, options.deadline);
  return new Attempts(list, options, once, time).run(message);
}

type Recipient = string | SmtpAddress;

/** One message that may be tried again. */
class Attempts {
  readonly #list: readonly Recipient[];
  readonly #options: AttemptOptions;
  readonly #once: Once;
  readonly #time: Time;
  readonly #until: number;
  readonly #rounds: Round[] = [];

  constructor(list: readonly Recipient[], options: AttemptOptions, once: Once, time: Time) {
    this.#list = list;
    this.#options = options;
    this.#once = once;
    this.#time = time;
    this.#until = options.deadline > 0 ? time.now() + options.deadline : Number.POSITIVE_INFINITY;
  }

  async run({ source, singleUse = false }: TriedMessage): Promise<Delivery> {
    const replay = replayed(source, { replayLimit: this.#options.replayLimit, singleUse });
    try {
      const outcome = await this.#tryAll(replay);
      if (outcome instanceof Error) throw outcome;
      return outcome;
    } finally {
      replay.close();
    }
  }

  async #tryAll(replay: Replayed): Promise<Delivery | Error> {
    const { recipientPolicy } = this.#options;
    const rules = { ...this.#options, remade: replay.remade };
    let places: readonly number[] = this.#list.map((_, place) => place);
    for (let attempt = 1; ; attempt++) {
      const round = await this.#try(places, attempt, replay.source);
      this.#rounds.push(round);
      const next = nextAttempt(round, rules, attempt, this.#time.random?.() ?? Math.random());
      if (next === undefined) return outcomeOf(this.#rounds, recipientPolicy);
      const before = this.#stopped(next.delay) ?? replay.obstacle;
      // A source may fail during the wait, too.
      const ending = before ?? (await this.#waited(next, round, attempt + 1)) ?? replay.obstacle;
      if (ending !== undefined) return outcomeOf(this.#rounds, recipientPolicy, ending);
      places = next.again.map((index) => places[index] as number);
    }
  }

  async #try(places: readonly number[], attempt: number, source: MessageSource): Promise<Round> {
    const to = places.map((place) => this.#list[place] as Recipient);
    const addresses = to.map(addressOf);
    const left = this.#options.deadline > 0 ? this.#until - this.#time.now() : 0;
    try {
      return deliveredRound(places, addresses, await this.#once(to, attempt, source, left));
    } catch (error) {
      return failedRound(places, addresses, error);
    }
  }

  /** Why there is no other attempt after a delay, whatever the source. */
  #stopped(delay: number): Ending | undefined {
    const { signal, waits, deadline } = this.#options;
    if (signal?.aborted) return new SmtpAbortError("Message was aborted", { cause: signal.reason });
    if (waits?.closed) return "the pool was closed";
    return this.#time.now() + delay < this.#until
      ? undefined
      : `its deadline of ${deadline} ms leaves no time for that`;
  }

  /** Waits for the next attempt; gives why there is none, if so. */
  async #waited(
    { again, delay }: NextAttempt,
    { recipients, error }: Round,
    attempt: number,
  ): Promise<Ending | undefined> {
    const addresses = again.map((index) => (recipients[index] as RecipientResult).address);
    this.#options.onRetry?.({ attempt, delay, recipients: addresses, error });
    await this.#sleep(delay);
    return this.#stopped(0);
  }

  /** Ends early when the signal aborts or the pool closes. Not by `AbortSignal.any`, which leaks on Node 20. */
  async #sleep(delay: number): Promise<void> {
    const { signal, waits } = this.#options;
    const wake = new AbortController();
    const end = (): void => wake.abort();
    signal?.addEventListener("abort", end);
    waits?.add(end);
    try {
      await this.#time.sleep(delay, wake.signal);
    } catch {
      // Woken: why is asked next.
    } finally {
      signal?.removeEventListener("abort", end);
      waits?.delete(end);
    }
  }
}

/** Appends the recipients in order; false if they are nested too deep. What is no recipient is left for the attempt to refuse. */
function flat(to: RecipientList, list: Recipient[], depth: number = 0): boolean {
  if (!Array.isArray(to)) {
    list.push(to as Recipient);
    return true;
  }
  if (depth >= MAX_DEPTH) return false;
  for (const entry of to as readonly RecipientList[]) if (!flat(entry, list, depth + 1)) return false;
  return true;
}

function addressOf(recipient: Recipient): string {
  return recipient instanceof SmtpAddress ? recipient.address : recipient;
}
