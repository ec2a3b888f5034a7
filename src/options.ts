/**
 * Every option once: its meaning, default, unit and check. The law here: options are checked before anything is done
 * with them, all at once into one resolved object; 0 and false can be given, and a name that is unknown is an error, since
 * a misspelt option is a wish that would be lost in silence.
 *
 * @module
 */

import {
  ANY_TEXT,
  ARRAY,
  BOOLEAN,
  type Check,
  COUNT,
  DURATION,
  MILLISECONDS,
  NAME,
  OBJECT,
  OBSERVERS,
  OCTETS,
  OUTPUT,
  oneOf,
  PATH,
  POLICY,
  SECRET,
  SIGNAL,
  SOCKET,
  TEXT,
} from "./checks.ts";
import { SmtpArgumentError, shown } from "./errors.ts";
import type { SmtpObserver } from "./events.ts";
import type { SmtpNetwork } from "./net/stream.ts";
import type { RecipientPolicy } from "./protocol/verdict.ts";
import type { SaslMechanism, Secret } from "./sasl/mechanism.ts";
import type { DebugOutput } from "./transcript.ts";

/** When STARTTLS is used: if offered, the same but a refusal of it is not the end, always (not offered is an error), or never. */
export type StarttlsMode = "auto" | "opportunistic" | "always" | false;

/** Options of `start`. */
export interface StartOptions {
  /** The name said in EHLO: a domain or an address literal like `[192.0.2.1]`. Default "localhost". */
  helo?: string | undefined;
  /** The user to log in as; needs a secret, unless `authType` is EXTERNAL or ANONYMOUS. */
  user?: string | undefined;
  /**
   * The password or token, or an async function that gives it when it is needed; needs a user. A token that the server
   * refused is given to the function, once, which may then give another.
   */
  secret?: Secret | undefined;
  /** The same as `secret`, as Net::SMTP has both. */
  password?: Secret | undefined;
  /**
   * The login mechanism by name, in any case, `_` for `-`. Default: the first of SCRAM-SHA-256-PLUS, SCRAM-SHA-256,
   * SCRAM-SHA-1-PLUS, SCRAM-SHA-1, PLAIN, LOGIN that is offered. EXTERNAL and ANONYMOUS need neither user nor secret.
   */
  authType?: string | undefined;
  /** Whom the user acts for, where that is somebody else (RFC 4422 section 2). Default "": the user. */
  authzid?: string | undefined;
  /** Ends the start, and later the session, when it aborts. */
  signal?: AbortSignal | undefined;
}

/** Every option of a session. Times are milliseconds. */
export interface SmtpOptions extends StartOptions {
  /**
   * Speak LMTP (RFC 2033): LHLO, and a reply of its own for each recipient to the end of a message. Needs a port other than
   * 25, which is SMTP's, a `socketPath` or a `socket`. Default false.
   */
  lmtp?: boolean | undefined;
  /** Say EHLO; false says HELO. Default true. */
  esmtp?: boolean | undefined;
  /** TLS from the first byte (RFC 8314). Default false. */
  tls?: boolean | undefined;
  /**
   * When STARTTLS is used (RFC 3207). Default "auto", which with a login off loopback means "always". "opportunistic": as
   * "auto", and where the server refuses it messages go in clear without a login, which their deliveries say.
   */
  starttls?: StarttlsMode | undefined;
  /** Verify the certificate and its name. Default true. */
  tlsVerify?: boolean | undefined;
  /** The name that the certificate must carry. Default: the address. */
  tlsHostname?: string | undefined;
  /** Options of the runtime's `tls.connect`: `ca`, `cert`, `key`, `minVersion`, … Default none; at least TLS 1.2. */
  tlsOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Log in although the connection is in clear and not on loopback. Default false. */
  allowInsecureAuth?: boolean | undefined;
  /** Log in although the server does not say that it offers it. Default false. */
  forceAuth?: boolean | undefined;
  /** Login mechanisms of your own, before the built-in ones. Default none. */
  mechanisms?: readonly SaslMechanism[] | undefined;
  /** For DNS, all addresses, TCP and TLS together. Default 30 000. */
  openTimeout?: number | undefined;
  /** For DNS alone. Default: what `openTimeout` leaves. */
  dnsTimeout?: number | undefined;
  /** For the greeting, default `readTimeout`; if it is given, for the handshake after STARTTLS too, within `openTimeout`. */
  greetingTimeout?: number | undefined;
  /** For the reply to each command. Default 60 000. */
  readTimeout?: number | undefined;
  /** For the reply to a message; a shorter one makes duplicates (RFC 5321 4.5.3.2.6, RFC 1047). Default 600 000. */
  finalTimeout?: number | undefined;
  /** Without progress in writing. Default 180 000. */
  writeTimeout?: number | undefined;
  /** For the reply to QUIT. Default 5 000. */
  quitTimeout?: number | undefined;
  /** For the server to close after QUIT, before the connection is dropped. Default 0: at once. */
  closeTimeout?: number | undefined;
  /** Octets of one reply beyond which the session is broken. Default 65 536, no line over 12 288, no more than 1 000 lines. */
  maxReplySize?: number | undefined;
  /** What happens when a recipient is refused. Default "net-smtp". */
  recipientPolicy?: RecipientPolicy | undefined;
  /** Send commands in groups where the server offers it (RFC 2920). Default true. */
  pipelining?: boolean | undefined;
  /** Send content in chunks where the server offers it (RFC 3030), unless the policy is "net-smtp". Default true. */
  chunking?: boolean | undefined;
  /** How many messages may be unanswered at a time under CHUNKING; each of them is in doubt if the connection is lost. Default 1. */
  inFlight?: number | undefined;
  /** A line of a message over 998 octets is an error; else a warning of the delivery. Default false. */
  strict?: boolean | undefined;
  /** Where the dialogue is shown, secrets masked: an object with `write(text)`, or a function of events. Default nowhere. */
  debugOutput?: DebugOutput | undefined;
  /** Who is told of what happens, as events: a function or several; what they throw is ignored. Default nobody. */
  observe?: SmtpObserver | readonly SmtpObserver[] | undefined;
  /** The local IP address to connect from. Default: the system's choice. */
  localAddress?: string | undefined;
  /** A unix socket to connect to, instead of address and port. Default none. */
  socketPath?: string | undefined;
  /**
   * A connected socket, instead of address and port, or a function that makes one (`SocketMaker`): it counts as not
   * loopback. Default none.
   */
  socket?: unknown;
  /** The socket speaks TLS already. Default: what the socket says. */
  secured?: boolean | undefined;
  /** The runtime to connect with. Default: `node:net` and `node:tls`, for Node, Deno and Bun. */
  network?: SmtpNetwork | undefined;
}

/** Options for which undefined stands where nothing is given. */
type WithoutDefault =
  | keyof Omit<StartOptions, "helo" | "authzid">
  | "tlsHostname"
  | "dnsTimeout"
  | "greetingTimeout"
  | "maxReplySize"
  | "debugOutput"
  | "observe"
  | "localAddress"
  | "socketPath"
  | "socket"
  | "secured"
  | "network";

/** Options after their check, with defaults. */
export type Settings = {
  [Name in Exclude<keyof SmtpOptions, "password">]-?: Name extends WithoutDefault
    ? SmtpOptions[Name]
    : NonNullable<SmtpOptions[Name]>;
};

const CHECKS: Readonly<Record<keyof SmtpOptions, Check>> = {
  helo: TEXT,
  user: ANY_TEXT,
  secret: SECRET,
  password: SECRET,
  authType: TEXT,
  authzid: ANY_TEXT,
  signal: SIGNAL,
  lmtp: BOOLEAN,
  esmtp: BOOLEAN,
  tls: BOOLEAN,
  starttls: oneOf("auto", "opportunistic", "always", false),
  tlsVerify: BOOLEAN,
  tlsHostname: NAME,
  tlsOptions: OBJECT,
  allowInsecureAuth: BOOLEAN,
  forceAuth: BOOLEAN,
  mechanisms: ARRAY,
  openTimeout: MILLISECONDS,
  dnsTimeout: MILLISECONDS,
  greetingTimeout: MILLISECONDS,
  readTimeout: MILLISECONDS,
  finalTimeout: MILLISECONDS,
  writeTimeout: MILLISECONDS,
  quitTimeout: MILLISECONDS,
  closeTimeout: DURATION,
  maxReplySize: OCTETS,
  recipientPolicy: POLICY,
  pipelining: BOOLEAN,
  chunking: BOOLEAN,
  inFlight: COUNT,
  strict: BOOLEAN,
  debugOutput: OUTPUT,
  observe: OBSERVERS,
  localAddress: NAME,
  socketPath: PATH,
  socket: SOCKET,
  secured: BOOLEAN,
  network: OBJECT,
};

/** What holds where nothing is given. */
export const DEFAULTS: Settings = {
  helo: "localhost",
  user: undefined,
  secret: undefined,
  authType: undefined,
  authzid: "",
  signal: undefined,
  lmtp: false,
  esmtp: true,
  tls: false,
  starttls: "auto",
  tlsVerify: true,
  tlsHostname: undefined,
  tlsOptions: {},
  allowInsecureAuth: false,
  forceAuth: false,
  mechanisms: [],
  openTimeout: 30_000,
  dnsTimeout: undefined,
  greetingTimeout: undefined,
  readTimeout: 60_000,
  finalTimeout: 600_000,
  writeTimeout: 180_000,
  quitTimeout: 5_000,
  closeTimeout: 0,
  maxReplySize: undefined,
  recipientPolicy: "net-smtp",
  pipelining: true,
  chunking: true,
  inFlight: 1,
  strict: false,
  debugOutput: undefined,
  observe: undefined,
  localAddress: undefined,
  socketPath: undefined,
  socket: undefined,
  secured: undefined,
  network: undefined,
};

const SECRETS: ReadonlySet<string> = new Set(["secret", "password"]);

/** Throws `SmtpArgumentError` unless the value passes; a secret is never shown. */
export function checkOption(
  name: string,
  value: unknown,
  check: Check | undefined = CHECKS[name as keyof SmtpOptions],
  phase: "connect" | "mail" = "connect",
): void {
  if (value === undefined || check?.holds(value)) return;
  const given = SECRETS.has(name) ? `a value of type ${typeof value}` : shown(value);
  throw new SmtpArgumentError(`Option "${name}" is ${given}, expected ${check?.expected}`, { phase });
}

/** The names of the options of a session. */
export const SESSION_OPTIONS: readonly string[] = Object.keys(CHECKS);

/** The names of the options of `start`. */
export const START_OPTIONS: readonly string[] = ["helo", "user", "secret", "password", "authType", "authzid", "signal"];

/**
 * The options over what holds already; `known` are the names that may be given. Throws `SmtpArgumentError` that names the
 * option and what was expected. Only own keys count, and undefined leaves what holds.
 */
export function resolveOptions(
  options: SmtpOptions | undefined,
  base: Settings = DEFAULTS,
  known: readonly string[] = SESSION_OPTIONS,
): Settings {
  if (options === undefined) return { ...base };
  checkNames(options, known);
  const settings: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(options)) {
    checkOption(name, value);
    if (value !== undefined) settings[name === "password" ? "secret" : name] = value;
  }
  return settings as unknown as Settings;
}

/** Throws `SmtpArgumentError` unless it is an object whose keys are all known. */
export function checkNames(options: unknown, known: readonly string[]): void {
  if (!OBJECT.holds(options)) {
    throw new SmtpArgumentError(`Parameter "options" is ${shown(options)}, expected an object`, { phase: "connect" });
  }
  const unknown = Object.keys(options as object).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new SmtpArgumentError(`Option ${shown(unknown)} is unknown, expected one of ${known.join(", ")}`, {
    phase: "connect",
  });
}
