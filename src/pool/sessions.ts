/**
 * The sessions of a pool that are open, and those that are being closed. The law here: a session is retired once, by what
 * is on it being answered, then QUIT where that may still be said; it counts as a connection until it is closed.
 *
 * @module
 */

import type { SmtpError } from "../errors.ts";
import { Wake } from "./clock.ts";
import { isOver, type Lifetimes, overAt } from "./decide.ts";
import type { Identity } from "./identity.ts";
import type { PooledSession } from "./session.ts";

/** Who hears of the end of a session. */
export interface SessionsListener {
  /** It takes nothing any more. */
  left(session: PooledSession): void;
  /** It is closed. */
  gone(session: PooledSession): void;
}

/** Open sessions. */
export class Sessions {
  /** Those that may take a message, or are lent. */
  readonly ready: PooledSession[] = [];
  readonly #lifetimes: Lifetimes & { readonly quitTimeout: number };
  readonly #listener: SessionsListener;
  readonly #leaving: Set<PooledSession> = new Set();
  readonly #wake = new Wake(() => this.#look(), false);
  #uncounted = 0;

  /** `listener` is told of each that ends. */
  constructor(lifetimes: Lifetimes & { readonly quitTimeout: number }, listener: SessionsListener) {
    this.#lifetimes = lifetimes;
    this.#listener = listener;
  }

  /** How many connections that are. */
  get count(): number {
    return this.ready.length + this.#leaving.size - this.#uncounted;
  }

  /** One was opened. */
  add(session: PooledSession): void {
    this.ready.push(session);
    session.join();
  }

  /** One has nothing to do: it keeps nothing alive, and is closed when its time comes. */
  rest(session: PooledSession): void {
    session.hold(false);
    this.#wake.at(overAt(session, this.#lifetimes), Date.now());
  }

  #look(): void {
    const wall = Date.now();
    for (const session of this.ready.filter(({ load }) => load === 0)) {
      if (isOver(session, this.#lifetimes, wall)) this.expire(session, wall);
      else this.#wake.at(overAt(session, this.#lifetimes), wall);
    }
  }

  /** Its time is over. If it was long ago, the process has been frozen and the server has closed it: it takes no place. */
  expire(session: PooledSession, wall: number): void {
    this.retire(session, overAt(session, this.#lifetimes) + this.#lifetimes.quitTimeout < wall);
  }

  /** It takes nothing any more. `uncounted`: it takes no place either, since it is there no longer by all that is known. */
  retire(session: PooledSession, uncounted: boolean = false): void {
    if (!session.leave()) return;
    this.ready.splice(this.ready.indexOf(session), 1);
    this.#leaving.add(session);
    if (uncounted) this.#uncounted++;
    session.hold(true);
    const gone = (): void => {
      this.#leaving.delete(session);
      if (uncounted) this.#uncounted--;
      this.#listener.gone(session);
    };
    session.smtp.finish().then(gone, gone);
    this.#listener.left(session);
  }

  /** It makes room for somebody else. */
  makeRoom(session: PooledSession, identity: Identity): void {
    identity.yielding++;
    session.yieldsTo = identity;
    this.retire(session);
  }

  /** Those that are not lent are retired. */
  retireAll(): void {
    for (const session of this.ready.filter(({ lent }) => !lent)) this.retire(session);
  }

  /** All connections are dropped at once. */
  drop(error: SmtpError): void {
    for (const session of [...this.ready, ...this.#leaving]) {
      this.retire(session);
      session.connection.drop(error);
    }
  }
}
