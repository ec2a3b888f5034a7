/**
 * The delivery log: what became of each recipient in each attempt, as plain records. The law here: no recipient of a message
 * that ended is left out, also if no session ever took it.
 *
 * @module
 */

import { tell } from "./emit.ts";
import type { MessageEndEvent, MessageStartEvent, SendEndEvent, SmtpEvent, SmtpObserver } from "./events.ts";
import type { Fate, RecipientResult, Retry } from "./fate.ts";

/** What became of one recipient in one attempt: strings and numbers, to be written as it is. */
export interface DeliveryRecord {
  /** When the attempt ended: milliseconds since 1970. */
  readonly time: number;
  /** The message's id. */
  readonly id: string;
  /** Which attempt, from 1; 0 if the message ended before a session took it. */
  readonly attempt: number;
  /** The sender's address; "" is the null sender. */
  readonly from: string;
  /** The recipient's address as it was given. */
  readonly recipient: string;
  /** What became of it. */
  readonly fate: Fate;
  /** The reply that decided it, in one printable line. */
  readonly response?: string;
  /** The enhanced code of that reply, `5.1.1`. */
  readonly enhancedCode?: string;
  /** The stable code of the error, `SMTP_…`, if no reply decided it. */
  readonly error?: string;
  /** Whether to send to it again; undefined when accepted. */
  readonly retry?: Retry;
  /** Milliseconds that the attempt took. */
  readonly duration: number;
  /** The server's host name or IP address, as it was given. */
  readonly host: string;
  /** The server's port, as it was given. */
  readonly port: number;
  /** The connection's id; undefined if no session took the message. */
  readonly connection?: string;
}

/** A record for each recipient of an attempt that ended, in the order given; none for any other event. */
export function deliveryRecords(event: SmtpEvent): DeliveryRecord[] {
  return event.type === "sendEnd" ? records(event, event) : [];
}

/**
 * An observer that gives the hook each record, in order. What the hook throws, and a promise of its that rejects, is ignored.
 * Of a message that the pool gave up before any session took it, the records have attempt 0.
 */
export function deliveryLog(hook: (record: DeliveryRecord) => unknown): SmtpObserver {
  const waiting = new Map<string, MessageStartEvent>();
  return (event) => {
    if (event.type === "messageStart") waiting.set(event.id, event);
    else if (event.type === "sendStart") waiting.delete(event.id);
    for (const record of deliveryRecords(event)) tell(hook, record);
    if (event.type !== "messageEnd") return;
    const start = waiting.get(event.id);
    waiting.delete(event.id);
    if (start) for (const record of records(event, { from: start.from, attempt: 0 })) tell(hook, record);
  };
}

/** What the events of a message differ in. */
interface Told {
  readonly from: string;
  readonly attempt: number;
  readonly connection?: string;
}

function records(event: SendEndEvent | MessageEndEvent, { from, attempt, connection }: Told): DeliveryRecord[] {
  const { time, id, duration, host, port, error } = event;
  return event.recipients.map((recipient) => ({
    time,
    id,
    attempt,
    from,
    recipient: recipient.address,
    fate: recipient.fate,
    ...why(recipient, error?.code),
    ...(recipient.retry && { retry: recipient.retry }),
    duration,
    host,
    port,
    ...(connection !== undefined && { connection }),
  }));
}

/** The reply, or else the error. */
function why({ fate, response }: RecipientResult, error: string | undefined): Partial<DeliveryRecord> {
  if (!response) return fate === "accepted" || error === undefined ? {} : { error };
  const { enhancedCode } = response;
  return { response: `${response}`, ...(enhancedCode !== undefined && { enhancedCode }) };
}
