/**
 * The end of a pool. The law here: it ends once; whoever asks for it hears when no connection is left, and which messages
 * certainly did not go.
 *
 * @module
 */

import { BOOLEAN } from "../checks.ts";
import { type RecipientResult, SmtpAbortError, type SmtpError, SmtpSessionError } from "../errors.ts";
import { checkNames, checkOption } from "../options.ts";
import type { Waiters } from "./waiters.ts";

/** How a pool closes. */
export interface PoolCloseOptions {
  /** At once: what waits is not sent, connections are dropped. Default false: what was asked for is sent, then QUIT. */
  force?: boolean | undefined;
}

/** What was left when a pool was closed. */
export interface PoolClosed {
  /** The messages that certainly did not go; each has rejected too. */
  unsent: {
    /** The message's id, where it was given one. */
    id: string | undefined;
    /** What became of each recipient, in the order given. */
    recipients: readonly RecipientResult[];
  }[];
}

/** What a pool does to end. */
export interface Ends {
  /** Who waits for that. */
  readonly waiters: Waiters;
  /** True once nothing is left. */
  isOver(): boolean;
  /** What was asked for is sent, then every session ends. */
  finish(): void;
  /** At once. */
  drop(error: SmtpError): void;
}

/** Ends a pool. */
export class Closing {
  readonly #ends: Ends;
  readonly #unsent: PoolClosed["unsent"] = [];
  #closed: Promise<PoolClosed> | undefined;
  #unlisten: (() => void) | undefined;

  /** Nothing ends yet. */
  constructor(ends: Ends) {
    this.#ends = ends;
  }

  /** True once the pool takes nothing more. */
  get begun(): boolean {
    return this.#closed !== undefined;
  }

  /** Why nothing more is taken, if so. */
  refusal(): SmtpSessionError | undefined {
    return this.begun ? new SmtpSessionError("Pool is closed", { phase: "connect" }) : undefined;
  }

  /** The signal ends it by force. */
  listen(signal: AbortSignal): void {
    const aborted = (): void => this.#force(new SmtpAbortError("Pool was aborted", { cause: signal.reason }));
    signal.addEventListener("abort", aborted);
    this.#unlisten = () => signal.removeEventListener("abort", aborted);
    if (signal.aborted) aborted();
  }

  /** A message did not go, since the pool ends. */
  leaves(id: string | undefined, recipients: readonly RecipientResult[]): void {
    this.#unsent.push({ id, recipients });
  }

  /** Ends it. Throws `SmtpArgumentError` for options that are none. */
  close(options: PoolCloseOptions): Promise<PoolClosed> {
    checkNames(options, ["force"]);
    checkOption("force", options.force, BOOLEAN);
    if (options.force)
      this.#force(
        new SmtpSessionError("Pool was closed by force", { phase: "connect", retry: "now", temporary: true }),
      );
    return this.#begin(() => this.#ends.finish());
  }

  #force(error: SmtpError): void {
    void this.#begin(() => undefined);
    this.#ends.drop(error);
  }

  #begin(end: () => void): Promise<PoolClosed> {
    if (this.#closed !== undefined) return this.#closed;
    this.#unlisten?.();
    const { waiters } = this.#ends;
    this.#closed = new Promise((resolve) => {
      const over = (): Promise<void> => waiters.when(() => this.#ends.isOver());
      queueMicrotask(() => void over().then(() => resolve({ unsent: this.#unsent })));
    });
    end();
    return this.#closed;
  }
}
