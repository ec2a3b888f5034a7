/**
 * Whether a message goes again at once, since the session that it was given to had ended before it began. Pure. The law
 * here: only where nobody can have got it, and the server has said nothing of it; anything else is the caller's to decide.
 *
 * @module
 */

import { isSmtpError, SmtpAbortError, SmtpArgumentError, type SmtpFailure, SmtpSourceError } from "../errors.ts";

/** How the message stood on its session. */
export interface Standing {
  /** True once the server had said something of it. */
  readonly begun: boolean;
  /** True if its source can be read from its beginning. */
  readonly readable: boolean;
  /** True of the first message of its session: a server that drops even that one is left alone. */
  readonly first: boolean;
}

/** True if it may go again at once, on another session. */
export function mayGoAgain(error: unknown, { begun, readable, first }: Standing): boolean {
  if (!readable || !isSmtpError(error) || !blamesTheSession(error)) return false;
  const { recipients } = error;
  if (recipients.length === 0) return false;
  if (recipients.every(({ fate }) => fate === "unsent"))
    return recipients.every(({ retry }) => retry === "now") || !(begun || first);
  // 421 answers the oldest command: on a session that has served it says good-bye to it, and nothing of the message.
  return !first && error.phase === "mail" && recipients.every(({ response }) => response?.status === "421");
}

function blamesTheSession(error: SmtpFailure): boolean {
  return ![SmtpAbortError, SmtpArgumentError, SmtpSourceError].some((Class) => error instanceof Class);
}
