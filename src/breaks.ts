/**
 * How a dialogue can break, in words. The law here: each says what happened and what the server had said or owed.
 *
 * @module
 */

import {
  type Phase,
  SmtpConnectionError,
  type SmtpError,
  SmtpLatchedError,
  SmtpProtocolError,
  SmtpReadTimeout,
  SmtpServerBusy,
  SmtpTlsError,
  SmtpWriteTimeout,
} from "./errors.ts";
import type { Owed } from "./owed.ts";
import { inAWord } from "./printable.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

const AWAITED: Readonly<Record<Phase, string>> = {
  connect: "the greeting",
  greeting: "the greeting",
  ehlo: "the reply to EHLO or HELO",
  tls: "the reply to STARTTLS",
  auth: "the reply to AUTH",
  mail: "the reply to MAIL",
  rcpt: "the reply to RCPT",
  data: "the reply to DATA",
  content: "the end of the message to be written",
  final: "the reply to the message",
  quit: "the reply to QUIT",
  command: "the reply to a command",
};

/** The connection was lost, or TLS never came about; `owed` is what was awaited, if anything was. */
export function lost(owed: Owed | undefined, cause: Error | undefined): SmtpError {
  if (cause instanceof SmtpTlsError) return cause;
  const how = cause ? `Connection was lost (${inAWord(cause)})` : "Server closed the connection";
  const when = owed ? `while waiting for ${AWAITED[owed.phase()]}` : "while nothing was under way";
  const retry = owed && owed.kind !== "greeting" ? "later" : "now";
  return new SmtpConnectionError(`${how} ${when}`, {
    phase: owed?.phase() ?? "command",
    command: owed?.command(),
    cause,
    retry,
  });
}

/** The server said 421 (RFC 5321 3.8), in answer to what was owed, if anything was. */
export function sessionEnded(reply: SmtpResponse, owed: Owed | undefined): SmtpError {
  const [phase, command] = owed ? [owed.phase(), owed.command()] : ["command" as const, undefined];
  return new SmtpServerBusy(`Server ended the session: ${reply}`, { phase, command, response: reply, retry: "now" });
}

/** Nothing is sent on a latched session (design.md, law 4). */
export function latched(cause: Error): SmtpError {
  const message = `Session was stopped by an earlier failure (${cause.message}): nothing was sent, call finish() and start a new session`;
  return new SmtpLatchedError(message, { cause });
}

/** A 4xx or 5xx came while the content was still going out; no command can be written into it, so the connection is closed. */
export function answeredEarly(reply: SmtpResponse): SmtpError {
  const message = `Connection was closed, since the server answered before the message had ended: ${reply}`;
  return new SmtpConnectionError(message, { phase: "content", response: reply, retry: "now" });
}

/** A reply that nothing asked for (design.md, law 3). */
export function unowed(what: string, reply: SmtpResponse, phase: Phase): SmtpProtocolError {
  return new SmtpProtocolError(`${what}: ${reply}; the session cannot be trusted any more and was closed`, {
    phase,
    response: reply,
    temporary: false,
    retry: "later",
  });
}

/** No complete reply came in time. */
export function overdueReply(owed: Owed): SmtpError {
  const message = `Server did not complete ${AWAITED[owed.phase()]} within ${owed.timeout} ms`;
  return new SmtpReadTimeout(message, { phase: owed.phase(), command: owed.command() });
}

/** The server took nothing for too long. */
export function stalledWrite(timeout: number): SmtpError {
  return new SmtpWriteTimeout(`Server took nothing of what was written for ${timeout} ms`);
}

/** BDAT was answered as an unknown command: the octets behind it may be taken for commands, so nothing more is said. */
export function bdatUnknown(reply: SmtpResponse): SmtpError {
  const message = `Server offered CHUNKING and does not know BDAT: ${reply}; the connection was closed, another one does without`;
  return new SmtpProtocolError(message, { phase: "content", command: "BDAT", response: reply, retry: "now" });
}
