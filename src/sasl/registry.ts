/**
 * The mechanisms by name, and the choice among them when none is named. The law here: one choice, made from a constant
 * order and never changed because a login failed; there is no registry that outlives a call.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { cramMd5 } from "./cram_md5.ts";
import { login } from "./login.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { plain } from "./plain.ts";
import { xoauth2 } from "./xoauth2.ts";

/** The login type that is tried where the server is not asked what it offers (Net::SMTP's constant). */
export const DEFAULT_AUTH_TYPE = "PLAIN";

const BUILT_IN: readonly SaslMechanism[] = [plain, login, cramMd5, xoauth2];

/**
 * What may be chosen unnamed, best first: the two that any password works with. PLAIN is the standard's and one round
 * trip, LOGIN is for servers without it. CRAM-MD5 makes servers keep the password in clear and protects nothing that TLS
 * does not; XOAUTH2 wants a token, which cannot be told from a password.
 */
const UNNAMED: readonly string[] = ["PLAIN", "LOGIN"];

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
  const known = [...custom, ...BUILT_IN];
  const found = typeof type === "string" && known.find(({ name }) => keyOf(name) === keyOf(type));
  if (found) return found;
  const names = [...new Set(known.map(({ name }) => keyOf(name)))].join(", ");
  throw new SmtpArgumentError(`Unknown "authType" ${shown(type)}: expected one of ${names}`);
}

/**
 * The mechanism when the login type was left out: the first of PLAIN, LOGIN that the server offers (names in upper case,
 * as `parseCapabilities` gives them); undefined if it offers neither. Any other, custom or not, is used only when named.
 */
export function chooseMechanism(
  offered: readonly string[],
  custom: readonly SaslMechanism[] = [],
): SaslMechanism | undefined {
  const name = UNNAMED.find((candidate) => offered.includes(candidate));
  return name === undefined ? undefined : findMechanism(name, custom);
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
