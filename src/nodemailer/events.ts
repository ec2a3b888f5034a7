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
  /** Resolves once nothing is under way and no connection is open. */
  clear(): Promise<void>;
}

/** The listeners of a transport. */
export class Listeners {
  readonly #activity: Activity;
  readonly #listeners = new Map<string | symbol, NetSmtpListener>();
  #clearing = false;

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

  /** Something that was under way is over. */
  settled(): void {
    const idle = this.#activity.isIdle();
    if (idle) this.#emit("idle");
    if (this.#clearing) return;
    this.#clearing = true;
    void this.#activity.clear().then(() => {
      this.#clearing = false;
      if (!idle && this.#activity.isIdle()) this.#emit("idle");
      this.#emit("clear");
    });
  }

  /** In a task of its own: what a listener throws is not a message's. */
  #emit(event: string): void {
    const listener = this.#listeners.get(event);
    if (listener) queueMicrotask(() => listener());
  }
}
