/**
 * From the greeting to a session that may send: EHLO, STARTTLS, EHLO, AUTH (RFC 5321, 3207, 4954). The law here: nothing
 * is downgraded in silence (design.md, law 5); what is not offered or not safe is an error before a byte of it.
 *
 * @module
 */

import { authenticate, loginIsSafe, wantsLogin } from "./authentication.ts";
import type { Connection } from "./connection.ts";
import { Dialogue } from "./dialogue.ts";
import { errorClass, isSmtpError, type SmtpError, SmtpTlsError, SmtpUnsupportedCommand } from "./errors.ts";
import { OpenDeadline } from "./limited.ts";
import { type Endpoint, secured } from "./open.ts";
import type { Settings } from "./options.ts";
import { parseCapabilities } from "./protocol/capabilities.ts";
import { ehlo, helo, lhlo } from "./protocol/command.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/** EHLO is not known to servers that answer with these; anything else is said to EHLO itself (RFC 5321 4.1.1.1). */
const EHLO_UNKNOWN: readonly number[] = [500, 501, 502, 504, 550];

/** Everything that `start` says after the greeting. */
export async function handshake(connection: Connection, endpoint: Endpoint): Promise<void> {
  const { settings } = endpoint;
  await sayHello(connection, settings);
  const refusal = wantsStarttls(connection, settings) ? await upgrade(connection, endpoint) : undefined;
  if (!wantsLogin(settings)) return;
  if (!refusal) await authenticate(connection, endpoint, settings);
  else if (settings.forceAuth) throw refusal;
  else connection.warnings.push("Login was left out, since the connection is in clear");
}

/** STARTTLS and what follows it. Gives its refusal if "opportunistic" lets the session go on in clear, which a login never does. */
async function upgrade(connection: Connection, endpoint: Endpoint): Promise<Error | undefined> {
  const { settings } = endpoint;
  try {
    await starttls(connection, endpoint);
  } catch (error) {
    if (settings.starttls !== "opportunistic" || !isSmtpError(error)) throw error;
    const { response } = error;
    if (!response || connection.dialogue.refusal()) throw error;
    connection.warnings.push(`Message went in clear, since the server refused STARTTLS: ${response}`);
    return error;
  }
  await sayHello(connection, settings);
  return undefined;
}

/** EHLO, or HELO with a server that does not know it; under LMTP LHLO, which nothing stands in for (RFC 2033 4.1). */
async function sayHello(connection: Connection, { lmtp, esmtp, helo: name }: Settings): Promise<void> {
  const reply = await (esmtp ? sayEhlo(connection, name) : sayHelo(connection, name));
  if (reply.success) return;
  const unknown = esmtp && !lmtp && EHLO_UNKNOWN.includes(reply.code);
  const last = unknown ? await sayHelo(connection, name) : reply;
  if (!last.success) throw refused(lmtp ? "LHLO" : esmtp && !unknown ? "EHLO" : "HELO", "ehlo", last);
}

/** EHLO, under LMTP LHLO; its reply says what the server offers, whatever it offered before. */
export async function sayEhlo(connection: Connection, name: string): Promise<SmtpResponse> {
  const reply = await connection.dialogue.command(connection.lmtp ? lhlo(name) : ehlo(name));
  connection.capabilities = reply.success ? parseCapabilities(reply.lines) : undefined;
  return reply;
}

/** HELO, after which nothing is offered. */
export async function sayHelo(connection: Connection, name: string): Promise<SmtpResponse> {
  const reply = await connection.dialogue.command(helo(name));
  connection.capabilities = undefined;
  return reply;
}

/** The error of a command that was answered by what is not success. */
function refused(command: string, phase: SmtpError["phase"], response: SmtpResponse): SmtpError {
  return new (errorClass(response.status))(`Server refused ${command}: ${response}`, { phase, command, response });
}

/** Whether STARTTLS comes next. With a login that would not be safe in clear, `auto` means `always`. */
function wantsStarttls(connection: Connection, settings: Settings): boolean {
  if (connection.stream.tls || settings.starttls === false) return false;
  if (connection.offers("STARTTLS")) return true;
  if (settings.starttls !== "always" && (!wantsLogin(settings) || loginIsSafe(connection, settings))) return false;
  const why = settings.starttls === "always" ? "TLS was demanded" : "the login would go in clear";
  throw new SmtpUnsupportedCommand(`Server does not offer STARTTLS and ${why}, so nothing was sent`, {
    phase: "tls",
    command: "STARTTLS",
  });
}

/** STARTTLS and TLS. What was offered in clear is forgotten: the caller says EHLO again (RFC 3207 4.2). */
export async function starttls(connection: Connection, endpoint: Endpoint): Promise<SmtpResponse> {
  const { dialogue, stream } = connection;
  stream.beforeTls?.();
  const reply = await dialogue.command("STARTTLS");
  if (reply.code !== 220) throw refused("STARTTLS", "tls", reply);
  connection.capabilities = undefined;
  if (dialogue.midReply) throw injected(connection);
  dialogue.leave();
  try {
    connection.stream = await secured(endpoint, upgradeDeadline(endpoint.settings), stream);
  } catch (error) {
    dialogue.halt(error as SmtpError);
    dialogue.alarms.clear();
    connection.released();
    throw error;
  }
  connection.dialogue = new Dialogue(connection.stream, endpoint.timeouts, endpoint.transcript, dialogue.alarms);
  return reply;
}

/** A server that is slow to greet is slow to shake hands: `greetingTimeout` is for both. */
function upgradeDeadline({ openTimeout, greetingTimeout = openTimeout, signal }: Settings): OpenDeadline {
  return new OpenDeadline({ openTimeout: Math.min(openTimeout, greetingTimeout), signal, command: "STARTTLS" });
}

/** What stands behind the reply to STARTTLS was not said inside TLS: somebody may have put it there (RFC 3207 6). */
function injected(connection: Connection): SmtpTlsError {
  const error = new SmtpTlsError(
    "Server sent more than its reply to STARTTLS before TLS, which an attacker may have put there: the connection was closed",
  );
  connection.dialogue.fail(error);
  return error;
}
