/**
 * What may be sent again, to whom, and when. The law here: a message goes again only to recipients that it certainly did not
 * reach and whom the server may take later; whoever may have got it is sent to again only where the caller asked for that
 * (`retryUnknown`). A policy that stops a message for all of its recipients stops its retries too.
 *
 * @module
 */

import { BOOLEAN, type Check, COUNT } from "../checks.ts";
import {
  type RecipientResult,
  SmtpAbortError,
  SmtpArgumentError,
  SmtpError,
  SmtpLatchedError,
  SmtpSourceError,
} from "../errors.ts";
import { checkOption } from "../options.ts";
import type { SmtpResponse } from "../protocol/reply.ts";
import type { RecipientPolicy } from "../protocol/verdict.ts";

/** How a message is sent again. Times are milliseconds. */
export interface RetryOptions {
  /**
   * How often a message is tried at most, the first time counted. It is sent again to those whom the server refused by 4xx,
   * and to those it was not sent to because of what may pass. Default 1: never again.
   */
  attempts?: number | undefined;
  /**
   * What the first wait is at most, and at least half of; each further one is twice as long. At least all of it is waited
   * where the server says that it is busy with us (421, 454, 432 4.3.2, 4.7.x). Default 1 000.
   */
  retryDelay?: number | undefined;
  /** What no wait is longer than. Default 60 000, or `retryDelay` where only that is given and is more. */
  maxRetryDelay?: number | undefined;
  /** Send again also to recipients of whom nobody knows whether they got the message: they may get it twice. Default false. */
  retryUnknown?: boolean | undefined;
  /**
   * Octets of a source that can be read once (a stream, an iterator) which are kept to be sent again. A longer one is not
   * tried again once it was read further; a function that makes the source anew always is. Default 1 048 576.
   */
  replayLimit?: number | undefined;
}

/** The options after their check, with defaults. */
export type RetrySettings = { readonly [Name in keyof RetryOptions]-?: Exclude<RetryOptions[Name], undefined> };

/** A time that may be none. */
export const DELAY: Check = {
  expected: "a number of milliseconds, 0 or more",
  holds: (value) => typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER,
};

const OCTETS: Check = {
  expected: "a whole number of octets from 0",
  holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};

/** What each option must be. */
export const RETRY_CHECKS: Readonly<Record<keyof RetryOptions, Check>> = {
  attempts: COUNT,
  retryDelay: DELAY,
  maxRetryDelay: DELAY,
  retryUnknown: BOOLEAN,
  replayLimit: OCTETS,
};

/** What holds where nothing is given. */
export const RETRY_DEFAULTS: RetrySettings = {
  attempts: 1,
  retryDelay: 1_000,
  maxRetryDelay: 60_000,
  retryUnknown: false,
  replayLimit: 1_048_576,
};

/**
 * The options over what holds already; names that are none of these are left to others. Throws `SmtpArgumentError` that
 * names the option and what was expected.
 */
export function resolveRetry(options: RetryOptions, base: RetrySettings = RETRY_DEFAULTS): RetrySettings {
  const settings: Record<string, unknown> = { ...base };
  for (const [name, check] of Object.entries(RETRY_CHECKS)) {
    const value = options[name as keyof RetryOptions];
    checkOption(name, value, check);
    if (value !== undefined) settings[name] = value;
  }
  const { retryDelay, maxRetryDelay } = settings as RetrySettings;
  if (retryDelay <= maxRetryDelay) return settings as RetrySettings;
  if (options.maxRetryDelay === undefined && base === RETRY_DEFAULTS)
    return { ...(settings as RetrySettings), maxRetryDelay: retryDelay };
  throw new SmtpArgumentError(
    `Option "maxRetryDelay" is ${maxRetryDelay}, expected at least retryDelay, which is ${retryDelay}`,
    { phase: "connect" },
  );
}

/** What decides on another attempt. */
export interface RetryRules extends Pick<RetrySettings, "attempts" | "retryDelay" | "maxRetryDelay" | "retryUnknown"> {
  /** What happens when a recipient is refused. */
  readonly recipientPolicy: RecipientPolicy;
  /** True if a function makes the source anew for each attempt: a source that failed is then worth another. */
  readonly remade: boolean;
}

/** What one attempt came to. */
export interface Attempted {
  /** What became of each recipient that it was sent to, in that order. */
  readonly recipients: readonly RecipientResult[];
  /** What it rejected with; undefined if it was a delivery. */
  readonly error: Error | undefined;
}

/** Another attempt. */
export interface NextAttempt {
  /** Who is sent to again: the places in the list of this attempt, in its order. */
  readonly again: readonly number[];
  /** Milliseconds to wait before. */
  readonly delay: number;
}

/**
 * The attempt that follows, or undefined where the message is settled. `attempt` counts from 1; `random` is from 0 up to
 * but not including 1.
 */
export function nextAttempt(
  { recipients, error }: Attempted,
  rules: RetryRules,
  attempt: number,
  random: number,
): NextAttempt | undefined {
  if (attempt >= rules.attempts || isFinal(error, rules.remade)) return undefined;
  const retried = (result: RecipientResult): boolean => mayGoAgain(result, error, rules);
  const again = recipients.flatMap((result, index) => (retried(result) ? [index] : []));
  // A message that somebody has accepted was not stopped (LMTP): those refused behind its end stand for themselves.
  const whole = recipients.every(({ fate }) => fate !== "accepted");
  const stopped = whole && recipients.some((result) => stopsAll(result, retried(result), rules.recipientPolicy));
  if (again.length === 0 || stopped) return undefined;
  const throttled = recipients.some(({ response }) => response && isThrottle(response)) || throttledBy(error);
  return { again, delay: delayBefore(rules, attempt, random, throttled) };
}

/** Bad input, an abort, a deadline, a latch, a source that failed and cannot be made anew, what is not of the family: another attempt cannot mend it, or is not wanted. */
function isFinal(error: Error | undefined, remade: boolean): boolean {
  if (error === undefined) return false;
  if (error instanceof SmtpSourceError) return !remade;
  return !(error instanceof SmtpError) || error instanceof SmtpAbortError || error instanceof SmtpLatchedError;
}

function mayGoAgain({ fate, response, retry }: RecipientResult, error: Error | undefined, rules: RetryRules): boolean {
  const hopeful = retry === "now" || retry === "later";
  if (fate === "refused") return hopeful && response?.statusTypeChar === "4";
  if (fate === "unsent") return hopeful || error instanceof SmtpSourceError;
  return fate === "unknown" && rules.retryUnknown;
}

/**
 * Under `all-or-nothing` whoever cannot get the message any more stops it for all, also where another's 4xx was what the
 * attempt told; under `net-smtp` a 5xx that is no 53x does, which is thrown at once.
 */
function stopsAll({ fate, response }: RecipientResult, again: boolean, policy: RecipientPolicy): boolean {
  if (again || policy === "collect") return false;
  return policy === "all-or-nothing" || (fate === "refused" && response?.status.startsWith("53") === false);
}

function throttledBy(error: Error | undefined): boolean {
  return error instanceof SmtpError && error.response !== undefined && isThrottle(error.response);
}

/** The server has too much of us, or of everybody: 421 and 454, "432 4.3.2", and the enhanced codes 4.7.x (RFC 3463 3.8). */
function isThrottle({ status, enhancedCode }: SmtpResponse): boolean {
  if (status === "421" || status === "454") return true;
  return enhancedCode?.startsWith("4.7.") === true || (status === "432" && enhancedCode === "4.3.2");
}

/**
 * Exponential, with equal jitter: half of the wait is certain and the other half is left to chance. With full jitter an
 * attempt may come at once, and be lost on a server that said "later" a moment ago; there are few of them, and each is one
 * more transaction that the server counts. Half of a wait is enough for messages that were refused together to spread.
 */
function delayBefore(rules: RetryRules, attempt: number, random: number, throttled: boolean): number {
  const { retryDelay, maxRetryDelay } = rules;
  const longest = Math.min(maxRetryDelay, retryDelay * 2 ** (attempt - 1));
  const delay = Math.round((longest * (1 + random)) / 2);
  return throttled ? Math.max(delay, Math.min(retryDelay, maxRetryDelay)) : delay;
}
