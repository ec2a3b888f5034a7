/**
 * The envelope of one message: what was asked for, against what the server offers.
 * The law here: what is asked for and not offered is an error before MAIL, or is left out with a warning where the caller
 * said so and the RFC allows it; nothing is left out in silence. It is judged when the message has its turn, since the
 * server may be asked again (EHLO) before that.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { SmtpArgumentError, SmtpUnsupportedCommand } from "./errors.ts";
import { type Asked, NOTHING_ASKED, type Wish } from "./extensions.ts";
import type { Message } from "./message.ts";
import {
  bodyOf,
  forwardPaths,
  type Mailbox,
  type RecipientList,
  reversePath,
  type SmtpAddress,
  withBody,
  withParameter,
} from "./protocol/address.ts";
import { rcptDsn } from "./protocol/dsn.ts";
import { isSevenBit, messageSize } from "./protocol/octets.ts";

/** An envelope. Its parameters are complete once it was `agreed`. */
export interface Envelope {
  readonly from: Mailbox;
  readonly to: readonly Mailbox[];
  /** True if MAIL says SMTPUTF8. */
  readonly utf8: boolean;
  /** True if the content goes octet for octet (RFC 3030 3). */
  readonly binary: boolean;
  readonly asked: Asked;
  /** What was left out. */
  readonly warnings: readonly string[];
}

/** RFC 1870: the most digits that a size has. */
const SIZE = /^\d{1,20}$/;

/** The envelope of a message, every address checked; `offered` says whether the server takes UTF-8 in them. Throws `SmtpArgumentError`. */
export function envelopeOf(from: string | SmtpAddress, to: RecipientList, asked: Asked, offered: boolean): Envelope {
  const smtputf8 = asked.smtputf8 !== false && offered;
  const sender = reversePath(from, { smtputf8 });
  const recipients = forwardPaths(to, { smtputf8 });
  const said = asked.body === undefined ? sender : withBody(sender, asked.body);
  const binary = bodyOf(said) === "BINARYMIME";
  const utf8 = asked.smtputf8 === true || sender.utf8 || recipients.some((recipient) => recipient.utf8);
  return { from: binary ? said : sender, to: recipients, utf8, binary, asked, warnings: [] };
}

/** The envelope as it goes to this server. Throws what says that it may not: `SmtpArgumentError`, `SmtpUnsupportedCommand`. */
export function agreed(envelope: Envelope, message: Message, connection: Connection): Envelope {
  const { to, binary, asked } = envelope;
  if (saysNothing(envelope, message, connection)) return envelope;
  checkUtf8(envelope, connection);
  if (binary) connection.checkBinary();
  if (asked.requireTls) checkTls(connection);
  const warnings: string[] = [];
  const said = [
    ...bodyParameter(envelope, message, connection, warnings),
    ...sizeParameter(envelope, message, connection),
    ...asked.wishes.flatMap((wish) => granted(wish, asked.omit, connection, warnings)),
  ];
  const from = said.reduce(withParameter, envelope.from);
  return { ...envelope, from, to: notified(to, asked, connection, warnings), warnings };
}

/** Of most messages there is nothing to say, and this is the fast path. */
function saysNothing({ to, utf8, binary, asked }: Envelope, { bytes }: Message, connection: Connection): boolean {
  if (utf8 || binary || asked !== NOTHING_ASKED || to.some(({ dsn }) => dsn)) return false;
  return !bytes || !(connection.offers("SIZE") || connection.offers("8BITMIME"));
}

/** Recipients outside a message of `sendMessage`. Throws `SmtpUnsupportedCommand` if DSN is asked for and not offered. */
export function agreedRecipients(to: readonly Mailbox[], connection: Connection): readonly Mailbox[] {
  connection.checkUtf8(to);
  return notified(to, undefined, connection, []);
}

function checkUtf8({ from, to, utf8, asked }: Envelope, connection: Connection): void {
  if (!utf8) return;
  connection.checkUtf8([from, ...to]);
  if (asked.smtputf8 === true && !connection.offers("SMTPUTF8")) throw unsupported("smtputf8", "SMTPUTF8", false);
}

/** RFC 8689: REQUIRETLS is said, and worth something, only inside TLS with a verified certificate. */
function checkTls(connection: Connection): void {
  if (connection.verified) return;
  const why = connection.stream.tls ? "was not verified by this engine" : "is not there";
  throw new SmtpUnsupportedCommand(
    `Option "requireTls" needs TLS with a verified certificate, which ${why}, so nothing was sent`,
    { code: "SMTP_REQUIRETLS", phase: "mail", command: "MAIL FROM" },
  );
}

/** 8-bit content is declared where that is known and offered; 7-bit content never claims to be more (RFC 6152). */
function bodyParameter(
  { from, binary, asked }: Envelope,
  { bytes }: Message,
  connection: Connection,
  warnings: string[],
): string[] {
  const offered = connection.offers("8BITMIME");
  if (binary || (asked.body === undefined && bodyOf(from) !== undefined)) return [];
  if (asked.body === undefined) return offered && bytes && !isSevenBit(bytes) ? ["BODY=8BITMIME"] : [];
  if (asked.body === "7BIT") {
    if (bytes && !isSevenBit(bytes)) throw notSevenBit();
    return offered ? ["BODY=7BIT"] : [];
  }
  if (offered) return ["BODY=8BITMIME"];
  // Without the extension 8-bit content must not go; a message that is not in memory may be that.
  if (!asked.omit || !bytes || !isSevenBit(bytes)) throw unsupported("body", "8BITMIME", false);
  warnings.push(leftOut("BODY=8BITMIME", "8BITMIME"));
  return [];
}

function notSevenBit(): SmtpArgumentError {
  return new SmtpArgumentError('Option "body" is "7BIT", and the message has octets over 0x7F; expected "8BITMIME"', {
    phase: "content",
  });
}

/** The size is said where the server offers it, limit or not; beyond its limit it would only be refused (RFC 1870). */
function sizeParameter({ from, binary, asked }: Envelope, { bytes }: Message, connection: Connection): string[] {
  const offered = connection.capabilities?.get("SIZE");
  if (!offered) return [];
  const counted = bytes && (binary ? bytes.length : messageSize(bytes));
  const size = asked.size ?? counted;
  if (size === undefined) return [];
  const [limit = "0"] = offered;
  const most = SIZE.test(limit) ? Number(limit) : 0;
  if (most > 0 && Math.max(size, counted ?? 0) > most) throw tooLarge(Math.max(size, counted ?? 0), most);
  return / SIZE=/.test(from.parameters) && asked.size === undefined ? [] : [`SIZE=${size}`];
}

function tooLarge(size: number, most: number): SmtpArgumentError {
  return new SmtpArgumentError(
    `Message of ${size} octets is larger than the server takes, expected at most ${most} (SIZE), so nothing was sent`,
    { phase: "content", command: "MAIL FROM" },
  );
}

function granted(wish: Wish, omit: boolean, connection: Connection, warnings: string[]): readonly string[] {
  const { option, extension, parameters, omissible } = wish;
  const offered = connection.capabilities?.get(extension);
  if (!offered) {
    if (!omit || !omissible) throw unsupported(option, extension, omissible);
    warnings.push(leftOut(parameters.join(" "), extension));
    return [];
  }
  const why = wish.refused?.(offered);
  if (why === undefined) return parameters;
  throw new SmtpArgumentError(`Option "${option}" asks for ${parameters}, and the server ${why}, so nothing was sent`, {
    phase: "mail",
    command: "MAIL FROM",
  });
}

/** Each recipient with the notifications that are its own, or else the message's (RFC 3461). */
function notified(
  to: readonly Mailbox[],
  asked: Asked | undefined,
  connection: Connection,
  warnings: string[],
): readonly Mailbox[] {
  const { recipients, omit = false } = asked ?? {};
  if (!recipients && !to.some(({ dsn }) => dsn)) return to;
  const said = to.map(({ dsn, path }) => rcptDsn({ ...recipients, ...defined(dsn) }, path.slice(1, -1)));
  if (said.every((text) => text === "")) return to;
  if (connection.offers("DSN")) {
    return to.map((recipient, at) => (said[at] as string).split(" ").filter(Boolean).reduce(withParameter, recipient));
  }
  if (!omit) throw unsupported("dsn", "DSN", true);
  warnings.push(leftOut([...new Set(said.map((text) => text.trim()).filter(Boolean))].join(", "), "DSN"));
  return to;
}

function defined<T extends object>(dsn: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(dsn ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function leftOut(what: string, extension: string): string {
  return `${what} was left out, since the server does not offer ${extension}`;
}

function unsupported(option: string, extension: string, omissible: boolean): SmtpUnsupportedCommand {
  const advice = omissible ? ': leave it out, or set "whenNotOffered" to "omit"' : "";
  const message = `Option "${option}" asks for ${extension}, which the server does not offer, so nothing was sent${advice}`;
  const code = extension === "REQUIRETLS" ? { code: "SMTP_REQUIRETLS" } : {};
  return new SmtpUnsupportedCommand(message, { ...code, phase: "mail", command: "MAIL FROM" });
}
