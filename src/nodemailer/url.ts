/**
 * A connection URL, `smtps://user:pass@host:465?name=me.example`, as options. The law here: it may hold a secret in any
 * place, all the more when it is written wrong, so no error shows a part of it.
 *
 * @module
 */

import type { Check } from "../checks.ts";
import { SmtpArgumentError } from "../errors.ts";
import { didYouMean } from "./names.ts";

const SCHEMES: ReadonlyMap<string, boolean> = new Map([
  ["smtp:", false],
  ["smtps:", true],
]);

/**
 * The options that a URL stands for. `checks` are the options by name; the query may give those that are text, numbers
 * or booleans, and `tls.…`. Throws `SmtpArgumentError`.
 */
export function urlOptions(text: unknown, checks: Readonly<Record<string, Check>>): Record<string, unknown> {
  const url = parsed(text);
  const secure = SCHEMES.get(url.protocol);
  if (secure === undefined) throw wrong("has another scheme than smtp or smtps");
  if (!["", "/"].includes(url.pathname) || url.hash !== "") {
    throw wrong('has a path or a fragment: percent-encode "/", "?" and "#" in user and password');
  }
  const host = decoded(url.hostname);
  const [user, pass] = [decoded(url.username), decoded(url.password)];
  const options: Record<string, unknown> = {
    secure,
    ...(host === "" ? {} : { host }),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(user === "" && pass === "" ? {} : { auth: { user, pass } }),
  };
  if (host !== "" && !checks.host?.holds(host)) throw wrong("has no valid host name");
  addQuery(options, url.searchParams, checks);
  return options;
}

function parsed(text: unknown): URL {
  try {
    if (typeof text === "string") return new URL(text);
  } catch {
    // The runtime's error shows the URL.
  }
  throw wrong("is not a URL such as smtp://user:pass@smtp.example.com:587");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('is not percent-encoded well: a "%" itself is written "%25"');
  }
}

function addQuery(
  options: Record<string, unknown>,
  query: URLSearchParams,
  checks: Readonly<Record<string, Check>>,
): void {
  const tls = new Map<string, unknown>();
  for (const [key, value] of query) {
    if (key.startsWith("tls.")) {
      const name = key.slice("tls.".length);
      if (tls.has(name)) throw wrong('says an option of "tls" twice');
      tls.set(name, coerced(value));
      continue;
    }
    const check = Object.hasOwn(checks, key) && key !== "url" ? checks[key] : undefined;
    if (!check) throw wrong(`has a key in its query that is no option${didYouMean(key, Object.keys(checks))}`);
    if (Object.hasOwn(options, key)) throw wrong(`says "${key}" twice`);
    // A name may look like a number, a number may not look like a name.
    const fitting = [value, coerced(value)].find((candidate) => check.holds(candidate));
    if (fitting === undefined) throw wrong(`has a bad value for "${key}" in its query, expected ${check.expected}`);
    options[key] = fitting;
  }
  if (tls.size > 0) options.tls = Object.fromEntries(tls);
}

function coerced(value: string): unknown {
  if (value === "true" || value === "false") return value === "true";
  return value !== "" && Number.isFinite(Number(value)) ? Number(value) : value;
}

function wrong(what: string): SmtpArgumentError {
  return new SmtpArgumentError(`Option "url" ${what}`, { phase: "connect" });
}
