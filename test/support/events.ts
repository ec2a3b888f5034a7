/**
 * Events made by hand, for what folds them: a test names what it is about, the rest is the same everywhere.
 *
 * @module
 */

import type {
  ConnectEndEvent,
  DisconnectEvent,
  Fate,
  MessageEndEvent,
  MessageStartEvent,
  RecipientResult,
  RetryEvent,
  SendEndEvent,
  SendStartEvent,
  SmtpError,
} from "../../mod.ts";
import { SmtpConnectionError } from "../../mod.ts";

const PLACE = { time: 3, host: "mx.example", port: 25 };
const CONNECTION = { ...PLACE, connection: "c1" };
const FROM = "a@x.example";

/** Recipients with these fates: r0@y.example, r1@y.example, … */
export function recipients(fates: readonly Fate[]): RecipientResult[] {
  return fates.map((fate, at) => ({ address: `r${at}@y.example`, fate }));
}

/** A session is started, or could not be. */
export function connectEnd(about: { error?: SmtpError } = {}): ConnectEndEvent {
  return { type: "connectEnd", ...CONNECTION, duration: 5, tls: false, ...about };
}

/** A session is over. */
export function disconnect(about: { error?: SmtpError } = {}): DisconnectEvent {
  return { type: "disconnect", ...CONNECTION, duration: 5, ...about };
}

/** A message is given to a session. */
export function sendStart(about: Partial<SendStartEvent> = {}): SendStartEvent {
  return { type: "sendStart", ...CONNECTION, id: "m1", attempt: 1, from: FROM, to: ["r0@y.example"], ...about };
}

/** And ended there. */
export function sendEnd(about: Partial<SendEndEvent> & { fates?: readonly Fate[] }): SendEndEvent {
  const { fates = ["accepted"], ...rest } = about;
  const facts = { recipients: recipients(fates), duration: 100, size: 0, tls: false };
  return { type: "sendEnd", ...CONNECTION, id: "m1", attempt: 1, from: FROM, ...facts, ...rest };
}

/** A message is given to the pool. */
export function messageStart(about: Partial<MessageStartEvent> = {}): MessageStartEvent {
  return { type: "messageStart", ...PLACE, id: "m1", from: FROM, to: ["r0@y.example"], ...about };
}

/** And ended there. */
export function messageEnd(about: Partial<MessageEndEvent> & { fates?: readonly Fate[] }): MessageEndEvent {
  const { fates = ["accepted"], ...rest } = about;
  const facts = { attempts: 1, duration: 100, recipients: recipients(fates), size: 0 };
  return { type: "messageEnd", ...PLACE, id: "m1", ...facts, ...rest };
}

/** It will be tried again. */
export function retry(about: Partial<RetryEvent> = {}): RetryEvent {
  const error = new SmtpConnectionError("Connection was lost");
  return { type: "retry", time: 3, id: "m1", attempt: 2, delay: 1_000, recipients: ["r0@y.example"], error, ...about };
}
