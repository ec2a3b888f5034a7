/**
 * From the replies of one transaction to what they mean: go on or stop, and what became of each recipient.
 * The law here: nothing is decided anywhere else, and nothing here writes or waits. The replies stand in the order of
 * the commands, RSET (if it was owed), MAIL, RCPT for each recipient, DATA; as far as they have come.
 *
 * @module
 */

import {
  errorClass,
  type RecipientResult,
  type Retry,
  SmtpAuthenticationError,
  type SmtpError,
  SmtpProtocolError,
  SmtpUnknownError,
} from "../errors.ts";
import type { SmtpResponse } from "./reply.ts";

/**
 * What happens when a recipient is refused. `net-smtp`: Net::SMTP's rule (53x refusals are collected, any other stops the
 * message); `collect`: the message goes to the others; `all-or-nothing`: the first refusal stops the message.
 */
export type RecipientPolicy = "net-smtp" | "collect" | "all-or-nothing";

/** What is known of one transaction. */
export interface Evidence {
  /** The sender, as it was given. */
  readonly from: string;
  /** The recipients, as they were given, in order. */
  readonly recipients: readonly string[];
  /** True if an RSET stands in front of MAIL. */
  readonly reset: boolean;
  /** The replies to RSET, MAIL, RCPT… and DATA so far. */
  readonly replies: readonly SmtpResponse[];
  /** True if the caller may have named recipients by lines of his own, which are not among these. */
  readonly raw?: boolean;
  /** True once the end of the message had been given to the socket. */
  readonly handedOver: boolean;
  /** The complete replies to the content, in order: one for all, or as `each` says; before the end was handed over, an early one for all. */
  readonly finals: readonly SmtpResponse[];
  /** True if each recipient that was accepted has a reply of its own to the end of the message (LMTP, RFC 2033 4.2). */
  readonly each?: boolean;
}

/** The reply to the RSET that was owed; undefined if none was, or if it has not come. */
export function resetReply(evidence: Evidence): SmtpResponse | undefined {
  return evidence.reset ? evidence.replies[0] : undefined;
}

/** The reply to MAIL, if it has come. */
export function mailReply(evidence: Evidence): SmtpResponse | undefined {
  return evidence.replies[evidence.reset ? 1 : 0];
}

/** The reply to the RCPT of the recipient at `index`, if it has come. */
export function rcptReply(evidence: Evidence, index: number): SmtpResponse | undefined {
  return evidence.replies[(evidence.reset ? 2 : 1) + index];
}

/** The reply to DATA, if it has come. */
export function dataReply(evidence: Evidence): SmtpResponse | undefined {
  return rcptReply(evidence, evidence.recipients.length);
}

/** How many replies the end of the message is owed: one, or under LMTP one for each accepted RCPT, duplicates counted (RFC 2033 4.2). */
export function finalsOwed(evidence: Evidence): number {
  return evidence.each ? takers(evidence).length : 1;
}

/** True if a recipient stands among them twice; the case of letters is not looked at, as many servers do not. */
export function namedTwice(recipients: readonly string[]): boolean {
  return new Set(recipients.map((address) => address.toLowerCase())).size < recipients.length;
}

/** Those whose RCPT was accepted, in order. */
function takers(evidence: Evidence): string[] {
  return evidence.recipients.filter((_, index) => rcptReply(evidence, index)?.success);
}

/** True once MAIL, and an RSET in front of it, got 2xx: only then may content be written. */
export function transactionOpen(evidence: Evidence): boolean {
  return mailReply(evidence)?.success === true && (!evidence.reset || resetReply(evidence)?.success === true);
}

/** True once the server has refused every recipient, each by a 4xx or 5xx. */
export function everyRecipientRefused(evidence: Evidence): boolean {
  const { recipients } = evidence;
  return recipients.length > 0 && recipients.every((_, index) => isRefusal(rcptReply(evidence, index)));
}

/**
 * The fate of every recipient, by the table of design.md read from top to bottom. `unsentRetry` is what an unsent
 * recipient is told, since only the caller knows why the message was stopped.
 */
export function fates(evidence: Evidence, unsentRetry: Retry): RecipientResult[] {
  const { recipients, handedOver, finals, each } = evidence;
  const first = finals[0];
  const contradiction = handedOver && first?.success && isContradiction(evidence);
  let answered = 0;
  return recipients.map((address, index) => {
    if (contradiction) return { address, fate: "unknown", response: first, retry: "ask" };
    const own = each && handedOver ? finals[rcptReply(evidence, index)?.success ? answered++ : finals.length] : first;
    return recipientFate(evidence, address, index, own, unsentRetry);
  });
}

/** `final` is the reply to the end that is about this recipient. */
function recipientFate(
  evidence: Evidence,
  address: string,
  index: number,
  final: SmtpResponse | undefined,
  unsentRetry: Retry,
): RecipientResult {
  const rcpt = rcptReply(evidence, index);
  const refusal = firstRefusal(mailReply(evidence), rcpt, dataReply(evidence), final);
  const late = evidence.each === true && evidence.handedOver && refusal === final;
  if (refusal) return refusedResult(address, refusal, refusal === rcpt, late);
  if (!evidence.handedOver) return { address, fate: "unsent", retry: unsentRetry };
  if (final?.success && rcpt?.success !== false) return { address, fate: "accepted", response: final };
  return { address, fate: "unknown", retry: "ask" };
}

/** `late`: by the recipient's own reply to the end, so that others can have got the message. */
function refusedResult(address: string, response: SmtpResponse, toRcpt: boolean, late: boolean): RecipientResult {
  const retry = refusalRetry(response, toRcpt);
  return late
    ? { address, fate: "refused", response, retry, phase: "final" }
    : { address, fate: "refused", response, retry };
}

/** The server took content although it had refused the sender or everybody: nobody can tell what it did with it. */
function isContradiction(evidence: Evidence): boolean {
  return !evidence.raw && (!transactionOpen(evidence) || everyRecipientRefused(evidence));
}

function isRefusal(reply: SmtpResponse | undefined): boolean {
  if (reply === undefined || reply.success || reply.continue) return false;
  return reply.statusTypeChar === "4" || reply.statusTypeChar === "5";
}

function firstRefusal(...replies: readonly (SmtpResponse | undefined)[]): SmtpResponse | undefined {
  for (const reply of replies) if (isRefusal(reply)) return reply;
  return undefined;
}

/** A 421 ends the session and says nothing against the message; 552 to RCPT is "too many recipients" (RFC 5321 4.5.3.1.10). */
function refusalRetry(reply: SmtpResponse, toRcpt: boolean): Retry {
  if (reply.status === "421") return "now";
  return reply.statusTypeChar === "4" || (toRcpt && reply.status === "552") ? "later" : "never";
}

/** Why the message may not go on to its content, as an error to throw; undefined if it may. Judges what has come so far, so it serves flights and single commands. */
export function refusal(evidence: Evidence, policy: RecipientPolicy): SmtpError | undefined {
  const reset = resetReply(evidence);
  if (reset && !reset.success)
    return refused(reset, `Server refused to reset the transaction before it: ${reset}`, "mail", "RSET", "now");
  const mail = mailReply(evidence);
  if (mail && !mail.success)
    return refused(mail, `Server refused sender <${evidence.from}>: ${mail}`, "mail", "MAIL FROM");
  return recipientRefusal(evidence, policy) ?? dataRefusal(evidence, policy);
}

function recipientRefusal(evidence: Evidence, policy: RecipientPolicy): SmtpError | undefined {
  for (let index = 0; index < evidence.recipients.length; index++) {
    const reply = rcptReply(evidence, index);
    if (reply && !reply.success && !isCollected(reply, policy)) {
      const address = evidence.recipients[index];
      return refused(reply, `Server refused recipient <${address}>: ${reply}`, "rcpt", `RCPT TO:<${address}>`);
    }
  }
  if (!everyRecipientRefused(evidence)) return undefined;
  return policy === "net-smtp"
    ? new SmtpAuthenticationError("mail destination not given", { phase: "rcpt", command: "RCPT TO" })
    : allRefused(evidence);
}

/** True if the message may go to the others. A 3xx is no refusal of the recipient, and nobody can tell what it is. */
function isCollected(reply: SmtpResponse, policy: RecipientPolicy): boolean {
  return isRefusal(reply) && (policy === "collect" || (policy === "net-smtp" && reply.status.startsWith("53")));
}

/** Every recipient was refused: the class and the code are those of the most hopeful reply, as a caller looks at them to decide on a retry. */
function allRefused(evidence: Evidence): SmtpError {
  const { recipients } = evidence;
  const replies = recipients.map((_, index) => rcptReply(evidence, index) as SmtpResponse);
  const who = replies.length === 1 ? "the only recipient" : `all ${replies.length} recipients`;
  const message = `Server refused ${who}: ${listed(recipients, replies)}`;
  return refused(mostHopeful(replies), message, "rcpt", "RCPT TO");
}

function mostHopeful(replies: readonly SmtpResponse[]): SmtpResponse {
  return replies.find((reply) => reply.statusTypeChar === "4") ?? (replies[0] as SmtpResponse);
}

function listed(addresses: readonly string[], replies: readonly (SmtpResponse | undefined)[]): string {
  const told = addresses.slice(0, 3).map((address, index) => `<${address}>: ${replies[index]}`);
  if (addresses.length > told.length) told.push(`and ${addresses.length - told.length} more`);
  return told.join("; ");
}

function dataRefusal(evidence: Evidence, policy: RecipientPolicy): SmtpError | undefined {
  const reply = dataReply(evidence);
  if (!reply || reply.status === "354") return undefined;
  if (reply.success) return acceptedBeforeText(reply);
  if (policy === "net-smtp") return dataUnknown(reply);
  return refused(reply, `Server refused to take the message: ${reply}`, "data", "DATA");
}

/** A 2xx to DATA is one before the message has ended (design.md, law 3). */
export function acceptedBeforeText(reply: SmtpResponse): SmtpProtocolError {
  const message = `Server accepted a message before its text: ${reply}; the session cannot be trusted any more and was closed`;
  return new SmtpProtocolError(message, { phase: "data", command: "DATA", response: reply, retry: "later" });
}

/** Under LMTP a 354 although nobody was accepted (RFC 2033 4.2 wants 503): how many replies the end would have, nobody can tell. */
export function takenForNobody(reply: SmtpResponse): SmtpProtocolError {
  const message = `Server takes a message for nobody: ${reply}; what it would answer cannot be counted, so the connection was closed`;
  return new SmtpProtocolError(message, { phase: "data", command: "DATA", response: reply, retry: "never" });
}

/** Net::SMTP's error for a DATA that was not answered 354, word for word. */
export function dataUnknown(reply: SmtpResponse): SmtpError {
  return new SmtpUnknownError(`could not get 3xx (${reply.status}: ${reply})`, {
    phase: "data",
    command: "DATA",
    response: reply,
  });
}

function refused(
  reply: SmtpResponse,
  message: string,
  phase: SmtpError["phase"],
  command: string,
  retry?: Retry,
): SmtpError {
  return new (errorClass(reply.status))(message, { phase, command, response: reply, ...(retry && { retry }) });
}

/** What the replies to the end of the message say, as an error; undefined if somebody's accepts it, or if they are not complete. */
export function finalRefusal(evidence: Evidence): SmtpError | undefined {
  const { finals, handedOver } = evidence;
  const first = finals[0];
  if (first === undefined || (handedOver && finals.length < finalsOwed(evidence))) return undefined;
  if (first.success && isContradiction(evidence))
    return refused(first, `Server took a message that it had refused: ${first}`, "final", "DATA");
  const odd = finals.find(asksForMore);
  if (odd) return refused(odd, `Server asked for more when the message had ended: ${odd}`, "final", "DATA");
  if (finals.some(accepts)) return undefined;
  const whom =
    finals.length > 1 ? ` for all ${finals.length} recipients: ${listed(takers(evidence), finals)}` : `: ${first}`;
  return refused(mostHopeful(finals), `Server refused the message${whom}`, handedOver ? "final" : "content", "DATA");
}

/** The first reply to the end that takes the message. */
export function acceptance(evidence: Evidence): SmtpResponse | undefined {
  return evidence.finals.find(accepts);
}

/** True once every reply to the end that has come takes the message. */
export function acceptedForAll({ finals }: Evidence): boolean {
  return finals.length > 0 && finals.every(accepts);
}

// Once, not for each message.
const accepts = (reply: SmtpResponse): boolean => reply.success;
const asksForMore = (reply: SmtpResponse): boolean => reply.continue;

/**
 * Under LMTP the end can be refused for some although it was accepted for others: the error of those whose refusal the
 * policy does not collect, without a policy of all; undefined if there are none.
 */
export function refusedForSome(results: readonly RecipientResult[], policy?: RecipientPolicy): SmtpError | undefined {
  const late = results.filter(
    ({ phase, response }) => phase === "final" && response && !(policy && isCollected(response, policy)),
  );
  const [first] = late;
  if (!first?.response) return undefined;
  const addresses = late.map(({ address }) => address);
  const replies = late.map(({ response }) => response);
  return refused(first.response, `Server refused the message for ${listed(addresses, replies)}`, "final", "DATA");
}

/** Net::SMTP's error after a delivery to some although others were refused 53x, word for word; undefined if none was. */
export function collectedRefusals(
  results: readonly RecipientResult[],
): { message: string; response: SmtpResponse } | undefined {
  const refusals = results.filter(({ fate }) => fate === "refused");
  const first = refusals[0]?.response;
  if (!first) return undefined;
  return {
    message: `failed to deliver for ${refusals.map(({ address }) => JSON.stringify(address)).join(", ")}`,
    response: first,
  };
}
