/**
 * The error family. The law here: every error says in which phase it happened, what became of each recipient, and
 * whether to try again, so that nobody has to guess whether a message went out.
 *
 * @module
 */

import type { Delivery } from "./delivery.ts";
import {
  bestRetry,
  type Fate,
  type Phase,
  type RecipientResult,
  type Retry,
  type SmtpErrorDetails,
  type SmtpFailure,
  worstFate,
} from "./fate.ts";
import { printable } from "./printable.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

export type { Fate, Phase, RecipientResult, Retry, SmtpErrorDetails, SmtpFailure };

const SMTP_FAILURE = Symbol.for("net-smtp.failure");

/** True of every error that this engine throws, across copies of the package. */
export function isSmtpError(error: unknown): error is Error & SmtpFailure {
  return typeof error === "object" && error !== null && SMTP_FAILURE in error;
}

/** The names of the classes. @ignore */
export type Kind =
  | "SmtpError"
  | "SmtpAuthenticationError"
  | "SmtpServerBusy"
  | "SmtpSyntaxError"
  | "SmtpFatalError"
  | "SmtpUnknownError"
  | "SmtpUnsupportedCommand"
  | "SmtpOpenTimeout"
  | "SmtpReadTimeout"
  | "SmtpWriteTimeout"
  | "SmtpSessionError"
  | "SmtpLatchedError"
  | "SmtpProtocolError"
  | "SmtpConnectionError"
  | "SmtpTlsError"
  | "SmtpSourceError"
  | "AbortError"
  | "SmtpArgumentError";

/** What holds for a class of errors where the details do not say: code, phase, temporary, retry. */
type Defaults = readonly [code: string, phase: Phase, temporary: boolean, retry: Retry];

const KINDS: Readonly<Record<Kind, Defaults>> = {
  SmtpError: ["SMTP_ERROR", "command", false, "never"],
  SmtpAuthenticationError: ["SMTP_AUTHENTICATION", "auth", false, "never"],
  SmtpServerBusy: ["SMTP_SERVER_BUSY", "command", true, "later"],
  SmtpSyntaxError: ["SMTP_SYNTAX", "command", false, "never"],
  SmtpFatalError: ["SMTP_FATAL", "command", false, "never"],
  SmtpUnknownError: ["SMTP_UNKNOWN", "command", false, "never"],
  SmtpUnsupportedCommand: ["SMTP_UNSUPPORTED_COMMAND", "command", false, "never"],
  SmtpOpenTimeout: ["SMTP_OPEN_TIMEOUT", "connect", true, "later"],
  SmtpReadTimeout: ["SMTP_READ_TIMEOUT", "command", true, "later"],
  SmtpWriteTimeout: ["SMTP_WRITE_TIMEOUT", "content", true, "later"],
  SmtpSessionError: ["SMTP_SESSION", "command", false, "never"],
  SmtpLatchedError: ["SMTP_LATCHED", "command", true, "now"],
  SmtpProtocolError: ["SMTP_PROTOCOL", "command", false, "later"],
  SmtpConnectionError: ["SMTP_CONNECTION", "connect", true, "later"],
  SmtpTlsError: ["SMTP_TLS", "tls", false, "never"],
  SmtpSourceError: ["SMTP_SOURCE", "content", false, "never"],
  AbortError: ["SMTP_ABORTED", "command", false, "never"],
  SmtpArgumentError: ["SMTP_ARGUMENT", "command", false, "never"],
};

/** Hides the brand and what is absent, so that an inspected error shows what is known and nothing else. */
function settle(error: Error, details: SmtpErrorDetails, kind: Kind): void {
  const [code, phase, temporarily, retry]: Defaults = KINDS[kind];
  const recipients = details.recipients ?? [];
  const temporary = details.temporary ?? (details.response ? details.response.statusTypeChar === "4" : temporarily);
  const byReply: Retry | undefined = details.response && (temporary ? "later" : "never");
  const known = {
    code: details.code ?? code,
    phase: details.phase ?? phase,
    fate: details.fate ?? worstFate(recipients),
    recipients,
    response: details.response,
    command: details.command,
    temporary,
    retry: details.fate === "unknown" ? "ask" : (bestRetry(recipients) ?? details.retry ?? byReply ?? retry),
    delivery: details.delivery,
  };
  for (const [key, value] of Object.entries(known)) {
    if (value !== undefined) Object.defineProperty(error, key, { value, enumerable: true, configurable: true });
  }
  Object.defineProperty(error, "name", { value: kind, configurable: true });
  Object.defineProperty(error, SMTP_FAILURE, { value: true });
}

function causeOf(details: SmtpErrorDetails): ErrorOptions | undefined {
  return details.cause === undefined ? undefined : { cause: details.cause };
}

/** The base of the family. */
export class SmtpError extends Error implements SmtpFailure {
  /** @ignore */
  protected static readonly kind: Kind = "SmtpError";

  /** A stable string, `SMTP_…`. */
  declare readonly code: string;
  /** The step of the dialogue that failed. */
  declare readonly phase: Phase;
  /** The first of unknown, accepted, refused, unsent that any recipient has; `unsent` when no message was under way. */
  declare readonly fate: Fate;
  /** The fate of every recipient, in the order given. */
  declare readonly recipients: readonly RecipientResult[];
  /** The reply that caused the error. */
  declare readonly response?: SmtpResponse;
  /** The command that failed, without secrets. */
  declare readonly command?: string;
  /** True if the same may succeed later. */
  declare readonly temporary: boolean;
  /** `ask` if any recipient is unknown, else the most hopeful of those not accepted. */
  declare readonly retry: Retry;
  /** Set where a message went to some although an error is thrown (policy `net-smtp`; under LMTP any but `collect`). */
  declare readonly delivery?: Delivery;

  /** Makes an error from its message and what is known; what is not given is told by the class. */
  constructor(message: string, details: SmtpErrorDetails = {}) {
    super(message, causeOf(details));
    settle(this, details, new.target.kind);
  }

  /** The same failure told of one message: a new error of the same class, since one broken connection fails many messages. */
  about(details: SmtpErrorDetails, message: string = this.message): SmtpError {
    const Class = this.constructor as typeof SmtpError;
    const { code, phase, response, command, temporary, retry, cause, delivery } = this;
    const own = { code, phase, response, command, temporary, retry, cause, ...(delivery && { delivery }) };
    return new Class(message, { ...own, ...details });
  }
}

/** The server answered 53x, or a login failed (Net::SMTPAuthenticationError). */
export class SmtpAuthenticationError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpAuthenticationError";
}

/** The server answered 4xx: the same may succeed later (Net::SMTPServerBusy). */
export class SmtpServerBusy extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpServerBusy";
}

/** The server answered 50x: it did not understand the command (Net::SMTPSyntaxError). */
export class SmtpSyntaxError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpSyntaxError";
}

/** The server answered another 5xx: the same will fail again (Net::SMTPFatalError). */
export class SmtpFatalError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpFatalError";
}

/** The server answered what does not answer the command, a 2xx to DATA for example (Net::SMTPUnknownError). */
export class SmtpUnknownError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpUnknownError";
}

/** The server does not offer what was asked for, STARTTLS for example (Net::SMTPUnsupportedCommand). Nothing was sent. */
export class SmtpUnsupportedCommand extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpUnsupportedCommand";
}

/** No connection within `openTimeout` (Net::OpenTimeout). */
export class SmtpOpenTimeout extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpOpenTimeout";
}

/** No complete reply within its deadline, `readTimeout` or `finalTimeout` (Net::ReadTimeout). */
export class SmtpReadTimeout extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpReadTimeout";
}

/** The server took nothing of what was written for `writeTimeout` (Net::WriteTimeout). */
export class SmtpWriteTimeout extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpWriteTimeout";
}

/** The session is not started, already started, closed, or busy with a manual transaction (IOError in Net::SMTP). */
export class SmtpSessionError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpSessionError";
}

/** An earlier failure latched the session; `cause` is that failure, nothing was sent. Call `finish()` and start anew. */
export class SmtpLatchedError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpLatchedError";
}

/** The server broke the protocol: a reply that nothing asked for, an early or malformed one. The session is broken. */
export class SmtpProtocolError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpProtocolError";
}

/** The connection could not be made, or was lost; `cause` is the runtime's error. */
export class SmtpConnectionError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpConnectionError";
}

/** TLS could not be spoken or the certificate did not verify; `cause` is the runtime's error. Nothing goes on in clear. */
export class SmtpTlsError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpTlsError";
}

/** The source of a message failed half-way; `cause` is its error. The message was not ended, so it did not go. */
export class SmtpSourceError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "SmtpSourceError";
}

/** The signal aborted or the deadline passed; `cause` is the signal's reason. Its `name` is "AbortError". */
export class SmtpAbortError extends SmtpError {
  /** @ignore */
  protected static override readonly kind: Kind = "AbortError";
}

/** Bad input (ArgumentError in Net::SMTP), found before a byte of it was written; the message names the parameter and what was expected. */
export class SmtpArgumentError extends TypeError implements SmtpFailure {
  /** A stable string, `SMTP_…`. */
  declare readonly code: string;
  /** The step of the dialogue that failed. */
  declare readonly phase: Phase;
  /** The first of unknown, accepted, refused, unsent that any recipient has; `unsent` when no message was under way. */
  declare readonly fate: Fate;
  /** The fate of every recipient, in the order given. */
  declare readonly recipients: readonly RecipientResult[];
  /** The reply that caused the error. */
  declare readonly response?: SmtpResponse;
  /** The command that failed, without secrets. */
  declare readonly command?: string;
  /** True if the same may succeed later. */
  declare readonly temporary: boolean;
  /** `ask` if any recipient is unknown, else the most hopeful of those not accepted. */
  declare readonly retry: Retry;
  /** Set where a message went to some although an error is thrown (policy `net-smtp`; under LMTP any but `collect`). */
  declare readonly delivery?: Delivery;

  /** Makes an error from its message and what is known. */
  constructor(message: string, details: SmtpErrorDetails = {}) {
    super(message, causeOf(details));
    settle(this, details, "SmtpArgumentError");
  }
}

/** A class of errors that a reply can stand for. */
export type SmtpErrorClass = typeof SmtpError;

/** The class of a reply by its code, Net::SMTP's table: 4xx, 50x, 53x, other 5xx, and anything else. */
export function errorClass(status: string): SmtpErrorClass {
  if (status.startsWith("4")) return SmtpServerBusy;
  if (status.startsWith("50")) return SmtpSyntaxError;
  if (status.startsWith("53")) return SmtpAuthenticationError;
  if (status.startsWith("5")) return SmtpFatalError;
  return SmtpUnknownError;
}

/** A value as it may stand in an error message: its type and a short, printable form; never the whole of a long one. */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${printable(value.length > 60 ? `${value.slice(0, 60)}…` : value)}"`;
  if (value === null || value === undefined || typeof value === "number" || typeof value === "boolean")
    return String(value);
  return Array.isArray(value) ? "an array" : `${/^[aeiou]/.test(typeof value) ? "an" : "a"} ${typeof value}`;
}
