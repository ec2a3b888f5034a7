/**
 * Nodemailer's `auth`, of a transport or of one message, as the engine's login. The law here: no error shows a secret,
 * and a login that was asked for is made or is an error; a message never goes without it.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { findMechanism } from "../sasl/registry.ts";
import { didYouMean } from "./names.ts";
import type { NetSmtpAuth } from "./types.ts";

/** A secret, or a function that gives it. */
type Secret = string | (() => string | Promise<string>);

/** The engine's options for a login. */
export interface Login {
  readonly user: string;
  readonly secret: Secret;
  readonly authType?: string;
}

const KNOWN: readonly string[] = ["type", "user", "pass", "method", "accessToken"];
/** Which of them a message may set; the rest is the application's. */
const OF_MESSAGE: readonly string[] = ["type", "user", "pass", "accessToken"];
const LATER: readonly string[] = [
  "accessUrl",
  "clientId",
  "clientSecret",
  "customHeaders",
  "customParams",
  "expires",
  "options",
  "privateKey",
  "provisionCallback",
  "refreshToken",
  "requestTimeout",
  "scope",
  "serviceClient",
  "service",
  "timeout",
  "tls",
];
const TYPES: readonly string[] = ["login", "oauth2"];

/** A copy of `auth` after its check, undefined if there is none. Throws `SmtpArgumentError`; what is missing is found by `loginOf`. */
export function checkAuth(auth: unknown): NetSmtpAuth | undefined {
  if (auth === undefined || auth === null || auth === false) return undefined;
  checkKeys("auth", auth, KNOWN);
  const copy = { ...auth };
  if (Object.keys(copy).length === 0) return undefined;
  checkValues(copy);
  return copy;
}

/** The transport's `auth` with that of one message over it, key by key. Throws `SmtpArgumentError`. */
export function messageAuth(auth: NetSmtpAuth | undefined, own: unknown): NetSmtpAuth | undefined {
  if (own === undefined || own === null || own === false) return auth;
  checkKeys("auth of a message", own, OF_MESSAGE);
  return checkAuth({ ...auth, ...own });
}

function checkKeys(what: string, auth: unknown, known: readonly string[]): asserts auth is object {
  if (typeof auth !== "object" || auth === null || Array.isArray(auth)) {
    throw wrong(`Option "auth" is a value of type ${typeof auth}, expected an object with user and pass`);
  }
  for (const [name, value] of Object.entries(auth)) {
    if (known.includes(name) || value === undefined) continue;
    const why = LATER.includes(name)
      ? "is not supported yet: leave it out"
      : `is unknown${didYouMean(name, known) || `, expected one of ${known.join(", ")}`}`;
    throw wrong(`Key ${shown(name)} in "${what}" ${why}`);
  }
}

function checkValues({ type, user, pass, method, accessToken }: NetSmtpAuth): void {
  checkText("type", type);
  checkText("user", user);
  checkText("method", method === false ? undefined : method);
  checkSecret("pass", pass);
  checkSecret("accessToken", accessToken);
  if (type && !TYPES.includes(type.toLowerCase())) {
    const later = type.toLowerCase() === "custom" ? "is not supported yet" : "is unknown";
    throw wrong(`Option "auth.type" ${later}: ${shown(type)}, expected one of ${TYPES.join(", ")}`);
  }
  if (!method) return;
  try {
    findMechanism(method);
  } catch {
    throw wrong(`Option "auth.method" is ${shown(method)}, expected one of PLAIN, LOGIN, CRAM-MD5, XOAUTH2`);
  }
}

function checkText(name: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === "string") return;
  throw wrong(`Option "auth.${name}" is a value of type ${typeof value}, expected a string`);
}

function checkSecret(name: string, value: unknown): void {
  if (typeof value !== "function") checkText(name, value);
}

/** The engine's login; undefined without `auth`. Throws `SmtpArgumentError` of phase "auth" if user or secret is missing. */
export function loginOf(auth: NetSmtpAuth | undefined, authMethod: string | undefined): Login | undefined {
  if (!auth) return undefined;
  const method = auth.method || authMethod;
  const byToken = auth.type?.toLowerCase() === "oauth2";
  if (byToken && method && mechanism(method) !== "XOAUTH2") {
    throw wrong(`Option "auth.method" is ${shown(method)} but "auth.type" is "oauth2", which logs in by XOAUTH2`);
  }
  const authType = byToken ? "XOAUTH2" : method;
  const usesToken = byToken || (authType !== undefined && mechanism(authType) === "XOAUTH2" && !auth.pass);
  const [name, secret] = usesToken ? ["accessToken", auth.accessToken] : ["pass", auth.pass];
  if (!auth.user) throw missing("user");
  if (!secret) throw missing(name as string);
  return { user: auth.user, secret: secret as Secret, ...(authType ? { authType } : {}) };
}

function mechanism(method: string): string {
  return findMechanism(method).name;
}

function missing(name: string): SmtpArgumentError {
  const hint = name === "pass" ? ' (with an access token, set "auth.type" to "oauth2")' : "";
  return wrong(`Login is missing "auth.${name}", so nothing was sent${hint}`);
}

function wrong(message: string): SmtpArgumentError {
  return new SmtpArgumentError(message, { phase: "auth" });
}
