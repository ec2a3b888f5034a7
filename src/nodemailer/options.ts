/**
 * Nodemailer's options as the engine's. The law here: everything is checked when the transport is made, under the name
 * that the caller wrote; the caller's objects are read once and never kept.
 *
 * | Nodemailer | here |
 * |---|---|
 * | `connectionTimeout` 120 000 | `openTimeout` |
 * | `greetingTimeout` 30 000 | `greetingTimeout` |
 * | `socketTimeout` 600 000 | `readTimeout`, `writeTimeout` and, if it is longer than 600 000, `finalTimeout` |
 * | `secure`, `requireTLS`, `ignoreTLS` | `tls`, `starttls: "always"`, `starttls: false` |
 *
 * @module
 */

import { hostname } from "node:os";
import { BOOLEAN, type Check, FUNCTION, MILLISECONDS, OBJECT, oneOf, POLICY, TEXT } from "../checks.ts";
import type { MessageInDoubt } from "../delivery.ts";
import { SmtpArgumentError } from "../errors.ts";
import type { MailOptions } from "../extensions.ts";
import { checkOption, type SmtpOptions } from "../options.ts";
import { ehlo } from "../protocol/command.ts";
import { findMechanism } from "../sasl/registry.ts";
import { checkAuth } from "./auth.ts";
import { checkOptionNames } from "./names.ts";
import type { NetSmtpAuth, NetSmtpLogger, NetSmtpTransportOptions } from "./types.ts";
import { urlOptions } from "./url.ts";

/** The options after their check. */
export interface TransportSettings {
  readonly host: string;
  readonly port: number;
  /** The engine's, without a login. */
  readonly smtp: SmtpOptions;
  readonly auth: NetSmtpAuth | undefined;
  readonly authMethod: string | undefined;
  readonly beforeEnd: ((message: MessageInDoubt) => unknown) | undefined;
  /** What every message asks of the server's extensions. */
  readonly asks: MailOptions;
  readonly log: LogSettings;
}

/** What is logged, and where to. */
export interface LogSettings {
  readonly logger: NetSmtpLogger | boolean;
  readonly debug: boolean;
  readonly component: string;
}

/** A shorter wait for the reply to a message makes duplicates (RFC 5321 4.5.3.2.6). */
const FINAL_TIMEOUT = 600_000;

const WORD: Check = {
  expected: "a string without spaces or control characters",
  holds: (value) => typeof value === "string" && /^[^\s\p{Cc}]{1,255}$/u.test(value),
};
const HOST: Check = { ...WORD, expected: "a host name or an IP address" };
const PORT: Check = {
  expected: "a whole number from 1 to 65535",
  holds: (value) => {
    const text = typeof value === "number" ? String(value) : value;
    return typeof text === "string" && /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536;
  },
};
const HELO: Check = { expected: "a host name or an address literal such as [192.0.2.1]", holds: isHelo };
const MECHANISM: Check = { expected: "one of PLAIN, LOGIN, CRAM-MD5, XOAUTH2", holds: isMechanism };
const LOGGER: Check = {
  expected: "true, false, or an object with methods debug, info, warn, error",
  holds: (value) => typeof value === "boolean" || OBJECT.holds(value),
};
/** Checked by itself. */
const ELSEWHERE: Check = { expected: "something else", holds: () => true };
const NEVER_IN_URL: Check = { expected: "an object", holds: (value) => typeof value !== "string" };

const CHECKS: Readonly<Record<keyof NetSmtpTransportOptions, Check>> = {
  url: ELSEWHERE,
  host: HOST,
  port: PORT,
  lmtp: BOOLEAN,
  secure: BOOLEAN,
  requireTLS: BOOLEAN,
  ignoreTLS: BOOLEAN,
  name: HELO,
  auth: NEVER_IN_URL,
  authMethod: MECHANISM,
  tls: OBJECT,
  servername: WORD,
  connectionTimeout: MILLISECONDS,
  greetingTimeout: MILLISECONDS,
  socketTimeout: MILLISECONDS,
  localAddress: WORD,
  logger: LOGGER,
  debug: BOOLEAN,
  transactionLog: BOOLEAN,
  component: TEXT,
  requireTLSExtensionEnabled: BOOLEAN,
  recipientPolicy: POLICY,
  beforeEnd: FUNCTION,
  allowInsecureAuth: BOOLEAN,
  strict: BOOLEAN,
  pipelining: BOOLEAN,
  chunking: BOOLEAN,
  finalTimeout: MILLISECONDS,
  whenNotOffered: oneOf("error", "omit"),
};

/** The settings of a transport. Throws `SmtpArgumentError` that names the option and what was expected, without secrets. */
export function transportSettings(given: NetSmtpTransportOptions | string | undefined): TransportSettings {
  const options = merged(typeof given === "string" ? { url: given } : (given ?? {}));
  const auth = checkAuth(options.auth);
  const port = options.port === undefined ? undefined : Number(options.port);
  const secure = options.secure ?? port === 465;
  if (options.lmtp && (port === undefined || port === 25)) throw noLmtpPort(port);
  return {
    host: options.host?.replace(/^\[(.*)\]$/, "$1") ?? "localhost",
    port: port ?? (secure ? 465 : 587),
    smtp: smtpOptions(options, secure),
    auth,
    authMethod: options.authMethod,
    beforeEnd: options.beforeEnd,
    asks: { requireTls: options.requireTLSExtensionEnabled, whenNotOffered: options.whenNotOffered },
    log: {
      logger: options.logger ?? false,
      debug: (options.debug || options.transactionLog) ?? false,
      component: options.component ?? "net-smtp",
    },
  };
}

/** The options with those of the URL over them; `tls` and `auth` key by key. Those that are not given are not there. */
function merged(given: object): NetSmtpTransportOptions {
  if (!OBJECT.holds(given)) {
    throw new SmtpArgumentError('Parameter "options" is no object, expected an object or a URL', { phase: "connect" });
  }
  checkOptionNames(given, Object.keys(CHECKS));
  const own = checked(given);
  if (own.url === undefined) return own;
  const url = urlOptions(own.url, CHECKS) as NetSmtpTransportOptions;
  return {
    ...own,
    ...url,
    ...(own.tls || url.tls ? { tls: { ...own.tls, ...url.tls } } : {}),
    ...(own.auth || url.auth ? { auth: { ...own.auth, ...url.auth } } : {}),
  };
}

/** null is how many say that something is not there. */
function checked(given: object): NetSmtpTransportOptions {
  const options: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(CHECKS)) {
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined || value === null) continue;
    checkOption(name, value, name === "auth" ? ELSEWHERE : check);
    options[name] = value;
  }
  return options;
}

function smtpOptions(options: NetSmtpTransportOptions, secure: boolean): SmtpOptions {
  const socketTimeout = options.socketTimeout ?? 600_000;
  return {
    lmtp: options.lmtp,
    helo: options.name ?? ownName(),
    tls: secure,
    starttls: starttls(options, secure),
    tlsHostname: options.servername,
    tlsOptions: { ...options.tls },
    allowInsecureAuth: options.allowInsecureAuth,
    openTimeout: options.connectionTimeout ?? 120_000,
    greetingTimeout: options.greetingTimeout ?? 30_000,
    readTimeout: socketTimeout,
    writeTimeout: socketTimeout,
    finalTimeout: options.finalTimeout ?? Math.max(socketTimeout, FINAL_TIMEOUT),
    recipientPolicy: options.recipientPolicy ?? "collect",
    strict: options.strict,
    pipelining: options.pipelining,
    chunking: options.chunking,
    localAddress: options.localAddress,
  };
}

function starttls({ requireTLS, ignoreTLS }: NetSmtpTransportOptions, secure: boolean): SmtpOptions["starttls"] {
  if (requireTLS && !secure) return "always";
  return ignoreTLS ? false : "auto";
}

/** LMTP has no port of its own, and SMTP's is forbidden to it (RFC 2033 5). */
function noLmtpPort(port: number | undefined): SmtpArgumentError {
  const message = `Option "port" is ${port ?? "missing"}, with option "lmtp" expected the port that the server speaks LMTP on (often 24, never 25)`;
  return new SmtpArgumentError(message, { phase: "connect" });
}

/** The host's name if a server can make something of it. Deno throws without the permission to ask. */
function ownName(): string {
  try {
    const name = hostname();
    if (name.includes(".") && isHelo(name)) return name;
  } catch {
    // Not to be known: the literal says as much.
  }
  return "[127.0.0.1]";
}

function isHelo(name: unknown): boolean {
  return typeof name === "string" && passes(() => ehlo(name));
}

function isMechanism(name: unknown): boolean {
  return typeof name === "string" && passes(() => findMechanism(name));
}

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
