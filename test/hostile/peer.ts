/**
 * A server in memory for the attacks: it keeps every line it heard and every message it stored, and a test may change or
 * cut whatever it says. It answers all of one write in one chunk, and shares no code with the engine.
 *
 * @module
 */

import type { SmtpNetwork, SmtpStream, StreamSink } from "../../mod.ts";
import { type Listener, Model, type Stored } from "./model.ts";

/** What the server can be made to do. */
export interface PeerOptions {
  /** What EHLO offers in clear. Default PIPELINING. */
  readonly extensions?: readonly string[];
  /** What EHLO offers inside TLS. Default: the same without STARTTLS. */
  readonly inside?: readonly string[];
  /** Whether the stream says that it is loopback. Default true. */
  readonly loopback?: boolean;
  /** What is said in place of the reply, as latin1; undefined: nothing, and the connection is closed. */
  readonly say?: (verb: string, reply: string, peer: Peer) => string | undefined;
  /** Each reply comes in a chunk of its own, not all that answer a write in one. Default false. */
  readonly split?: boolean;
  /** How what is said is cut. Default: not at all. */
  readonly cut?: (bytes: Buffer) => Buffer[];
}

// Taken before any test puts fake timers in their place.
const later: (callback: () => void) => void = globalThis.setImmediate.bind(globalThis);

/** Turns of the event loop in which nothing is written before what was left open is closed. */
const PATIENCE = 12;

/** A network with one server, which takes any number of connections. */
export class Peer implements SmtpNetwork {
  /** Every command line, in order; of content only `.` or the BDAT line. */
  readonly lines: string[] = [];
  /** The first word of each; `(answer)` for what answers a challenge. */
  readonly verbs: string[] = [];
  /** Everything that was written, as latin1. */
  wire = "";
  /** What was stored. */
  readonly stored: Stored[] = [];
  /** The hosts that were looked up. */
  readonly hosts: string[] = [];
  /** How many connections are open. */
  open = 0;
  /** True: what was changed or left out does not end the connection. */
  patient = false;
  /** How many were made. */
  connections = 0;
  readonly options: PeerOptions;
  #latest: Conversation | undefined;

  constructor(options: PeerOptions = {}) {
    this.options = options;
  }

  resolve(host: string): Promise<string[]> {
    this.hosts.push(host);
    return Promise.resolve(["192.0.2.1"]);
  }

  connect(): Promise<SmtpStream> {
    return Promise.resolve(this.wrap());
  }

  wrap(): SmtpStream {
    this.connections++;
    this.#latest = new Conversation(this);
    return new PeerStream(this.#latest, false);
  }

  /** As `speak`, but in this tick. */
  pour(bytes: Uint8Array): void {
    this.#latest?.sink?.data(bytes);
  }

  /** Says something on the latest connection that nothing asked for, in a chunk of its own. */
  speak(text: string): Promise<void> {
    return new Promise((resolve) => {
      later(() => {
        this.#latest?.sink?.data(Buffer.from(text, "latin1"));
        resolve();
      });
    });
  }

  /** A line was heard. */
  heard(line: string, verb: string = /^[^ :]*/.exec(line)?.[0].toUpperCase() ?? ""): string {
    this.lines.push(line);
    this.verbs.push(verb);
    return verb;
  }
}

/** One connection. */
class Conversation implements Listener {
  readonly peer: Peer;
  sink: StreamSink | undefined;
  over = false;
  writes = 0;
  tls = false;
  readonly #model: Model = new Model(this);
  #replies: [verb: string, reply: string][] = [];
  /** Something else was said than what is true: from then on silence may last for ever. */
  #deviated = false;

  constructor(peer: Peer) {
    this.peer = peer;
    peer.open++;
  }

  begin(): void {
    this.say("(greeting)", "220 peer ready");
    this.#flush();
  }

  hear(bytes: Uint8Array): void {
    if (this.over) return;
    const text = Buffer.from(bytes).toString("latin1");
    this.writes++;
    this.peer.wire += text;
    this.#model.hear(text);
    this.#flush();
  }

  get offers(): readonly string[] {
    const { extensions = ["PIPELINING"], inside } = this.peer.options;
    return this.tls ? (inside ?? extensions.filter((word) => word !== "STARTTLS")) : extensions;
  }

  heard(line: string, verb?: string): string {
    return this.peer.heard(line, verb);
  }

  store(message: Stored): number {
    return this.peer.stored.push(message);
  }

  say(verb: string, reply: string): void {
    this.#replies.push([verb, `${reply}\r\n`]);
  }

  /** Says what a write is answered with: all at once, or each reply in a chunk of its own. */
  #flush(): void {
    const { say = (_verb: string, reply: string) => reply, split = false } = this.peer.options;
    const chunks: string[] = [];
    let closes = false;
    for (const [verb, reply] of this.#replies.splice(0)) {
      if (closes) break;
      const said = say(verb, reply, this.peer);
      closes = said === undefined || verb === "QUIT";
      this.#deviated ||= said !== reply;
      if (said !== reply && !/^3[35]4/.test(said ?? "")) this.#model.answeredOtherwise();
      chunks.push(said ?? "");
    }
    for (const text of split ? chunks : [chunks.join("")]) this.#give(text);
    if (closes) later(() => this.close());
    else if (this.#deviated && !this.peer.patient) this.#closeUnlessWritten(this.writes, PATIENCE);
  }

  #give(text: string): void {
    const { cut = (bytes: Buffer) => [bytes] } = this.peer.options;
    if (text === "") return;
    later(() => {
      for (const piece of cut(Buffer.from(text, "latin1"))) this.sink?.data(piece);
    });
  }

  /** Who waits for something that was never said hears of the end instead, without a clock. */
  #closeUnlessWritten(writes: number, patience: number): void {
    if (this.writes !== writes || this.over) return;
    if (patience === 0) this.close();
    else later(() => this.#closeUnlessWritten(writes, patience - 1));
  }

  close(error?: Error): void {
    const { sink } = this;
    this.leave();
    sink?.close(error);
  }

  leave(): void {
    if (!this.over) this.peer.open--;
    this.over = true;
    this.sink = undefined;
  }
}

class PeerStream implements SmtpStream {
  readonly loopback: boolean;
  readonly remote = "192.0.2.1:25";
  readonly tls: boolean;
  readonly #conversation: Conversation;

  constructor(conversation: Conversation, tls: boolean) {
    this.#conversation = conversation;
    this.tls = tls;
    this.loopback = conversation.peer.options.loopback ?? true;
  }

  open(sink: StreamSink): void {
    this.#conversation.sink = sink;
    if (this.#conversation.over) later(() => sink.close());
    else if (!this.tls) this.#conversation.begin();
  }

  write(bytes: Uint8Array): boolean {
    const copy = bytes.slice();
    later(() => this.#conversation.hear(copy));
    return true;
  }

  startTls(): Promise<SmtpStream> {
    this.#conversation.sink = undefined;
    this.#conversation.tls = true;
    return Promise.resolve(new PeerStream(this.#conversation, true));
  }

  end(): void {
    later(() => this.#conversation.leave());
  }

  destroy(): void {
    this.#conversation.leave();
  }
}
