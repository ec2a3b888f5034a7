/**
 * What `send` gives: a delivery of the engine with Nodemailer's keys, in Nodemailer's order. The law here: strings and
 * numbers, nothing of the engine's objects.
 *
 * @module
 */

import type { Delivery } from "../delivery.ts";
import type { Capabilities } from "../protocol/capabilities.ts";
import { plainRecipient, recipientError, replyText } from "./errors.ts";
import type { Outgoing } from "./mail.ts";
import { serverMessageId } from "./server_id.ts";
import type { NetSmtpSentMessageInfo } from "./types.ts";

/** The result of a message that went to the host. */
export function sentMessageInfo(
  delivery: Delivery,
  { from, to, messageId }: Outgoing,
  host: string,
): NetSmtpSentMessageInfo {
  const { accepted, refused, capabilities, times } = delivery;
  const response = replyText(delivery.response);
  const theirs = serverMessageId(response, host);
  return {
    accepted: accepted.map(({ address }) => address),
    rejected: refused.map(({ address }) => address),
    ...(capabilities?.size ? { ehlo: ehloLines(capabilities) } : {}),
    ...(refused.length > 0 ? { rejectedErrors: refused.map(recipientError) } : {}),
    envelopeTime: Math.round(times.envelope),
    messageTime: Math.round(times.content),
    messageSize: delivery.size,
    response,
    ...(theirs === undefined ? {} : { serverMessageId: theirs }),
    envelope: { from, to },
    messageId,
    recipients: delivery.recipients.map(plainRecipient),
  };
}

/** What a session's server offered, as lines: the same for each of its messages. */
const known = new WeakMap<Capabilities, readonly string[]>();

/** A copy, since it is the caller's. */
function ehloLines(capabilities: Capabilities): string[] {
  let lines = known.get(capabilities);
  if (!lines) {
    lines = [...capabilities].map(([keyword, parameters]) => [keyword, ...parameters].join(" "));
    known.set(capabilities, lines);
  }
  return [...lines];
}
