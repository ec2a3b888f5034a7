/**
 * What every entry point of the engine exports, whatever the runtime. The law here: nothing of a runtime is reached from
 * here.
 *
 * @module
 */

export type { Block, SendOptions, SmtpClient } from "./client.ts";
export type { AskOptions, SmtpCommands } from "./commands.ts";
export type { Delivery, DeliveryTimes, MessageInDoubt } from "./delivery.ts";
export { type DeliveryRecord, deliveryLog, deliveryRecords } from "./delivery_log.ts";
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
} from "./errors.ts";
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
} from "./events.ts";
export type { BodyType, DeliverBy, MailOptions } from "./extensions.ts";
export type { MessageChunk, MessageSource, MessageWriter } from "./message.ts";
export type {
  ChannelBinding,
  DialTarget,
  MailExchange,
  NetworkDemands,
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
} from "./net/stream.ts";
export type { SmtpOptions, StartOptions, StarttlsMode } from "./options.ts";
export type { PoolClosed, PoolCloseOptions } from "./pool/closing.ts";
export type { Login, PoolOptions, PoolSendOptions } from "./pool/options.ts";
export type { RetryOptions } from "./pool/retry.ts";
export type { SessionMaker, SmtpPool } from "./pool/smtp_pool.ts";
export { type EsmtpParameters, type RecipientList, SmtpAddress } from "./protocol/address.ts";
export type { Capabilities } from "./protocol/capabilities.ts";
export type { Dsn, NotifyWhen, RecipientDsn } from "./protocol/dsn.ts";
export { SmtpResponse } from "./protocol/reply.ts";
export type { RecipientPolicy } from "./protocol/verdict.ts";
export type { RecipientListing, RecipientReply } from "./recipients.ts";
export { secretOf } from "./sasl/credentials.ts";
export { CRAM_BUFSIZE, IMASK, OMASK } from "./sasl/masks.ts";
export type { SaslConversation, SaslCredentials, SaslExchange, SaslMechanism, Secret } from "./sasl/mechanism.ts";
export { DEFAULT_AUTH_TYPE } from "./sasl/registry.ts";
export type { SmtpSession } from "./session.ts";
export type { Runtime, SmtpSettings, TlsOptions } from "./settings.ts";

export {
  type SmtpFigures,
  type SmtpHealth,
  type SmtpHealthLimits,
  type SmtpLastError,
  type SmtpPercentiles,
  SmtpStats,
} from "./stats.ts";
export type { DebugOutput, DialogueEvent } from "./transcript.ts";
export { VERSION } from "./version.ts";
