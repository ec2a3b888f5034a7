/**
 * A message to several recipients, in as many transactions as the server takes it in: LIMITS RCPTMAX (RFC 9422), or 452 "too
 * many recipients" (RFC 5321 4.5.3.1.10). The law here: nobody is named in a further transaction who was accepted in one
 * before; each further one is for somebody that the one before left, and ends it all if it reaches nobody new; one result
 * tells of every recipient.
 *
 * Only `collect` lets a message go in parts: the other policies promise that nobody gets it if somebody is refused, and who
 * got the first part has got it. What is known before MAIL to be impossible is an error before MAIL.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Delivery } from "./delivery.ts";
import type { Envelope } from "./envelope.ts";
import type { RecipientResult, SmtpArgumentError, SmtpError } from "./errors.ts";
import { domainOf, fitting, isTooMany, type Limits, NO_LIMITS, partsRefused, sessionFull } from "./limits.ts";
import type { Message } from "./message.ts";
import { deliveredRound, type Ending, failedRound, outcomeOf, type Round } from "./outcome.ts";
import type { Mailbox } from "./protocol/address.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import { rcptReply } from "./protocol/verdict.ts";
import { toldOf } from "./told.ts";
import { Transaction, type TransactionOptions } from "./transaction.ts";
import type { Turn } from "./turns.ts";

/** One transaction of a message. */
interface Part {
  /** The places of its recipients in the list of the message. */
  readonly places: readonly number[];
  readonly transaction: Transaction;
  /** What it came to. */
  round?: Round;
  /** True once it was looked at whom it left. */
  judged?: boolean;
}

const NO_REPLIES: readonly SmtpResponse[] = [];

/** One message on its way, in one transaction or several. */
export class Parts {
  /** The sender, as it was given. */
  readonly from: string;
  /** The recipients, as they were given, in order. */
  readonly recipients: readonly string[];
  readonly #connection: Connection;
  readonly #envelope: Envelope;
  readonly #message: Message;
  readonly #opened: Message;
  readonly #options: TransactionOptions;
  readonly #parts: Part[] = [];
  /** Who is still to be named, a place each. */
  #waiting: number[] = [];
  /** The places that are told the same as another: the same recipient, named again. */
  readonly #same: Map<number, number[]> = new Map();
  /** How many recipients the server has shown to take at most. */
  #most = Number.POSITIVE_INFINITY;
  /** Why no further transaction begins, if so. */
  #ending: SmtpError | undefined;

  /** A message for a connection; nothing happens before `send`. `opened` is what the first transaction reads. */
  constructor(
    connection: Connection,
    envelope: Envelope,
    message: Message,
    opened: Message,
    options: TransactionOptions,
  ) {
    this.#connection = connection;
    this.#envelope = envelope;
    this.#message = message;
    this.#opened = opened;
    // One message has one id, whatever the number of its transactions.
    const id = options.id ?? (options.beforeEnd && crypto.randomUUID());
    this.#options = { ...options, id };
    this.from = envelope.from.address;
    this.recipients = envelope.to.map(({ address }) => address);
  }

  /** True if an RSET stands in front of its first MAIL. */
  get reset(): boolean {
    return this.#parts[0]?.transaction.reset ?? false;
  }

  /** The replies to the envelope of its first transaction. */
  get replies(): readonly SmtpResponse[] {
    return this.#parts[0]?.transaction.replies ?? NO_REPLIES;
  }

  /** Sends it when it has the turn. Rejects with an error that tells every fate. */
  async send(): Promise<Delivery> {
    // Whom a BDAT that left with its envelope has not reached is known only when the turn has passed: they take another.
    do await this.#connection.turns.overlapping((turn) => this.#go(turn));
    while (this.#goesOn);
    const outcome = this.#outcome();
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** Stops it: what is handed over stays so, nothing more is written. Gives the error with the fates as they are known now. */
  abort(error: SmtpError): Error {
    this.#ending = error;
    const [first] = this.#parts;
    if (!first) return this.#nothingSent(error);
    if (this.#parts.length === 1 && first.places.length === this.recipients.length)
      return first.transaction.abort(error);
    for (const part of this.#parts) part.round ??= this.#failed(part, part.transaction.abort(error));
    return this.#outcome() as Error;
  }

  get #goesOn(): boolean {
    return this.#waiting.length > 0 && this.#ending === undefined;
  }

  /** One transaction, and those after it; the turn passes with that of the last. */
  async #go(turn: Turn): Promise<void> {
    const places = this.#parts.length === 0 ? this.#first() : this.#next();
    if (places.length === 0) return;
    let following: Promise<void> | undefined;
    let passed = false;
    const part = this.#begin(places);
    const pass = (): void => {
      this.#judge(part);
      if (passed) return;
      passed = true;
      if (this.#goesOn) following = this.#go(turn);
      else turn.pass();
    };
    await this.#run(part, { pass, done: pass, keep: () => undefined });
    pass();
    await following;
  }

  #begin(places: readonly number[]): Part {
    const to = places.map((place) => this.#envelope.to[place] as Mailbox);
    const source = this.#parts.length === 0 ? this.#opened : this.#message;
    const transaction = new Transaction(this.#connection, { ...this.#envelope, to }, source, this.#options);
    const part = { places, transaction };
    this.#parts.push(part);
    const { limits, domains } = this.#connection;
    if (limits && limits.domains < Number.POSITIVE_INFINITY) for (const mailbox of to) domains.add(domainOf(mailbox));
    return part;
  }

  async #run(part: Part, turn: Turn): Promise<void> {
    try {
      const delivery = await part.transaction.run(turn);
      part.round ??= deliveredRound(part.places, this.#addresses(part.places), delivery);
    } catch (error) {
      part.round ??= this.#failed(part, error);
      // Whose recipients were refused says nothing of the others; a refused sender or content, or a lost connection, does.
      if ((error as SmtpError).phase !== "rcpt") this.#ending ??= error as SmtpError;
    }
  }

  #failed({ places }: Part, error: unknown): Round {
    return failedRound(places, this.#addresses(places), error);
  }

  /** Everybody, where the server takes them at once; else those of the first transaction. Throws where that may not be. */
  #first(): readonly number[] {
    if (this.#ending) throw this.#nothingSent(this.#ending);
    const { limits, domains } = this.#connection;
    const { to } = this.#envelope;
    const all = to.map((_, place) => place);
    if (!limits || fitting(all, to, limits, domains).length === all.length) return all;
    const refusal = partsRefused(to, limits, this.#options.recipientPolicy, this.#message.replayable);
    if (refusal) throw this.#nothingSent(refusal);
    this.#waiting = this.#distinct(all);
    const places = this.#next();
    if (this.#ending) throw this.#nothingSent(this.#ending);
    return places;
  }

  /** The next of those who wait, as many as the server takes; none, and the ending that says why, if it takes no more. */
  #next(): readonly number[] {
    const { limits = NO_LIMITS, domains, mails } = this.#connection;
    if (this.#parts.length > 0 && mails >= limits.mails) return this.#full("MAILMAX", limits);
    const recipients = Math.min(limits.recipients, this.#most);
    const places = fitting(this.#waiting, this.#envelope.to, { ...limits, recipients }, domains);
    if (places.length === 0) return this.#full("RCPTDOMAINMAX", limits);
    const taken = new Set(places);
    this.#waiting = this.#waiting.filter((place) => !taken.has(place));
    return places;
  }

  #full(limit: "MAILMAX" | "RCPTDOMAINMAX", limits: Limits): readonly number[] {
    this.#connection.full = true;
    this.#ending = sessionFull(limit, limits);
    return [];
  }

  /** Whom a transaction left because there were too many wait for another, unless it reached nobody: then all whom one has left stay so. */
  #judge(part: Part): void {
    const { places, transaction } = part;
    const answered = rcptReply(transaction, places.length - 1) !== undefined;
    if (part.judged || !answered || this.#options.recipientPolicy !== "collect" || !this.#message.replayable) return;
    part.judged = true;
    const replies = places.map((_, index) => rcptReply(transaction, index) as SmtpResponse);
    const first = replies.findIndex(isTooMany);
    const reached = places.filter((_, index) => replies[index]?.success);
    if (first < 0) return;
    if (reached.length === 0) {
      const named = new Set(this.#parts.flatMap(({ places }) => places));
      this.#waiting = this.#waiting.filter((place) => !named.has(place));
      return;
    }
    const left = places.filter((_, index) => isTooMany(replies[index] as SmtpResponse));
    this.#most = Math.max(reached.length, first);
    this.#waiting.push(...this.#distinct(left, reached));
  }

  /** Those places, each recipient once: further transactions would give another copy to one who is named twice. */
  #distinct(places: readonly number[], reached: readonly number[] = []): number[] {
    const known = new Map(reached.map((place) => [this.#mailbox(place), place]));
    return places.filter((place) => {
      const before = known.get(this.#mailbox(place));
      if (before === undefined) known.set(this.#mailbox(place), place);
      else this.#same.set(before, [...(this.#same.get(before) ?? []), place]);
      return before === undefined;
    });
  }

  /** Who it is: domains are the same in any case, local parts need not be (RFC 5321 2.4). */
  #mailbox(place: number): string {
    const mailbox = this.#envelope.to[place] as Mailbox;
    return `${mailbox.path.slice(0, mailbox.path.lastIndexOf("@") + 1)}${domainOf(mailbox)}`;
  }

  #addresses(places: readonly number[]): string[] {
    return places.map((place) => this.recipients[place] as string);
  }

  #nothingSent(error: SmtpError | SmtpArgumentError): Error {
    const { from, recipients } = this;
    return toldOf(
      { from, recipients, reset: false, replies: NO_REPLIES, handedOver: false, finals: NO_REPLIES },
      error,
    );
  }

  /** What it came to, all transactions together. Whoever was to be named again and was not keeps the refusal. */
  #outcome(): Delivery | Error {
    const rounds = this.#parts.map((part) => this.#withSame(part.round as Round));
    const named = new Set(rounds.flatMap(({ places }) => places));
    const rest = this.#waiting.flatMap((place) => [place, ...(this.#same.get(place) ?? [])]);
    const unsent = rest.filter((place) => !named.has(place));
    // Its own delivery or error tells only those whom a transaction named.
    if (unsent.length > 0 || this.#same.size > 0) rounds.unshift(this.#unsent(unsent));
    const words = this.#parts.length > 1 ? `after ${this.#parts.length} transactions ` : "";
    return outcomeOf(rounds, "collect", this.#whyEnded(unsent.length > 0 || rest.length === 0), words);
  }

  /** An ending that left nobody unsent is a warning; an error of a transaction's own is told by its round. */
  #whyEnded(isFailure: boolean): Ending | undefined {
    const ending = this.#ending;
    if (ending === undefined || this.#parts.some(({ round }) => round?.error === ending)) return undefined;
    return isFailure ? ending : `the session ended: ${ending.message}`;
  }

  #unsent(places: readonly number[]): Round {
    const { retry = "later" } = this.#ending ?? {};
    const hope = retry === "ask" ? "later" : retry;
    const recipients = this.#addresses(places).map((address) => ({ address, fate: "unsent" as const, retry: hope }));
    return { places, recipients, delivery: undefined, error: undefined };
  }

  #withSame({ places, recipients, ...rest }: Round): Round {
    if (this.#same.size === 0) return { places, recipients, ...rest };
    const others = places.flatMap((place, index) =>
      (this.#same.get(place) ?? []).map((other) => ({ other, result: recipients[index] as RecipientResult })),
    );
    return {
      ...rest,
      places: [...places, ...others.map(({ other }) => other)],
      recipients: [
        ...recipients,
        ...others.map(({ other, result }) => ({ ...result, address: this.recipients[other] as string })),
      ],
    };
  }
}
