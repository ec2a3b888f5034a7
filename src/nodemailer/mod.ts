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
export type { RecipientPolicy } from "../protocol/verdict.ts";
export { NetSmtpTransport } from "./transport.ts";
export type {
  NetSmtpAuth,
  NetSmtpCallback,
  NetSmtpListener,
  NetSmtpLogger,
  NetSmtpMail,
  NetSmtpRecipient,
  NetSmtpSend,
  NetSmtpSentMessageInfo,
  NetSmtpTransportError,
  NetSmtpTransportOptions,
  NetSmtpVerify,
} from "./types.ts";
