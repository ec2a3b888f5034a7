/**
 * Who waits for the pool to come to something. The law here: each is told as soon as it holds, or that it cannot any more.
 *
 * @module
 */

import type { SmtpError } from "../errors.ts";

interface Waiter {
  readonly ready: () => boolean;
  readonly over: (() => SmtpError | undefined) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: SmtpError) => void;
}

/** Those who wait. */
export class Waiters {
  #all: Waiter[] = [];

  /** Resolves once it is `ready`; rejects as soon as it is `over`. */
  when(ready: () => boolean, over?: () => SmtpError | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#all.push({ ready, over, resolve, reject });
      this.look();
    });
  }

  /** Something has changed. */
  look(): void {
    if (this.#all.length === 0) return;
    this.#all = this.#all.filter(({ ready, over, resolve, reject }) => {
      const error = over?.();
      if (error) reject(error);
      else if (!ready()) return true;
      else resolve();
      return false;
    });
  }
}
