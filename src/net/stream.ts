/**
 * What the engine asks of a runtime: a way to look up and dial, and a stream of bytes that can be upgraded to TLS.
 * The law here: nothing above this file knows a socket. `node.ts` does it for Node, Deno and Bun, `../workers/` for
 * Cloudflare Workers.
 *
 * @module
 */

/** Who is told of what arrives. Each method is called synchronously by the stream; none of them throws. */
export interface StreamSink {
  /** Bytes arrived. They belong to the receiver only until it returns. */
  data(bytes: Uint8Array): void;
  /** What had been written beyond the high-water mark has gone out. */
  drain(): void;
  /** The stream is over, once: in order (no error), or by the runtime's error. Nothing follows. */
  close(error?: Error): void;
}

/** What only the two ends of one TLS connection know of it, so that a login made over it is good nowhere else (RFC 5056). */
export interface ChannelBinding {
  /** Its registered name: RFC 9266, RFC 5929 section 4. */
  readonly type: "tls-exporter" | "tls-server-end-point";
  /** The octets. */
  readonly data: Uint8Array;
}

/** A connected stream of bytes. Nothing is read from it before `open`. */
export interface SmtpStream {
  /** True inside TLS. */
  readonly tls: boolean;
  /** True if the peer is a unix socket, or in 127/8 or ::1, and this engine dialled it itself (design.md, law 5). */
  readonly loopback: boolean;
  /** What the stream is connected to, for messages: `192.0.2.1:25` or `/run/smtp.sock`. */
  readonly remote: string;
  /** Starts the delivery of what arrives. Called once; `startTls` ends it. */
  open(sink: StreamSink): void;
  /**
   * Gives bytes to the runtime's socket; they belong to it from then on. False: more than the high-water mark is waiting,
   * `drain` will be called. A write that finds the connection gone is told by `close` alone, after everything that arrived.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * Upgrades to TLS and returns the new stream; this one is not used again, its sink hears nothing more. Rejects with
   * `SmtpTlsError` if the handshake or the certificate fails, if bytes were already waiting to be read (RFC 3207: an injection),
   * or if this stream is destroyed meanwhile. Where the runtime does not tell the end of the handshake the new stream does it:
   * it is closed by that `SmtpTlsError` before a byte has come from it.
   */
  startTls(options: TlsSettings): Promise<SmtpStream>;
  /**
   * STARTTLS is about to be asked for: nothing more is read behind a chunk before the one who hears of it can call `startTls`.
   * Default: nothing needs to be done for it.
   */
  beforeTls?(): void;
  /**
   * Ends our direction in order, once everything written has gone out; `close` follows when the server ends its own. With
   * `closeTimeout` the connection is dropped so many milliseconds later if it has not, and keeps no process alive meanwhile.
   */
  end(closeTimeout?: number): void;
  /** Drops the connection at once; the sink hears nothing more, not even `close`. */
  destroy(): void;
  /** What binds a login to this TLS connection; undefined in clear, and where the runtime cannot tell it: no login by SCRAM-…-PLUS then. */
  channelBinding?(): Promise<ChannelBinding | undefined>;
  /** The connection keeps the process alive again, where the runtime lets choose. */
  ref?(): void;
  /** The connection does not keep the process alive: nothing is asked of it. */
  unref?(): void;
}

/** What a `SocketMaker` is told. */
export interface SocketRequest {
  /** The server's host name or IP address. */
  readonly address: string;
  /** The server's port. */
  readonly port: number;
  /** Aborts when the start is given up: drop what is being made. A socket that comes later is destroyed. */
  readonly signal: AbortSignal;
}

/** A socket, and what holds for this connection in place of the session's options. */
export interface SuppliedSocket {
  /** The connected socket. */
  connection: unknown;
  /** It speaks TLS already. Default: what the socket says. */
  secured?: boolean | undefined;
  /** TLS from the first byte. */
  tls?: boolean | undefined;
  /** The name that the certificate must carry. */
  tlsHostname?: string | undefined;
  /** Options of the runtime's `tls.connect`. */
  tlsOptions?: Readonly<Record<string, unknown>> | undefined;
}

/** Makes the socket of one connection. Undefined or false: address and port are dialled after all. */
export type SocketMaker = (request: SocketRequest) => unknown;

/** How TLS is spoken; the options of the runtime's `tls.connect` in `options` come last and win. */
export interface TlsSettings {
  /** The name that the certificate must carry, and SNI if it is not an IP address. */
  hostname: string;
  /** False accepts any certificate. */
  verify: boolean;
  /** Options of `tls.connect`: `ca`, `cert`, `key`, `minVersion`, … (`minVersion` is TLSv1.2 unless named). */
  options: Readonly<Record<string, unknown>>;
}

/** Where to connect. */
export interface DialTarget {
  /** An IP address, as `resolve` gave it; or a unix socket's path if `port` is undefined. */
  address: string;
  /** The TCP port; undefined for a unix socket. */
  port: number | undefined;
  /** The local address to bind to, if any. */
  localAddress: string | undefined;
}

/** A host that takes the mail of a domain. */
export interface MailExchange {
  /** Its name, or an IP address. */
  readonly exchange: string;
  /** Which to try first: the lowest. */
  readonly preference: number;
}

/** The options of a session that not every runtime can do. */
export interface NetworkDemands {
  /** False accepts any certificate. */
  readonly tlsVerify: boolean;
  /** Options of the runtime's `tls.connect`. */
  readonly tlsOptions: Readonly<Record<string, unknown>>;
  /** The local address to bind to, if any. */
  readonly localAddress?: string | undefined;
  /** The unix socket to connect to, if any. */
  readonly socketPath?: string | undefined;
}

/** What dials. One object per runtime, passed in, never global. */
export interface SmtpNetwork {
  /**
   * Throws `SmtpArgumentError` that names what the runtime cannot do; called when a session is made, and before it connects.
   * Default: it can do everything.
   */
  check?(demands: NetworkDemands): void;
  /** All addresses of a host, in the resolver's order; an IP address resolves to itself. Rejects with the runtime's error. */
  resolve(host: string): Promise<string[]>;
  /**
   * The MX records of a domain, in any order; aliases (CNAME) are the resolver's to follow. An exchange of "" is a null MX.
   * Rejects with the runtime's error, whose `code` is ENODATA or ENOTFOUND if there are none. For `resolveMx` alone.
   */
  resolveMx?(domain: string): Promise<MailExchange[]>;
  /** Connects to one address. Rejects with the runtime's error; an aborted signal drops the attempt. */
  connect(target: DialTarget, signal: AbortSignal): Promise<SmtpStream>;
  /** Where the runtime's own observers listen. Default: nowhere. */
  readonly diagnostics?: SmtpDiagnostics | undefined;
  /** Wraps a connected socket that the caller supplied (never loopback). `secured`: it already speaks TLS. */
  wrap(socket: unknown, secured: boolean): SmtpStream;
}

/** What a runtime offers to observers that belong to the process, not to a session (`node:diagnostics_channel`). */
export interface SmtpDiagnostics {
  /** Starts of sessions: `net-smtp:connect`. */
  readonly connect: SmtpTracing;
  /** Messages, each attempt: `net-smtp:send`. */
  readonly send: SmtpTracing;
  /** Replies: `net-smtp:reply`. */
  readonly reply: SmtpChannel;
}

/** Follows something from its start to its end. */
export interface SmtpTracing {
  /** True if somebody listens now. */
  readonly listening: boolean;
  /** Runs it and publishes how it goes; `context` is what is published, to which its result or error is added. */
  trace<T>(context: object, run: () => Promise<T>): Promise<T>;
}

/** Tells one thing. */
export interface SmtpChannel {
  /** True if somebody listens now. */
  readonly listening: boolean;
  /** Publishes it. */
  publish(message: object): void;
}
