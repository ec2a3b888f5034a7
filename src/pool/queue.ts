/**
 * What waits for a session, first come, first served. The law here: everything costs the same however long the queue is.
 * A cursor stands at the first one that has no session to come, being opened or idle, so that no more are opened than
 * are waited for.
 *
 * @module
 */

import type { Identity } from "./identity.ts";

/** One that waits, and its place in the queue. */
export abstract class Waiting {
  /** Whose session it needs. */
  abstract readonly identity: Identity;
  /** Who asked first is first, also when he comes back. */
  abstract readonly order: number;
  /** @ignore Who is in front of it. */
  before: this | undefined;
  /** @ignore Who is behind it. */
  after: this | undefined;
  /** @ignore True if a session is being opened for it, or idle. */
  claimed = false;
  /** True while it waits. */
  queued = false;
}

/** A queue that can be left at any place. */
export class Queue<W extends Waiting> {
  #size = 0;
  #first: W | undefined;
  #last: W | undefined;
  #cursor: W | undefined;
  #claimed = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Who is next. */
  get head(): W | undefined {
    return this.#first;
  }

  /** The first that has no session to come. */
  get unclaimed(): W | undefined {
    return this.#cursor;
  }

  /** How many have one. */
  get claimed(): number {
    return this.#claimed;
  }

  /** Joins in its order: at the end, or, if it comes back, near the front. */
  add(one: W): void {
    const comesBack = this.#last !== undefined && this.#last.order > one.order;
    let after = comesBack ? this.#first : undefined;
    while (after && after.order < one.order) after = after.after;
    one.after = after;
    one.before = after ? after.before : this.#last;
    this.#link(one);
    one.queued = true;
    one.identity.waiting++;
    this.#size++;
    if (comesBack) this.rewind();
    else this.#cursor ??= one;
  }

  #link(one: W): void {
    if (one.before) one.before.after = one;
    else this.#first = one;
    if (one.after) one.after.before = one;
    else this.#last = one;
  }

  /** Leaves, if it waits. */
  remove(one: W): void {
    if (!one.queued) return;
    const { before, after } = one;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    if (this.#cursor === one) this.#cursor = after;
    if (one.claimed) this.#unclaim(one);
    one.before = undefined;
    one.after = undefined;
    one.queued = false;
    one.identity.waiting--;
    this.#size--;
  }

  /** There is a session to come for the one at the cursor. */
  claim(): void {
    const one = this.#cursor as W;
    one.claimed = true;
    one.identity.claimed++;
    this.#claimed++;
    this.#cursor = one.after;
  }

  /** The cursor passes those that have a session to come. */
  cover(): void {
    while (this.#cursor && this.#cursor.identity.claimed < this.#cursor.identity.supply) this.claim();
  }

  /** Sessions that were to come will not: who has one is found anew. */
  recover(identity: Identity): void {
    if (identity.claimed > identity.supply) this.rewind();
  }

  /** Who has a session to come is found anew. */
  rewind(): void {
    for (let one = this.#first; one && one !== this.#cursor; one = one.after) if (one.claimed) this.#unclaim(one);
    this.#cursor = this.#first;
  }

  #unclaim(one: W): void {
    one.claimed = false;
    one.identity.claimed--;
    this.#claimed--;
  }

  /** The first of an identity. Those with a session to come stand in front, so the walk is short. */
  firstOf(identity: Identity): W | undefined {
    let one = identity.waiting > 0 ? this.#first : undefined;
    while (one && one.identity !== identity) one = one.after;
    return one;
  }

  /** All of an identity, or simply all, from the first on. */
  all(identity?: Identity): W[] {
    const found: W[] = [];
    for (let one = this.#first; one; one = one.after)
      if (identity === undefined || one.identity === identity) found.push(one);
    return found;
  }
}
