/**
 * Every option of the pool once: its meaning, default, unit and check. What is not the pool's is a session's, and is
 * checked there.
 *
 * @module
 */

import { type Check, FUNCTION, MILLISECONDS } from "../checks.ts";
import type { SendOptions } from "../client.ts";
import { type DeliveryRecord, deliveryLog } from "../delivery_log.ts";
import { checkNames, checkOption, resolveOptions, SESSION_OPTIONS, type SmtpOptions } from "../options.ts";
import { SmtpStats } from "../stats.ts";
import { DELAY, RETRY_CHECKS, type RetryOptions, type RetrySettings, resolveRetry } from "./retry.ts";

/** Every option of a pool: those of its sessions, and its own. Times are milliseconds. */
export interface PoolOptions extends SmtpOptions, RetryOptions {
  /** How many connections may be open at a time, over all logins. Default 5. */
  maxConnections?: number | undefined;
  /** How many messages go over one connection. A server that offers LIMITS MAILMAX may say less (RFC 9422). Default 100. */
  maxMessages?: number | undefined;
  /** How long a connection may have nothing to do before it is closed; 0: for ever. Default 240 000. */
  idleTimeout?: number | undefined;
  /** How old a connection may become; 0: no limit. Default 0. */
  maxAge?: number | undefined;
  /** How many messages may go in any `rateDelta`; 0: no limit. Default 0. */
  rateLimit?: number | undefined;
  /** The window of `rateLimit`. Default 1 000. */
  rateDelta?: number | undefined;
  /** How many messages may be waiting and under way, beyond which one more is not taken; 0: no limit. Default 0. */
  maxPending?: number | undefined;
  /** How often a message is given to another session at once, since the one before had ended before it began on it. Default 5. */
  maxRequeues?: number | undefined;
  /** How long nothing is sent after the server asked to slow down, doubled each time; 0: never. Default 1 000. */
  throttleDelay?: number | undefined;
  /** The longest such pause. Default 60 000. */
  maxThrottleDelay?: number | undefined;
  /** How long a message may take from the call, waits and attempts included, unless it says so itself; 0: no limit. Default 0. */
  deadline?: number | undefined;
  /** Given a record of each recipient in each attempt. What it throws is ignored. Default none. */
  deliveryLog?: ((record: DeliveryRecord) => unknown) | undefined;
  /** What counts, where several pools are to be counted together. Default: one of its own. */
  stats?: SmtpStats | undefined;
}

/** A login: what makes a session one user's. */
export interface Login {
  /** The user; may be "" for EXTERNAL and ANONYMOUS. */
  readonly user: string;
  /** The password or token, or an async function that gives it when it is needed; left out for EXTERNAL and ANONYMOUS alone. */
  readonly secret?: string | (() => string | Promise<string>);
  /** The login mechanism by name. Default: the best of SCRAM, PLAIN, LOGIN that is offered. */
  readonly authType?: string | undefined;
  /** Whom the user acts for. Default "": the user. */
  readonly authzid?: string | undefined;
}

/** How one message is sent by a pool. */
export interface PoolSendOptions extends SendOptions, RetryOptions {
  /** Who sends it: it goes only over a session of this login. Default: the pool's. */
  login?: Login | undefined;
  /**
   * True: the source is a function that can make the message once only, and what it made is kept up to `replayLimit` to be
   * sent again. Default false: it is called anew for each attempt.
   */
  singleUse?: boolean | undefined;
}

/** The names of those that are not a session's. */
export const OF_THE_POOL: readonly string[] = ["login", "singleUse", ...Object.keys(RETRY_CHECKS)];

/** The pool's own options after their check, with defaults. */
export interface PoolSettings {
  readonly maxConnections: number;
  readonly maxMessages: number;
  readonly idleTimeout: number;
  readonly maxAge: number;
  readonly rateLimit: number;
  readonly rateDelta: number;
  readonly maxPending: number;
  readonly maxRequeues: number;
  readonly throttleDelay: number;
  readonly maxThrottleDelay: number;
  readonly deadline: number;
}

/** What holds where nothing is given. */
export const POOL_DEFAULTS: PoolSettings = {
  maxConnections: 5,
  maxMessages: 100,
  idleTimeout: 240_000,
  maxAge: 0,
  rateLimit: 0,
  rateDelta: 1_000,
  maxPending: 0,
  maxRequeues: 5,
  throttleDelay: 1_000,
  maxThrottleDelay: 60_000,
  deadline: 0,
};

const SOME: Check = {
  expected: "a whole number from 1, or Infinity",
  holds: (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 1),
};
const ANY: Check = {
  expected: "a whole number from 0, or Infinity",
  holds: (value) => value === 0 || SOME.holds(value),
};
const RATE: Check = {
  expected: "a whole number from 0 to 1000000",
  holds: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 1_000_000,
};

/** What each option must be. */
export const POOL_CHECKS: Readonly<Record<keyof PoolSettings, Check>> = {
  maxConnections: SOME,
  maxMessages: SOME,
  idleTimeout: DELAY,
  maxAge: DELAY,
  rateLimit: RATE,
  rateDelta: MILLISECONDS,
  maxPending: ANY,
  maxRequeues: ANY,
  throttleDelay: DELAY,
  maxThrottleDelay: DELAY,
  deadline: DELAY,
};

/** The options of a pool, each where it belongs. */
export interface ResolvedPoolOptions {
  readonly pool: PoolSettings;
  readonly retry: RetrySettings;
  /** Those of its sessions, who observes the pool among them. */
  readonly smtp: SmtpOptions;
  readonly stats: SmtpStats;
}

const STATS: Check = { expected: "an SmtpStats", holds: (value) => value instanceof SmtpStats };

/** The options after their check. Throws `SmtpArgumentError` that names the option and what was expected. */
export function resolvePoolOptions(given: PoolOptions = {}): ResolvedPoolOptions {
  const { deliveryLog: hook, stats = new SmtpStats(), ...options } = given;
  const retries = Object.keys(RETRY_CHECKS);
  checkNames(options, [...Object.keys(POOL_CHECKS), ...retries, ...SESSION_OPTIONS]);
  checkOption("deliveryLog", hook, FUNCTION);
  checkOption("stats", stats, STATS);
  const pool: Record<string, number> = { ...POOL_DEFAULTS };
  const smtp: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const check = (POOL_CHECKS as Readonly<Record<string, Check>>)[name];
    if (!check && !retries.includes(name)) smtp[name] = value;
    if (check) checkOption(name, value, check);
    if (check && value !== undefined) pool[name] = value as number;
  }
  const { observe } = resolveOptions(smtp);
  if (hook) smtp.observe = [deliveryLog(hook), ...[observe ?? []].flat()];
  return { pool: pool as unknown as PoolSettings, retry: resolveRetry(options), smtp, stats };
}
