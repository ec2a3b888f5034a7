/**
 * What a server says that it takes at most (RFC 9422), and who fits that. Pure. The law here: a limit that is unknown or malformed is none, so
 * that it never stops a message; and what counts as "too many recipients" is read from the reply's codes, never its words.
 *
 * @module
 */

import { SmtpArgumentError, type SmtpError, SmtpSessionError } from "./errors.ts";
import type { Mailbox } from "./protocol/address.ts";
import type { Capabilities } from "./protocol/capabilities.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import type { RecipientPolicy } from "./protocol/verdict.ts";

/** What a server takes at most; Infinity where it says nothing. */
export interface Limits {
  /** MAIL commands in a session (MAILMAX). */
  readonly mails: number;
  /** RCPT commands in a transaction (RCPTMAX). */
  readonly recipients: number;
  /** Domains of recipients in a session (RCPTDOMAINMAX). */
  readonly domains: number;
}

/** Of a server that says none. */
export const NO_LIMITS: Limits = {
  mails: Number.POSITIVE_INFINITY,
  recipients: Number.POSITIVE_INFINITY,
  domains: Number.POSITIVE_INFINITY,
};

/** From 1 to 999999, no zero in front (RFC 9422 4). */
const LIMIT = /^(MAILMAX|RCPTMAX|RCPTDOMAINMAX)=([1-9]\d{0,5})$/;

/** The limits that EHLO said; undefined if it said none that is known. Of a name that stands twice the first holds. */
export function limitsOf(capabilities: Capabilities | undefined): Limits | undefined {
  const said = new Map<string, number>();
  for (const parameter of capabilities?.get("LIMITS") ?? []) {
    const [, name, digits] = LIMIT.exec(parameter.toUpperCase()) ?? [];
    if (name !== undefined && !said.has(name)) said.set(name, Number(digits));
  }
  if (said.size === 0) return undefined;
  const limit = (name: string): number => said.get(name) ?? Number.POSITIVE_INFINITY;
  return { mails: limit("MAILMAX"), recipients: limit("RCPTMAX"), domains: limit("RCPTDOMAINMAX") };
}

/**
 * True if a refusal of RCPT is about how many there are, so that another transaction may take this one: X.5.3 (RFC 3463 3.6);
 * or 452, and 552 of old servers (RFC 5321 4.5.3.1.10), unless an enhanced code says what else they are about, a mailbox that
 * is full or a disk. 452 without one can mean a disk, too: then the next transaction is refused alike, and is the last.
 */
export function isTooMany({ status, enhancedCode, success, continue: more }: SmtpResponse): boolean {
  if (success || more || status === "421") return false;
  const [, subject] = enhancedCode?.match(/^[45]\.(\d+\.\d+)$/) ?? [];
  if (subject === "5.3") return true;
  return (status === "452" || status === "552") && (subject === undefined || subject === "0.0");
}

/** Whose recipient it is, in small letters; "" without a domain. */
export function domainOf({ path }: Mailbox): string {
  const at = path.lastIndexOf("@");
  return at < 0 ? "" : path.slice(at + 1, -1).toLowerCase();
}

/**
 * Who of those that wait fits one transaction, in order: at most so many, and of domains that the session has `seen` or may
 * still see.
 */
export function fitting(
  waiting: readonly number[],
  to: readonly Mailbox[],
  { recipients, domains }: Pick<Limits, "recipients" | "domains">,
  seen: ReadonlySet<string>,
): number[] {
  if (domains === Number.POSITIVE_INFINITY) return waiting.slice(0, recipients);
  const known = new Set(seen);
  const taken: number[] = [];
  for (const place of waiting) {
    const domain = domainOf(to[place] as Mailbox);
    if (taken.length >= recipients || (!known.has(domain) && known.size >= domains)) continue;
    known.add(domain);
    taken.push(place);
  }
  return taken;
}

/** Why a message that does not fit one transaction may not go in several; undefined if it may. */
export function partsRefused(
  to: readonly Mailbox[],
  limits: Limits,
  policy: RecipientPolicy,
  replayable: boolean,
): SmtpError | SmtpArgumentError | undefined {
  if (policy === "collect" && replayable) return undefined;
  const own = new Set(to.map(domainOf)).size;
  const many = to.length > limits.recipients;
  if (!many && own <= limits.domains) return sessionFull("RCPTDOMAINMAX", limits);
  const most = many
    ? `${to.length} recipients, and the server takes at most ${limits.recipients} in a transaction (LIMITS RCPTMAX)`
    : `recipients of ${own} domains, and the server takes at most ${limits.domains} in a session (LIMITS RCPTDOMAINMAX)`;
  const why = replayable
    ? `with recipientPolicy "${policy}" it cannot go in parts, since somebody may be refused in a later one: set "collect"`
    : "its source can be read only once, so it cannot go in parts: pass a function that makes the source anew";
  const message = `Message has ${most}; ${why}, or send it to fewer at a time`;
  return new SmtpArgumentError(message, { phase: "mail", command: "RCPT TO" });
}

/** Why the rest of a message needs another session. */
export function sessionFull(limit: "MAILMAX" | "RCPTDOMAINMAX", { mails, domains }: Limits): SmtpSessionError {
  const most = limit === "MAILMAX" ? `${mails} transactions` : `recipients of ${domains} domains`;
  const message = `Server takes at most ${most} in a session (LIMITS ${limit}), so the rest of the message needs another`;
  return new SmtpSessionError(message, { phase: "mail", temporary: true, retry: "now" });
}
