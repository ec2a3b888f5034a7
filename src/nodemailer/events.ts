/**
 * Whether something is under way, and who is told when nothing is any more. The law here: one listener an event. Every
 * `createTransport(transport)` subscribes anew and takes the transport over (it sets `mailer`), so the last one is the one
 * that counts, and ten thousand of them leave one. An `error` is never emitted: the errors go to the callbacks.
 *
 * @module
 */

import type { NetSmtpListener } from "./types.ts";

/** What a transport has under way. */
export class Activity {
  readonly #listeners = new Map<string | symbol, NetSmtpListener>();
  #underWay = 0;

  /** True if nothing is under way. */
  get idle(): boolean {
    return this.#underWay === 0;
  }

  /** Something begins. */
  begin(): void {
    this.#underWay++;
  }

  /** It is over, its connection too. */
  end(): void {
    this.#underWay--;
    if (!this.idle) return;
    this.#emit("idle");
    this.#emit("clear");
  }

  /** Takes the place of the listener before. A listener for `idle` hears that the transport is, once it can have been made ready. */
  on(event: string | symbol, listener: NetSmtpListener): void {
    this.#listeners.set(event, listener);
    if (event === "idle") setTimeout(() => this.idle && this.#listeners.get(event) === listener && listener(), 0);
  }

  /** In a task of its own: what a listener throws is not a message's. */
  #emit(event: string): void {
    const listener = this.#listeners.get(event);
    if (listener) queueMicrotask(() => listener());
  }
}
