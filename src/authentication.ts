/**
 * A login as a transcript: AUTH, challenges and answers, 235 (RFC 4954). The law here: one mechanism is chosen and no weaker
 * one is tried after it; nothing goes in clear off loopback unless the caller allows it; what the client says is never
 * shown, by its place in the dialogue.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import type { Dialogue } from "./dialogue.ts";
import { errorClass, isSmtpError, SmtpAuthenticationError, type SmtpError, SmtpUnsupportedCommand } from "./errors.ts";
import type { Settings } from "./options.ts";
import type { Shown } from "./owed.ts";
import { base64, decodeBase64 } from "./protocol/command.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import type { SaslExchange, SaslMechanism } from "./sasl/mechanism.ts";
import { chooseMechanism, findMechanism } from "./sasl/registry.ts";

/** A command line with more than this many octets before CRLF sends no initial response (RFC 4954 4, RFC 5321 4.5.3.1.4). */
const LINE_LIMIT = 510;

const ANSWER: Shown = { text: "****", maskReply: true };

/** True if a login may go over the connection as it is. */
export function loginIsSafe(connection: Connection, settings: Settings): boolean {
  return connection.stream.tls || connection.stream.loopback || settings.allowInsecureAuth;
}

/** Logs in with the settings' user, secret and type. Rejects with `SmtpAuthenticationError` if the login fails. */
export async function authenticate(
  connection: Connection,
  endpoint: { address: string; port: number },
  settings: Settings,
): Promise<SmtpResponse> {
  if (!loginIsSafe(connection, settings)) throw inClear();
  const mechanism = mechanismFor(connection, settings);
  connection.logins++;
  const credentials = {
    user: settings.user as string,
    secret: settings.secret as string,
    host: endpoint.address,
    port: endpoint.port,
  };
  const exchange = mechanism.exchange(credentials);
  try {
    return await converse(connection.dialogue, mechanism.name, exchange);
  } finally {
    await exchange.return?.();
  }
}

function inClear(): SmtpError {
  const message =
    'Login was not sent, since the connection is in clear and not on loopback: use TLS, or set "allowInsecureAuth"';
  return new SmtpAuthenticationError(message, { phase: "auth", command: "AUTH" });
}

/** The named one, which must be offered; or the first of PLAIN, LOGIN that is. */
function mechanismFor(connection: Connection, { authType, mechanisms }: Settings): SaslMechanism {
  const offered = connection.capabilities?.get("AUTH") ?? [];
  const mechanism = authType === undefined ? chooseMechanism(offered, mechanisms) : findMechanism(authType, mechanisms);
  if (mechanism && offered.includes(mechanism.name.toUpperCase())) return mechanism;
  const wanted = mechanism?.name ?? "PLAIN or LOGIN";
  const offer = offered.length > 0 ? `only login by ${offered.join(", ")}, not by ${wanted}` : "no login";
  throw new SmtpUnsupportedCommand(`Server offers ${offer}, so nothing was sent`, {
    phase: "auth",
    command: "AUTH",
  });
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
