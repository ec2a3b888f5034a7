/**
 * What the transport reads of Nodemailer's message. The law here: nothing of the caller's is changed, the content is not
 * composed before the message has a connection, and a wish that cannot be met is an error, not left out.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import type { MailOptions } from "../extensions.ts";
import { messageAuth } from "./auth.ts";
import { type Content, contentOf } from "./content.ts";
import { type Requests, requests } from "./envelope.ts";
import type { NetSmtpAuth } from "./login_types.ts";
import type { NetSmtpMail } from "./types.ts";

/** A message on its way out. */
export interface Outgoing {
  /** "" is the null sender. */
  readonly from: string;
  readonly to: string[];
  readonly messageId: string;
  readonly signal: AbortSignal | undefined;
  readonly auth: NetSmtpAuth | undefined;
  /** What is asked of the server's extensions. */
  readonly requests: Requests;
  readonly content: Content;
}

/** The recipients, for errors; none if there is no telling. */
export function recipientsOf(mail: NetSmtpMail): string[] {
  try {
    return addresses(mail.message.getEnvelope().to);
  } catch {
    return [];
  }
}

/** Reads the message; `auth` and `asks` are the transport's. Throws `SmtpArgumentError`, or what the message throws. */
export function outgoing(mail: NetSmtpMail, auth: NetSmtpAuth | undefined, asks: MailOptions | undefined): Outgoing {
  const { data, message } = mail;
  const envelope = message.getEnvelope();
  const to = addresses(envelope.to);
  if (to.length === 0) throw new SmtpArgumentError("No recipients defined", { phase: "rcpt" });
  const { signal, auth: ownAuth } = data as { signal?: AbortSignal; auth?: unknown };
  return {
    from: address(envelope.from),
    to,
    messageId: message.messageId(),
    signal,
    auth: messageAuth(auth, ownAuth),
    requests: requests(data, envelope, to, asks),
    content: contentOf(message),
  };
}

function addresses(to: unknown): string[] {
  if (Array.isArray(to)) return to.map(address);
  return to === undefined || to === null ? [] : [address(to)];
}

/** An address as a string or, where a caller set it, as an object; what is neither is left for the engine to refuse. */
function address(value: unknown): string {
  const given = typeof value === "object" && value !== null && "address" in value ? value.address : value;
  return (given || "") as string;
}
