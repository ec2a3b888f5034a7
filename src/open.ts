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
import { errorClass, isSmtpError, SmtpConnectionError, SmtpError } from "./errors.ts";
import { OpenDeadline } from "./limited.ts";
import { type Dialled, type DialOptions, dial } from "./net/dial.ts";
import type { SmtpNetwork, SmtpStream, SocketMaker, SocketRequest, SuppliedSocket, TlsSettings } from "./net/stream.ts";
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
  const socket = await supplied(endpoint, deadline);
  if (socket !== undefined) return greeted(endpoint, deadline, network.wrap(socket, settings.secured ?? false));
  const unix = settings.socketPath;
  let addresses = unix === undefined ? await resolve(endpoint, deadline) : [unix];
  for (;;) {
    const port = unix === undefined ? endpoint.port : undefined;
    const { stream, rest } = await deadline.run((signal) => {
      return permitted(endpoint, addresses, { port, localAddress: settings.localAddress, signal });
    });
    try {
      return await greeted(endpoint, deadline, stream);
    } catch (error) {
      addresses = rest;
      if (addresses.length === 0 || deadline.over || isFinal(error)) throw error;
    }
  }
}

/** Deno permits a name and its addresses apart: where the name may be looked up and dialled, its addresses need not be. */
async function permitted({ network, address }: Endpoint, found: string[], options: DialOptions): Promise<Dialled> {
  try {
    return await dial(network, found, options);
  } catch (error) {
    const denied = isSmtpError(error) && error.retry === "never";
    if (!denied || options.port === undefined || found.includes(address)) throw error;
    return await dial(network, [address], options);
  }
}

/** A 5xx greeting is the host's answer; a 4xx one, a lost connection or a failed handshake is this address's. */
function isFinal(error: unknown): boolean {
  return !(error instanceof SmtpError) || error.response?.statusTypeChar === "5";
}

/** The socket that the caller supplies, if any. What its maker says of the connection goes over the settings of this start. */
async function supplied(endpoint: Endpoint, deadline: OpenDeadline): Promise<unknown> {
  const { settings, address, port } = endpoint;
  if (typeof settings.socket !== "function") return settings.socket;
  const make = settings.socket as SocketMaker;
  const made = await deadline.run((signal) => makeSocket(make, { address, port, signal }));
  if (made === undefined || made === null || made === false) return undefined;
  if (!isSupplied(made)) return made;
  const { connection, ...own } = made;
  const known = Object.entries(own).filter(([name, value]) => value !== undefined && MADE.includes(name));
  Object.assign(settings, Object.fromEntries(known));
  return connection;
}

/** What a `SuppliedSocket` may say besides the socket. */
const MADE: readonly string[] = ["secured", "tls", "tlsHostname", "tlsOptions"] satisfies (keyof SuppliedSocket)[];

function isSupplied(made: unknown): made is SuppliedSocket {
  return typeof made === "object" && made !== null && "connection" in made;
}

async function makeSocket(make: SocketMaker, request: SocketRequest): Promise<unknown> {
  try {
    const made = await make(request);
    if (request.signal.aborted) drop(isSupplied(made) ? made.connection : made);
    return made;
  } catch (cause) {
    if (isSmtpError(cause)) throw cause;
    throw new SmtpConnectionError("Function that makes the socket failed", { cause });
  }
}

/** It comes too late. */
function drop(socket: unknown): void {
  if (typeof socket === "object" && socket !== null) (socket as { destroy?: () => void }).destroy?.();
}

/** All addresses of the host, within `dnsTimeout`. */
async function resolve({ network, address, settings }: Endpoint, deadline: OpenDeadline): Promise<string[]> {
  const { dnsTimeout } = settings;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slow = new Promise<never>((_, reject) => {
    if (dnsTimeout === undefined) return;
    const cause = Object.assign(new Error("The resolver did not answer"), { code: "ETIMEOUT", syscall: "getaddrinfo" });
    timer = setTimeout(() => reject(cause), Math.min(dnsTimeout, 0x7fffffff));
  });
  try {
    return await deadline.run(() => Promise.race([network.resolve(address), slow]));
  } catch (cause) {
    if (isSmtpError(cause)) throw cause;
    const { code } = cause as { code?: unknown };
    throw new SmtpConnectionError(`Host name "${address}" could not be resolved (${code ?? cause})`, { cause });
  } finally {
    clearTimeout(timer);
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
