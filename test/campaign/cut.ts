/**
 * A stream in memory to a recorder, cut after any octet of either direction. Its law: octet for octet what a network can
 * do, and nothing happens by itself: the run takes one step at a time, so that a cut falls where it was meant to.
 *
 * ```text
 * direction  fault    what still gets through
 * client     fin      nothing more to the server; what it answered arrives, then the end of file
 * client     rst      nothing more to the server; what it answered and was not read is lost (ECONNRESET)
 * client     silence  nothing more to the server; what it answered arrives, then nothing ever
 * server     fin      all that the client has written; nothing more to the client, end of file
 * server     rst      what the server has read; what is on its way is lost in both directions (ECONNRESET)
 * server     silence  all that the client writes, now and later; nothing to the client
 * ```
 *
 * @module
 */

import { SmtpTlsError } from "../../src/errors.ts";
import type { SmtpNetwork, SmtpStream, StreamSink } from "../../src/net/stream.ts";
import { type Offer, Recorder } from "./recorder.ts";

/** How a connection can be lost. */
export const FAULTS = ["fin", "rst", "silence"] as const;

/** Where and how. */
export interface Cut {
  /** Whose octets are counted. */
  readonly direction: "client" | "server";
  /** How many of them arrive. */
  readonly offset: number;
  readonly fault: (typeof FAULTS)[number];
}

/** More than so many octets on their way are enough for a stream that is narrow. */
const HIGH_WATER = 8;

/** What stands for a TLS handshake: so many octets from each side. */
const HANDSHAKE = 4;

/** A connection in memory. */
export class CutWire implements SmtpNetwork {
  readonly recorder: Recorder;
  /** Octets that have arrived, by who said them. */
  readonly arrived = { client: 0, server: 0 };
  readonly #cut: Cut | undefined;
  readonly #narrow: boolean;
  #cutDone = false;
  #toServer: Uint8Array[] = [];
  #toClient: Uint8Array[] = [];
  #sink: StreamSink | undefined;
  #shaking: { resolve(): void; reject(error: Error): void } | undefined;
  #serverShakes = false;
  #serverDeaf = false;
  #clientDeaf = false;
  #hungUp = false;
  #over = false;

  /** `narrow`: the stream asks for patience after a few octets. */
  constructor(offer: Offer, cut?: Cut, narrow = false) {
    this.#cut = cut;
    this.#narrow = narrow;
    this.recorder = new Recorder(offer, {
      say: (bytes) => this.#toClient.push(bytes),
      startTls: () => {
        this.#serverShakes = true;
      },
      hangUp: () => {
        this.#hungUp = true;
      },
    });
  }

  async resolve(): Promise<string[]> {
    return ["192.0.2.1"];
  }

  async connect(): Promise<SmtpStream> {
    this.recorder.greet();
    return new CutStream(this, false);
  }

  wrap(): SmtpStream {
    throw new Error("A wire in memory wraps no socket");
  }

  open(sink: StreamSink): void {
    this.#sink = sink;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#over) this.#toServer.push(bytes.slice());
    return !this.#narrow || this.#toServer.reduce((sum, { length }) => sum + length, 0) <= HIGH_WATER;
  }

  shake(): Promise<void> {
    this.#sink = undefined;
    this.write(new Uint8Array(HANDSHAKE));
    return new Promise((resolve, reject) => {
      this.#shaking = { resolve, reject };
    });
  }

  destroy(): void {
    this.#over = true;
    this.#sink = undefined;
    this.#toClient = [];
    this.#shaking?.reject(new SmtpTlsError("Destroyed"));
  }

  /** Lets one thing happen; false if there is nothing that can. */
  step(): boolean {
    if (this.#isDue()) return this.#fault();
    if (this.#toClient.length > 0 && (this.#sink || this.#shaking)) return this.#give();
    if (this.#hungUp && !this.#over && !this.#clientDeaf) return this.#close();
    if (this.#toServer.length > 0 && !this.#serverDeaf) return this.#serve();
    return false;
  }

  #isDue(): boolean {
    const cut = this.#cut;
    return cut !== undefined && !this.#cutDone && this.arrived[cut.direction] === cut.offset;
  }

  /** Up to the cut; what lies behind it is lost. */
  #pass(bytes: Uint8Array, direction: Cut["direction"]): Uint8Array {
    const cut = this.#cut;
    const room = cut?.direction === direction ? cut.offset - this.arrived[direction] : bytes.length;
    const passed = bytes.subarray(0, room);
    this.arrived[direction] += passed.length;
    return passed;
  }

  #give(): true {
    const bytes = this.#toClient.shift() as Uint8Array;
    const passed = this.#pass(bytes, "server");
    if (this.#sink) this.#sink.data(passed);
    else if (passed.length === HANDSHAKE) {
      this.#shaking?.resolve();
      this.#shaking = undefined;
    }
    return true;
  }

  #serve(): true {
    const passed = this.#pass(this.#toServer.shift() as Uint8Array, "client");
    if (!this.#serverShakes) this.recorder.hear(passed);
    else if (passed.length === HANDSHAKE) {
      this.#serverShakes = false;
      this.#toClient.push(new Uint8Array(HANDSHAKE));
    }
    if (this.#narrow && this.#toServer.length === 0) this.#sink?.drain();
    return true;
  }

  #fault(): true {
    const { direction, fault } = this.#cut as Cut;
    this.#cutDone = true;
    if (direction === "server" && fault === "fin") while (this.#toServer.length > 0) this.#serve();
    if (direction === "client" || fault !== "silence") this.#serverDeaf = true;
    if (direction === "server") this.#clientDeaf = true;
    if (direction === "server" || fault === "rst") this.#toClient = [];
    if (fault === "rst") return this.#close(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }));
    if (fault === "silence") return true;
    if (direction === "server") return this.#close();
    this.#hungUp = true;
    return true;
  }

  #close(error?: Error): true {
    const [sink, shaking] = [this.#sink, this.#shaking];
    this.#over = true;
    this.#sink = undefined;
    this.#shaking = undefined;
    sink?.close(error);
    shaking?.reject(new SmtpTlsError("Lost in the handshake", { cause: error }));
    return true;
  }
}

/** One end of it: in clear, or behind the handshake. */
class CutStream implements SmtpStream {
  readonly loopback = true;
  readonly remote = "memory";
  readonly tls: boolean;
  readonly #wire: CutWire;

  constructor(wire: CutWire, tls: boolean) {
    this.#wire = wire;
    this.tls = tls;
  }

  open(sink: StreamSink): void {
    this.#wire.open(sink);
  }

  write(bytes: Uint8Array): boolean {
    return this.#wire.write(bytes);
  }

  async startTls(): Promise<SmtpStream> {
    await this.#wire.shake();
    return new CutStream(this.#wire, true);
  }

  end(): void {}

  destroy(): void {
    this.#wire.destroy();
  }
}
