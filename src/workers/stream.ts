/**
 * A stream on a socket of `cloudflare:sockets`. The law here: the sink hears everything that arrived and then, once, that it
 * is over; what the runtime keeps to itself is not guessed at: a peer is never loopback, and TLS counts as spoken only when a
 * byte has come through it.
 *
 * @module
 */

import { SmtpTlsError } from "../errors.ts";
import type { SmtpStream, StreamSink, TlsSettings } from "../net/stream.ts";
import { inAWord } from "../printable.ts";
import { checkDemands } from "./demands.ts";
import type { WorkersReader, WorkersSocket, WorkersWriter } from "./socket.ts";

/**
 * A write that failed is told by the end of reading, behind all that arrived; by itself so many ms later if reading does not
 * end, as that of a socket of another request does not.
 */
const GRACE = 1_000;
/** A timer of the runtime counts at most this many ms. */
const LONGEST = 0x7fffffff;

/** What is known of a stream from the start. */
export interface WorkersStreamFacts {
  /** True inside TLS. */
  readonly tls: boolean;
  /** What it is connected to, for messages. */
  readonly remote: string;
  /** The name that the certificate must carry, if TLS is this engine's and nothing has shown yet that it is spoken. */
  readonly expects?: string;
}

/** A stream of Cloudflare Workers. */
export class WorkersStream implements SmtpStream {
  /** @ignore */
  readonly tls: boolean;
  /** False: the runtime gives back the name that it was given, never the address that it found. */
  readonly loopback = false;
  /** @ignore */
  readonly remote: string;
  readonly #socket: WorkersSocket;
  #reader: WorkersReader | undefined;
  #writer: WorkersWriter | undefined;
  #sink: StreamSink | undefined;
  #expects: string | undefined;
  #over = false;
  #reading = false;
  #upgrading = false;
  #draining = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** On a socket that is connected. */
  constructor(socket: WorkersSocket, { tls, remote, expects }: WorkersStreamFacts) {
    this.tls = tls;
    this.remote = remote;
    this.#socket = socket;
    this.#expects = expects;
    for (const promise of [socket.opened, socket.closed]) promise.catch(() => undefined); // told by reading
  }

  /** @ignore */
  open(sink: StreamSink): void {
    this.#sink = sink;
    this.#reader = this.#socket.readable.getReader();
    this.#writer = this.#socket.writable.getWriter();
    void this.#read(this.#reader);
  }

  async #read(reader: WorkersReader): Promise<void> {
    try {
      for (;;) {
        this.#reading = true;
        const { value, done } = await reader.read();
        this.#reading = false;
        if (done) return this.#finish();
        this.#expects = undefined;
        if (value) this.#sink?.data(value);
        if (this.#upgrading) await nextTask();
        if (this.#over || !this.#sink) return;
      }
    } catch (error) {
      this.#reading = false;
      this.#finish(error as Error);
    }
  }

  /** @ignore */
  write(bytes: Uint8Array): boolean {
    const writer = this.#writer;
    if (this.#over || !writer) return true;
    try {
      writer.write(bytes).catch((error) => this.#unwritten(error));
    } catch (error) {
      this.#unwritten(error as Error);
      return true;
    }
    if ((writer.desiredSize ?? 1) > 0) return true;
    if (!this.#draining) void this.#drain(writer);
    return false;
  }

  async #drain(writer: WorkersWriter): Promise<void> {
    this.#draining = true;
    try {
      await writer.ready;
    } catch {
      return; // a failed write, which is told by itself
    }
    this.#draining = false;
    this.#sink?.drain();
  }

  #unwritten(error: Error): void {
    if (this.#over || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.#finish(error), GRACE);
  }

  /** @ignore A read that is under way would take TLS's first bytes, and cannot be called off. */
  beforeTls(): void {
    this.#upgrading = true;
  }

  /** @ignore */
  async startTls({ hostname, verify, options }: TlsSettings): Promise<SmtpStream> {
    checkDemands({ tlsVerify: verify, tlsOptions: options });
    this.#sink = undefined;
    if (this.#over) throw tlsError(`${this.remote} closed the connection`);
    try {
      if (this.#reading) throw new Error("a read is under way");
      for (const lock of [this.#reader, this.#writer]) lock?.releaseLock();
      const secured = this.#socket.startTls({ expectedServerHostname: hostname });
      return new WorkersStream(secured, { tls: true, remote: this.remote, expects: hostname });
    } catch (error) {
      this.destroy();
      throw tlsError(inAWord(error), error);
    }
  }

  /** @ignore */
  end(closeTimeout: number = 0): void {
    if (this.#over) return;
    this.#writer?.close().catch(() => undefined);
    if (closeTimeout <= 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.destroy(), Math.min(closeTimeout, LONGEST));
  }

  /** @ignore */
  destroy(): void {
    this.#over = true;
    this.#sink = undefined;
    clearTimeout(this.#timer);
    try {
      this.#socket.close().catch(() => undefined);
    } catch {
      // A socket of another request: what it belonged to is over.
    }
  }

  /** It is over. A server that ended its direction is gone: nothing more is owed to it. */
  #finish(error?: Error): void {
    if (this.#over) return;
    const sink = this.#sink;
    const expects = this.#expects;
    this.destroy();
    sink?.close(expects === undefined ? error : this.#neverSpoken(expects, error));
  }

  /** A handshake that fails, for whatever reason, is an end of file to the runtime. */
  #neverSpoken(name: string, cause: Error | undefined): SmtpTlsError {
    const why = `the certificate may not be trusted or not be for "${name}", which Cloudflare Workers do not tell`;
    return tlsError(`${this.remote} was closed before anything came inside TLS: ${why}`, cause);
  }
}

function tlsError(text: string, cause?: unknown): SmtpTlsError {
  return new SmtpTlsError(`TLS handshake failed: ${text}`, { cause });
}

/** All that was promised is done by then. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
