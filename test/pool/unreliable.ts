/**
 * A server that drops, throttles, refuses and restarts at random, and keeps what it took. It shares no code with the engine.
 * The law here: what is stored is stored whether or not its reply is ever heard; that is what makes a message "unknown".
 *
 * @module
 */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";

/** Numbers that look random and are the same each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** What goes wrong, one time in how many; 0 is never. */
export interface Troubles {
  /** A 421 in place of a greeting, or of the reply to MAIL. */
  throttle: number;
  /** A 450 to RCPT, 454 to MAIL. */
  busy: number;
  /** A 550 to RCPT. */
  refuse: number;
  /** The connection is dropped: before the reply to MAIL, in the content, after the end (stored or not). */
  drop: number;
  /** After a message the server goes away for a moment, with every connection. */
  restart: number;
}

/** A server that runs. */
export class UnreliableServer {
  /** How often each message was stored, by its subject. */
  readonly stored: Map<string, number> = new Map();
  /** How often each trouble was made. */
  readonly made: Record<string, number> = {};
  /** What it says that it offers. */
  readonly extensions: readonly string[];
  #server: Server;
  #port = 0;
  readonly #sockets = new Set<Socket>();
  readonly #pick: (below: number) => number;
  readonly #troubles: Troubles;
  #closed = false;

  /** A server on a free port. */
  static async start(
    troubles: Troubles,
    seed: number,
    extensions: readonly string[] = ["PIPELINING"],
  ): Promise<UnreliableServer> {
    const server = new UnreliableServer(troubles, seed, extensions);
    await server.#listen();
    return server;
  }

  private constructor(troubles: Troubles, seed: number, extensions: readonly string[]) {
    this.extensions = extensions;
    this.#troubles = troubles;
    this.#pick = random(seed);
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** The port, the same after a restart. */
  get port(): number {
    return this.#port;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#sockets.size;
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Drops everything and stops. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop();
  }

  async #stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #restart(): Promise<void> {
    if (this.#closed || !this.#server.listening) return;
    await this.#stop();
    if (!this.#closed) await this.#listen();
  }

  /** True one time in so many. */
  chance(trouble: keyof Troubles): boolean {
    const often = this.#troubles[trouble];
    if (often === 0 || this.#pick(often) !== 0) return false;
    this.made[trouble] = (this.made[trouble] ?? 0) + 1;
    return true;
  }

  /** One of two. */
  coin(): boolean {
    return this.#pick(2) === 0;
  }

  /** A message is stored, and perhaps the server goes away. */
  keep(subject: string): void {
    this.stored.set(subject, (this.stored.get(subject) ?? 0) + 1);
    if (this.chance("restart")) setImmediate(() => void this.#restart());
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    const talk = new Talk(this, socket);
    socket.on("data", (bytes) => talk.hear(bytes.toString("latin1")));
    talk.greet();
  }
}

/** One connection. */
class Talk {
  #text = "";
  #content = false;
  #accepted = 0;
  #mail = false;
  #gone = false;

  readonly server: UnreliableServer;
  readonly socket: Socket;

  constructor(server: UnreliableServer, socket: Socket) {
    this.server = server;
    this.socket = socket;
  }

  greet(): void {
    if (this.server.chance("throttle")) this.#leave("421 4.3.2 too many connections");
    else this.#say("220 unreliable ESMTP");
  }

  hear(text: string): void {
    this.#text += text;
    while (!this.#gone && (this.#content ? this.#takeContent() : this.#takeLine()));
  }

  #say(line: string): void {
    this.socket.write(`${line}\r\n`);
  }

  #leave(line: string): void {
    this.#gone = true;
    this.socket.end(`${line}\r\n`);
  }

  #drop(): void {
    this.#gone = true;
    this.socket.destroy();
  }

  #takeLine(): boolean {
    const end = this.#text.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    this.#command(line.split(/[ :]/, 1)[0] ?? "");
    return true;
  }

  #command(verb: string): void {
    const reply = this.#reply(verb);
    if (reply !== undefined && !this.#gone) this.#say(reply);
  }

  /** Undefined: the connection is over. */
  #reply(verb: string): string | undefined {
    if (verb === "EHLO")
      return ["250-unreliable", ...this.server.extensions.map((word) => `250-${word}`), "250 HELP"].join("\r\n");
    if (verb === "MAIL") return this.#mailFrom();
    if (verb === "RCPT") return this.#rcptTo();
    if (verb === "DATA") return this.#data();
    if (verb === "QUIT") this.#leave("221 bye");
    [this.#mail, this.#accepted] = [false, 0];
    return "250 ok";
  }

  #mailFrom(): string {
    if (this.server.chance("throttle")) this.#leave("421 4.7.0 slow down");
    else if (this.server.chance("drop")) this.#drop();
    this.#mail = !this.server.chance("busy");
    this.#accepted = 0;
    return this.#mail ? "250 2.1.0 ok" : "454 4.3.0 busy";
  }

  #rcptTo(): string {
    if (!this.#mail) return "503 5.5.1 MAIL first";
    if (this.server.chance("refuse")) return "550 5.1.1 nobody here";
    if (this.server.chance("busy")) return "450 4.2.1 mailbox busy";
    this.#accepted++;
    return "250 2.1.5 ok";
  }

  #data(): string {
    if (this.#accepted === 0) return "503 5.5.1 RCPT first";
    this.#content = true;
    return "354 go";
  }

  #takeContent(): boolean {
    const end = this.#text.indexOf("\r\n.\r\n");
    if (end < 0) return false;
    const message = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 5);
    this.#content = false;
    this.#accepted = 0;
    const subject = /^Subject: (.*)$/m.exec(message)?.[1]?.trim() ?? "";
    if (this.server.chance("drop")) {
      if (this.server.coin()) this.server.keep(subject);
      this.#drop();
    } else if (this.server.chance("busy")) this.#say("451 4.3.0 try again");
    else if (this.server.chance("refuse")) this.#say("554 5.6.0 not that");
    else {
      this.server.keep(subject);
      this.#say("250 2.0.0 stored");
    }
    return true;
  }
}
