/**
 * From an address to a server that has greeted: DNS, the addresses one after the other, TLS from the first byte if asked
 * for, the greeting (RFC 5321 3.1, RFC 8314). The law here: another address is tried only if this one said nothing
 * final, and always with the same demands.
 *
 * @module
 */

import { Connection } from "./connection.ts";
import type { Timeouts } from "./deadlines.ts";
import { Dialogue } from "./dialogue.ts";
import { errorClass, SmtpConnectionError, SmtpError } from "./errors.ts";
import { OpenDeadline } from "./limited.ts";
import { dial } from "./net/dial.ts";
import type { SmtpNetwork, SmtpStream, TlsSettings } from "./net/stream.ts";
import type { Settings } from "./options.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import type { Onlooker } from "./transcript.ts";

/** Where a session connects to, and as what. */
export interface Endpoint {
  /** Host name or IP address. */
  readonly address: string;
  /** TCP port. */
  readonly port: number;
  /** The session's options and those of this start. */
  readonly settings: Settings;
  /** The session's deadlines, live. */
  readonly timeouts: Timeouts;
  /** The runtime. */
  readonly network: SmtpNetwork;
  /** Where the dialogue is shown. */
  readonly transcript: Onlooker | undefined;
}

/** Connects and awaits the greeting. Rejects with the error of the last address tried; no connection is left then. */
export async function open(endpoint: Endpoint): Promise<Connection> {
  const { settings, network } = endpoint;
  const deadline = new OpenDeadline(settings);
  if (settings.socket !== undefined)
    return greeted(endpoint, deadline, network.wrap(await supplied(settings.socket), false));
  const unix = settings.socketPath;
  let addresses = unix === undefined ? await deadline.run(() => resolve(network, endpoint.address)) : [unix];
  for (;;) {
    const port = unix === undefined ? endpoint.port : undefined;
    const { stream, rest } = await deadline.run((signal) => {
      return dial(network, addresses, { port, localAddress: settings.localAddress, signal });
    });
    try {
      return await greeted(endpoint, deadline, stream);
    } catch (error) {
      addresses = rest;
      if (addresses.length === 0 || deadline.over || isFinal(error)) throw error;
    }
  }
}

/** A 5xx greeting is the host's answer; a 4xx one, a lost connection or a failed handshake is this address's. */
function isFinal(error: unknown): boolean {
  return !(error instanceof SmtpError) || error.response?.statusTypeChar === "5";
}

async function supplied(socket: unknown): Promise<unknown> {
  if (typeof socket !== "function") return socket;
  try {
    return await socket();
  } catch (cause) {
    throw new SmtpConnectionError("Function that makes the socket failed", { cause });
  }
}

async function resolve(network: SmtpNetwork, host: string): Promise<string[]> {
  try {
    return await network.resolve(host);
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    throw new SmtpConnectionError(`Host name "${host}" could not be resolved (${code ?? cause})`, { cause });
  }
}

async function greeted(endpoint: Endpoint, deadline: OpenDeadline, plain: SmtpStream): Promise<Connection> {
  const { settings, transcript } = endpoint;
  transcript?.note(`connected to ${plain.remote}`);
  const stream = settings.tls && !plain.tls ? await secured(endpoint, deadline, plain) : plain;
  const dialogue = new Dialogue(stream, endpoint.timeouts, transcript);
  const connection = new Connection(
    stream,
    dialogue,
    settings,
    settings.socketPath ?? `${endpoint.address}:${endpoint.port}`,
  );
  try {
    await greeting(dialogue, settings.greetingTimeout ?? endpoint.timeouts.readTimeout);
    return connection;
  } catch (error) {
    connection.drop(error as SmtpError);
    throw error;
  }
}

/** Any 2xx is a greeting (Net::SMTP); what else it is stands for a class of errors. */
async function greeting(dialogue: Dialogue, timeout: number): Promise<void> {
  const [reply] = (await dialogue.greeting(timeout)) as [SmtpResponse];
  if (reply.success) return;
  const message = `Server refused the connection: ${reply}`;
  throw new (errorClass(reply.status))(message, { phase: "greeting", response: reply });
}

/** TLS on the stream, with the certificate checked against the name that the caller gave. The stream is gone if it fails. */
export async function secured(endpoint: Endpoint, deadline: OpenDeadline, stream: SmtpStream): Promise<SmtpStream> {
  const { settings, address, transcript } = endpoint;
  const hostname = settings.tlsHostname ?? address;
  try {
    const settled: TlsSettings = { hostname, verify: settings.tlsVerify, options: settings.tlsOptions };
    const inside = await deadline.run(() => stream.startTls(settled), "tls");
    transcript?.note("TLS");
    return inside;
  } catch (error) {
    stream.destroy();
    throw error;
  }
}
