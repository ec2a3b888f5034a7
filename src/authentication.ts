/**
 * A login as a transcript: AUTH, challenges and answers, 235 (RFC 4954). The law here: one mechanism is chosen and no weaker
 * one is tried after it; nothing goes in clear off loopback unless the caller allows it; what the client says is never
 * shown, by its place in the dialogue.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Dialogue } from "./dialogue.ts";
import {
  errorClass,
  isSmtpError,
  SmtpArgumentError,
  SmtpAuthenticationError,
  type SmtpError,
  SmtpUnsupportedCommand,
} from "./errors.ts";
import type { ChannelBinding } from "./net/stream.ts";
import type { Settings } from "./options.ts";
import type { Shown } from "./owed.ts";
import { printable } from "./printable.ts";
import { base64, decodeBase64, rawCommand, validateLine } from "./protocol/command.ts";
import { DUMMY_RESPONSE, type SmtpResponse } from "./protocol/reply.ts";
import { secretOf } from "./sasl/credentials.ts";
import type { SaslCredentials, SaslExchange, SaslMechanism, Secret } from "./sasl/mechanism.ts";
import { CHOICES, chooseMechanism, DEFAULT_AUTH_TYPE, findMechanism, needsNoSecret } from "./sasl/registry.ts";

/** A command line with more than this many octets before CRLF sends no initial response (RFC 4954 4, RFC 5321 4.5.3.1.4). */
const LINE_LIMIT = 510;

const ANSWER: Shown = { text: "****", maskReply: true };

/** True if a login may go over the connection as it is. */
export function loginIsSafe(connection: Connection, settings: Settings): boolean {
  return connection.stream.tls || connection.stream.loopback || settings.allowInsecureAuth;
}

/** True if the settings ask for a login. */
export function wantsLogin({ user, authType, mechanisms }: Settings): boolean {
  return user !== undefined || needsNoSecret(authType, mechanisms);
}

/** Logs in with the settings' user, secret and type. Rejects with `SmtpAuthenticationError` if the login fails. */
export async function authenticate(
  connection: Connection,
  endpoint: { address: string; port: number },
  settings: Settings,
): Promise<SmtpResponse> {
  if (!loginIsSafe(connection, settings)) throw inClear();
  const offered = connection.capabilities?.get("AUTH") ?? [];
  const channelBinding = await connection.stream.channelBinding?.();
  const mechanism = mechanismFor(offered, settings, channelBinding);
  connection.logins++;
  const { user = "", secret = "", authzid } = settings;
  const given: { token?: string } = {};
  const kept = typeof secret === "function" ? async () => (given.token = await secret()) : secret;
  const { address: host, port } = endpoint;
  const credentials = { user, secret: kept, authzid, host, port, offered, channelBinding };
  return await untilOver(connection.dialogue, async () => {
    try {
      return await logIn(connection, mechanism, credentials);
    } catch (error) {
      const token = mechanism.renews && isRefused(error) ? await renewed(connection, secret, given.token) : undefined;
      if (token === undefined) throw error;
      return await logIn(connection, mechanism, { ...credentials, secret: token });
    }
  });
}

/** Bad input that shows only here, a secret that cannot be sent, is told as the login's. */
function ofLogin(error: unknown): unknown {
  if (!(error instanceof SmtpArgumentError) || error.phase !== "command") return error;
  return new SmtpArgumentError(error.message, { phase: "auth", command: error.command, cause: error.cause });
}

/** Whoever is asked for a secret may take for ever: a connection that is lost or dropped meanwhile ends the login. */
async function untilOver<T>(dialogue: Dialogue, login: () => Promise<T>): Promise<T> {
  const over = new Promise<never>((_, reject) => {
    // Later: a login that waits for the server ends by itself, and knows better what was refused.
    dialogue.onStop = (error) => setTimeout(() => reject(error), 0);
  });
  try {
    return await Promise.race([login(), over]);
  } catch (error) {
    throw ofLogin(error);
  } finally {
    dialogue.onStop = undefined;
  }
}

async function logIn(
  connection: Connection,
  mechanism: SaslMechanism,
  credentials: SaslCredentials,
): Promise<SmtpResponse> {
  const { dialogue } = connection;
  if (mechanism.converse) return await conversation(connection, mechanism, credentials);
  const exchange = mechanism.exchange(credentials);
  try {
    return await converse(dialogue, mechanism.name, exchange);
  } finally {
    await exchange.return?.();
  }
}

/** The server does not take the token: 535, where a temporary trouble of its own is 454 (RFC 4954 6). */
function isRefused(error: unknown): boolean {
  return isSmtpError(error) && error.response?.code === 535;
}

/** Another token in place of the one that was refused; undefined if there is none, or nobody to send it to any more. */
async function renewed(connection: Connection, secret: Secret, token: string | undefined): Promise<string | undefined> {
  if (typeof secret !== "function" || token === undefined || connection.dialogue.refusal()) return undefined;
  const another = await secretOf({ secret: () => secret(token) });
  return another === token ? undefined : another;
}

function inClear(): SmtpError {
  const message =
    'Login was not sent, since the connection is in clear and not on loopback: use TLS, or set "allowInsecureAuth"';
  return new SmtpAuthenticationError(message, { phase: "auth", command: "AUTH" });
}

/**
 * The named one, which must be offered (of one that says its own lines: AUTH must be); or the best of what any password works
 * with that is. `forceAuth` takes the named one as it is, and PLAIN where no AUTH is offered.
 */
function mechanismFor(
  offered: readonly string[],
  { authType, mechanisms, forceAuth }: Settings,
  binding: ChannelBinding | undefined,
): SaslMechanism {
  const type = authType ?? (forceAuth && offered.length === 0 ? DEFAULT_AUTH_TYPE : undefined);
  const mechanism =
    type === undefined ? chooseMechanism(offered, mechanisms, binding !== undefined) : findMechanism(type, mechanisms);
  if (mechanism && (offered.includes(mechanism.name.toUpperCase()) || forceAuth)) return mechanism;
  if (mechanism?.converse && offered.length > 0) return mechanism;
  const wanted = mechanism?.name ?? CHOICES;
  const offer = offered.length > 0 ? `only login by ${offered.join(", ")}, not by ${wanted}` : "no login";
  throw new SmtpUnsupportedCommand(`Server offers ${offer}, so nothing was sent`, {
    phase: "auth",
    command: "AUTH",
  });
}

/** A login that the mechanism leads, line by line; it is shown by the place of its lines (RFC 4954 4). */
async function conversation(
  { dialogue, capabilities = new Map() }: Connection,
  { name, converse: lead }: SaslMechanism,
  credentials: SaslCredentials,
): Promise<SmtpResponse> {
  let last: SmtpResponse | undefined;
  const say = async (line: string): Promise<SmtpResponse> => {
    const asked = last?.status === "334";
    const checked = validateLine(line);
    const [verb = ""] = /^ *[A-Za-z]*/.exec(checked) ?? [];
    if (!asked && !/^ *auth$/i.test(verb)) rawCommand(checked);
    last = await dialogue.command(checked, { text: asked ? "****" : `${verb.trim()} ****`, maskReply: true });
    return last;
  };
  try {
    await lead?.({ credentials, capabilities, say });
  } catch (cause) {
    if (last?.status === "334" && !dialogue.refusal()) await say("*").catch(() => undefined);
    throw isSmtpError(cause) ? cause : told(name, cause, last);
  }
  if (last?.status !== "334") return last ?? DUMMY_RESPONSE;
  const open = last;
  await say("*").catch(() => undefined);
  throw failed(name, "mechanism ended before the server had its answer", open);
}

function told(name: string, cause: unknown, response: SmtpResponse | undefined): SmtpError {
  const why = printable(cause instanceof Error ? cause.message : String(cause));
  const details = { phase: "auth", command: `AUTH ${name}`, cause } as const;
  return new SmtpAuthenticationError(`Login by ${name} failed: ${why}`, response ? { ...details, response } : details);
}

async function converse(dialogue: Dialogue, name: string, exchange: SaslExchange): Promise<SmtpResponse> {
  const first = await exchange.next();
  const initial = first.done || first.value === undefined ? undefined : base64(first.value) || "=";
  let reply: SmtpResponse;
  if (initial !== undefined && `AUTH ${name} ${initial}`.length <= LINE_LIMIT) {
    reply = await dialogue.command(`AUTH ${name} ${initial}`, { text: `AUTH ${name} ****`, maskReply: true });
  } else {
    reply = await dialogue.command(`AUTH ${name}`, { text: `AUTH ${name}`, maskReply: true });
    if (initial !== undefined && reply.status === "334")
      reply = await dialogue.command(initial === "=" ? "" : initial, ANSWER);
  }
  while (reply.status === "334") reply = await answer(dialogue, name, exchange, reply);
  await judge(name, exchange, reply);
  return reply;
}

/** One challenge and its answer; `*` gives up where there is none (RFC 4954 4). */
async function answer(
  dialogue: Dialogue,
  name: string,
  exchange: SaslExchange,
  challenge: SmtpResponse,
): Promise<SmtpResponse> {
  try {
    const text = decodeBase64(challenge.lines.join(""));
    if (text === undefined) throw failed(name, "challenge is not base64", challenge);
    const next = await exchange.next(text);
    if (next.done) throw failed(name, "server asks for more than the mechanism has to say", challenge);
    return await dialogue.command(base64(next.value ?? ""), ANSWER);
  } catch (error) {
    if (!dialogue.refusal()) await dialogue.command("*", { text: "*", maskReply: true }).catch(() => undefined);
    throw isSmtpError(error) ? error : failed(name, "mechanism failed", challenge, error);
  }
}

/** Only 235 is success, and only when the mechanism has said, and checked, all that it has to. */
async function judge(name: string, exchange: SaslExchange, reply: SmtpResponse): Promise<void> {
  const finished = await isFinished(exchange);
  if (reply.code === 235 && finished) return;
  if (reply.code === 235) throw failed(name, "server ended it before its last step", reply);
  const Class = finished ? SmtpAuthenticationError : errorClass(reply.status);
  throw new Class(`Server refused login by ${name}: ${reply}`, {
    phase: "auth",
    command: `AUTH ${name}`,
    response: reply,
  });
}

async function isFinished(exchange: SaslExchange): Promise<boolean> {
  try {
    return (await exchange.next(undefined)).done === true;
  } catch {
    return false;
  }
}

function failed(name: string, why: string, response: SmtpResponse, cause?: unknown): SmtpError {
  const temporary = response.statusTypeChar === "4";
  return new SmtpAuthenticationError(`Login by ${name} failed: ${why}`, {
    phase: "auth",
    command: `AUTH ${name}`,
    temporary,
    cause,
  });
}
