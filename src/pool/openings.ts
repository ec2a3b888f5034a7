/**
 * Sessions that are being opened. The law here: one that is given up counts no more from that moment on, whatever becomes
 * of it; one that has ended by the time it is there is one that could not be opened.
 *
 * @module
 */

import type { SmtpClient } from "../client.ts";
import { SmtpConnectionError, type SmtpError } from "../errors.ts";
import { connectionOf } from "../session.ts";
import type { Identity } from "./identity.ts";
import { PooledSession, type SessionLimits } from "./session.ts";

/** How sessions are made. */
export interface Opens {
  /** Makes one that is not started. */
  readonly make: () => SmtpClient;
  /** What holds for each. */
  readonly limits: SessionLimits & { readonly quitTimeout: number };
}

/** Who hears what became of it. */
export interface Opener {
  /** It is there. */
  opened(session: PooledSession): void;
  /** It could not be opened. */
  failed(opening: Opening, error: SmtpError): void;
}

/** A session that is being opened. */
export interface Opening {
  /** For whom. */
  readonly identity: Identity;
  /** What was the last pause of each kind when it began. */
  readonly rounds: { readonly throttle: number; readonly login: number; readonly opening: number };
}

/** All that are being opened. */
export class Openings {
  readonly #opens: Opens;
  readonly #opener: Opener;
  readonly #all: Map<Opening, AbortController> = new Map();

  /** Tells `opener` of each. */
  constructor(opens: Opens, opener: Opener) {
    this.#opens = opens;
    this.#opener = opener;
  }

  /** How many. */
  get size(): number {
    return this.#all.size;
  }

  /** Begins to open one. */
  open(identity: Identity, round: number): void {
    const { breaker, openings } = identity;
    const opening = { identity, rounds: { throttle: round, login: breaker.round, opening: openings.round } };
    const abort = new AbortController();
    this.#all.set(opening, abort);
    identity.opening++;
    const smtp = this.#opens.make();
    const { login } = identity; // whom the pool's user acts for is not whom another one does
    smtp.start({ ...(login && { ...login, authzid: login.authzid ?? "" }), signal: abort.signal }).then(
      () => this.#started(opening, smtp),
      (error) => this.#ended(opening) && this.#opener.failed(opening, error),
    );
  }

  #started(opening: Opening, smtp: SmtpClient): void {
    const connection = connectionOf(smtp);
    const [waitedFor, { identity }] = [this.#ended(opening), opening];
    if (!waitedFor || !connection?.usable) void smtp.finish().catch(() => undefined);
    if (!waitedFor) return;
    if (!connection?.usable) {
      this.#opener.failed(
        opening,
        connection?.dialogue.refusal() ?? new SmtpConnectionError("Session has ended already"),
      );
      return;
    }
    identity.breaker.accepted();
    identity.openings.reset();
    this.#opener.opened(new PooledSession(smtp, connection, identity, this.#opens.limits, Date.now()));
  }

  /** False if it was given up before. */
  #ended(opening: Opening): boolean {
    if (!this.#all.delete(opening)) return false;
    opening.identity.opening--;
    return true;
  }

  /** One of an identity that nobody waits for is given up, if there is one. */
  giveUp(identity: Identity, error: SmtpError): void {
    const nobodyWaits = identity.supply > identity.claimed;
    const surplus = nobodyWaits && [...this.#all].findLast(([opening]) => opening.identity === identity);
    if (!surplus) return;
    const [opening, abort] = surplus;
    this.#ended(opening);
    abort.abort(error);
  }

  /** All are given up. */
  giveUpAll(error: SmtpError): void {
    const all = [...this.#all];
    for (const [opening] of all) this.#ended(opening);
    for (const [, abort] of all) abort.abort(error);
  }
}
