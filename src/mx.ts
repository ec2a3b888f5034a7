/**
 * Which hosts take the mail of a domain (RFC 5321 5.1, RFC 7505). The law here: an answer that did not come is never taken for
 * one that says no: without it nobody is asked in the domain's place, and the error says "later"; only what the domain's own
 * records say is final.
 *
 * @module
 */

import { ARRAY, type Check, FUNCTION, MILLISECONDS, OBJECT, SIGNAL } from "./checks.ts";
import { SmtpAbortError, SmtpArgumentError, SmtpConnectionError, SmtpOpenTimeout, shown } from "./errors.ts";
import type { MailExchange, SmtpNetwork } from "./net/stream.ts";
import { checkNames, checkOption } from "./options.ts";
import { printable } from "./printable.ts";
import { literalFault, nameFault, toAscii } from "./protocol/domain.ts";

/** How `resolveMx` looks up. */
export interface MxOptions {
  /** What looks up. Default: the runtime's. */
  network?: SmtpNetwork | undefined;
  /** Milliseconds for all of it. Default 30 000. */
  timeout?: number | undefined;
  /** Gives up when it aborts. */
  signal?: AbortSignal | undefined;
  /**
   * Names of this host, if it takes mail itself: an exchange that is one of them is left out, and so are all that are no better,
   * since a message given to them would come back (RFC 5321 5.1). Default none.
   */
  localNames?: readonly string[] | undefined;
  /** From 0 up to but not including 1: orders exchanges of equal preference. Default `Math.random`. */
  random?: (() => number) | undefined;
}

const CHECKS: Readonly<Record<keyof MxOptions, Check>> = {
  network: OBJECT,
  timeout: MILLISECONDS,
  signal: SIGNAL,
  localNames: ARRAY,
  random: FUNCTION,
};

/** The resolver says that there is no such record: no MX, or no such name. Some runtimes say the one for the other. */
const NOTHING: ReadonlySet<unknown> = new Set(["ENODATA", "ENOTFOUND", "ENONAME"]);
/** The program may not look up. */
const DENIED: ReadonlySet<unknown> = new Set(["EPERM", "EACCES", "NotCapable", "PermissionDenied"]);
const NUMERIC = /(^|\.)\d+$/;
const MAX_TIMER = 0x7fffffff;

/**
 * The hosts that take the mail of a domain, best first, those of equal preference in random order; without MX records the domain
 * itself. An address literal `[192.0.2.1]` is its own. Rejects with `SmtpArgumentError` if it is no domain, and with
 * `SmtpConnectionError`: retry "never" and code `SMTP_NULL_MX` if the domain says that it takes no mail (556 5.1.10),
 * `SMTP_NO_DOMAIN` if there is none, or it has no address (550 5.1.2), `SMTP_MAIL_LOOP` if this host is the best of them (5.4.6); retry
 * "later" if the resolver gave no answer, `SmtpOpenTimeout` if none in time (4.4.3).
 */
export async function resolveMx(domain: string, options: MxOptions = {}): Promise<MailExchange[]> {
  checkNames(options, Object.keys(CHECKS));
  for (const [name, check] of Object.entries(CHECKS)) checkOption(name, options[name as keyof MxOptions], check);
  const name = asked(domain);
  if (name.literal) return [{ exchange: name.text, preference: 0 }];
  const { timeout = 30_000, signal, localNames = [], random = Math.random } = options;
  const network = options.network ?? (await import("./net/node.ts")).nodeNetwork;
  const found = await within(exchanges(network, name.text), name.text, timeout, signal);
  return ordered(withoutLoop(found, name.text, localNames), random);
}

/** The domain as it is asked for, in ASCII. */
function asked(domain: unknown): { text: string; literal: boolean } {
  if (typeof domain !== "string") throw wrong(domain, "no string");
  if (domain.startsWith("[")) {
    const fault = literalFault(domain);
    if (fault !== undefined) throw wrong(domain, fault);
    return { text: domain.slice(1, -1).replace(/^ipv6:/i, ""), literal: true };
  }
  const fault = domain.length > 1_000 ? `it has ${domain.length} characters` : nameFault(domain);
  const text = fault === undefined ? toAscii(domain)?.toLowerCase() : undefined;
  if (text === undefined || text.length > 255)
    throw wrong(domain, fault ?? "it has no A-label, or one that is too long");
  if (NUMERIC.test(text)) throw wrong(domain, "it is an IP address", "[192.0.2.1] for an address");
  return { text, literal: false };
}

function wrong(domain: unknown, fault: string, expected: string = "a domain such as example.com"): SmtpArgumentError {
  return new SmtpArgumentError(`Parameter "domain" is ${shown(domain)}: ${fault}; expected ${expected}`, {
    phase: "connect",
  });
}

async function exchanges(network: SmtpNetwork, domain: string): Promise<MailExchange[]> {
  if (!network.resolveMx) {
    const message = 'Option "network" has no resolveMx, expected one that can look up MX records';
    throw new SmtpArgumentError(message, { phase: "connect" });
  }
  let found: readonly MailExchange[] = [];
  try {
    found = await network.resolveMx(domain);
  } catch (error) {
    if (!NOTHING.has(codeOf(error))) throw unanswered(domain, "MX records", error);
  }
  if (found.length === 0) return await implicit(network, domain);
  const usable = found
    .map(normal)
    .filter(({ exchange }) => nameFault(exchange) === undefined && !NUMERIC.test(exchange));
  if (usable.length > 0) return usable;
  if (found.every(({ exchange }) => exchange === "" || exchange === "."))
    throw final("SMTP_NULL_MX", `Domain ${domain} takes no mail (null MX, RFC 7505: 556 5.1.10)`);
  const names = found.map(({ exchange }) => shown(exchange)).join(", ");
  throw new SmtpConnectionError(`Domain ${domain} names no mail host that can be one: ${names}`, { phase: "connect" });
}

/** Without MX records the domain is its own, if it has an address. */
async function implicit(network: SmtpNetwork, domain: string): Promise<MailExchange[]> {
  const none = (cause?: unknown): SmtpConnectionError =>
    final("SMTP_NO_DOMAIN", `Domain ${domain} is not there, or has neither MX nor address (550 5.1.2)`, cause);
  let addresses: readonly string[];
  try {
    addresses = await network.resolve(domain);
  } catch (error) {
    throw NOTHING.has(codeOf(error)) ? none(error) : unanswered(domain, "addresses", error);
  }
  if (addresses.length === 0) throw none();
  return [{ exchange: domain, preference: 0 }];
}

function normal({ exchange, preference }: MailExchange): MailExchange {
  return { exchange: exchange.replace(/\.$/, "").toLowerCase(), preference };
}

/** Those better than this host, if it is among them. */
function withoutLoop(
  found: readonly MailExchange[],
  domain: string,
  localNames: readonly string[],
): readonly MailExchange[] {
  const local = new Set(localNames.map((name) => String(name).replace(/\.$/, "").toLowerCase()));
  const own = found.filter(({ exchange }) => local.has(exchange)).map(({ preference }) => preference);
  if (own.length === 0) return found;
  const better = found.filter(({ preference }) => preference < Math.min(...own));
  if (better.length > 0) return better;
  throw final("SMTP_MAIL_LOOP", `Mail for ${domain} would come back: this host is its best mail host (554 5.4.6)`);
}

/** By preference, equal ones by chance, each host once. */
function ordered(found: readonly MailExchange[], random: () => number): MailExchange[] {
  const drawn = found.map((host) => ({ host, lot: random() }));
  drawn.sort((one, other) => one.host.preference - other.host.preference || one.lot - other.lot);
  const seen = new Set<string>();
  return drawn.map(({ host }) => host).filter(({ exchange }) => !seen.has(exchange) && seen.add(exchange));
}

function codeOf(error: unknown): unknown {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return code ?? name;
}

function unanswered(domain: string, what: string, cause: unknown): SmtpConnectionError {
  const code = codeOf(cause);
  const denied = DENIED.has(code);
  const message = `The ${what} of ${domain} could not be looked up (${printable(String(code ?? cause))})`;
  return new SmtpConnectionError(message, {
    phase: "connect",
    cause,
    temporary: !denied,
    retry: denied ? "never" : "later",
  });
}

function final(code: string, message: string, cause?: unknown): SmtpConnectionError {
  return new SmtpConnectionError(message, { code, phase: "connect", cause, temporary: false, retry: "never" });
}

function within<T>(looking: Promise<T>, domain: string, timeout: number, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(new SmtpOpenTimeout(`Mail hosts of ${domain} were not found within ${timeout} ms`, { phase: "connect" }));
    const aborted = (): void => reject(new SmtpAbortError("Look-up was aborted", { cause: signal?.reason }));
    const timer = setTimeout(late, Math.min(timeout, MAX_TIMER));
    signal?.addEventListener("abort", aborted);
    if (signal?.aborted) aborted();
    looking.then(resolve, reject).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
    });
  });
}
