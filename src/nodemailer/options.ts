/**
 * Nodemailer's options as the engine's. The law here: everything is checked when the transport is made, under the name
 * that the caller wrote; the caller's objects are read once and never kept.
 *
 * | Nodemailer | here |
 * |---|---|
 * | `connectionTimeout` 120 000 | `openTimeout` |
 * | `greetingTimeout` 30 000, at most `connectionTimeout` | `greetingTimeout` |
 * | `socketTimeout` 600 000 | `readTimeout`, `writeTimeout` and, if it is longer than 600 000, `finalTimeout` |
 * | `dnsTimeout` 30 000, `socketCloseTimeout` 5 000, `maxResponseSize` | `dnsTimeout`, `closeTimeout`, `maxReplySize` |
 * | `secure`, `requireTLS`, `ignoreTLS`, `opportunisticTLS` | `tls`, `starttls: "always"`, `false`, `"opportunistic"` |
 *
 * @module
 */

import { hostname } from "node:os";
import {
  BOOLEAN,
  type Check,
  DURATION,
  FUNCTION,
  MILLISECONDS,
  OBJECT,
  OCTETS,
  oneOf,
  POLICY,
  TEXT,
} from "../checks.ts";
import type { MessageInDoubt } from "../delivery.ts";
import { SmtpArgumentError } from "../errors.ts";
import type { MailOptions } from "../extensions.ts";
import { checkOption, type SmtpOptions } from "../options.ts";
import type { PoolOptions } from "../pool/options.ts";
import { ehlo } from "../protocol/command.ts";
import { checkAuth, checkCustom, checkMethod } from "./auth.ts";
import { checkCustomAuth, customMechanisms, mechanismName } from "./custom_auth.ts";
import type { NetSmtpAuth } from "./login_types.ts";
import { checkOptionNames } from "./names.ts";
import { checkOAuth2 } from "./oauth2.ts";
import type { NodemailerModule } from "./peer.ts";
import { POOL_OPTION_CHECKS, poolOptions } from "./pool_options.ts";
import { serviceOptions } from "./service.ts";
import type { Given } from "./sockets.ts";
import type { NetSmtpLogger, NetSmtpTransportOptions } from "./types.ts";
import { urlOptions } from "./url.ts";

/** The options after their check. */
export interface TransportSettings {
  readonly host: string;
  readonly port: number;
  /** The sessions', without a login. */
  readonly smtp: SmtpOptions;
  /** The pool's. */
  readonly pool: PoolOptions;
  /** True if connections are kept. */
  readonly pooled: boolean;
  readonly auth: NetSmtpAuth | undefined;
  readonly authMethod: string | undefined;
  /** The mechanisms of `customAuth`, by name. */
  readonly customMethods: readonly string[];
  /** True if a login is a must, offered or not. */
  readonly forceAuth: boolean;
  /** The service whose host and port are still to be looked up. */
  readonly service: string | undefined;
  /** The options as they were given, the URL's over them: what `getSocket` is told. */
  readonly given: Given;
  readonly beforeEnd: ((message: MessageInDoubt) => unknown) | undefined;
  /** What every message asks of the server's extensions. */
  readonly asks: MailOptions | undefined;
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
const LOGGER: Check = {
  expected: "true, false, or an object with methods debug, info, warn, error",
  holds: (value) => typeof value === "boolean" || OBJECT.holds(value),
};
/** Checked by itself. */
const ELSEWHERE: Check = { expected: "something else", holds: () => true };
const NEVER_IN_URL: Check = { expected: "an object", holds: (value) => typeof value !== "string" };

const CHECKS: Readonly<Record<keyof NetSmtpTransportOptions, Check>> = {
  url: ELSEWHERE,
  service: TEXT,
  host: HOST,
  port: PORT,
  lmtp: BOOLEAN,
  secure: BOOLEAN,
  requireTLS: BOOLEAN,
  ignoreTLS: BOOLEAN,
  opportunisticTLS: BOOLEAN,
  name: HELO,
  auth: NEVER_IN_URL,
  authMethod: TEXT,
  forceAuth: BOOLEAN,
  customAuth: OBJECT,
  tls: OBJECT,
  servername: WORD,
  connectionTimeout: MILLISECONDS,
  greetingTimeout: MILLISECONDS,
  socketTimeout: MILLISECONDS,
  dnsTimeout: MILLISECONDS,
  socketCloseTimeout: DURATION,
  maxResponseSize: OCTETS,
  localAddress: WORD,
  allowInternalNetworkInterfaces: BOOLEAN,
  connection: OBJECT,
  socket: OBJECT,
  secured: BOOLEAN,
  getSocket: FUNCTION,
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
  ...POOL_OPTION_CHECKS,
};

/** The settings of a transport. Throws `SmtpArgumentError` that names the option and what was expected, without secrets. */
export function transportSettings(given: NetSmtpTransportOptions | string | undefined): TransportSettings {
  return settingsOf(merged(typeof given === "string" ? { url: given } : (given ?? {})));
}

/** The settings with what the service's entry says over them. Rejects with `SmtpArgumentError` if Nodemailer does not know it. */
export async function locatedSettings(
  { service, given }: TransportSettings,
  nodemailer: NodemailerModule | undefined,
): Promise<TransportSettings> {
  const entry = await serviceOptions(service as string, nodemailer);
  const tls = { ...(given.tls as object | undefined), ...(entry.tls as object | undefined) };
  return settingsOf({ ...given, ...entry, tls, service: undefined });
}

function settingsOf(options: NetSmtpTransportOptions): TransportSettings {
  const { customAuth = {}, authMethod } = options;
  checkCustomAuth(customAuth);
  const custom = Object.keys(customAuth).map(mechanismName);
  const auth = checkAuth(options.auth, custom);
  if (auth) checkCustom(auth, authMethod, custom);
  if (auth) checkOAuth2(auth, options.allowInsecureAuth ?? false);
  if (authMethod !== undefined) checkMethod("authMethod", authMethod, custom);
  const port = options.port === undefined ? undefined : Number(options.port);
  const secure = options.secure ?? port === 465;
  if (options.lmtp && (port === undefined || port === 25)) throw noLmtpPort(port);
  return {
    host: options.host?.replace(/^\[(.*)\]$/, "$1") ?? "localhost",
    port: port ?? (secure ? 465 : 587),
    smtp: { ...smtpOptions(options, secure), mechanisms: customMechanisms(customAuth, auth) },
    pool: poolOptions(options),
    pooled: options.pool ?? false,
    auth,
    authMethod,
    customMethods: custom,
    forceAuth: options.forceAuth ?? false,
    service: options.service,
    given: options as Given,
    beforeEnd: options.beforeEnd,
    asks: asksOf(options),
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
  const { socketTimeout = 600_000, connectionTimeout = 120_000, greetingTimeout = 30_000 } = options;
  return {
    lmtp: options.lmtp,
    helo: options.name ?? ownName(),
    tls: secure,
    starttls: starttls(options, secure),
    tlsHostname: options.servername,
    tlsOptions: { ...options.tls },
    allowInsecureAuth: options.allowInsecureAuth,
    forceAuth: options.forceAuth,
    openTimeout: connectionTimeout,
    dnsTimeout: options.dnsTimeout ?? 30_000,
    greetingTimeout: Math.min(greetingTimeout, connectionTimeout),
    readTimeout: socketTimeout,
    writeTimeout: socketTimeout,
    closeTimeout: options.socketCloseTimeout ?? 5_000,
    maxReplySize: options.maxResponseSize,
    secured: options.secured,
    finalTimeout: options.finalTimeout ?? Math.max(socketTimeout, FINAL_TIMEOUT),
    recipientPolicy: options.recipientPolicy ?? "collect",
    strict: options.strict,
    pipelining: options.pipelining,
    chunking: options.chunking,
    localAddress: options.localAddress,
  };
}

function asksOf({
  requireTLSExtensionEnabled: requireTls,
  whenNotOffered,
}: NetSmtpTransportOptions): MailOptions | undefined {
  return requireTls || whenNotOffered ? { requireTls, whenNotOffered } : undefined;
}

function starttls(
  { requireTLS, ignoreTLS, opportunisticTLS }: NetSmtpTransportOptions,
  secure: boolean,
): SmtpOptions["starttls"] {
  if (requireTLS && !secure) return "always";
  if (ignoreTLS) return false;
  return opportunisticTLS ? "opportunistic" : "auto";
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

function passes(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}
