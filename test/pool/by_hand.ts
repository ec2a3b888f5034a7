/**
 * Attempts by hand: results in short, a clock that goes when it is told.
 *
 * @module
 */

import type { RecipientResult, Retry, SmtpError } from "../../mod.ts";
import { SmtpServerBusy } from "../../src/errors.ts";
import type { Time } from "../../src/pool/sleep.ts";
import { SmtpResponse } from "../../src/protocol/reply.ts";

/** `b accepted`, `b 450` (refused), `b 421 now`, `b late 450` (LMTP), `b unsent later`, `b unknown`. */
export function result(text: string): RecipientResult {
  const [name, what = "", retry] = text.split(" ");
  const address = `${name}@y.example`;
  if (what === "accepted") return { address, fate: "accepted", response: new SmtpResponse("250 taken") };
  if (what === "unknown") return { address, fate: "unknown", retry: "ask" };
  if (what === "unsent") return { address, fate: "unsent", retry: (retry ?? "later") as Retry };
  if (what === "late") return { ...result(`${name} ${retry}`), phase: "final" };
  const byCode: Retry = what.startsWith("4") ? "later" : "never";
  return { address, fate: "refused", response: new SmtpResponse(`${what} said`), retry: (retry ?? byCode) as Retry };
}

/** `b accepted, c 450`. */
export function results(text: string): RecipientResult[] {
  return text.split(", ").map(result);
}

/** An error that tells these recipients. */
export function busy(text: string, message = "Server refused the message: 450 said"): SmtpError {
  return new SmtpServerBusy(message, { phase: "rcpt", recipients: results(text) });
}

/** A clock that goes only by sleeping, and keeps for how long. */
export class FakeTime implements Time {
  /** Each wait. */
  readonly slept: number[] = [];
  /** Milliseconds since the beginning. */
  at = 0;
  readonly #during: ((ms: number) => unknown) | undefined;

  /** `during` is called in each wait before it is over. */
  constructor(during?: (ms: number) => unknown) {
    this.#during = during;
  }

  now(): number {
    return this.at;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.slept.push(ms);
    await this.#during?.(ms);
    if (!signal.aborted) this.at += ms;
  }

  random(): number {
    return 0;
  }
}
