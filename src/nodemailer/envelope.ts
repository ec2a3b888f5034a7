/**
 * What a message of Nodemailer's asks of the server's extensions, as the engine's options: `dsn`, `requireTLSExtensionEnabled`
 * of the message or its envelope, `size` and `use8BitMime` of its envelope. The law here: the values that Nodemailer takes
 * are taken; one that it would drop is an error.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import type { MailOptions } from "../extensions.ts";
import { type RecipientList, SmtpAddress } from "../protocol/address.ts";
import type { Dsn } from "../protocol/dsn.ts";

/** What the engine is asked for. */
export interface Requests {
  /** Undefined where nothing is asked for. */
  readonly options: MailOptions | undefined;
  /** The recipients, one alone with the ORCPT that was given for it. */
  readonly recipients: RecipientList;
  /** What the caller should know of it. */
  readonly warnings: readonly string[];
}

interface Wishes {
  readonly dsn?: unknown;
  readonly requireTLSExtensionEnabled?: unknown;
  readonly size?: unknown;
  readonly use8BitMime?: unknown;
}

const RET: ReadonlyMap<string, "FULL" | "HDRS"> = new Map([
  ["FULL", "FULL"],
  ["BODY", "FULL"],
  ["HDRS", "HDRS"],
  ["HEADERS", "HDRS"],
]);
const DSN_KEYS: readonly string[] = ["ret", "return", "envid", "id", "notify", "recipient", "orcpt"];

/** What is asked for; of message and envelope the message goes first, as in Nodemailer. Throws `SmtpArgumentError`. */
export function requests(
  data: Wishes,
  envelope: Wishes,
  to: readonly string[],
  defaults: MailOptions | undefined,
): Requests {
  if (![data, envelope].some(asksFor)) return { options: defaults, recipients: to, warnings: [] };
  const requireTls = data.requireTLSExtensionEnabled || envelope.requireTLSExtensionEnabled;
  const size = sizeOf(envelope.size);
  const { dsn, orcpt } = dsnOf(data.dsn || envelope.dsn);
  const alone = orcpt !== undefined && to.length === 1;
  return {
    options: {
      ...defaults,
      ...(requireTls ? { requireTls: true } : {}),
      ...(size === undefined ? {} : { size }),
      ...(envelope.use8BitMime ? { body: "8BITMIME" } : {}),
      ...(dsn ? { dsn: orcpt !== undefined && !alone ? { ...dsn, orcpt: true } : dsn } : {}),
    },
    recipients: alone ? [new SmtpAddress(to[0] as string, {}, { orcpt })] : to,
    warnings:
      orcpt === undefined || alone
        ? []
        : ["ORCPT is of one recipient, so each of them got its own address instead of the one in dsn.recipient"],
  };
}

function asksFor({ dsn, requireTLSExtensionEnabled, size, use8BitMime }: Wishes): boolean {
  return size !== undefined || Boolean(dsn || requireTLSExtensionEnabled || use8BitMime);
}

/** As Nodemailer reads it: what is no number above 0 is none; but what is no number at all is an error. */
function sizeOf(size: unknown): number | undefined {
  if (size === undefined || size === null || size === false || size === "") return undefined;
  const octets = typeof size === "string" && /^\d{1,15}$/.test(size) ? Number(size) : size;
  if (Number.isSafeInteger(octets) && (octets as number) >= 0) return (octets as number) || undefined;
  throw wrong(`Option "envelope.size" is ${shown(size)}; expected a whole number of octets`);
}

function dsnOf(given: unknown): { dsn?: Dsn; orcpt?: string } {
  if (!given) return {};
  if (typeof given !== "object" || Array.isArray(given)) {
    throw wrong(`Option "dsn" is ${shown(given)}; expected an object such as { notify: "failure" }`);
  }
  const all: Record<string, unknown> = { ...given };
  const unknown = Object.keys(all).find((name) => !DSN_KEYS.includes(name) && all[name]);
  if (unknown !== undefined) {
    throw wrong(`Option "dsn" has an unknown key ${shown(unknown)}; expected some of ${DSN_KEYS.join(", ")}`);
  }
  const orcpt = text("recipient", all.recipient || all.orcpt);
  const dsn = {
    ret: retOf(all.ret || all.return),
    envid: text("envid", all.envid || all.id),
    notify: notifyOf(all.notify),
  };
  return { dsn, ...(orcpt === undefined ? {} : { orcpt }) };
}

function retOf(given: unknown): Dsn["ret"] {
  const ret = RET.get(text("ret", given)?.toUpperCase() ?? "");
  if (given && ret === undefined) throw wrong(`Option "dsn.ret" is ${shown(given)}; expected "hdrs" or "full"`);
  return ret;
}

/** The engine knows what may stand there, and how. */
function notifyOf(given: unknown): Dsn["notify"] {
  if (!given) return undefined;
  const all = (Array.isArray(given) ? [...given] : text("notify", given)?.split(",")) ?? [];
  const words = all.map((when) => text("notify", when)?.trim().toUpperCase());
  return (words.length === 1 ? words[0] : words) as Dsn["notify"];
}

function text(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === false || value === "") return undefined;
  if (typeof value === "string") return value;
  throw wrong(`Option "dsn.${name}" is ${shown(value)}; expected a string`);
}

function wrong(message: string): SmtpArgumentError {
  return new SmtpArgumentError(message, { phase: "mail" });
}
