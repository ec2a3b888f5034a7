/**
 * Values -> one command line, without its CR LF.
 * The law here: every line that goes to a server has passed `validateLine`, whoever made it. What an error says of a line
 * is one character and its place: the line may hold a secret.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import type { Mailbox } from "./address.ts";
import { characterAt } from "./characters.ts";

export { base64, decodeBase64 } from "./base64.ts";

const UNPRINTABLE_ASCII = /[^ -~]/;
/** Controls (C0, DEL, C1) and halves of surrogate pairs, which have no form in UTF-8. */
const UNPRINTABLE_UTF8 = /[\p{Cc}\p{Surrogate}]/u;
/** What a domain or an address literal is made of. */
const HELO_NAME = /^[A-Za-z0-9._:[\]-]{1,255}$/;

/** Commands after which the server expects something that a line alone cannot give, and the methods that can. */
const METHODS: ReadonlyMap<string, string> = new Map([
  ["DATA", "data() or sendMessage()"],
  ["BDAT", "sendMessage()"],
  ["STARTTLS", "starttls()"],
  ["AUTH", "authenticate()"],
  ["LHLO", "lhlo()"],
]);

/** Under LMTP besides: what says how many replies the end of a message is owed. */
const LMTP_METHODS: ReadonlyMap<string, string> = new Map([
  ["HELO", "lhlo()"],
  ["EHLO", "lhlo()"],
  ["MAIL", "mailFrom()"],
  ["RCPT", "rcptTo()"],
  ["RSET", "rset()"],
]);

/**
 * The line, if it is one line of printable ASCII, or with `utf8` (SMTPUTF8 is in use) of printable Unicode (Net::SMTP's
 * `validate_line`). Throws `SmtpArgumentError` for any control character, and for half of a surrogate pair. Length is not
 * looked at: the 512 octets of RFC 5321 section 4.5.3.1.4 are what a server must take, not what it may.
 */
export function validateLine(line: string, utf8: boolean = false): string {
  if (typeof line !== "string") throw new SmtpArgumentError(`Command line is ${shown(line)}; expected a string`);
  const bad = line.search(utf8 ? UNPRINTABLE_UTF8 : UNPRINTABLE_ASCII);
  if (bad < 0) return line;
  const expected = utf8 ? "text without control characters" : "printable ASCII";
  throw new SmtpArgumentError(`Command line holds ${characterAt(line, bad)}; expected ${expected}`);
}

/** The HELO command (RFC 5321 section 4.1.1.1). Throws `SmtpArgumentError` naming "helo". */
export function helo(name: string): string {
  return `HELO ${heloName(name)}`;
}

/** The EHLO command (RFC 5321 section 4.1.1.1). Throws `SmtpArgumentError` naming "helo". */
export function ehlo(name: string): string {
  return `EHLO ${heloName(name)}`;
}

/** The LHLO command (RFC 2033 section 4.1). Throws `SmtpArgumentError` naming "helo". */
export function lhlo(name: string): string {
  return `LHLO ${heloName(name)}`;
}

/** The MAIL command, `MAIL FROM:<a@b> SIZE=42`. With `utf8` it says SMTPUTF8 (RFC 6531 section 3.4) and may be beyond ASCII. */
export function mail(from: Mailbox, utf8: boolean = false): string {
  const line = `MAIL FROM:${from.path}${from.parameters}`;
  const said = `${from.parameters} `.includes(" SMTPUTF8 ");
  return validateLine(utf8 && !said ? `${line} SMTPUTF8` : line, utf8);
}

/** The RCPT command, `RCPT TO:<a@b> NOTIFY=NEVER`. */
export function rcpt(to: Mailbox): string {
  return validateLine(`RCPT TO:${to.path}${to.parameters}`, to.utf8);
}

/**
 * VRFY, EXPN, NOOP or HELP with its argument (RFC 5321 section 4.1.1.6 to 4.1.1.9). With `utf8` it says SMTPUTF8 and may be
 * beyond ASCII (RFC 6531 section 3.7.4.2). Throws `SmtpArgumentError` that names the parameter.
 */
export function ask(
  verb: "VRFY" | "EXPN" | "NOOP" | "HELP",
  name: string,
  text: unknown,
  utf8: boolean = false,
): string {
  if (typeof text !== "string" || text.trim() === "")
    throw new SmtpArgumentError(`Parameter "${name}" is ${shown(text)}; expected a string that is not empty`);
  const beyond = UNPRINTABLE_ASCII.test(text) && !UNPRINTABLE_UTF8.test(text);
  if (beyond && !utf8)
    throw new SmtpArgumentError(`Parameter "${name}" is not ASCII; expected ASCII, or a server that offers SMTPUTF8`);
  return validateLine(`${verb} ${text}${utf8 ? " SMTPUTF8" : ""}`, utf8);
}

/** The BDAT command (RFC 3030 2): the octets follow it at once. */
export function bdat(octets: number, last: boolean): string {
  return `BDAT ${octets}${last ? " LAST" : ""}`;
}

/**
 * The line of a caller's own command, for `getOk` and `getResponse`; it has still to pass `validateLine`. Throws
 * `SmtpArgumentError` if it is no string, or if it is DATA, BDAT, STARTTLS, AUTH or LHLO, under `lmtp` also HELO, EHLO, MAIL,
 * RCPT or RSET: then it names the method to use.
 */
export function rawCommand(line: unknown, lmtp: boolean = false): string {
  if (typeof line !== "string") throw new SmtpArgumentError(`Command line is ${shown(line)}; expected a string`);
  const verb = /^\s*([a-z]*)/i.exec(line)?.[1]?.toUpperCase() ?? "";
  const method = METHODS.get(verb) ?? (lmtp ? LMTP_METHODS.get(verb) : undefined);
  if (method === undefined) return line;
  throw new SmtpArgumentError(`Command ${verb} cannot be sent as a line of its own; use ${method}`);
}

function heloName(name: string): string {
  if (typeof name === "string" && HELO_NAME.test(name)) return name;
  const expected = "a domain such as client.example.com, or an address literal such as [192.0.2.1]";
  throw new SmtpArgumentError(`Parameter "helo" is ${shown(name)}; expected ${expected}`);
}
