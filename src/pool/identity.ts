/**
 * Who a session is logged in as. The law here: a session belongs to one identity for life, and a message goes only over a
 * session of its own. Two logins are one identity if user, secret (the value, or the same function), mechanism and whom it is for are.
 *
 * @module
 */

import type { SmtpError } from "../errors.ts";
import { checkNames } from "../options.ts";
import { checkAuthzid, checkCredentials } from "../sasl/credentials.ts";
import { needsNoSecret } from "../sasl/registry.ts";
import type { Login } from "./options.ts";
import { Throttle } from "./throttle.ts";

/** Who sends, and what is known of him. */
export class Identity {
  /** The login; undefined: what the pool's options say. */
  readonly login: Login | undefined;
  /** How many wait in the queue. */
  waiting = 0;
  /** How many of them have a session that is being opened, or idle, for them. */
  claimed = 0;
  /** How many sessions are being opened. */
  opening = 0;
  /** How many sessions are open and take messages. */
  ready = 0;
  /** How many of them have nothing to do. */
  idle = 0;
  /** How many sessions of others are being closed to make room. */
  yielding = 0;
  /** While some sessions work, others that cannot be opened are left for later. */
  readonly openings: Throttle;
  /** While its login is refused. */
  readonly breaker: LoginBreaker;

  /** Pauses begin with `first` ms and grow to `longest`. */
  constructor(login: Login | undefined, first: number, longest: number) {
    this.login = login;
    this.openings = new Throttle(first, longest);
    this.breaker = new LoginBreaker(first, longest);
  }

  /** How many sessions there are, or will be, for those that wait. */
  get supply(): number {
    return this.opening + this.idle;
  }

  /** True if nothing has to be remembered of it. */
  get forgettable(): boolean {
    return this.waiting + this.opening + this.ready === 0 && !this.breaker.tripped;
  }
}

/** A login that was refused for good is not tried again at once: servers lock accounts for it. */
export class LoginBreaker {
  readonly #pause: Throttle;
  #error: SmtpError | undefined;

  /** The pause begins with `first` ms, 0: none; it doubles up to `longest`. */
  constructor(first: number, longest: number) {
    this.#pause = new Throttle(first, longest);
  }

  /** True from the first refusal to the next success: one tries at a time. */
  get tripped(): boolean {
    return this.#pause.slowed;
  }

  /** Which refusal it was last. */
  get round(): number {
    return this.#pause.round;
  }

  /** Why nobody logs in now, if so. */
  refusal(now: number): SmtpError | undefined {
    return this.#pause.until > now ? this.#error : undefined;
  }

  /** A login that began in `round` was refused. */
  refused(error: SmtpError, now: number, round: number): void {
    if (this.#pause.slowDown(now, round) !== undefined) this.#error = error;
  }

  /** A login was accepted. */
  accepted(): void {
    this.#pause.reset();
    this.#error = undefined;
  }
}

/** The identities that a pool has to do with. */
export class Identities {
  /** The identity of the pool's options. */
  readonly own: Identity;
  readonly #own: Partial<Login>;
  readonly #pauses: readonly [first: number, longest: number];
  readonly #others: Map<string, Identity[]> = new Map();

  /** `own` is the login of the pool's options, if there is one. */
  constructor(own: Partial<Login>, first: number, longest: number) {
    this.#own = own;
    this.#pauses = [first, longest];
    this.own = new Identity(undefined, first, longest);
  }

  /** The identity of a message. Throws `SmtpArgumentError` if its login is none. */
  of(login: Login | undefined): Identity {
    if (login === undefined) return this.own;
    checkNames(login, LOGIN);
    checkCredentials(login.user, login.secret, needsNoSecret(login.authType));
    checkAuthzid(login.authzid);
    if (isSame(login, this.#own)) return this.own;
    const known = this.#others.get(login.user) ?? [];
    const found = known.find((identity) => isSame(login, identity.login as Login));
    if (found) return found;
    const made = new Identity({ ...login }, ...this.#pauses);
    this.#others.set(login.user, [...known, made]);
    return made;
  }

  /** Nothing has to be remembered of an identity any more: a pool may see many users. */
  forget({ login }: Identity): void {
    const left = login && this.#others.get(login.user)?.filter((identity) => !identity.forgettable);
    if (left && left.length > 0) this.#others.set(login.user, left);
    else if (login) this.#others.delete(login.user);
  }
}

const LOGIN: readonly string[] = ["user", "secret", "authType", "authzid"];

function isSame(one: Partial<Login>, other: Partial<Login>): boolean {
  const same = one.user === other.user && one.secret === other.secret && mechanism(one) === mechanism(other);
  return same && (one.authzid ?? "") === (other.authzid ?? "");
}

function mechanism({ authType }: Partial<Login>): string | undefined {
  return authType?.toUpperCase().replaceAll("_", "-");
}
