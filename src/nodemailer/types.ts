/**
 * What the plugin takes and gives, in Nodemailer's words. The law here: the types are structural and import nothing of
 * Nodemailer, so that `createTransport` of its own types and of @types/nodemailer both take the transport, and nobody
 * needs Nodemailer to compile this package.
 *
 * @module
 */

import type { MessageInDoubt } from "../delivery.ts";
import type { Fate, Phase, Retry } from "../errors.ts";
import type { RecipientPolicy } from "../protocol/verdict.ts";
import type { NetSmtpAuth, NetSmtpCustomAuth } from "./login_types.ts";
import type { NetSmtpPoolOptions } from "./pool_options.ts";

/** What `getSocket` answers; besides the socket what holds for its connection. */
export interface NetSmtpSocketOptions {
  /** The connected socket; without one the host is dialled. */
  connection?: unknown;
  /** It speaks TLS already. */
  secured?: boolean | undefined;
  /** TLS from the first byte. */
  secure?: boolean | undefined;
  /** The name that the certificate must carry. */
  servername?: string | undefined;
  /** Options of `tls.connect`. */
  tls?: object | undefined;
  /** The host, whose name the certificate must carry unless `servername` is given. */
  host?: string | undefined;
  /** Nothing else can be changed for one connection. */
  [key: string]: unknown;
}

/** Makes the socket of one connection, as Nodemailer's proxies do. It is given the options, with `connectStartedAt`. */
export type NetSmtpGetSocket = (
  // biome-ignore lint/suspicious/noExplicitAny: Nodemailer's own types, which are not imported
  options: any,
  // biome-ignore lint/suspicious/noExplicitAny: the same
  callback: (error: any, socketOptions?: any) => void,
) => void;

/** A logger like bunyan's and pino's: methods by level that take fields and a message. A level it lacks goes to another. */
export interface NetSmtpLogger {
  /** Called for the dialogue, with `debug`. */
  debug?(fields: object, message: string): unknown;
  /** Called for connections and messages. */
  info?(fields: object, message: string): unknown;
  /** Called for what the caller should know although the message went. */
  warn?(fields: object, message: string): unknown;
  /** Called for messages that failed. */
  error?(fields: object, message: string): unknown;
}

/** The options of the transport: Nodemailer's names and, from `recipientPolicy` on, the engine's. Times are milliseconds. */
export interface NetSmtpTransportOptions extends NetSmtpPoolOptions {
  /** All of it as a URL: `smtps://user:pass@smtp.example.com?name=me.example`. What it says goes before the other options. */
  url?: string | undefined;
  /** A service by its name in Nodemailer's list, "gmail" for example. What the list says goes before the URL and the other options. */
  service?: string | undefined;
  /** The server's host name or IP address. Default "localhost". */
  host?: string | undefined;
  /** The server's port. Default 465 if `secure`, else 587. */
  port?: number | string | undefined;
  /** Speak LMTP (RFC 2033), each recipient with a reply of its own to the message; needs a `port`, and not 25. Default false. */
  lmtp?: boolean | undefined;
  /** TLS from the first byte. Default: true for port 465, else false. */
  secure?: boolean | undefined;
  /** STARTTLS always: a server that does not offer it is an error. Default false; with a login off loopback it is always so. */
  requireTLS?: boolean | undefined;
  /** STARTTLS never, unless `requireTLS`. Default false. */
  ignoreTLS?: boolean | undefined;
  /**
   * STARTTLS where it is offered, and where the server refuses it the message goes in clear without the login, with a
   * warning to the logger, unless `requireTLS` or `ignoreTLS`. Default false: a refusal is an error.
   */
  opportunisticTLS?: boolean | undefined;
  /** The name said in EHLO. Default: the host's name if it is dotted, else `[127.0.0.1]`. */
  name?: string | undefined;
  /** The login. Default none. */
  auth?: NetSmtpAuth | false | null | undefined;
  /** The login mechanism where `auth.method` names none. */
  authMethod?: string | undefined;
  /** Log in although the server does not say that it offers it; `verify` without a login is an error. Default false. */
  forceAuth?: boolean | undefined;
  /** Logins of your own by the name of their mechanism, for `auth.method`; they go before the built-in ones. Default none. */
  customAuth?: Readonly<Record<string, NetSmtpCustomAuth>> | undefined;
  /** Options of the runtime's `tls.connect`: `ca`, `cert`, `key`, `rejectUnauthorized`, `servername`, … */
  tls?: object | undefined;
  /** The name that the certificate must carry. Default: the host. */
  servername?: string | undefined;
  /** For DNS, all addresses, TCP and TLS together (the engine's `openTimeout`), and at most for the greeting. Default 120 000. */
  connectionTimeout?: number | undefined;
  /** For the greeting, and for the handshake after STARTTLS (the engine's `greetingTimeout`). Default 30 000. */
  greetingTimeout?: number | undefined;
  /**
   * For each reply, and for writing without progress (the engine's `readTimeout` and `writeTimeout`). Default 600 000. The
   * reply to a message is waited for longer, see `finalTimeout`.
   */
  socketTimeout?: number | undefined;
  /** For DNS alone. Default 30 000. */
  dnsTimeout?: number | undefined;
  /** For the server to close after QUIT, before the connection is dropped; 0: at once. Default 5 000; it keeps no process alive. */
  socketCloseTimeout?: number | undefined;
  /** Octets of one reply beyond which the connection is given up. Default 65 536, no line over 12 288, no more than 1 000 lines. */
  maxResponseSize?: number | undefined;
  /** The local IP address to connect from. Default: the system's choice. */
  localAddress?: string | undefined;
  /** Nothing: every address that the resolver gives is tried, whatever interfaces there are. Taken, since Nodemailer has it. */
  allowInternalNetworkInterfaces?: boolean | undefined;
  /** A connected socket, for the first connection and no other; it counts as not loopback. Default none. */
  connection?: object | undefined;
  /** A `net.Socket` that is still to be connected, for the first connection and no other; it counts as not loopback. Default none. */
  socket?: object | undefined;
  /** The socket speaks TLS already. Default: what the socket says. */
  secured?: boolean | undefined;
  /** Makes the socket of each connection; without one in its answer the host is dialled. Default none. */
  getSocket?: NetSmtpGetSocket | undefined;
  /** True: to the console; or a logger. Default none. */
  logger?: NetSmtpLogger | boolean | null | undefined;
  /** The dialogue goes to the logger too, secrets and content left out. Default false. */
  debug?: boolean | undefined;
  /** The same as `debug`, which here never shows content. */
  transactionLog?: boolean | undefined;
  /** The `component` field of what is logged. Default "net-smtp". */
  component?: string | undefined;
  /** Every message asks for REQUIRETLS (RFC 8689): TLS with a verified certificate on every hop. A message can ask for itself. Default false. */
  requireTLSExtensionEnabled?: boolean | undefined;
  /** What happens when a recipient is refused. Default "collect": the message goes to the others. */
  recipientPolicy?: RecipientPolicy | undefined;
  /** Awaited before the bytes that can end a message are handed over, with its Message-ID; if it rejects, the message is not sent. */
  beforeEnd?: ((message: MessageInDoubt) => unknown) | undefined;
  /** Log in although the connection is in clear and not on loopback. Default false. */
  allowInsecureAuth?: boolean | undefined;
  /** A line of a message over 998 octets is an error. Default false. */
  strict?: boolean | undefined;
  /** Send commands in groups where the server offers it (RFC 2920). Default true. */
  pipelining?: boolean | undefined;
  /** Send the content in chunks where the server offers it (RFC 3030). Default true. */
  chunking?: boolean | undefined;
  /** For the reply to a message; a shorter one makes duplicates (RFC 5321 4.5.3.2.6). Default: `socketTimeout`, and at least 600 000. */
  finalTimeout?: number | undefined;
  /** What of `dsn` and `use8BitMime` is not offered: "error" (default), before MAIL; "omit": left out with a warning, where the RFC allows it. */
  whenNotOffered?: "error" | "omit" | undefined;
}

/** What became of one recipient, in strings. */
export interface NetSmtpRecipient {
  /** The address as it was given. */
  address: string;
  /** What became of it: accepted, refused, unsent, unknown. */
  fate: Fate;
  /** The reply that decided it, if one did. */
  response?: string;
  /** Whether to send to it again; undefined when accepted. */
  retry?: Retry;
}

/** What `send` gives: Nodemailer's keys, and `recipients`. */
export interface NetSmtpSentMessageInfo {
  /** The recipients that the server took the message for. */
  accepted: string[];
  /** The recipients that it refused. */
  rejected: string[];
  /** What the server offered: the lines of its EHLO reply without codes and greeting; absent after HELO, or if there were none. */
  ehlo?: string[];
  /** Why, an error for each of `rejected`; absent if there is none. */
  rejectedErrors?: NetSmtpTransportError[];
  /** Milliseconds from MAIL to the content. */
  envelopeTime: number;
  /** Milliseconds for the content and the reply to it. */
  messageTime: number;
  /** Octets of the content as it went over the wire, stuffed dots and the end included. */
  messageSize: number;
  /** The reply to the message, its lines joined with LF. */
  response: string;
  /** The Message-ID that the server put in its place, if its reply names one: Outlook's and Amazon SES's do. */
  serverMessageId?: string;
  /** The envelope that was used; "" is the null sender. */
  envelope: {
    /** The sender's address; "" is the null sender. */
    from: string;
    /** The recipients' addresses, in the order given. */
    to: string[];
  };
  /** The Message-ID, with angle brackets. */
  messageId: string;
  /** The fate of every recipient, in the order given. */
  recipients: NetSmtpRecipient[];
  /** Nothing else; Nodemailer's types want it of a result. */
  // biome-ignore lint/suspicious/noExplicitAny: as they have it
  [key: string]: any;
}

/** The error of `send` and `verify`: Nodemailer's keys, then ours; `cause` is the engine's error. */
export interface NetSmtpTransportError extends Error {
  /** Nodemailer's code: ECONNECTION, ETIMEDOUT, EAUTH, EENVELOPE, EMESSAGE, … */
  code: string;
  /** The command that failed as Nodemailer names it: CONN, API, EHLO, MAIL FROM, … */
  command?: string;
  /** The server's reply, its lines joined with LF. */
  response?: string;
  /** Its code. */
  responseCode?: number;
  /** True if it is final: 5xx except 503. */
  permanent?: boolean;
  /** The code of the runtime's error: ECONNREFUSED, ENOTFOUND, … */
  originalCode?: string;
  /** With ETIMEDOUT: CONNECT_TIMEOUT, GREETING_TIMEOUT, UPGRADE_TIMEOUT or SOCKET_TIMEOUT. */
  timeoutType?: string;
  /** The recipient that it is about, if it is one. */
  recipient?: string;
  /** The recipients refused, where the refusals stopped the message. */
  rejected?: string[];
  /** Why, an error for each of `rejected`. */
  rejectedErrors?: NetSmtpTransportError[];
  /** The step of the dialogue that failed. */
  phase: Phase;
  /** The first of unknown, accepted, refused, unsent that any recipient has. */
  fate: Fate;
  /** The fate of every recipient, in the order given. */
  recipients: NetSmtpRecipient[];
  /** Whether to send again: now, later, never, or ask (it may have arrived). */
  retry?: Retry;
  /** True if the same may succeed later. */
  temporary: boolean;
  /** The enhanced status code, "5.1.1" (RFC 3463). */
  enhancedCode?: string;
}

/** The part of Nodemailer's MailMessage that the transport reads. */
export interface NetSmtpMail {
  /** What was given to `sendMail`: `signal`, `auth`, `dsn`, `requireTLSExtensionEnabled` are read. */
  readonly data: object;
  /** The composed message. */
  readonly message: {
    /** Sender (false or "": the null sender), recipients, and `dsn`, `requireTLSExtensionEnabled`, `size`, `use8BitMime`; never changed here. */
    getEnvelope(): {
      /** The sender's address; false is the null sender. */
      readonly from?: unknown;
      /** The recipients' addresses. */
      readonly to?: unknown;
      /** Notifications (RFC 3461). */
      readonly dsn?: unknown;
      /** REQUIRETLS (RFC 8689). */
      readonly requireTLSExtensionEnabled?: unknown;
      /** Octets of the message (RFC 1870). */
      readonly size?: unknown;
      /** BODY=8BITMIME (RFC 6152). */
      readonly use8BitMime?: unknown;
    };
    /** The Message-ID with angle brackets; made if there is none. */
    messageId(): string;
    /** The content; called at most once, when the server has accepted the envelope. */
    createReadStream(): AsyncIterable<string | Uint8Array>;
  };
}

/** Called once: with the error, or with null and the value. */
export type NetSmtpCallback<T> = (error: NetSmtpTransportError | null, value?: T) => void;

/** `send`: with a callback as Nodemailer calls it, or for a promise. */
export interface NetSmtpSend {
  (mail: NetSmtpMail): Promise<NetSmtpSentMessageInfo>;
  (mail: NetSmtpMail, callback: NetSmtpCallback<NetSmtpSentMessageInfo>): void;
}

/** `verify`: with a callback, or for a promise. */
export interface NetSmtpVerify {
  (): Promise<true>;
  (callback: NetSmtpCallback<true>): void;
}

/** A listener of the transport's events, as Nodemailer subscribes it. */
// biome-ignore lint/suspicious/noExplicitAny: Nodemailer's listeners take what they take
export type NetSmtpListener = (...values: any[]) => void;
