/**
 * A message whose end was answered, told by its policy: as a delivery, or as the error that the policy puts in its place.
 * The law here: a message that has gone to somebody is never told without its delivery.
 *
 * @module
 */

import { type Delivery, type DeliveryFacts, deliveryOf } from "./delivery.ts";
import { SmtpAuthenticationError, type SmtpError } from "./errors.ts";
import { collectedRefusals, type Evidence, fates, type RecipientPolicy, refusedForSome } from "./protocol/verdict.ts";

/** The delivery of a message that somebody's reply has accepted; throws, the delivery with it, what the policy does not collect. */
export function deliveredOf(evidence: Evidence, policy: RecipientPolicy, facts: DeliveryFacts): Delivery {
  const delivery = deliveryOf(fates(evidence, "never"), facts);
  if (policy === "collect" || delivery.refused.length === 0) return delivery;
  throw refusedForSome(delivery.refused, policy)?.about({ delivery }) ?? collected(delivery);
}

/** Net::SMTP's: 53x refusals are thrown when the message has gone to the others. */
export function collected(delivery: Delivery): SmtpError {
  const { recipients } = delivery;
  const { message, response } = collectedRefusals(recipients) as NonNullable<ReturnType<typeof collectedRefusals>>;
  return new SmtpAuthenticationError(message, { phase: "rcpt", response, recipients, delivery });
}
