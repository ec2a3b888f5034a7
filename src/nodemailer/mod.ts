/**
 * The Nodemailer plugin of net-smtp.
 *
 * ```ts
 * import nodemailer from "nodemailer";
 * import { NetSmtpTransport } from "net-smtp/nodemailer";
 *
 * const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "smtp.example.com", auth: { user, pass } }));
 * ```
 *
 * @module
 */

export type { MessageInDoubt } from "../delivery.ts";
export type { DeliveryRecord } from "../delivery_log.ts";
export type { SmtpEvent, SmtpObserver } from "../events.ts";
export type { PoolClosed } from "../pool/closing.ts";
export type { RecipientPolicy } from "../protocol/verdict.ts";
export type { Secret } from "../sasl/mechanism.ts";
export type { SmtpFigures, SmtpHealth, SmtpHealthLimits } from "../stats.ts";
export { isNetSmtpTransportError } from "./errors.ts";
export { createNetSmtpTransport, type NetSmtpMailOptions, type NetSmtpTransporter } from "./helper.ts";
export type {
  NetSmtpAuth,
  NetSmtpCustomAuth,
  NetSmtpCustomAuthContext,
  NetSmtpCustomAuthResponse,
} from "./login_types.ts";
export type { NodemailerModule } from "./peer.ts";
export type { NetSmtpPoolOptions } from "./pool_options.ts";
export { NetSmtpTransport } from "./transport.ts";
export type {
  NetSmtpCallback,
  NetSmtpGetSocket,
  NetSmtpListener,
  NetSmtpLogger,
  NetSmtpMail,
  NetSmtpRecipient,
  NetSmtpSend,
  NetSmtpSentMessageInfo,
  NetSmtpSocketOptions,
  NetSmtpTransportError,
  NetSmtpTransportOptions,
  NetSmtpVerify,
} from "./types.ts";
