/**
 * What `send` gives: a delivery of the engine with Nodemailer's keys, in Nodemailer's order. The law here: strings and
 * numbers, nothing of the engine's objects.
 *
 * @module
 */

import type { Delivery } from "../delivery.ts";
import type { Capabilities } from "../protocol/capabilities.ts";
import { plainRecipient, recipientError, replyText } from "./errors.ts";
import type { NetSmtpSentMessageInfo } from "./types.ts";

/** What is known of a message besides its delivery. */
export interface Sent {
  readonly from: string;
  readonly to: string[];
  readonly messageId: string;
  /** What the server offered; undefined after HELO. */
  readonly capabilities: Capabilities | undefined;
  /** Milliseconds from MAIL to the content. */
  readonly envelopeTime: number;
  /** Milliseconds for the content and the reply to it. */
  readonly messageTime: number;
}

/** The result of a message. */
export function sentMessageInfo(delivery: Delivery, sent: Sent): NetSmtpSentMessageInfo {
  const { accepted, refused } = delivery;
  return {
    accepted: accepted.map(({ address }) => address),
    rejected: refused.map(({ address }) => address),
    ...(sent.capabilities ? { ehlo: ehloLines(sent.capabilities) } : {}),
    ...(refused.length > 0 ? { rejectedErrors: refused.map(recipientError) } : {}),
    envelopeTime: sent.envelopeTime,
    messageTime: sent.messageTime,
    messageSize: delivery.size,
    response: replyText(delivery.response),
    envelope: { from: sent.from, to: sent.to },
    messageId: sent.messageId,
    recipients: delivery.recipients.map(plainRecipient),
  };
}

function ehloLines(capabilities: Capabilities): string[] {
  return [...capabilities].map(([keyword, parameters]) => [keyword, ...parameters].join(" "));
}
