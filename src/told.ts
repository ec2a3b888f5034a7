/**
 * A failure is told of one message: with the fate of every recipient, and in words what that means.
 * The law here: what the server said of the message comes before what broke the connection afterwards, and a connection
 * that broke says whether the message can have arrived.
 *
 * @module
 */

import {
  type Fate,
  type RecipientResult,
  type Retry,
  SmtpAbortError,
  SmtpArgumentError,
  SmtpError,
  type SmtpErrorDetails,
} from "./errors.ts";
import { bestRetry } from "./fate.ts";
import { type Evidence, fates, finalRefusal, type RecipientPolicy, refusal } from "./protocol/verdict.ts";

/** The error to throw for a message that failed. Without a policy the replies to its envelope have been told already. */
export function toldOf(evidence: Evidence, error: unknown, policy?: RecipientPolicy): Error {
  const known = error instanceof SmtpError || error instanceof SmtpArgumentError;
  if (known && error.recipients.length > 0) return error;
  const failure = asFailure(error);
  const server = failure instanceof SmtpAbortError ? undefined : saidByServer(evidence, policy);
  const cause = server ?? failure;
  const recipients = fates(evidence, cause.retry);
  if (cause instanceof SmtpArgumentError)
    return new SmtpArgumentError(cause.message, { phase: cause.phase, command: cause.command, recipients });
  if (server) {
    const broken = failure === server || failure.response === server.response ? {} : { cause: failure };
    return server.about({ recipients, ...broken }, refusedInWords(server, recipients));
  }
  const words = inDoubt(evidence).fate ? IN_DOUBT : inWords(recipients);
  return cause.about({ recipients, ...inDoubt(evidence) }, `${cause.message}; ${words}`);
}

const IN_DOUBT = "it may have been delivered, so find out before you send it again";

/** The message of an error that told these recipients, without the words on what became of them. */
export function withoutWords(message: string, recipients: readonly RecipientResult[]): string {
  const words = [`; ${inWords(recipients)}`, `; ${nobodyGotIt(recipients)}`].find((end) => message.endsWith(end));
  return words === undefined ? message : message.slice(0, -words.length);
}

function asFailure(error: unknown): SmtpError | SmtpArgumentError {
  if (error instanceof SmtpError || error instanceof SmtpArgumentError) return error;
  return new SmtpError(error instanceof Error ? error.message : String(error), { cause: error });
}

/** Why it was refused comes first, then what became of the content; but content taken in spite of that is the news. */
function saidByServer(evidence: Evidence, policy: RecipientPolicy | undefined): SmtpError | undefined {
  const final = finalRefusal(evidence);
  return evidence.finals[0]?.success ? final : ((policy && refusal(evidence, policy)) ?? final);
}

/** Of a message with recipients that nobody knows (their RCPT was a line of the caller's), the end may have arrived too. */
function inDoubt({ recipients, handedOver, finals, raw }: Evidence): SmtpErrorDetails {
  const unseen = recipients.length === 0 || (raw && finals.length === 0);
  return unseen && handedOver ? { fate: "unknown", retry: "ask" } : {};
}

/** A refusal tells what the server said; Net::SMTP's own sentences stay as they are. */
function refusedInWords({ message }: SmtpError, recipients: readonly RecipientResult[]): string {
  const reached = recipients.some(({ fate }) => fate === "accepted" || fate === "unknown");
  if (reached || recipients.length === 0 || !message.startsWith("Server ")) return message;
  return `${message}; ${nobodyGotIt(recipients)}`;
}

/** What to do with a message that the server took for nobody. */
export function nobodyGotIt(recipients: readonly RecipientResult[]): string {
  return `nobody got the message${ADVICE[bestRetry(recipients) ?? "never"]}`;
}

/** What to do with a message that went to nobody. */
const ADVICE: Readonly<Record<Retry, string>> = {
  now: ": send it again at once, on a new session",
  later: ": send it again later",
  never: "",
  ask: "",
};

/** What happened to whom, and what to do. */
export function inWords(recipients: readonly RecipientResult[]): string {
  if (recipients.every(({ fate }) => fate === "unsent"))
    return `the message was not sent${ADVICE[bestRetry(recipients) ?? "never"]}`;
  const parts: string[] = [];
  for (const fate of ["unknown", "accepted", "refused", "unsent"] as const) {
    const addresses = recipients.filter((recipient) => recipient.fate === fate).map(({ address }) => `<${address}>`);
    if (addresses.length > 0) parts.push(`${MEANING[fate]} ${named(addresses)}`);
  }
  return parts.join(", ");
}

const MEANING: Readonly<Record<Fate, string>> = {
  unknown: `${IN_DOUBT}, to`,
  accepted: "it was accepted for",
  refused: "it was refused for",
  unsent: "it was not sent to",
};

function named(addresses: readonly string[]): string {
  const more = addresses.length - 3;
  return more > 0 ? `${addresses.slice(0, 3).join(", ")} and ${more} more` : addresses.join(", ");
}
