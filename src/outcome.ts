/**
 * From the attempts of a message to its one result. The law here: every recipient stands in it, in the order given,
 * duplicates kept, with what is last known of it; and since another attempt cannot take back what an earlier one may have
 * done, who was accepted stays accepted, and who may have got the message is unknown until an attempt is accepted.
 *
 * @module
 */

import { collected } from "./delivered.ts";
import { type Delivery, type DeliveryFacts, deliveryOf } from "./delivery.ts";
import { isSmtpError, type RecipientResult, SmtpArgumentError, SmtpError, type SmtpErrorDetails } from "./errors.ts";
import type { Attempted } from "./pool/retry.ts";
import { type RecipientPolicy, refusedForSome } from "./protocol/verdict.ts";
import { inWords, nobodyGotIt, withoutWords } from "./told.ts";

/** One attempt, as a part of its message. */
export interface Round extends Attempted {
  /** The places of its recipients in the list of the message. */
  readonly places: readonly number[];
  /** What it delivered, also where it rejected with that. */
  readonly delivery: Delivery | undefined;
}

/** Why a message that may go again does not: in words that follow "since", or the error that ended its wait. */
export type Ending = string | SmtpError;

/** An attempt that gave a delivery. */
export function deliveredRound(places: readonly number[], addresses: readonly string[], delivery: Delivery): Round {
  return { places, recipients: eachOf(addresses, delivery.recipients), delivery, error: undefined };
}

/** An attempt that rejected, with whatever it was. An error that tells no recipients holds for all: their message had not begun. */
export function failedRound(places: readonly number[], addresses: readonly string[], reason: unknown): Round {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  if (!isSmtpError(error)) return { places, recipients: eachOf(addresses, []), delivery: undefined, error };
  const { fate, retry, recipients, delivery } = error;
  const told = recipients.length > 0 ? recipients : addresses.map((address) => ({ address, fate, retry }));
  return { places, recipients: eachOf(addresses, told), delivery, error };
}

/** What was told of each, if it was of each: of what is foreign, or incomplete, nobody knows what became of the message. */
function eachOf(addresses: readonly string[], told: readonly RecipientResult[]): readonly RecipientResult[] {
  if (told.length === addresses.length) return told;
  return addresses.map((address) => ({ address, fate: "unknown", retry: "ask" }));
}

/**
 * The delivery, or the error to reject with, of all attempts, which together were to everybody; `after` says how many. Of one attempt that
 * came to its own end it is what that gave.
 */
export function outcomeOf(
  rounds: readonly Round[],
  policy: RecipientPolicy,
  ending?: Ending,
  after: string = rounds.length === 1 ? "" : `after ${rounds.length} attempts `,
): Delivery | Error {
  const [first] = rounds;
  if (rounds.length === 1 && ending === undefined && first) return first.error ?? (first.delivery as Delivery);
  const recipients = lastKnown(rounds);
  const facts = isDelivered(recipients) ? factsOf(rounds, recipients) : undefined;
  if (facts === undefined || ending instanceof SmtpError) return failureOf(rounds, recipients, after, ending);
  if (ending !== undefined) facts.warnings.push(`Message was not sent again to those refused, since ${ending}`);
  const delivery = deliveryOf(recipients, facts);
  if (policy === "collect" || delivery.refused.length === 0) return delivery;
  return notCollected(rounds, delivery, policy, after, ending);
}

/** As `deliveredOf` tells one attempt; a refusal that this knows nothing of is told by the attempt that it ended. */
function notCollected(
  rounds: readonly Round[],
  delivery: Delivery,
  policy: RecipientPolicy,
  after: string,
  ending?: Ending,
): Error {
  const { recipients, refused } = delivery;
  const late = refusedForSome(refused, policy)?.about({ recipients, delivery });
  if (late) return late;
  const by53x = refused.every(({ response }) => response?.status.startsWith("53"));
  const asNetSmtp = (policy === "net-smtp" && by53x) || rounds.every(({ error }) => error === undefined);
  return asNetSmtp ? collected(delivery) : failureOf(rounds, recipients, after, ending, delivery);
}

function lastKnown(rounds: readonly Round[]): RecipientResult[] {
  const known: RecipientResult[] = [];
  for (const { places, recipients } of rounds) {
    for (const [index, result] of recipients.entries()) {
      const place = places[index] as number;
      const certain = result.fate === "refused" || result.fate === "unsent";
      if (known[place]?.fate !== "unknown" || !certain) known[place] = result;
    }
  }
  return known;
}

function isDelivered(recipients: readonly RecipientResult[]): boolean {
  const certain = recipients.every(({ fate }) => fate === "accepted" || fate === "refused");
  return certain && recipients.some(({ fate }) => fate === "accepted");
}

const NO_TIMES = { envelope: 0, content: 0 };

/** Of the attempts that reached somebody: the reply, size and times of the last, all warnings, and TLS if it held for all. */
function factsOf(rounds: readonly Round[], recipients: readonly RecipientResult[]): DeliveryFacts | undefined {
  const reached = rounds.filter((round) => round.recipients.some(({ fate }) => fate === "accepted"));
  const deliveries = reached.flatMap(({ delivery }) => delivery ?? []);
  const last = deliveries.at(-1);
  const response = last?.response ?? recipients.find(({ fate }) => fate === "accepted")?.response;
  if (response === undefined) return undefined;
  const warnings = [...new Set(deliveries.flatMap((delivery) => delivery.warnings))];
  const told = deliveries.length === reached.length;
  if (!told)
    warnings.push("It is not known of every attempt whether it went over TLS, since one that delivered failed");
  const { size = 0, times = NO_TIMES, capabilities } = last ?? {};
  return { response, tls: told && deliveries.every(({ tls }) => tls), warnings, size, times, capabilities };
}

/** The last error of an attempt, or what ended the wait for the next, told of all recipients. */
function failureOf(
  rounds: readonly Round[],
  recipients: readonly RecipientResult[],
  after: string,
  ending?: Ending,
  delivery?: Delivery,
): Error {
  const last = rounds.findLast(({ error }) => error !== undefined);
  const error = ending instanceof SmtpError ? ending : (last?.error as Error);
  const cause = withoutWords(error.message, last?.recipients ?? []);
  const since = typeof ending === "string" ? `; it was not tried again, since ${ending}` : "";
  return retold(error, `${cause}; ${after}${words(recipients)}${since}`, { recipients, delivery });
}

function words(recipients: readonly RecipientResult[]): string {
  const reached = recipients.some(({ fate }) => fate === "accepted" || fate === "unknown");
  return reached || recipients.every(({ fate }) => fate === "unsent") ? inWords(recipients) : nobodyGotIt(recipients);
}

function retold(error: Error, message: string, details: SmtpErrorDetails): Error {
  if (error instanceof SmtpError) return error.about(details, message);
  if (error instanceof SmtpArgumentError)
    return new SmtpArgumentError(message, { phase: error.phase, cause: error.cause, ...details });
  return new SmtpError(message, { cause: error, ...details });
}
