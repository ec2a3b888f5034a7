/**
 * What the engine wrote and heard, seen between it and its network. Its law: it changes nothing, and counts what the engine
 * had in its hands, above TLS and in the order of events, since only that decides what it could have known.
 *
 * @module
 */

import type { DialTarget, SmtpNetwork, SmtpStream, StreamSink, TlsSettings } from "../../src/net/stream.ts";

/** A network that is watched. */
export class Watch implements SmtpNetwork {
  /** All that was given to the stream, octets as latin1. */
  written = "";
  /** How many octets were given to the engine. */
  heard = 0;
  /** Streams that the engine was given and did not destroy. */
  open = 0;
  /** Why there was no connection, if there was none. */
  failure: unknown;
  readonly #network: SmtpNetwork;

  constructor(network: SmtpNetwork) {
    this.#network = network;
  }

  resolve(host: string): Promise<string[]> {
    return this.#network.resolve(host);
  }

  async connect(target: DialTarget, signal: AbortSignal): Promise<SmtpStream> {
    try {
      return new WatchedStream(this, await this.#network.connect(target, signal));
    } catch (error) {
      this.failure = error;
      throw error;
    }
  }

  wrap(): SmtpStream {
    throw new Error("The campaign supplies no socket");
  }
}

class WatchedStream implements SmtpStream {
  readonly #watch: Watch;
  readonly #stream: SmtpStream;
  #destroyed = false;

  constructor(watch: Watch, stream: SmtpStream) {
    this.#watch = watch;
    this.#stream = stream;
    watch.open++;
  }

  get tls(): boolean {
    return this.#stream.tls;
  }

  get loopback(): boolean {
    return this.#stream.loopback;
  }

  get remote(): string {
    return this.#stream.remote;
  }

  open(sink: StreamSink): void {
    this.#stream.open({
      data: (bytes) => {
        this.#watch.heard += bytes.length;
        sink.data(bytes);
      },
      drain: () => sink.drain(),
      close: (error) => sink.close(error),
    });
  }

  write(bytes: Uint8Array): boolean {
    this.#watch.written += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    return this.#stream.write(bytes);
  }

  async startTls(options: TlsSettings): Promise<SmtpStream> {
    const inside = new WatchedStream(this.#watch, await this.#stream.startTls(options));
    // The stream in clear lives on inside the other and goes with it.
    this.#gone();
    return inside;
  }

  end(): void {
    this.#stream.end();
  }

  destroy(): void {
    this.#gone();
    this.#stream.destroy();
  }

  #gone(): void {
    if (!this.#destroyed) this.#watch.open--;
    this.#destroyed = true;
  }
}

/** A signal that knows who listens to it. */
export class CountedSignal {
  readonly signal: AbortSignal = new AbortController().signal;
  readonly #listeners = new Set<unknown>();

  constructor() {
    const { addEventListener, removeEventListener } = AbortSignal.prototype;
    Object.assign(this.signal, {
      addEventListener: (...given: Parameters<typeof addEventListener>) => {
        this.#listeners.add(given[1]);
        addEventListener.apply(this.signal, given);
      },
      removeEventListener: (...given: Parameters<typeof removeEventListener>) => {
        this.#listeners.delete(given[1]);
        removeEventListener.apply(this.signal, given);
      },
    });
  }

  /** How many listen. */
  get listeners(): number {
    return this.#listeners.size;
  }
}
