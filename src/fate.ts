/**
 * The words in which the end of a message is told: fates, phases, retries. The law here: each is one of a few names, the
 * same in deliveries, errors and the plugin.
 *
 * @module
 */

import type { Delivery } from "./delivery.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/**
 * What became of a recipient: `accepted` by the server, `refused` by the server (its reply says why), `unsent` (it
 * certainly did not go), or `unknown` (the end of the message may have reached the server, and no complete reply came back).
 */
export type Fate = "accepted" | "refused" | "unsent" | "unknown";

/** Whether to send again: at once on a new connection, later, never unchanged, or only after asking a person (it may have arrived). */
export type Retry = "now" | "later" | "never" | "ask";

/** The step of the dialogue: `data` is the DATA command, `content` the message, `final` the reply to its end, `command` a command of the caller's. */
export type Phase =
  | "connect"
  | "greeting"
  | "ehlo"
  | "tls"
  | "auth"
  | "mail"
  | "rcpt"
  | "data"
  | "content"
  | "final"
  | "quit"
  | "command";

/** One recipient of one message, and what became of it. */
export interface RecipientResult {
  /** The address as it was given. */
  address: string;
  /** What became of it. */
  fate: Fate;
  /** The reply that decided it, if one did. */
  response?: SmtpResponse;
  /** Whether to send to it again; undefined when accepted. */
  retry?: Retry;
  /** "final" if it was refused by its own reply to the end of the message (LMTP), so that others may have got it. */
  phase?: "final";
}

/** What an error carries besides its message. */
export interface SmtpErrorDetails {
  /** A stable string, `SMTP_…`; each class has its own. */
  code?: string;
  /** The step of the dialogue that failed. */
  phase?: Phase;
  /** The fate of every recipient of the message that failed, in the order given; empty when no message was under way. */
  recipients?: readonly RecipientResult[];
  /** The fate of a message whose recipients are not known; else theirs says it. */
  fate?: Fate;
  /** The reply that caused the error. */
  response?: SmtpResponse | undefined;
  /** The command that failed, without secrets. */
  command?: string | undefined;
  /** True if the same may succeed later. */
  temporary?: boolean;
  /** Whether to send again, when no recipient says it. */
  retry?: Retry;
  /** Set where a message went to some recipients although an error is thrown (policy `net-smtp`; under LMTP any but `collect`). */
  delivery?: Delivery | undefined;
  /** What caused it: the runtime's error, the signal's reason, the first failure. */
  cause?: unknown;
}

/** What every error of this engine carries, `SmtpArgumentError` included. */
export interface SmtpFailure {
  /** A stable string, `SMTP_…`. */
  readonly code: string;
  /** The step of the dialogue that failed. */
  readonly phase: Phase;
  /** The first of unknown, accepted, refused, unsent that any recipient has; `unsent` when no message was under way. */
  readonly fate: Fate;
  /** The fate of every recipient, in the order given. */
  readonly recipients: readonly RecipientResult[];
  /** The reply that caused the error. */
  readonly response?: SmtpResponse;
  /** The command that failed, without secrets. */
  readonly command?: string;
  /** True if the same may succeed later. */
  readonly temporary: boolean;
  /** `ask` if any recipient is unknown, else the most hopeful of those not accepted. */
  readonly retry: Retry;
  /** Set where a message went to some recipients although an error is thrown (policy `net-smtp`; under LMTP any but `collect`). */
  readonly delivery?: Delivery;
}

const FATES: readonly Fate[] = ["unknown", "accepted", "refused", "unsent"];
const HOPES: readonly Retry[] = ["now", "later", "never"];

/** The first of unknown, accepted, refused, unsent that any recipient has. */
export function worstFate(recipients: readonly RecipientResult[]): Fate {
  return FATES.find((fate) => recipients.some((recipient) => recipient.fate === fate)) ?? "unsent";
}

/** `ask` if any recipient is unknown, else the most hopeful of those not accepted. */
export function bestRetry(recipients: readonly RecipientResult[]): Retry | undefined {
  if (recipients.some(({ fate }) => fate === "unknown")) return "ask";
  return HOPES.find((retry) => recipients.some((recipient) => recipient.retry === retry));
}
