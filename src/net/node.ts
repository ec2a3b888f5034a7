/**
 * The network of Node, Deno and Bun: `node:net`, `node:tls`, `node:dns`. The only file that imports them.
 * The law here: the sink hears everything that arrived and then, once, that it is over; a certificate is checked against
 * the name that the user gave; what arrives in clear never gets past the start of TLS.
 *
 * @module
 */

import { lookup, resolveMx as queryMx } from "node:dns/promises";
import { isIP, connect as netConnect, Socket, type TcpNetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import { type ConnectionOptions, type TLSSocket, connect as tlsConnect } from "node:tls";
import { SmtpArgumentError, SmtpTlsError, shown } from "../errors.ts";
import { printable } from "../printable.ts";
import { nodeDiagnostics } from "./diagnostics.ts";
import { endpoint, isLoopback } from "./endpoint.ts";
import type {
  ChannelBinding,
  DialTarget,
  MailExchange,
  SmtpNetwork,
  SmtpStream,
  StreamSink,
  TlsSettings,
} from "./stream.ts";

/** The network of Node, Deno and Bun. */
export const nodeNetwork: SmtpNetwork = { resolve, resolveMx, connect, wrap, diagnostics: nodeDiagnostics };

async function resolve(host: string): Promise<string[]> {
  const literal = /^\[(.*)\]$/.exec(host)?.[1] ?? host;
  if (isIP(literal) !== 0) return [literal];
  try {
    const found = await lookup(host, { all: true, verbatim: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    if (isDenied(error)) return [host];
    throw error;
  }
}

async function resolveMx(domain: string): Promise<MailExchange[]> {
  const records = await queryMx(domain);
  return records.map(({ exchange, priority }) => ({ exchange, preference: priority }));
}

/** Deno may lack the permission to look a name up and have the one to dial it (`--allow-net=mail.example.com:587`). */
function isDenied(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return code === "EPERM" || name === "NotCapable";
}

function connect(target: DialTarget, signal: AbortSignal): Promise<SmtpStream> {
  return new Promise((fulfil, reject) => {
    signal.throwIfAborted();
    const socket = netConnect(connectOptions(target)); // Deno throws here what it has no permission for
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason);
    };
    const fail = (error?: Error): void => {
      signal.removeEventListener("abort", abort);
      reject(error ?? new Error("The connection was closed before it was open"));
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", fail).once("close", () => fail());
    socket.once("connect", () => {
      signal.removeEventListener("abort", abort);
      fulfil(dialled(socket, target));
    });
  });
}

function connectOptions({ address, port, localAddress }: DialTarget): { path: string } | TcpNetConnectOpts {
  if (port === undefined) return { path: address };
  return { host: address, port, ...(localAddress === undefined ? {} : { localAddress }) };
}

function dialled(socket: Socket, { address, port }: DialTarget): SmtpStream {
  // Commands are small and waited for: Nagle's algorithm would hold them back.
  socket.setNoDelay(true);
  socket.setKeepAlive(true);
  const loopback = port === undefined || isLoopback(socket.remoteAddress ?? address);
  return new NodeStream(socket, { tls: false, loopback, remote: endpoint(address, port) });
}

function wrap(socket: unknown, secured: boolean): SmtpStream {
  if (!isDuplex(socket)) {
    throw new SmtpArgumentError(`socket must be a connected socket that gives bytes, not ${shown(socket)}`);
  }
  const { remoteAddress, remotePort, encrypted } = socket as Partial<TLSSocket>;
  if (socket instanceof Socket) socket.setNoDelay(true).setKeepAlive(true);
  const remote = remoteAddress === undefined ? "the supplied socket" : endpoint(remoteAddress, remotePort);
  return new NodeStream(socket, { tls: secured || encrypted === true, loopback: false, remote });
}

function isDuplex(value: unknown): value is Duplex {
  if (typeof value !== "object" || value === null) return false;
  const { write, on, destroy, readableEncoding, readableObjectMode } = value as Partial<Duplex>;
  const methods = [write, on, destroy].every((method) => typeof method === "function");
  return methods && (readableEncoding ?? null) === null && readableObjectMode !== true;
}

/**
 * The runtime destroys a socket whose write fails, and with it the replies that have arrived and were not read yet: the
 * one that says what became of a message may be among them. So a write that finds the connection gone just stays undone,
 * and reading goes on to its end, which is there: the kernel gives what arrived, then the end of file or the error.
 */
function readToTheEnd(socket: Socket): void {
  const { _write, _writev } = socket;
  const unlessGone = (done: (error?: Error | null) => void) => (error?: (Error & { code?: string }) | null) => {
    const gone = error?.code === "EPIPE" || error?.code === "ECONNRESET";
    if (!gone || socket.destroyed) done(error);
  };
  socket._write = (chunk, encoding, done) => _write.call(socket, chunk, encoding, unlessGone(done));
  if (_writev) socket._writev = (chunks, done) => _writev.call(socket, chunks, unlessGone(done));
}

/** What is known of a stream from the start. */
type Facts = Pick<SmtpStream, "tls" | "loopback" | "remote">;

class NodeStream implements SmtpStream {
  readonly tls: boolean;
  readonly loopback: boolean;
  readonly remote: string;
  readonly #socket: Duplex;
  #sink: StreamSink | undefined;
  #over = false;
  #error: Error | undefined;
  readonly #data = (bytes: Uint8Array): void => this.#sink?.data(bytes);
  readonly #drain = (): void => this.#sink?.drain();
  readonly #end = (): void => this.#finish();

  constructor(socket: Duplex, { tls, loopback, remote }: Facts) {
    this.tls = tls;
    this.loopback = loopback;
    this.remote = remote;
    this.#socket = socket;
    if (socket instanceof Socket) readToTheEnd(socket);
    // Stays for good: an error that comes after the end is nobody's, and must not end the process.
    socket.on("error", (error) => this.#finish(error));
    socket.on("close", this.#end);
    if (socket.destroyed) this.#over = true;
  }

  open(sink: StreamSink): void {
    this.#sink = sink;
    if (this.#over) queueMicrotask(() => this.#tell());
    else this.#socket.on("drain", this.#drain).on("end", this.#end).on("data", this.#data);
    if (this.#socket.isPaused?.()) this.#socket.resume(); // as a proxy's client left it
  }

  write(bytes: Uint8Array): boolean {
    return this.#over || this.#socket.write(bytes);
  }

  async startTls(settings: TlsSettings): Promise<SmtpStream> {
    this.#sink = undefined;
    const socket = this.#socket;
    socket.off("data", this.#data).off("end", this.#end).off("drain", this.#drain);
    const { remote, loopback } = this;
    if (this.#over) throw tlsError(`${remote} closed the connection`, this.#error);
    if (socket.readableLength > 0) throw tlsError(`${remote} sent something in clear after its consent`, undefined);
    return handshake(socket, settings, { tls: true, loopback, remote });
  }

  end(closeTimeout: number = 0): void {
    if (this.#over) return;
    const socket = this.#socket as Duplex & Partial<Pick<Socket, "unref">>;
    socket.end();
    if (closeTimeout <= 0) return;
    const timer: { unref?: () => unknown } & ReturnType<typeof setTimeout> = setTimeout(
      () => this.destroy(),
      Math.min(closeTimeout, 0x7fffffff),
    );
    timer.unref?.();
    socket.unref?.();
    socket.once("close", () => clearTimeout(timer));
  }

  destroy(): void {
    this.#over = true;
    this.#sink = undefined;
    this.#socket.destroy();
  }

  async channelBinding(): Promise<ChannelBinding | undefined> {
    if (!this.tls) return undefined;
    const { tlsBinding } = await import("./binding.ts"); // only a login asks for it
    return await tlsBinding(this.#socket);
  }

  ref(): void {
    (this.#socket as Partial<Socket>).ref?.();
  }

  unref(): void {
    (this.#socket as Partial<Socket>).unref?.();
  }

  /** It is over. A server that ended its direction is gone: nothing more is owed to it. */
  #finish(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#error = error;
    this.#socket.destroy();
    this.#tell();
  }

  #tell(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.close(this.#error);
  }
}

function handshake(socket: Duplex, settings: TlsSettings, facts: Facts): Promise<SmtpStream> {
  return new Promise((fulfil, reject) => {
    const fail = (error?: Error): void => {
      socket.destroy();
      reject(tlsError(error ? reason(error) : `${facts.remote} closed the connection`, error));
    };
    try {
      const secured = tlsConnect(tlsOptions(socket, settings));
      secured.on("error", fail).once("close", () => fail());
      socket.once("close", () => fail());
      // Made inside the handler, so that nothing of what follows the event is missed.
      secured.once("secureConnect", () => fulfil(new NodeStream(secured, facts)));
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

function tlsOptions(socket: Duplex, { hostname, verify, options }: TlsSettings): ConnectionOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  // RFC 6066, section 3: no IP address in SNI. `host` is what the certificate is checked against then.
  const name = isIP(hostname) === 0 ? { servername: hostname } : {};
  return { host: hostname, ...name, minVersion: "TLSv1.2", rejectUnauthorized: verify, ...given, socket };
}

function reason(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : printable(error.message);
}

function tlsError(text: string, cause: Error | undefined): SmtpTlsError {
  return new SmtpTlsError(`TLS handshake failed: ${text}`, { cause });
}
