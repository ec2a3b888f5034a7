/**
 * What is used of `cloudflare:sockets`, in types of our own: the module's own types are a package that would have to be
 * installed by whoever compiles against this one, and an ambient `declare module` is refused by JSR.
 *
 * @module
 */

/** A socket of `cloudflare:sockets`. */
export interface WorkersSocket {
  /** What arrives. */
  readonly readable: {
    /** Locks it. */
    getReader(): WorkersReader;
  };
  /** What is sent. */
  readonly writable: {
    /** Locks it. */
    getWriter(): WorkersWriter;
  };
  /** Settles when it is connected, or cannot be. Says nothing of TLS: the handshake goes on behind it. */
  readonly opened: Promise<unknown>;
  /** Settles when it is over, however it ended. */
  readonly closed: Promise<unknown>;
  /** `on` inside TLS. */
  readonly secureTransport?: "on" | "off" | "starttls";
  /** Ends it in both directions. */
  close(): Promise<unknown>;
  /** TLS on the connection, as a new socket; this one's locks must be released, and no read be under way. */
  startTls(options?: { expectedServerHostname?: string }): WorkersSocket;
}

/** What a read gives. */
export interface WorkersChunk {
  /** The bytes; undefined at the end. */
  value?: Uint8Array | undefined;
  /** True at the end. */
  done: boolean;
}

/** Reads a socket. */
export interface WorkersReader {
  /** The next bytes. */
  read(): Promise<WorkersChunk>;
  /** Gives the lock back; throws while a read is under way. */
  releaseLock(): void;
}

/** Writes to a socket. */
export interface WorkersWriter {
  /** Room below the high-water mark; null once it has failed. */
  readonly desiredSize: number | null;
  /** Settles when there is room again. */
  readonly ready: Promise<unknown>;
  /** Queues the bytes. */
  write(bytes: Uint8Array): Promise<unknown>;
  /** Ends our direction behind what is queued. */
  close(): Promise<unknown>;
  /** Drops what is queued. */
  abort(reason?: unknown): Promise<unknown>;
  /** Gives the lock back. */
  releaseLock(): void;
}

/** What is asked of `connect`. */
export interface WorkersSocketOptions {
  /** Whether TLS is spoken: never, at once, or when `startTls` is called. */
  secureTransport?: "off" | "on" | "starttls";
  /** False ends our direction when the server ends its own. */
  allowHalfOpen: boolean;
  /** Octets that may be queued. */
  highWaterMark?: number | bigint;
}

/** `connect` of `cloudflare:sockets`, or of a service binding. */
export type WorkersConnect = (
  address: { hostname: string; port: number },
  options: WorkersSocketOptions,
) => WorkersSocket;
