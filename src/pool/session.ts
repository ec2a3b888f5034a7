/**
 * A session of the pool: how much is on it, how much it may still carry, and whether it may be used again. The law here: a
 * session that was lent to a block comes back only as it went, and whoever still holds it after that holds nothing.
 *
 * @module
 */

import type { SmtpClient } from "../client.ts";
import type { Connection } from "../connection.ts";
import { type SmtpError, SmtpSessionError } from "../errors.ts";
import { connectionOf, moveConnection } from "../session.ts";
import type { SessionState } from "./decide.ts";
import type { Identity } from "./identity.ts";

/** What is asked of the options. */
export interface SessionLimits {
  /** Messages over one connection. */
  readonly maxMessages: number;
  /** Messages that may be unanswered under CHUNKING. */
  readonly inFlight: number;
}

/** A session that was opened for the pool. */
export class PooledSession implements SessionState {
  /** The session, started. */
  smtp: SmtpClient;
  /** Its connection. */
  readonly connection: Connection;
  /** Whose it is, for life. */
  readonly identity: Identity;
  /** How many messages are on it. */
  load = 0;
  /** How many were answered. */
  served = 0;
  /** When it was last given a message or answered one, by the wall clock. */
  since: number;
  /** When it was opened, by the wall clock. */
  readonly born: number;
  /**
   * How many messages may be on it: the next one goes along before the last is answered, where the server lets it; and one
   * more waits there, so that its commands leave in the write that ends the message before it.
   */
  readonly depth: number;
  /** True while it takes messages, or is lent. */
  joined = false;
  /** Whom it makes room for, if it does. */
  yieldsTo: Identity | undefined;
  #given = 0;
  #held = true;
  readonly #limit: number;
  #lent: Pick<Connection, "logins" | "capabilities"> | undefined;

  /** Of a session that has just been started. */
  constructor(smtp: SmtpClient, connection: Connection, identity: Identity, limits: SessionLimits, wall: number) {
    this.smtp = smtp;
    this.connection = connection;
    this.identity = identity;
    this.born = wall;
    this.since = wall;
    this.#limit = Math.min(limits.maxMessages, connection.limits?.mails ?? Number.POSITIVE_INFINITY);
    this.depth = connection.chunking ? limits.inFlight + 2 : connection.pipelining ? 3 : 1;
  }

  /** How many messages it was given. */
  get given(): number {
    return this.#given;
  }

  /** True if it may take no further message: the server, or `maxMessages`, sets a limit to it. */
  get spent(): boolean {
    return this.connection.full || Math.max(this.#given, this.connection.mails) >= this.#limit;
  }

  /** True if the message that it was given last could not begin on it, or end: it is lost, or has no room for its recipients. */
  get over(): boolean {
    return !this.connection.usable || this.connection.full;
  }

  /** True while it is lent to a block. */
  get lent(): boolean {
    return this.#lent !== undefined;
  }

  /** It takes messages from now on. */
  join(): void {
    this.joined = true;
    this.identity.ready++;
    this.identity.idle++;
  }

  /** It takes no message any more; false if that was so before. */
  leave(): boolean {
    if (!this.joined) return false;
    this.joined = false;
    this.identity.ready--;
    if (this.load === 0) this.identity.idle--;
    return true;
  }

  #carry(load: number): void {
    if (this.joined) this.identity.idle += Number(load === 0) - Number(this.load === 0);
    this.load = load;
  }

  /** A message is given to it, or, `lent`, the whole of it. */
  take(wall: number, lent: boolean): void {
    this.#given++;
    this.since = wall;
    this.#carry(lent ? this.depth : this.load + 1);
    if (lent) this.#lent = { logins: this.connection.logins, capabilities: this.connection.capabilities };
    this.hold(true);
  }

  /** A message was answered. */
  answered(wall: number): void {
    this.#carry(this.load - 1);
    this.served++;
    this.since = wall;
  }

  /**
   * True if a message was given up on it, the server still owes a reply, and nobody waits for that: it was the last of the
   * session, or its time was over, and whoever came behind it would wait for the same reply.
   */
  deserted({ code, cause }: SmtpError): boolean {
    if (code !== "SMTP_ABORTED" || this.load > 0 || this.connection.turns.idle) return false;
    return this.spent || (cause instanceof DOMException && cause.name === "TimeoutError");
  }

  /** While it has nothing to do it does not keep the process alive. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    this.connection.hold(held);
  }

  /**
   * It comes back from a block. True if it may be used again, by a session that takes the place of the block's: nothing
   * under way, no transaction open, not latched or finished, nobody else logged in, nothing else offered.
   */
  comesBack(fresh: SmtpClient, wall: number, failed: boolean, error: unknown): boolean {
    const { connection, smtp } = this;
    const before = this.#lent;
    this.#lent = undefined;
    this.#carry(0);
    this.served++;
    this.since = wall;
    const quiet = connection.turns.idle;
    if (failed && !quiet) connection.abandoned = abandoned(error);
    const same = connection.logins === before?.logins && connection.capabilities === before.capabilities;
    if (!quiet || !same || !connection.usable || connectionOf(smtp) !== connection) return false;
    smtp.readTimeout = fresh.readTimeout;
    moveConnection(smtp, fresh);
    this.smtp = fresh;
    return true;
  }
}

function abandoned(cause: unknown): SmtpSessionError {
  return new SmtpSessionError("Session was finished, since its block failed", { cause, retry: "now" });
}
