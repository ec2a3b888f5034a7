/**
 * The mechanisms by name, and the choice among them when none is named. The law here: one choice, made from a constant
 * order and never changed because a login failed; there is no registry that outlives a call.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { anonymous } from "./anonymous.ts";
import { external } from "./external.ts";
import { cramMd5, oauthBearer, scram, xoauth2 } from "./lazy.ts";
import { login } from "./login.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { plain } from "./plain.ts";

/** The login type that is tried where the server is not asked what it offers (Net::SMTP's constant). */
export const DEFAULT_AUTH_TYPE = "PLAIN";

/** The built-in mechanisms; first, and best first, what may be chosen unnamed. */
const BUILT_IN: readonly SaslMechanism[] = [
  scram("SHA-256").plus,
  scram("SHA-256").bare,
  scram("SHA-1").plus,
  scram("SHA-1").bare,
  plain,
  login,
  cramMd5,
  xoauth2,
  oauthBearer,
  external,
  anonymous,
];

/**
 * What may be chosen unnamed, best first: those that any password works with. SCRAM does not tell it to the server; PLAIN is
 * one round trip, LOGIN is for servers without it. CRAM-MD5 makes servers keep the password in clear and protects nothing
 * that TLS does not; XOAUTH2 and OAUTHBEARER want a token, which cannot be told from a password; EXTERNAL and ANONYMOUS
 * say nothing of one.
 */
const UNNAMED: readonly string[] = BUILT_IN.slice(0, 6).map(({ name }) => name);

/** What may be chosen unnamed, as messages say it. */
export const CHOICES = "SCRAM, PLAIN or LOGIN";

/** The names of the built-in mechanisms. */
export const MECHANISMS: readonly string[] = BUILT_IN.map(({ name }) => name);

/** The grammar of names (RFC 4422 §3.1), in either case. */
const NAME = /^[A-Za-z0-9_-]{1,20}$/;

/**
 * The mechanism of a name, in either case, `_` taken as `-` as in Net::SMTP's symbols: `cram_md5`, `CRAM-MD5`, `plain`.
 * A custom one goes before the built-in one of its name. Throws `SmtpArgumentError`: an unknown name ("authType"), or
 * a custom one that is no mechanism ("mechanisms").
 */
export function findMechanism(type: string, custom: readonly SaslMechanism[] = []): SaslMechanism {
  if (!Array.isArray(custom))
    throw new SmtpArgumentError(`Invalid "mechanisms": got ${shown(custom)}, expected an array`);
  for (const mechanism of custom) checkMechanism(mechanism);
  const found = typeof type === "string" ? known(type, custom) : undefined;
  if (found) return found;
  const names = [...new Set([...custom, ...BUILT_IN].map(({ name }) => keyOf(name)))].join(", ");
  throw new SmtpArgumentError(`Unknown "authType" ${shown(type)}: expected one of ${names}`);
}

/**
 * The mechanism when the login type was left out: the first of SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS,
 * SCRAM-SHA-1, PLAIN, LOGIN that the server offers (names in upper case, as `parseCapabilities` gives them); undefined if it
 * offers none. -PLUS only where the connection can be `bound`. Any other, custom or not, is used only when named.
 */
export function chooseMechanism(
  offered: readonly string[],
  custom: readonly SaslMechanism[] = [],
  bound: boolean = false,
): SaslMechanism | undefined {
  const name = UNNAMED.find((candidate) => offered.includes(candidate) && (bound || !candidate.endsWith("-PLUS")));
  return name === undefined ? undefined : findMechanism(name, custom);
}

/** True if the named mechanism does without a secret; false of a name that is not known, and without a name. */
export function needsNoSecret(type: string | undefined, custom: readonly SaslMechanism[] = []): boolean {
  return typeof type === "string" && known(type, custom)?.withoutSecret === true;
}

function known(type: string, custom: readonly SaslMechanism[]): SaslMechanism | undefined {
  return [...custom, ...BUILT_IN].find(({ name }) => keyOf(name) === keyOf(type));
}

function keyOf(name: string): string {
  return name.toUpperCase().replaceAll("_", "-");
}

/** A name goes into the AUTH line, where a space would begin an initial response. */
function checkMechanism(mechanism: unknown): void {
  const { name, exchange } = (mechanism ?? {}) as Partial<SaslMechanism>;
  if (typeof name !== "string" || !NAME.test(name)) {
    const expected = 'expected 1 to 20 letters, digits, "-" and "_"';
    throw new SmtpArgumentError(`Invalid name in "mechanisms": got ${shown(name)}, ${expected}`);
  }
  if (typeof exchange !== "function") {
    throw new SmtpArgumentError(`Invalid "mechanisms": ${name} has no function "exchange"`);
  }
}
