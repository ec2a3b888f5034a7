/**
 * What a mode is. The law here: a server that does not offer what a mode needs is told apart from one that fails at it,
 * by what the server is held to offer, never by what happened.
 *
 * @module
 */

import type { Subject, Trial } from "../trial.ts";

/** One way to send. */
export interface Mode {
  /** What it is, as the table says it. */
  readonly name: string;
  /** Why this server cannot be asked for it; undefined if it can. */
  without?(subject: Subject): string | undefined;
  /** Sends; what it sent is checked afterwards. */
  run(trial: Trial): Promise<void>;
}

/** The reason, unless the keyword is offered. */
export function offers(keyword: string): (subject: Subject) => string | undefined {
  return (subject) => (subject.offers.includes(keyword) ? undefined : `no ${keyword}`);
}

/** The reason, unless it speaks LMTP. */
export function speaksLmtp({ lmtp }: Subject): string | undefined {
  return lmtp ? undefined : "SMTP only";
}
