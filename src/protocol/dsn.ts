/**
 * Delivery status notifications (RFC 3461): typed values -> the parameters of MAIL and of each RCPT.
 * The law here: values are read once and checked whole; ORCPT belongs to one recipient, so none can be said for several.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { isPrintableAscii } from "./characters.ts";
import { unicodeXtext, xtext } from "./xtext.ts";

/** When a notification is sent (RFC 3461 section 4.1). */
export type NotifyWhen = "SUCCESS" | "FAILURE" | "DELAY";

/** What of a recipient's notifications can be chosen. */
export interface RecipientDsn {
  /** When to notify the sender; "NEVER" stands alone. Default: as the server does without it, mostly of failures. */
  readonly notify?: "NEVER" | NotifyWhen | readonly NotifyWhen[] | undefined;
  /**
   * The original recipient (ORCPT), as the notification names it: an address, or `type;address`; true is the recipient's own
   * address. Default: none.
   */
  readonly orcpt?: string | boolean | undefined;
}

/** What of a message's notifications can be chosen; `notify` and `orcpt` hold for recipients that have none of their own. */
export interface Dsn {
  /** What a notification of failure returns: the whole message or its headers. Default: the server's choice. */
  readonly ret?: "FULL" | "HDRS" | undefined;
  /** What a notification calls the message (ENVID): printable ASCII and spaces, at most 100 octets as xtext. Default: none. */
  readonly envid?: string | undefined;
  /** When to notify the sender; "NEVER" stands alone. */
  readonly notify?: "NEVER" | NotifyWhen | readonly NotifyWhen[] | undefined;
  /** True: each recipient's own address is said as its ORCPT. Default false. */
  readonly orcpt?: boolean | undefined;
}

/** RFC 3461: octets of the values of ENVID and ORCPT, as they are sent. */
const MAX_ENVID = 100;
const MAX_ORCPT = 500;
const WHEN: readonly unknown[] = ["SUCCESS", "FAILURE", "DELAY"];
const TYPED = /^([A-Za-z0-9-]+);(.+)$/s;

/** A frozen copy of a recipient's choices. Throws `SmtpArgumentError`. */
export function copyRecipientDsn(dsn: RecipientDsn): RecipientDsn {
  const { notify, orcpt, ...rest } = ownKeys(dsn);
  refuseUnknown(rest, "notify, orcpt");
  if (orcpt !== undefined && typeof orcpt !== "boolean" && !(typeof orcpt === "string" && orcpt !== "")) {
    throw wrong("orcpt", orcpt, "an address, or true for the recipient's own");
  }
  const copy = { notify: copyNotify(notify), orcpt: orcpt as string | boolean | undefined };
  if (typeof orcpt === "string") formatOrcpt(orcpt);
  return Object.freeze(copy);
}

/** A frozen copy of a message's choices. Throws `SmtpArgumentError`. */
export function copyDsn(dsn: Dsn): Dsn {
  const { ret, envid, notify, orcpt, ...rest } = ownKeys(dsn);
  refuseUnknown(rest, "ret, envid, notify, orcpt");
  if (ret !== undefined && ret !== "FULL" && ret !== "HDRS") throw wrong("ret", ret, '"FULL" or "HDRS"');
  if (orcpt !== undefined && typeof orcpt !== "boolean") {
    throw wrong("orcpt", orcpt, "true or false: an ORCPT is of one recipient, give it with its SmtpAddress");
  }
  if (envid !== undefined) checkEnvid(envid);
  return Object.freeze({ ret, envid: envid as string | undefined, notify: copyNotify(notify), orcpt });
}

/** The parameters of MAIL, `["RET=FULL", "ENVID=QQ314159"]`. `dsn` has been checked. */
export function mailDsn({ ret, envid }: Dsn): string[] {
  return [...(ret ? [`RET=${ret}`] : []), ...(envid === undefined ? [] : [`ENVID=${xtext(envid)}`])];
}

/** The parameters of RCPT, each with a space in front. `path` is the recipient's address as it is sent; both have been checked. */
export function rcptDsn({ notify, orcpt }: RecipientDsn, path: string): string {
  const when = notify === undefined ? "" : ` NOTIFY=${[notify].flat().join(",")}`;
  if (orcpt === undefined || orcpt === false) return when;
  return `${when} ORCPT=${formatOrcpt(orcpt === true ? path : orcpt)}`;
}

function ownKeys(dsn: unknown): Record<string, unknown> {
  if (typeof dsn !== "object" || dsn === null || Array.isArray(dsn)) {
    throw argument(`Option "dsn" is ${shown(dsn)}; expected an object such as { notify: "FAILURE" }`);
  }
  return { ...dsn };
}

function refuseUnknown(rest: object, known: string): void {
  const [name] = Object.keys(rest);
  if (name !== undefined) throw argument(`Option "dsn" has an unknown key ${shown(name)}; expected ${known}`);
}

function copyNotify(notify: unknown): RecipientDsn["notify"] {
  if (notify === undefined) return undefined;
  if (notify === "NEVER") return notify;
  const all = Array.isArray(notify) ? [...notify] : [notify];
  const twice = new Set(all).size < all.length;
  if (all.length > 0 && !twice && all.every((when) => WHEN.includes(when))) return Object.freeze(all) as NotifyWhen[];
  const bad = all.find((when) => !WHEN.includes(when)) ?? notify;
  throw wrong("notify", bad, '"NEVER", or some of "SUCCESS", "FAILURE", "DELAY", each once');
}

function checkEnvid(envid: unknown): asserts envid is string {
  if (typeof envid !== "string" || envid === "" || !isPrintableAscii(envid)) {
    throw wrong("envid", envid, "printable ASCII, not empty");
  }
  const { length } = xtext(envid);
  if (length > MAX_ENVID) throw argument(`Option "dsn.envid" has ${length} octets; expected at most ${MAX_ENVID}`);
}

/** `rfc822;b+2Bc@y.example`; an address beyond ASCII has a type of its own (RFC 6533). */
function formatOrcpt(given: string): string {
  const [type, address] = TYPED.exec(given)?.slice(1) ?? [undefined, given];
  const ascii = isPrintableAscii(address as string);
  if (type !== undefined && !ascii) throw wrong("orcpt", given, "ASCII behind its type");
  // No control character has a form there: a notification could not show it.
  if (/[\p{Cc}\p{Surrogate}]/u.test(address as string)) throw wrong("orcpt", given, "no control characters");
  const value = ascii ? `${type ?? "rfc822"};${xtext(address as string)}` : `utf-8;${unicodeXtext(address as string)}`;
  if (value.length <= MAX_ORCPT) return value;
  throw argument(`Option "dsn.orcpt" has ${value.length} octets; expected at most ${MAX_ORCPT}`);
}

function wrong(name: string, value: unknown, expected: string): SmtpArgumentError {
  return argument(`Option "dsn.${name}" is ${shown(value)}; expected ${expected}`);
}

function argument(message: string): SmtpArgumentError {
  return new SmtpArgumentError(message, { phase: "mail" });
}
