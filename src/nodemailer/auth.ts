/**
 * Nodemailer's `auth`, of a transport or of one message, as the engine's login. The law here: no error shows a secret,
 * and a login that was asked for is made or is an error; a message never goes without it.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import type { Secret } from "../sasl/mechanism.ts";
import { findMechanism, MECHANISMS, needsNoSecret } from "../sasl/registry.ts";
import { customLogin, mechanismName } from "./custom_auth.ts";
import type { NetSmtpAuth } from "./login_types.ts";
import { didYouMean } from "./names.ts";
import type { Tokens } from "./oauth2.ts";

/** The engine's options for a login. */
export interface Login {
  readonly user: string;
  readonly secret?: Secret;
  readonly authType?: string;
  readonly authzid?: string;
}

/** What a login is made of besides `auth`. */
export interface LoginMeans {
  /** The mechanism where `auth` names none. */
  readonly authMethod: string | undefined;
  /** The mechanisms of `customAuth`, as `mechanismName` writes them. */
  readonly custom: readonly string[];
  /** What gives OAuth 2.0 tokens. */
  readonly tokens: Tokens;
}

type Kind = "text" | "secret" | "number" | "object" | "function" | "anything";

/** The keys, and what each must be. */
const KEYS: Readonly<Record<keyof NetSmtpAuth, Kind>> = {
  type: "text",
  user: "text",
  pass: "secret",
  method: "text",
  authzid: "text",
  options: "object",
  accessToken: "secret",
  expires: "number",
  timeout: "number",
  refreshToken: "text",
  clientId: "text",
  clientSecret: "text",
  accessUrl: "text",
  serviceClient: "text",
  privateKey: "anything",
  scope: "text",
  serviceRequestTimeout: "number",
  provisionCallback: "function",
  customHeaders: "object",
  customParams: "object",
  tls: "object",
  requestTimeout: "number",
};
const KNOWN: readonly string[] = Object.keys(KEYS);
/** Which of them a message may set; the rest is the application's. */
const OF_MESSAGE: readonly string[] = ["type", "user", "pass", "accessToken", "refreshToken", "expires"];
const TYPES: readonly string[] = ["login", "oauth2", "custom"];

/** A copy of `auth` after its check, undefined if there is none. Throws `SmtpArgumentError`; what is missing is found by `loginOf`. */
export function checkAuth(auth: unknown, custom: readonly string[]): NetSmtpAuth | undefined {
  if (auth === undefined || auth === null || auth === false) return undefined;
  checkKeys("auth", auth, KNOWN);
  const copy: NetSmtpAuth = { ...auth };
  if (Object.keys(copy).length === 0) return undefined;
  for (const [name, kind] of Object.entries(KEYS)) checkValue(name, kind, copy[name as keyof NetSmtpAuth]);
  checkType(copy);
  if (copy.method) checkMethod("auth.method", copy.method, custom);
  return copy;
}

/** The transport's `auth` with that of one message over it, key by key. Throws `SmtpArgumentError`. */
export function messageAuth(
  auth: NetSmtpAuth | undefined,
  own: unknown,
  custom: readonly string[] = [],
): NetSmtpAuth | undefined {
  if (own === undefined || own === null || own === false) return auth;
  checkKeys("auth of a message", own, OF_MESSAGE);
  const other = (own as NetSmtpAuth).user === undefined ? {} : { authzid: undefined }; // whom the transport's user acts for
  return checkAuth({ ...auth, ...other, ...own }, [...custom, ...(auth?.method ? [mechanismName(auth.method)] : [])]);
}

function checkKeys(what: string, auth: unknown, known: readonly string[]): asserts auth is object {
  if (typeof auth !== "object" || auth === null || Array.isArray(auth)) {
    throw wrong(`Option "auth" is a value of type ${typeof auth}, expected an object with user and pass`);
  }
  for (const [name, value] of Object.entries(auth)) {
    if (known.includes(name) || value === undefined) continue;
    const why = KNOWN.includes(name)
      ? "is the transport's: a message may set"
      : `is unknown${didYouMean(name, known) || ", expected one of"}`;
    throw wrong(`Key ${shown(name)} in "${what}" ${why}${why.endsWith("?") ? "" : ` ${known.join(", ")}`}`);
  }
}

function checkValue(name: string, kind: Kind, value: unknown): void {
  if (value === undefined || value === null || kind === "anything") return;
  if (value === false && name === "method") return;
  const type = Array.isArray(value) ? "array" : typeof value;
  if (type === (kind === "text" || kind === "secret" ? "string" : kind)) return;
  if (type === "function" && kind === "secret") return;
  const expected = kind === "text" || kind === "secret" ? "string" : kind;
  throw wrong(
    `Option "auth.${name}" is a value of type ${type}, expected a${/^[aeiou]/.test(expected) ? "n" : ""} ${expected}`,
  );
}

function checkType({ type }: NetSmtpAuth): void {
  if (!type || TYPES.includes(type.toLowerCase())) return;
  throw wrong(`Option "auth.type" is unknown: ${shown(type)}, expected one of ${TYPES.join(", ")}`);
}

/** Throws `SmtpArgumentError` unless it is a mechanism of the engine or of `customAuth`. */
export function checkMethod(option: string, method: string, custom: readonly string[]): void {
  if (custom.includes(mechanismName(method))) return;
  try {
    findMechanism(method.trim());
  } catch {
    const known = [...MECHANISMS, ...custom].join(", ");
    throw wrong(`Option "${option}" is ${shown(method)}, expected one of ${known}`);
  }
}

/** The engine's login; undefined without `auth`. Throws `SmtpArgumentError` of phase "auth" if user or secret is missing. */
export function loginOf(auth: NetSmtpAuth | undefined, means: LoginMeans): Login | undefined {
  if (!auth) return undefined;
  const named = (auth.method || means.authMethod)?.trim();
  const method = named ? mechanismName(named) : undefined;
  const type = auth.type?.toLowerCase();
  const own = method !== undefined && means.custom.includes(method);
  if (type === "custom" && !own) throw noCustom();
  if (own && type !== "oauth2") return customLogin(auth, method);
  const takesToken = method === "XOAUTH2" || method === "OAUTHBEARER";
  const byToken = type === "oauth2" || (takesToken && !auth.pass);
  if (type === "oauth2" && method !== undefined && !takesToken) {
    const expected = "which logs in by XOAUTH2, or by OAUTHBEARER if it is named";
    throw wrong(`Option "auth.method" is ${shown(method)} but "auth.type" is "oauth2", ${expected}`);
  }
  const authzid = auth.authzid ? { authzid: auth.authzid } : {};
  if (method && needsNoSecret(method)) return { user: auth.user || "", authType: method, ...authzid };
  const secret = byToken ? means.tokens.secret(auth) : auth.pass;
  if (!auth.user) throw missing("user");
  if (!secret) throw missing(byToken ? "accessToken" : "pass");
  const authType = byToken ? (method ?? "XOAUTH2") : method;
  return { user: auth.user, secret, ...(authType ? { authType } : {}), ...authzid };
}

/** Throws `SmtpArgumentError` if a login of type "custom" has no function that makes it. */
export function checkCustom(auth: NetSmtpAuth, authMethod: string | undefined, custom: readonly string[]): void {
  if (auth.type?.toLowerCase() !== "custom") return;
  const method = auth.method || authMethod;
  if (!method || !custom.includes(mechanismName(method))) throw noCustom();
}

function noCustom(): SmtpArgumentError {
  return wrong('Option "auth.type" is "custom", and "customAuth" has no function for "auth.method", expected one');
}

function missing(name: string): SmtpArgumentError {
  const hints: Readonly<Record<string, string>> = {
    pass: ' (with an access token, set "auth.type" to "oauth2")',
    accessToken: ", or what it is renewed by: auth.refreshToken, auth.serviceClient, auth.provisionCallback",
  };
  return wrong(`Login is missing "auth.${name}", so nothing was sent${hints[name] ?? ""}`);
}

function wrong(message: string): SmtpArgumentError {
  return new SmtpArgumentError(message, { phase: "auth" });
}
