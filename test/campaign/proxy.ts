/**
 * A TCP proxy that counts octets and cuts. Its law: what passes is what its side says, octet for octet, and each of the two
 * connections ends: the server's always in order, so that it has read all that was let through; the client's as the cut says.
 * What gets through at a cut is in the table of cut.ts.
 *
 * @module
 */

import { type AddressInfo, createServer, connect as netConnect, type Server, type Socket } from "node:net";
import type { Cut } from "./cut.ts";

/** A proxy in front of one port. */
export class CuttingProxy {
  #next = new Link();
  readonly #server: Server;
  readonly #target: number;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      const server = netConnect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true });
      this.#next.join(client, server);
    });
  }

  static async start(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What is done to the connection that comes next. */
  next(cut?: Cut): Link {
    this.#next = new Link(cut);
    return this.#next;
  }

  /** Resolves when no connection is left. */
  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** One connection through the proxy. */
export class Link {
  /** Octets that were let through. */
  readonly passed = { client: 0, server: 0 };
  /** True once the cut was made. */
  done = false;
  /** Resolves when both connections are closed. */
  readonly over: Promise<void>;
  readonly #cut: Cut | undefined;
  #close!: () => void;

  constructor(cut?: Cut) {
    this.#cut = cut;
    this.over = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  join(client: Socket, server: Socket): void {
    for (const socket of [client, server]) socket.setNoDelay(true).on("error", () => {});
    client.on("data", (bytes) => this.#pass(bytes, "client", client, server));
    server.on("data", (bytes) => this.#pass(bytes, "server", server, client));
    client.on("end", () => this.#left(client, server)).on("close", () => server.end());
    server.on("end", () => this.#ended(client)).on("close", () => this.#ended(client));
    server.on("connect", () => this.#cutIfDue(client, server));
    let open = 2;
    for (const socket of [client, server]) socket.on("close", () => --open === 0 && this.#close());
  }

  /** The client has gone: who was cut off in silence is let go. */
  #left(client: Socket, server: Socket): void {
    server.end();
    if (this.done) client.end();
  }

  /** The server has gone: after a silent cut nobody hears of it. */
  #ended(client: Socket): void {
    if (!(this.done && this.#cut?.fault === "silence")) client.end();
  }

  #pass(bytes: Uint8Array, direction: Cut["direction"], from: Socket, to: Socket): void {
    const cut = this.#cut?.direction === direction ? this.#cut : undefined;
    const room = cut ? cut.offset - this.passed[direction] : bytes.length;
    const passed = bytes.subarray(0, room);
    if (passed.length > 0) to.write(passed);
    this.passed[direction] += passed.length;
    if (direction === "client") this.#cutIfDue(from, to);
    else this.#cutIfDue(to, from);
  }

  #cutIfDue(client: Socket, server: Socket): void {
    const cut = this.#cut;
    if (!cut || this.done || this.passed[cut.direction] !== cut.offset) return;
    this.done = true;
    if (cut.fault === "silence") return;
    if (cut.fault === "rst") client.resetAndDestroy();
    else if (cut.direction === "server") client.end();
    // In the client's direction what the server answers still passes, and its end follows.
    if (cut.direction === "client" || cut.fault === "rst") server.end();
  }
}
