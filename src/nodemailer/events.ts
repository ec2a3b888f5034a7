/**
 * Who is told when the transport has nothing to do. The law here: one listener an event. Every `createTransport(transport)`
 * subscribes anew and takes the transport over (it sets `mailer`), so the last one is the one that counts, and ten thousand
 * of them leave one. An `error` is never emitted: the errors go to the callbacks.
 *
 * @module
 */

import type { NetSmtpListener } from "./types.ts";

/** What a transport has under way, as its listeners hear of it. */
export interface Activity {
  /** True if a message would be taken at once. */
  isIdle(): boolean;
  /** Resolves once a message would be taken at once; rejects if none will be any more. */
  idle(): Promise<void>;
  /** Resolves once nothing is under way and no connection is open. */
  clear(): Promise<void>;
}

/** The listeners of a transport. */
export class Listeners {
  readonly #activity: Activity;
  readonly #listeners = new Map<string | symbol, NetSmtpListener>();
  readonly #awaited = new Set<string>();

  /** Nobody listens yet. */
  constructor(activity: Activity) {
    this.#activity = activity;
  }

  /** Takes the place of the listener before. A listener for `idle` hears that the transport is, once it can have been made ready. */
  on(event: string | symbol, listener: NetSmtpListener): void {
    this.#listeners.set(event, listener);
    if (event !== "idle") return;
    setTimeout(() => this.#activity.isIdle() && this.#listeners.get(event) === listener && listener(), 0);
  }

  /** Something that was under way is over. Room for the next may come later: its connection may have to be closed first. */
  settled(): void {
    this.#waitFor("idle", () => this.#activity.idle());
    this.#waitFor("clear", () => this.#clearAndIdle());
  }

  /** `idle` is told before `clear`; a transport that was closed is idle no more. */
  async #clearAndIdle(): Promise<void> {
    await this.#activity.clear();
    await this.#activity.idle().catch(() => undefined);
  }

  #waitFor(event: string, comes: () => Promise<void>): void {
    if (this.#awaited.has(event)) return;
    this.#awaited.add(event);
    const over = (): void => void this.#awaited.delete(event);
    comes().then(() => {
      over();
      this.#emit(event);
    }, over);
  }

  /** In a task of its own: what a listener throws is not a message's. */
  #emit(event: string): void {
    const listener = this.#listeners.get(event);
    if (listener) queueMicrotask(() => listener());
  }
}
