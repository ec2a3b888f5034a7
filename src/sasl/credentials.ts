/**
 * The checks of user and secret. The law here: no message and no property of an error shows a secret, not even a part
 * of it or its length; only its type is told.
 *
 * @module
 */

import { isSmtpError, SmtpArgumentError, SmtpAuthenticationError } from "../errors.ts";
import type { SaslCredentials } from "./mechanism.ts";

/** NUL divides the fields of PLAIN (RFC 4616 §2); half a surrogate pair has no UTF-8, so another password would be sent. */
const UNSENDABLE = /[\0\p{Surrogate}]/u;

/**
 * Checks what the caller gave, before anything is sent. Throws `SmtpArgumentError` that names "user" or "secret" if it
 * is missing, of another type, empty, or holds NUL or half a surrogate pair. A function as secret is not called. `without`:
 * the mechanism does without a secret, which is not looked at, and the user may be missing or empty.
 */
export function checkCredentials(user: unknown, secret: unknown, without: boolean = false): void {
  const badUser = without && (user === undefined || user === "") ? undefined : faultOf(user);
  if (badUser) throw new SmtpArgumentError(`Invalid "user": got ${badUser}, expected a non-empty string`);
  const badSecret = without || typeof secret === "function" ? undefined : faultOf(secret);
  if (badSecret) {
    throw new SmtpArgumentError(
      `Invalid "secret": got ${badSecret}, expected a non-empty string or a function that returns one`,
    );
  }
}

/**
 * The secret itself; a function is called now. Rejects with `SmtpAuthenticationError` if the function throws (`cause` is
 * what it threw; temporary, since a token endpoint may be down) or returns what cannot be a secret. An error of this
 * family goes through as it is.
 */
export async function secretOf({ secret }: Pick<SaslCredentials, "secret">): Promise<string> {
  if (typeof secret === "string") return secret;
  let given: unknown;
  try {
    given = await secret();
  } catch (cause) {
    if (isSmtpError(cause)) throw cause;
    const details = { cause, temporary: true, retry: "later" } as const;
    throw new SmtpAuthenticationError('The function "secret" failed, so no login was tried', details);
  }
  const fault = faultOf(given);
  if (fault === undefined) return given as string;
  throw new SmtpAuthenticationError(`The function "secret" returned ${fault}, expected a non-empty string`);
}

/** Checks whom a login is for; undefined and "" are nobody else. Throws `SmtpArgumentError` that names "authzid". */
export function checkAuthzid(authzid: unknown): void {
  const fault = authzid === undefined || authzid === "" ? undefined : faultOf(authzid);
  if (fault) throw new SmtpArgumentError(`Invalid "authzid": got ${fault}, expected a string`);
}

/** Throws `SmtpArgumentError` if the login is for somebody else, which the mechanism has no place for. */
export function withoutAuthzid(mechanism: string, { authzid }: Pick<SaslCredentials, "authzid">): void {
  if (!authzid) return;
  throw new SmtpArgumentError(
    `Option "authzid" cannot be said by ${mechanism}, so nothing was sent: use PLAIN, SCRAM, OAUTHBEARER or EXTERNAL`,
  );
}

/** Why a value can be neither user nor secret, without showing it. */
function faultOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return String(value);
  if (typeof value !== "string") return `a value of type ${typeof value}`;
  if (value === "") return "an empty string";
  if (UNSENDABLE.test(value)) return "a string with NUL or half a surrogate pair in it";
  return undefined;
}
