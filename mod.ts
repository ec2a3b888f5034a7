/**
 * net-smtp: an SMTP client engine with the semantics of Ruby's Net::SMTP.
 *
 * ```ts
 * import { NetSmtp } from "@net-smtp/net-smtp";
 *
 * await NetSmtp.start("smtp.example.com", 587, { helo: "client.example.com", user: "me", secret: "…" }, async (smtp) => {
 *   const delivery = await smtp.sendMessage("Subject: hi\n\nhello\n", "me@example.com", ["a@example.com", "b@example.com"]);
 *   for (const { address, fate, response } of delivery.recipients) console.log(address, fate, `${response}`);
 * });
 * ```
 *
 * @module
 */

export type { AskOptions, SmtpCommands } from "./src/commands.ts";
export type { Delivery, DeliveryTimes, MessageInDoubt } from "./src/delivery.ts";
export { type DeliveryRecord, deliveryLog, deliveryRecords } from "./src/delivery_log.ts";
export {
  type Fate,
  isSmtpError,
  type Phase,
  type RecipientResult,
  type Retry,
  SmtpAbortError,
  SmtpArgumentError,
  SmtpAuthenticationError,
  SmtpConnectionError,
  SmtpError,
  type SmtpErrorClass,
  type SmtpErrorDetails,
  type SmtpFailure,
  SmtpFatalError,
  SmtpLatchedError,
  SmtpOpenTimeout,
  SmtpProtocolError,
  SmtpReadTimeout,
  SmtpServerBusy,
  SmtpSessionError,
  SmtpSourceError,
  SmtpSyntaxError,
  SmtpTlsError,
  SmtpUnknownError,
  SmtpUnsupportedCommand,
  SmtpWriteTimeout,
} from "./src/errors.ts";
export type {
  ConnectEndEvent,
  ConnectStartEvent,
  DisconnectEvent,
  MessageEndEvent,
  MessageStartEvent,
  ReplyEvent,
  RetryEvent,
  SendEndEvent,
  SendStartEvent,
  SmtpEvent,
  SmtpEventAttempt,
  SmtpEventBase,
  SmtpEventConnection,
  SmtpEventPlace,
  SmtpObserver,
  ThrottleEvent,
} from "./src/events.ts";
export type { BodyType, DeliverBy, MailOptions } from "./src/extensions.ts";
export type { MessageChunk, MessageSource, MessageWriter } from "./src/message.ts";
export { type MxOptions, resolveMx } from "./src/mx.ts";
export type {
  ChannelBinding,
  DialTarget,
  MailExchange,
  SmtpChannel,
  SmtpDiagnostics,
  SmtpNetwork,
  SmtpStream,
  SmtpTracing,
  SocketMaker,
  SocketRequest,
  StreamSink,
  SuppliedSocket,
  TlsSettings,
} from "./src/net/stream.ts";
export type { SmtpOptions, StartOptions, StarttlsMode } from "./src/options.ts";
export type { PoolClosed, PoolCloseOptions } from "./src/pool/closing.ts";
export type { Login, PoolOptions, PoolSendOptions } from "./src/pool/options.ts";
export { NetSmtpPool } from "./src/pool/pool.ts";
export type { RetryOptions } from "./src/pool/retry.ts";
export { type EsmtpParameters, type RecipientList, SmtpAddress } from "./src/protocol/address.ts";
export type { Capabilities } from "./src/protocol/capabilities.ts";
export type { Dsn, NotifyWhen, RecipientDsn } from "./src/protocol/dsn.ts";
export { SmtpResponse } from "./src/protocol/reply.ts";
export type { RecipientPolicy } from "./src/protocol/verdict.ts";
export type { RecipientListing, RecipientReply } from "./src/recipients.ts";
export { secretOf } from "./src/sasl/credentials.ts";
export { CRAM_BUFSIZE, IMASK, OMASK } from "./src/sasl/masks.ts";
export type { SaslConversation, SaslCredentials, SaslExchange, SaslMechanism, Secret } from "./src/sasl/mechanism.ts";
export { DEFAULT_AUTH_TYPE } from "./src/sasl/registry.ts";
export type { SmtpSession } from "./src/session.ts";
export type { SmtpSettings, TlsOptions } from "./src/settings.ts";
export { type Block, NetSmtp, NetSmtp as NetSmtpSession, type SendOptions } from "./src/smtp.ts";
export {
  type SmtpFigures,
  type SmtpHealth,
  type SmtpHealthLimits,
  type SmtpLastError,
  type SmtpPercentiles,
  SmtpStats,
} from "./src/stats.ts";
export type { DebugOutput, DialogueEvent } from "./src/transcript.ts";
export { VERSION } from "./src/version.ts";
