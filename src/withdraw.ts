/**
 * A message that may not go on to its content is withdrawn. The law here (design.md, Fates): nothing is written that a
 * server could deliver, under this sender or the one before; where only the end of the connection is sure, it is ended.
 *
 * @module
 */

import type { Dialogue } from "./dialogue.ts";
import type { SmtpError } from "./errors.ts";
import {
  dataReply,
  type Evidence,
  everyRecipientRefused,
  type RecipientPolicy,
  refusal,
  resetReply,
  transactionOpen,
} from "./protocol/verdict.ts";

const LONE_DOT = new TextEncoder().encode(".\r\n");

/** Leaves the session fit for the next message, and throws why the content may not follow: what the server or the policy says, else why it was stopped. */
export async function withdraw(
  evidence: Evidence,
  dialogue: Dialogue,
  policy: RecipientPolicy,
  stopped: SmtpError | undefined,
): Promise<never> {
  const refused = refusal(evidence, policy);
  const data = dataReply(evidence);
  if (refused && data?.status === "354") await answerTaken(evidence, dialogue, refused);
  if (refused && data?.continue && data.status !== "354") throw broken(dialogue, refused);
  if (refused && (data?.success || resetReply(evidence)?.success === false)) throw broken(dialogue, refused);
  if (refused?.phase === "data" && policy === "net-smtp") dialogue.halt(refused);
  if (refused) throw refused;
  if (data) dialogue.closeWhenAnswered(stopped as SmtpError);
  throw stopped;
}

/**
 * DATA was taken although nothing may be sent: the lone dot if all recipients were refused (RFC 2920 3.1), else nothing but
 * the end of the connection. Under LMTP that too: to a dot that is for nobody no reply is owed, and one may come (RFC 2033 4.2).
 */
async function answerTaken(evidence: Evidence, dialogue: Dialogue, refused: SmtpError): Promise<void> {
  if (evidence.each || !transactionOpen(evidence) || !everyRecipientRefused(evidence)) throw broken(dialogue, refused);
  const owed = dialogue.contentBegin();
  dialogue.contentEnd(owed, [LONE_DOT], 0);
  await owed.promise;
}

/** The session cannot be trusted with another message. */
export function broken(dialogue: Dialogue, error: SmtpError): SmtpError {
  dialogue.fail(error);
  return error;
}
