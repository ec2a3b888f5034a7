/**
 * What a message became when it went. The law here: a delivery holds only accepted and refused recipients, at least one of
 * them accepted; whatever else happens is thrown.
 *
 * @module
 */

import type { RecipientResult } from "./fate.ts";
import type { Capabilities } from "./protocol/capabilities.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/** What a message became: at least one recipient accepted it. Anything else is thrown. */
export interface Delivery {
  /** Every recipient in the order given, duplicates kept; each `accepted` or `refused`. */
  recipients: RecipientResult[];
  /** Those that the server took the message for. */
  accepted: RecipientResult[];
  /** Those that it refused, each with its reply. */
  refused: RecipientResult[];
  /** The reply to the end of the message; under LMTP the first that took it. */
  response: SmtpResponse;
  /** True if it went over TLS. */
  tls: boolean;
  /** What the caller should know although the message went: it went in clear, a line was too long. */
  warnings: string[];
  /** Octets of the content as it went over the wire, stuffed dots and the end of data included. */
  size: number;
  /** How long it took. */
  times: DeliveryTimes;
  /** What the server had offered in its last EHLO; undefined after HELO. */
  capabilities: Capabilities | undefined;
}

/** How long a message took on the wire, in milliseconds. */
export interface DeliveryTimes {
  /** From MAIL to the last reply to the envelope. */
  envelope: number;
  /** From there to the reply to the content. */
  content: number;
}

/** What `beforeEnd` is told of a message. */
export interface MessageInDoubt {
  /** The message's `id` option, or one made for it. */
  readonly id: string;
  /** The recipients that the server has accepted, to whom the message may go from now on. */
  readonly recipients: readonly string[];
}

/** What is known of a message that went, besides its recipients. */
export type DeliveryFacts = Omit<Delivery, "recipients" | "accepted" | "refused">;

/** The delivery of these recipients. */
export function deliveryOf(recipients: RecipientResult[], facts: DeliveryFacts): Delivery {
  const [accepted, refused]: [RecipientResult[], RecipientResult[]] = [[], []];
  for (const recipient of recipients) (recipient.fate === "accepted" ? accepted : refused).push(recipient);
  const { response, tls, warnings, size, times, capabilities } = facts;
  return { recipients, accepted, refused, response, tls, warnings, size, times, capabilities };
}
