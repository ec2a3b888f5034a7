/**
 * The options of the pool in Nodemailer's words. The law here: without `pool` each message has a connection of its own and
 * as many are open as messages are under way, as in Nodemailer's transport; all else is the same with it and without it.
 *
 * @module
 */

import { BOOLEAN, type Check, COUNT, FUNCTION, OBSERVERS } from "../checks.ts";
import { POOL_CHECKS, type PoolOptions } from "../pool/options.ts";
import { RETRY_CHECKS } from "../pool/retry.ts";

/** The options of the transport that say how connections are shared. Times are milliseconds. */
export interface NetSmtpPoolOptions
  extends Pick<
    PoolOptions,
    | "maxConnections"
    | "maxMessages"
    | "idleTimeout"
    | "maxAge"
    | "rateLimit"
    | "rateDelta"
    | "maxPending"
    | "throttleDelay"
    | "maxThrottleDelay"
    | "deadline"
    | "inFlight"
    | "attempts"
    | "retryDelay"
    | "maxRetryDelay"
    | "retryUnknown"
    | "replayLimit"
    | "observe"
    | "deliveryLog"
  > {
  /** True: connections are kept and used again. Default false: a connection for each message. */
  pool?: boolean | undefined;
  /** How often a message is given to another connection at once, since its own had ended before it began; below 0: without limit. Default 5. */
  maxRequeues?: number | undefined;
}

const { deadline, idleTimeout, maxAge, maxConnections, maxMessages, maxPending } = POOL_CHECKS;
const { maxThrottleDelay, rateDelta, rateLimit, throttleDelay } = POOL_CHECKS;

/** What each must be. */
export const POOL_OPTION_CHECKS: Readonly<Record<keyof NetSmtpPoolOptions, Check>> = {
  pool: BOOLEAN,
  maxConnections,
  maxMessages,
  maxRequeues: { expected: "a whole number; below 0 is without limit", holds: (value) => Number.isInteger(value) },
  idleTimeout,
  maxAge,
  rateLimit,
  rateDelta,
  maxPending,
  throttleDelay,
  maxThrottleDelay,
  deadline,
  inFlight: COUNT,
  ...RETRY_CHECKS,
  observe: OBSERVERS,
  deliveryLog: FUNCTION,
};

const NAMES = Object.keys(POOL_OPTION_CHECKS).filter((name) => name !== "pool");

/** Without `pool`: nothing is kept, and nobody waits for anybody. */
const UNPOOLED: PoolOptions = {
  maxConnections: Number.POSITIVE_INFINITY,
  maxMessages: 1,
  throttleDelay: 0,
};

/** The pool's options; what is not given has the pool's own default. */
export function poolOptions(options: NetSmtpPoolOptions): PoolOptions {
  const given: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = options[name as keyof NetSmtpPoolOptions];
    if (value !== undefined) given[name] = value;
  }
  if ((options.maxRequeues ?? 0) < 0) given.maxRequeues = Number.POSITIVE_INFINITY;
  if (options.pool) return given;
  const { maxConnections: _connections, maxMessages: _messages, ...shared } = given;
  return { ...UNPOOLED, ...shared };
}
