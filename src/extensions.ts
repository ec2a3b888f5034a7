/**
 * What a message can ask of a server's extensions: typed options -> parameters of MAIL, each with the extension it needs.
 * The law here: a caller's object is read once; every value is checked before anything is done, and becomes text only here.
 *
 * @module
 */

import { BOOLEAN, type Check, OBJECT, oneOf } from "./checks.ts";
import { SmtpArgumentError, shown } from "./errors.ts";
import { checkOption } from "./options.ts";
import { copyDsn, type Dsn, mailDsn, type RecipientDsn } from "./protocol/dsn.ts";
import { parsePath } from "./protocol/path.ts";
import { xtext } from "./protocol/xtext.ts";

/** What the content is said to be (RFC 6152, RFC 3030). */
export type BodyType = "7BIT" | "8BITMIME" | "BINARYMIME";

/** Until when to deliver (RFC 2852). */
export interface DeliverBy {
  /** Milliseconds, whole seconds of them, from now; with mode "N" it may be 0 or less. */
  readonly time: number;
  /** What happens after that: "R" returns the message, "N" notifies the sender and goes on. */
  readonly mode: "R" | "N";
  /** True: each relay on the way is notified of. Default false. */
  readonly trace?: boolean | undefined;
}

/** What a message asks of the server's extensions. */
export interface MailOptions {
  /**
   * Octets of the message, for a source that is not in memory; a string or bytes are counted. Over the limit that the server
   * says: `SmtpArgumentError`, nothing sent (RFC 1870). Said only where SIZE is offered.
   */
  size?: number | undefined;
  /**
   * What the content is: "7BIT", "8BITMIME" (RFC 6152), or "BINARYMIME": octet for octet, line ends untouched (RFC 3030 3),
   * which takes CHUNKING too. Default: line ends become CRLF, and a message in memory with octets over 0x7F says 8BITMIME where it is offered.
   */
  body?: BodyType | undefined;
  /** True: headers hold UTF-8 (RFC 6531); false: only ASCII addresses. Default: where an address takes it. */
  smtputf8?: boolean | undefined;
  /** Notifications of delivery (RFC 3461). Default none asked for. */
  dsn?: Dsn | undefined;
  /** Every hop must use TLS with a verified certificate, this one too (RFC 8689). Never left out. Default false. */
  requireTls?: boolean | undefined;
  /** Until when to deliver (RFC 2852). Default: no limit. */
  deliverBy?: DeliverBy | undefined;
  /** Milliseconds, whole seconds of them, for which the server holds the message back (RFC 4865). Never left out. Default: none. */
  holdFor?: number | undefined;
  /** Until when the server holds the message back (RFC 4865); not with `holdFor`. Never left out. Default: none. */
  holdUntil?: Date | undefined;
  /** The priority, -9 to 9 (RFC 6710). Default: the server's. */
  mtPriority?: number | undefined;
  /** Who submitted the message first (AUTH= of RFC 4954): an address, or "<>" where that is not known. Default: not said. */
  auth?: string | undefined;
  /**
   * What happens to what is asked for and not offered: "error" (default), before MAIL; or "omit": left out with an entry in
   * `warnings`, where the RFC allows it.
   */
  whenNotOffered?: "error" | "omit" | undefined;
}

/** One thing that is asked for. */
export interface Wish {
  /** The option. */
  readonly option: string;
  /** The keyword in EHLO. */
  readonly extension: string;
  /** The parameters of MAIL: `["RET=FULL"]`. */
  readonly parameters: readonly string[];
  /** True if the RFC lets a client do without it. */
  readonly omissible: boolean;
  /** What the server's own parameters of the extension have against it. */
  readonly refused?: (offered: readonly string[]) => string | undefined;
}

/** Everything that a message asks for, checked. */
export interface Asked extends Pick<MailOptions, "size" | "body" | "smtputf8"> {
  /** For recipients that have none of their own. */
  readonly recipients: RecipientDsn | undefined;
  readonly requireTls: boolean;
  readonly omit: boolean;
  readonly wishes: readonly Wish[];
}

/** The most that nine digits can say, in milliseconds. */
const MAX_TIME = 999_999_999_000;
const SECONDS = "whole seconds in milliseconds (an hour is 3_600_000)";

const CHECKS: Readonly<Record<keyof MailOptions, Check>> = {
  size: { expected: "a whole number of octets", holds: (value) => isWhole(value) && (value as number) >= 0 },
  body: oneOf("7BIT", "8BITMIME", "BINARYMIME"),
  smtputf8: BOOLEAN,
  dsn: OBJECT,
  requireTls: BOOLEAN,
  deliverBy: { expected: 'an object such as { time: 120_000, mode: "R" }', holds: OBJECT.holds },
  holdFor: { expected: `${SECONDS}, above 0`, holds: (value) => isSeconds(value) && (value as number) > 0 },
  holdUntil: { expected: "a Date up to the year 9999", holds: isDate },
  mtPriority: {
    expected: "a whole number from -9 to 9",
    holds: (value) => isWhole(value) && Math.abs(value as number) <= 9,
  },
  auth: { expected: 'an address such as user@example.com, or "<>"', holds: (value) => typeof value === "string" },
  whenNotOffered: oneOf("error", "omit"),
};

/** The names of the options. */
export const MAIL_OPTIONS: readonly string[] = Object.keys(CHECKS);

/** Of a message that asks for nothing. */
export const NOTHING_ASKED: Asked = {
  size: undefined,
  body: undefined,
  smtputf8: undefined,
  recipients: undefined,
  requireTls: false,
  omit: false,
  wishes: [],
};

/** What the options ask for. Throws `SmtpArgumentError` that names the option and what was expected. */
export function asked(options: MailOptions): Asked {
  if (!MAIL_OPTIONS.some((name) => options[name as keyof MailOptions] !== undefined)) return NOTHING_ASKED;
  const given: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = Object.hasOwn(options, name) ? options[name as keyof MailOptions] : undefined;
    checkOption(name, value, check, "mail");
    given[name] = value;
  }
  const { size, body, smtputf8, dsn, requireTls = false, whenNotOffered, ...rest } = given as MailOptions;
  const notifications = dsn === undefined ? undefined : copyDsn(dsn);
  return {
    size,
    body,
    smtputf8,
    recipients: notifications,
    requireTls,
    omit: whenNotOffered === "omit",
    wishes: [
      ...dsnWish(notifications),
      ...requireTlsWish(requireTls),
      ...deliverByWish(rest),
      ...holdWish(rest),
      ...plainWishes(rest),
    ],
  };
}

function dsnWish(dsn: Dsn | undefined): Wish[] {
  const parameters = dsn ? mailDsn(dsn) : [];
  return parameters.length === 0 ? [] : [{ option: "dsn", extension: "DSN", parameters, omissible: true }];
}

function requireTlsWish(requireTls: boolean): Wish[] {
  if (!requireTls) return [];
  return [{ option: "requireTls", extension: "REQUIRETLS", parameters: ["REQUIRETLS"], omissible: false }];
}

/** A message to be returned must not go to a server that would not return it (RFC 2852). */
function deliverByWish({ deliverBy }: MailOptions): Wish[] {
  if (!deliverBy) return [];
  const { time, mode, trace = false, ...rest } = { ...deliverBy };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw wrong("deliverBy", `an unknown key ${shown(unknown)}`, "time, mode, trace");
  if (mode !== "R" && mode !== "N") throw wrong("deliverBy", `mode ${shown(mode)}`, '"R" or "N"');
  if (typeof trace !== "boolean") throw wrong("deliverBy", `trace ${shown(trace)}`, "true or false");
  if (!isSeconds(time)) throw wrong("deliverBy", `time ${shown(time)}`, SECONDS);
  if (mode === "R" && time <= 0) throw wrong("deliverBy", `time ${time} with mode "R"`, "a time above 0");
  const least = ([shortest = ""]: readonly string[]): string | undefined =>
    mode === "R" && /^\d{1,9}$/.test(shortest) && time < Number(shortest) * 1_000
      ? `returns messages after ${shortest} seconds at the earliest`
      : undefined;
  const parameters = [`BY=${seconds(time)};${mode}${trace ? "T" : ""}`];
  return [{ option: "deliverBy", extension: "DELIVERBY", parameters, omissible: mode === "N", refused: least }];
}

/** Left out, the message would go at once. */
function holdWish({ holdFor, holdUntil }: MailOptions): Wish[] {
  if (holdFor !== undefined && holdUntil !== undefined) throw wrong("holdFor", "given with holdUntil", "one of them");
  const wish = { extension: "FUTURERELEASE", omissible: false };
  if (holdFor !== undefined) {
    const refused = ([longest = ""]: readonly string[]): string | undefined =>
      /^\d{1,9}$/.test(longest) && holdFor > Number(longest) * 1_000
        ? `holds messages for ${longest} seconds at most`
        : undefined;
    return [{ ...wish, option: "holdFor", parameters: [`HOLDFOR=${seconds(holdFor)}`], refused }];
  }
  if (holdUntil === undefined) return [];
  const until = Math.ceil(holdUntil.getTime() / 1_000) * 1_000;
  const refused = ([, latest = ""]: readonly string[]): string | undefined =>
    until > Date.parse(latest) ? `holds messages until ${latest} at most` : undefined;
  const time = new Date(until).toISOString().replace(".000", "");
  return [{ ...wish, option: "holdUntil", parameters: [`HOLDUNTIL=${time}`], refused }];
}

function plainWishes({ mtPriority, auth }: MailOptions): Wish[] {
  const wishes: Wish[] = [];
  const wish = (option: string, extension: string, parameter: string): void =>
    void wishes.push({ option, extension, parameters: [parameter], omissible: true });
  if (mtPriority !== undefined) wish("mtPriority", "MT-PRIORITY", `MT-PRIORITY=${mtPriority}`);
  if (auth !== undefined)
    wish("auth", "AUTH", `AUTH=${auth === "<>" ? auth : xtext(parsePath("auth", auth, false).text)}`);
  return wishes;
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function isSeconds(value: unknown): boolean {
  return isWhole(value) && (value as number) % 1_000 === 0 && Math.abs(value as number) <= MAX_TIME;
}

function isDate(value: unknown): boolean {
  // A year of five digits has another form.
  return value instanceof Date && value.getTime() >= 0 && value.getTime() < Date.UTC(9999, 11, 31);
}

/** Of -0 too. */
function seconds(time: number): string {
  return String(time / 1_000 + 0);
}

function wrong(option: string, given: string, expected: string): SmtpArgumentError {
  return new SmtpArgumentError(`Option "${option}" has ${given}; expected ${expected}`, { phase: "mail" });
}
