/**
 * A message of the pool from its call to its end: it is tried, told of, and counted. The law here: it counts once, however
 * often it is tried; and where nobody observes and nothing is tried again, nothing is added to the one attempt.
 *
 * @module
 */

import { now } from "../alarms.ts";
import type { Delivery } from "../delivery.ts";
import { type Emit, told } from "../emit.ts";
import { envelopeOf } from "../envelope.ts";
import type { RecipientResult, SmtpError } from "../errors.ts";
import type { SmtpEventPlace } from "../events.ts";
import { asked } from "../extensions.ts";
import type { MessageSource } from "../message.ts";
import type { RecipientList, SmtpAddress } from "../protocol/address.ts";
import type { RecipientPolicy } from "../protocol/verdict.ts";
import type { SmtpStats } from "../stats.ts";
import { attempts, type Retrial, type Waits } from "./attempts.ts";
import type { PoolSendOptions } from "./options.ts";
import { replayed } from "./replay.ts";
import { RETRY_CHECKS, type RetrySettings, resolveRetry } from "./retry.ts";

const RETRY_NAMES: readonly string[] = Object.keys(RETRY_CHECKS);

/** A message as it was given. */
export interface GivenMessage {
  readonly source: MessageSource;
  readonly from: string | SmtpAddress;
  readonly to: RecipientList;
  readonly options: PoolSendOptions;
  /** Why it is not taken, if so. */
  readonly refusal?: SmtpError | undefined;
}

/** What sending is made of. */
export interface SendingMeans {
  /** The pool's server. */
  readonly place: SmtpEventPlace;
  /** Who is told of events; undefined: nobody. */
  readonly emit: Emit | undefined;
  /** What counts. */
  readonly stats: SmtpStats;
  /** The pool's retries. */
  readonly retry: RetrySettings;
  /** The pool's limit to the time of a message; 0: none. */
  readonly deadline: number;
  /** The pool's policy. */
  readonly recipientPolicy: RecipientPolicy;
  /** The waits between attempts, which the pool ends when it closes. */
  readonly waits: Waits;
  /** Throws `SmtpArgumentError` for a source and a login that are none. */
  readonly check: (message: GivenMessage) => void;
  /** One attempt. */
  readonly attempt: (message: GivenMessage) => Promise<Delivery>;
}

/** What events tell of one message. */
interface Story {
  readonly id: string;
  readonly since: number;
  attempts: number;
}

/** Sends the messages of a pool. */
export class Sending {
  readonly #means: SendingMeans;

  /** Nothing is sent yet. */
  constructor(means: SendingMeans) {
    this.#means = means;
  }

  /** Sends one, and tells `settled` when it is counted. Throws `SmtpArgumentError` at once for options and addresses that are none. */
  send(message: GivenMessage, settled: (error?: SmtpError) => void): Promise<Delivery> {
    const { stats } = this.#means;
    const settings = this.#settings(message.options);
    const sent = this.#means.emit ? this.#observed(message, settings) : this.#tried(message, settings, undefined);
    sent.then(
      ({ recipients }) => {
        stats.message(recipients);
        settled();
      },
      (error) => {
        stats.message(recipientsOf(error), error);
        settled(error);
      },
    );
    return sent;
  }

  #settings(options: PoolSendOptions): RetrySettings {
    const { retry } = this.#means;
    return RETRY_NAMES.some((name) => name in options) ? resolveRetry(options, retry) : retry;
  }

  /** Bad input is no event: it is found before the first. */
  #observed(message: GivenMessage, settings: RetrySettings): Promise<Delivery> {
    this.#means.check(message);
    const { from, to } = envelopeOf(message.from, message.to, asked(message.options), true);
    const { id = crypto.randomUUID() } = message.options;
    const about = { id, ...this.#means.place };
    const story = { id, since: now(), attempts: 0 };
    const addresses = Object.freeze(to.map(({ address }) => address));
    this.#emit({ type: "messageStart", time: Date.now(), ...about, from: from.address, to: addresses });
    const sent = this.#tried({ ...message, options: { ...message.options, id } }, settings, story);
    return sent.then(
      (delivery) => {
        this.#ended(about, story, delivery, undefined);
        return delivery;
      },
      (error) => {
        this.#ended(about, story, error.delivery, error);
        throw error;
      },
    );
  }

  #tried(message: GivenMessage, settings: RetrySettings, story: Story | undefined): Promise<Delivery> {
    const { deadline: usual, recipientPolicy: policy, waits, attempt } = this.#means;
    const { source, to, options } = message;
    const { deadline = usual, recipientPolicy = policy, signal, singleUse = false } = options;
    if (settings.attempts === 1) {
      if (story) story.attempts = 1;
      return singleUse && typeof source === "function" ? this.#kept(message, settings) : attempt(message);
    }
    const once = (to: RecipientList, number: number, source: MessageSource, left: number): Promise<Delivery> => {
      if (story) story.attempts = number;
      return attempt({ ...message, source, to, options: { ...options, attempt: number, deadline: left || undefined } });
    };
    const onRetry = (retrial: Retrial): void => this.#retries(retrial, story);
    return attempts(
      { source, to, singleUse },
      { ...settings, deadline, recipientPolicy, signal, waits, onRetry },
      once,
    );
  }

  /** One attempt may have to read its source twice: the session that it was given to may end before it began. */
  async #kept(message: GivenMessage, { replayLimit }: RetrySettings): Promise<Delivery> {
    const replay = replayed(message.source, { replayLimit, singleUse: true });
    try {
      return await this.#means.attempt({ ...message, source: replay.source });
    } finally {
      replay.close();
    }
  }

  #retries({ attempt, delay, recipients, error }: Retrial, story: Story | undefined): void {
    this.#means.stats.retry();
    if (!story) return;
    const failure = error === undefined ? {} : { error: error as SmtpError };
    this.#emit({ type: "retry", time: Date.now(), id: story.id, attempt, delay, recipients, ...failure });
  }

  #ended(
    about: SmtpEventPlace & { readonly id: string },
    { since, attempts }: Story,
    delivery: Delivery | undefined,
    error: SmtpError | undefined,
  ): void {
    const response = delivery?.response ?? error?.response;
    this.#emit({
      type: "messageEnd",
      time: Date.now(),
      ...about,
      attempts,
      duration: now() - since,
      recipients: told(delivery?.recipients ?? recipientsOf(error)),
      size: delivery?.size ?? 0,
      ...(response && { response }),
      ...(error && { error }),
    });
  }

  #emit(event: Parameters<Emit>[0]): void {
    this.#means.emit?.(event);
  }
}

function recipientsOf(
  error: { readonly recipients?: readonly RecipientResult[] } | undefined,
): readonly RecipientResult[] {
  return error?.recipients ?? [];
}
