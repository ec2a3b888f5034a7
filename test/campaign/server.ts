/**
 * The recorder on a real socket, with TLS where it is asked for. Its law: a connection is over for it when all that
 * arrived has been read and recorded, and not before.
 *
 * @module
 */

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Identity } from "../support/certificates.ts";
import { type Offer, Recorder } from "./recorder.ts";

/** A connection that came. */
export interface Recorded {
  readonly recorder: Recorder;
  /** Resolves when it is over. */
  readonly over: Promise<void>;
}

/** The recorder, listening. */
export class RecordingServer {
  /** The connections in the order in which they came. */
  readonly connections: Recorded[] = [];
  readonly #server: Server;
  readonly #identity: Identity | undefined;
  #offer: Offer;

  private constructor(offer: Offer, identity?: Identity) {
    this.#offer = offer;
    this.#identity = identity;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(offer: Offer, identity?: Identity): Promise<RecordingServer> {
    const server = new RecordingServer(offer, identity);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What it offers to those who come next. */
  set offer(offer: Offer) {
    this.#offer = offer;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(raw: Socket): void {
    let socket: Socket = raw.setNoDelay(true);
    const hear = (bytes: Uint8Array): void => recorder.hear(bytes);
    const recorder = new Recorder(this.#offer, {
      say: (bytes) => void socket.write(bytes),
      startTls: () => {
        raw.removeAllListeners("data");
        socket = new TLSSocket(raw, { ...this.#identity, isServer: true }).on("data", hear).on("error", () => {});
        // A handshake that breaks off leaves the socket below to us.
        socket.on("close", () => raw.destroy());
      },
      hangUp: () => void socket.end(),
    });
    const over = new Promise<void>((resolve) => raw.on("close", () => resolve()));
    this.connections.push({ recorder, over });
    raw.on("data", hear).on("error", () => {});
    recorder.greet();
  }
}
