/**
 * What happened, as one stream of events. The law here: whatever is told of a session or of the pool (figures, delivery log,
 * traces) is told from these events, and an event is a copy: to change it changes nothing of what the caller gets.
 *
 * @module
 */

import type { RecipientResult, SmtpFailure } from "./fate.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/** Told of each event, synchronously. What it throws, and a promise of its that rejects, is ignored. */
export type SmtpObserver = (event: SmtpEvent) => unknown;

/** Everything that is told. */
export type SmtpEvent =
  | ConnectStartEvent
  | ConnectEndEvent
  | DisconnectEvent
  | SendStartEvent
  | SendEndEvent
  | ReplyEvent
  | MessageStartEvent
  | MessageEndEvent
  | RetryEvent
  | ThrottleEvent;

/** What every event has. */
export interface SmtpEventBase {
  /** When it happened: milliseconds since 1970 by the system's clock. */
  readonly time: number;
}

/** Where it happened. */
export interface SmtpEventPlace {
  /** The server's host name or IP address, as it was given. */
  readonly host: string;
  /** The server's port, as it was given. */
  readonly port: number;
}

/** On which connection it happened. */
export interface SmtpEventConnection extends SmtpEventPlace {
  /** One start of a session, from `connectStart` to `disconnect`: a random UUID. */
  readonly connection: string;
}

/** A session begins to connect. */
export interface ConnectStartEvent extends SmtpEventBase, SmtpEventConnection {
  /** What happened. */
  readonly type: "connectStart";
}

/** A session is started, logged in if it was to be; or it could not be. */
export interface ConnectEndEvent extends SmtpEventBase, SmtpEventConnection {
  /** What happened. */
  readonly type: "connectEnd";
  /** Milliseconds since `connectStart`. */
  readonly duration: number;
  /** True if it is inside TLS; false also of one that failed. */
  readonly tls: boolean;
  /** Why it failed, if it did: no `disconnect` follows then. */
  readonly error?: Error & SmtpFailure;
}

/** A session that was started is over: finished, lost, broken or dropped. */
export interface DisconnectEvent extends SmtpEventBase, SmtpEventConnection {
  /** What happened. */
  readonly type: "disconnect";
  /** Milliseconds since `connectEnd`. */
  readonly duration: number;
  /** Why, unless it was finished in order. */
  readonly error?: Error & SmtpFailure;
}

/** Which message, which time. */
export interface SmtpEventAttempt {
  /** The message's `id` option, or the random UUID made for it; what `beforeEnd` is told. */
  readonly id: string;
  /** Which attempt to send it, from 1. */
  readonly attempt: number;
}

/** A message was given to a session, within the call; it may have to wait for its turn there. */
export interface SendStartEvent extends SmtpEventBase, SmtpEventConnection, SmtpEventAttempt {
  /** What happened. */
  readonly type: "sendStart";
  /** The sender's address; "" is the null sender. */
  readonly from: string;
  /** The recipients of this attempt in the order given, duplicates kept. */
  readonly to: readonly string[];
}

/** What became of a message that was given to a session. */
export interface SendEndEvent extends SmtpEventBase, SmtpEventConnection, SmtpEventAttempt {
  /** What happened. */
  readonly type: "sendEnd";
  /** The sender's address; "" is the null sender. */
  readonly from: string;
  /** The fate of each recipient of this attempt, in the order given. */
  readonly recipients: readonly RecipientResult[];
  /** Milliseconds since `sendStart`. */
  readonly duration: number;
  /** Octets of the content as it went over the wire; 0 unless somebody accepted it. */
  readonly size: number;
  /** True if the connection is inside TLS. */
  readonly tls: boolean;
  /** The reply to the message, or the one that refused it. */
  readonly response?: SmtpResponse;
  /** What was thrown, if anything was. */
  readonly error?: Error & SmtpFailure;
}

/** The server replied. Told of sessions whose start found somebody listening. */
export interface ReplyEvent extends SmtpEventBase {
  /** What happened. */
  readonly type: "reply";
  /** The connection's id. */
  readonly connection: string;
  /** The reply; of a login's challenge only its code, `334 ****`. */
  readonly response: SmtpResponse;
}

/** A message was given to the pool; told within the call. */
export interface MessageStartEvent extends SmtpEventBase, SmtpEventPlace {
  /** What happened. */
  readonly type: "messageStart";
  /** The message's `id` option, or the random UUID made for it. */
  readonly id: string;
  /** The sender's address; "" is the null sender. */
  readonly from: string;
  /** The recipients in the order given, duplicates kept. */
  readonly to: readonly string[];
}

/** What became of a message that was given to the pool, after all attempts. */
export interface MessageEndEvent extends SmtpEventBase, SmtpEventPlace {
  /** What happened. */
  readonly type: "messageEnd";
  /** The message's id. */
  readonly id: string;
  /** How often it was tried; 0 if it never was. */
  readonly attempts: number;
  /** Milliseconds since `messageStart`, waiting included. */
  readonly duration: number;
  /** The last fate of each recipient, in the order given. */
  readonly recipients: readonly RecipientResult[];
  /** Octets of the content as it went over the wire; 0 unless somebody accepted it. */
  readonly size: number;
  /** The reply to the message, or the one that refused it. */
  readonly response?: SmtpResponse;
  /** What was thrown, if anything was. */
  readonly error?: Error & SmtpFailure;
}

/** The pool will try a message again. */
export interface RetryEvent extends SmtpEventBase {
  /** What happened. */
  readonly type: "retry";
  /** The message's id. */
  readonly id: string;
  /** Which attempt will be next. */
  readonly attempt: number;
  /** Milliseconds until then. */
  readonly delay: number;
  /** The recipients still owed, to whom it will go. */
  readonly recipients: readonly string[];
  /** What the attempt before was thrown; undefined if it was a delivery to others. */
  readonly error?: Error & SmtpFailure;
}

/** The pool pauses, since the server asked for less. */
export interface ThrottleEvent extends SmtpEventBase {
  /** What happened. */
  readonly type: "throttle";
  /** Milliseconds until one message is tried. */
  readonly delay: number;
  /** The reply that asked for it. */
  readonly response?: SmtpResponse;
}
