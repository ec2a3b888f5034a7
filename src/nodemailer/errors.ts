/**
 * The engine's errors in Nodemailer's words: the one place that knows Nodemailer's codes. The law here: its keys mean what
 * they mean there and are strings and numbers; what the engine knows besides (phase, fate, recipients, retry) stands
 * beside them, and the engine's error is the `cause`.
 *
 * | the engine's | `code`, `command` |
 * |---|---|
 * | `SmtpOpenTimeout`, `SmtpReadTimeout`, `SmtpWriteTimeout` | ETIMEDOUT, CONN, with `timeoutType` |
 * | `SmtpConnectionError` with a cause of the resolver; of a socket; without | EDNS; ESOCKET; ECONNECTION; all CONN |
 * | `SmtpTlsError` with a cause of the runtime; without | ESOCKET, CONN; ETLS, CONN |
 * | `SmtpProtocolError` | EPROTOCOL, the command |
 * | `SmtpSourceError` | ESTREAM, API |
 * | `SmtpAbortError` | EABORT |
 * | `SmtpSessionError`, `SmtpLatchedError` | ECONNECTION, API |
 * | `SmtpArgumentError` | EAUTH, EENVELOPE, EMESSAGE or ECONFIG by its phase, API; MAIL FROM if the server's limits stood against it |
 * | REQUIRETLS asked for, and not offered or no verified TLS | EREQUIRETLS, MAIL FROM |
 * | one whose cause is a proxy's | EPROXY, CONN |
 * | `verify` without the login that `forceAuth` wants | ENOAUTH |
 * | a refusal (4xx, 5xx), `SmtpUnsupportedCommand` | by its phase: EPROTOCOL, ETLS, EAUTH, EENVELOPE, EMESSAGE |
 * | 421 at EHLO or to no command of its own | ECONNECTION |
 *
 * @module
 */

import { isSmtpError, type Phase, type RecipientResult, SmtpError, type SmtpFailure } from "../errors.ts";
import { worstFate } from "../fate.ts";
import { printable } from "../printable.ts";
import type { SmtpResponse } from "../protocol/reply.ts";
import type { NetSmtpRecipient, NetSmtpTransportError } from "./types.ts";

type Failure = Error & SmtpFailure;
type CodeAndCommand = readonly [code: string, command: string | undefined];

/** What was going on when an error does not say it. */
export type Stage = "auth" | "mail";

/** What a refusal of the server is called, by the step of the dialogue. */
const BY_PHASE: Readonly<Record<Phase, CodeAndCommand>> = {
  connect: ["ECONNECTION", "CONN"],
  greeting: ["EPROTOCOL", "CONN"],
  ehlo: ["EPROTOCOL", "EHLO"],
  tls: ["ETLS", "STARTTLS"],
  auth: ["EAUTH", "AUTH"],
  mail: ["EENVELOPE", "MAIL FROM"],
  rcpt: ["EENVELOPE", "RCPT TO"],
  data: ["EENVELOPE", "DATA"],
  content: ["EMESSAGE", "DATA"],
  final: ["EMESSAGE", "DATA"],
  quit: ["EPROTOCOL", "QUIT"],
  command: ["EPROTOCOL", undefined],
};

/** Bad input; it is never the server's word. */
const ARGUMENT: Partial<Readonly<Record<Phase, string>>> = {
  auth: "EAUTH",
  mail: "EENVELOPE",
  rcpt: "EENVELOPE",
  content: "EMESSAGE",
};

/** What the rest of the family is called, by the engine's code; undefined falls back to the phase. */
const BY_KIND: Readonly<Record<string, (error: Failure, stage: Stage) => CodeAndCommand | undefined>> = {
  SMTP_ARGUMENT: (error, stage) => [argumentCode(error, stage), saidCommand(error) ?? "API"],
  SMTP_REQUIRETLS: (error) => ["EREQUIRETLS", saidCommand(error)],
  SMTP_NO_AUTH: () => ["ENOAUTH", undefined],
  SMTP_ABORTED: () => ["EABORT", undefined],
  SMTP_OPEN_TIMEOUT: () => ["ETIMEDOUT", "CONN"],
  SMTP_READ_TIMEOUT: () => ["ETIMEDOUT", "CONN"],
  SMTP_WRITE_TIMEOUT: () => ["ETIMEDOUT", "CONN"],
  SMTP_CONNECTION: (error) => [connectionCode(error), "CONN"],
  SMTP_TLS: (error) => [originalCode(error) ? "ESOCKET" : "ETLS", "CONN"],
  SMTP_PROTOCOL: (error) => ["EPROTOCOL", saidCommand(error) ?? BY_PHASE[error.phase][1]],
  SMTP_SOURCE: () => ["ESTREAM", "API"],
  SMTP_SESSION: () => ["ECONNECTION", "API"],
  SMTP_LATCHED: () => ["ECONNECTION", "API"],
  SMTP_SERVER_BUSY: (error) => (endedSession(error) ? ["ECONNECTION", saidCommand(error) ?? "CONN"] : undefined),
};

/** By what a resolver's error is known: its call, or where the runtime does not tell it, its code. */
const RESOLVER = /^(getaddrinfo|query[A-Z]|resolve)/;
const RESOLVER_CODES = /^(ENOTFOUND|ENODATA|ESERVFAIL|EAI_[A-Z]+)$/;

/** Node's for what its permission model denies: Nodemailer does not put its own in its place. */
const ACCESS_DENIED = "ERR_ACCESS_DENIED";

/** Codes that stay what they are: Nodemailer's own for its proxies, and Node's. */
const KEPT: readonly string[] = ["EPROXY", ACCESS_DENIED];

/**
 * The error to give to Nodemailer. `to` are the recipients of the message, for a failure before its envelope; `stage` is
 * for an error of the engine that has no phase of its own.
 */
export function transportError(error: unknown, to: readonly string[], stage: Stage): NetSmtpTransportError {
  const failure = isSmtpError(error) ? error : foreign(error, stage);
  const recipients = failure.recipients.length > 0 ? failure.recipients : unsent(to, failure);
  const [code, command] = codeAndCommand(failure, stage);
  return dressed(failure, {
    ...(code === "EABORT" ? { name: "AbortError" } : {}),
    code,
    command,
    ...replyKeys(failure.response),
    originalCode: originalCode(failure),
    timeoutType: code === "ETIMEDOUT" ? timeoutType(failure) : undefined,
    ...refusedKeys(failure, recipients),
    phase: failure.phase,
    fate: worstFate(recipients),
    recipients: recipients.map(plainRecipient),
    retry: failure.retry,
    temporary: failure.temporary,
    enhancedCode: failure.response?.enhancedCode,
  });
}

/**
 * True of every error that `send` and `verify` give, across copies of this package; false of Nodemailer's own (too many
 * recipients, a plugin that failed), which never came to the transport.
 */
export function isNetSmtpTransportError(error: unknown): error is NetSmtpTransportError {
  if (typeof error !== "object" || error === null || isSmtpError(error)) return false;
  return "fate" in error && "cause" in error && isSmtpError(error.cause);
}

/** What is not the engine's: the composed message threw it before a byte was sent, or the runtime while connecting. */
function foreign(cause: unknown, stage: Stage): Failure {
  const message = printable(cause instanceof Error ? cause.message : String(cause));
  return stage === "mail"
    ? new SmtpError(`Message could not be read: ${message}`, { phase: "mail", command: "API", cause })
    : new SmtpError(`Connection could not be made: ${message}`, { phase: "connect", cause });
}

function unsent(to: readonly string[], { retry }: SmtpFailure): RecipientResult[] {
  return to.map((address) => ({ address, fate: "unsent", retry }));
}

function dressed(cause: Error, keys: object): NetSmtpTransportError {
  const known = Object.entries(keys).filter(([, value]) => value !== undefined);
  return Object.assign(new Error(cause.message, { cause }), Object.fromEntries(known)) as NetSmtpTransportError;
}

function codeAndCommand(error: Failure, stage: Stage): CodeAndCommand {
  const [code, command] = BY_KIND[error.code]?.(error, stage) ?? refusalCode(error);
  const original = originalCode(error) ?? "";
  return [KEPT.includes(original) ? original : code, command];
}

function argumentCode({ phase }: SmtpFailure, stage: Stage): string {
  return ARGUMENT[phase === "command" ? stage : phase] ?? "ECONFIG";
}

function refusalCode(error: Failure): CodeAndCommand {
  const [code, usual] = BY_PHASE[error.phase];
  const command = saidCommand(error) ?? usual;
  return [command === "RSET" ? "EPROTOCOL" : code, command];
}

/** The command as Nodemailer names it: without its arguments, but with the mechanism of AUTH. */
function saidCommand({ command = "" }: SmtpFailure): string | undefined {
  return /^(AUTH [^ ]+|MAIL FROM|RCPT TO|[A-Z]+)/.exec(command)?.[0];
}

/** A 421 that says nothing of the message. */
function endedSession({ response, phase }: SmtpFailure): boolean {
  return response?.status === "421" && (phase === "ehlo" || phase === "command" || phase === "connect");
}

function connectionCode(error: Failure): string {
  const { syscall = "" } = runtimeError(error) ?? {};
  const code = originalCode(error);
  if (code === undefined) return "ECONNECTION";
  return RESOLVER.test(syscall) || RESOLVER_CODES.test(code) ? "EDNS" : "ESOCKET";
}

function originalCode(error: Failure): string | undefined {
  const { code } = runtimeError(error) ?? {};
  return typeof code === "string" ? code : undefined;
}

/** The error of the runtime, or of the message's source, that an error of the engine was made from; of several the first. */
function runtimeError({ cause }: Error): { code?: unknown; syscall?: string } | undefined {
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  return typeof first === "object" && first !== null && !isSmtpError(first) ? first : undefined;
}

function timeoutType({ code, phase, command }: SmtpFailure): string {
  if (phase === "tls" && command === "STARTTLS") return "UPGRADE_TIMEOUT";
  if (code === "SMTP_OPEN_TIMEOUT") return "CONNECT_TIMEOUT";
  return phase === "greeting" ? "GREETING_TIMEOUT" : "SOCKET_TIMEOUT";
}

function replyKeys(response: SmtpResponse | undefined): object {
  if (!response) return {};
  const { code } = response;
  return {
    response: replyText(response),
    responseCode: code,
    permanent: code >= 500 && code < 600 && code !== 503,
  };
}

/** A reply as Nodemailer gives it: its lines with their codes, joined with LF; nothing in it can move a cursor. */
export function replyText(response: SmtpResponse): string {
  const { string } = response;
  return string.includes("\n") ? string.split("\n").map(printable).join("\n") : printable(string);
}

/** Refused recipients that stopped the message, all of them or by policy one; under LMTP those it did not go to. */
function refusedKeys({ phase, response }: SmtpFailure, recipients: readonly RecipientResult[]): object {
  const tells = phase === "rcpt" || recipients.some((recipient) => recipient.phase === "final");
  const refused = tells ? recipients.filter(({ fate }) => fate === "refused") : [];
  if (refused.length === 0) return {};
  const one =
    refused.length < recipients.length ? refused.find((recipient) => recipient.response === response) : undefined;
  return {
    recipient: one?.address,
    rejected: refused.map(({ address }) => address),
    rejectedErrors: refused.map(recipientError),
  };
}

/** The error of one refused recipient, as in Nodemailer's `rejectedErrors`. */
export function recipientError(recipient: RecipientResult): NetSmtpTransportError {
  const { address, response, fate, retry, phase = "rcpt" } = recipient;
  const [code, command] = BY_PHASE[phase];
  const what = phase === "final" ? "the message for" : "recipient";
  const cause = new SmtpError(`Server refused ${what} <${printable(address)}>: ${response}`, {
    phase,
    command,
    response,
    recipients: [recipient],
  });
  return dressed(cause, {
    code,
    command,
    ...replyKeys(response),
    recipient: address,
    phase,
    fate,
    recipients: [plainRecipient(recipient)],
    retry,
    temporary: cause.temporary,
    enhancedCode: response?.enhancedCode,
  });
}

/** A recipient in strings, so that it survives JSON and structuredClone. */
export function plainRecipient({ address, fate, response, retry }: RecipientResult): NetSmtpRecipient {
  return {
    address,
    fate,
    ...(response ? { response: replyText(response) } : {}),
    ...(retry ? { retry } : {}),
  };
}
