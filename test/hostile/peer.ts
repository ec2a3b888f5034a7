/**
 * A server in memory for the attacks: it keeps every line it heard and every message it stored, and a test may change or
 * cut whatever it says. It answers all of one write in one chunk, and shares no code with the engine.
 *
 * @module
 */

import type { SmtpNetwork, SmtpStream, StreamSink } from "../../mod.ts";

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
  /** How what is said is cut. Default: not at all. */
  readonly cut?: (bytes: Buffer) => Buffer[];
}

/** A message that the server answers for. */
export interface Stored {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
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
  /** How many were made. */
  connections = 0;
  readonly options: PeerOptions;

  constructor(options: PeerOptions = {}) {
    this.options = options;
  }

  resolve(host: string): Promise<string[]> {
    this.hosts.push(host);
    return Promise.resolve(["192.0.2.1"]);
  }

  connect(): Promise<SmtpStream> {
    this.connections++;
    return Promise.resolve(new PeerStream(new Conversation(this), false));
  }

  wrap(): SmtpStream {
    return new PeerStream(new Conversation(this), false);
  }

  /** A line was heard. */
  heard(line: string, verb: string = /^[^ :]*/.exec(line)?.[0].toUpperCase() ?? ""): string {
    this.lines.push(line);
    this.verbs.push(verb);
    return verb;
  }
}

/** One connection. */
class Conversation {
  readonly peer: Peer;
  sink: StreamSink | undefined;
  over = false;
  writes = 0;
  tls = false;
  #unread = "";
  #state: "commands" | "content" | "chunk" | "answer" = "commands";
  #chunk = 0;
  #last = false;
  #answers = 0;
  #from = "";
  #to: string[] = [];
  #content = "";
  #replies: [verb: string, reply: string][] = [];

  constructor(peer: Peer) {
    this.peer = peer;
    peer.open++;
  }

  begin(): void {
    this.say("(greeting)", "220 peer ready");
    this.flush();
  }

  hear(bytes: Uint8Array): void {
    if (this.over) return;
    const text = Buffer.from(bytes).toString("latin1");
    this.writes++;
    this.peer.wire += text;
    this.#unread += text;
    while (this.#take());
    this.flush();
  }

  #take(): boolean {
    if (this.#state === "chunk") return this.#takeChunk();
    const end = this.#unread.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#unread.slice(0, end);
    this.#unread = this.#unread.slice(end + 2);
    if (this.#state === "content") this.#takeLine(line);
    else this.#command(line);
    return true;
  }

  #takeChunk(): boolean {
    if (this.#unread.length < this.#chunk) return false;
    this.#content += this.#unread.slice(0, this.#chunk);
    this.#unread = this.#unread.slice(this.#chunk);
    this.#state = "commands";
    if (this.#to.length === 0) this.say("BDAT", "503 nobody to send to");
    else if (this.#last) this.#store("BDAT");
    else this.say("BDAT", "250 part");
    return true;
  }

  #takeLine(line: string): void {
    if (line === ".") {
      this.peer.heard(".");
      this.#state = "commands";
      this.#store(".");
    } else this.#content += `${line.startsWith(".") ? line.slice(1) : line}\r\n`;
  }

  #store(verb: string): void {
    const refused = this.#to.length === 0 || this.#content.includes("X-Refuse");
    if (!refused) this.peer.stored.push({ from: this.#from, to: this.#to, content: this.#content });
    this.say(verb, refused ? "552 refused at its end" : `250 stored ${this.peer.stored.length}`);
    this.#reset();
  }

  #reset(): void {
    this.#from = "";
    this.#to = [];
    this.#content = "";
  }

  #command(line: string): void {
    const verb = this.peer.heard(line, this.#state === "answer" ? "(answer)" : undefined);
    if (this.#state === "answer") {
      this.#state = line === "*" || --this.#answers === 0 ? "commands" : "answer";
      const answered = this.#state === "answer" ? "334 UGFzc3dvcmQ6" : "235 welcome";
      this.say("(answer)", line === "*" ? "501 cancelled" : answered);
    } else this.say(verb, this.#answer(verb, line));
  }

  #answer(verb: string, line: string): string {
    if (verb === "EHLO") return this.#offer();
    if (verb === "STARTTLS") return "220 go ahead";
    if (verb === "AUTH") return this.#auth(line);
    if (verb === "MAIL") return this.#mail(line);
    if (verb === "RCPT") return this.#rcpt(line);
    if (verb === "DATA") return this.#data();
    if (verb === "BDAT") return this.#bdat(line);
    if (verb === "RSET") this.#reset();
    return verb === "QUIT" ? "221 bye" : ["RSET", "NOOP", "HELO"].includes(verb) ? "250 ok" : "500 what";
  }

  #offer(): string {
    this.#reset();
    const { extensions = ["PIPELINING"], inside } = this.peer.options;
    const offered = this.tls ? (inside ?? extensions.filter((word) => word !== "STARTTLS")) : extensions;
    const lines = ["peer", ...offered];
    return lines.map((text, index) => `250${index + 1 < lines.length ? "-" : " "}${text}`).join("\r\n");
  }

  #auth(line: string): string {
    if (line.split(" ").length > 2) return "235 welcome";
    this.#state = "answer";
    this.#answers = line === "AUTH LOGIN" ? 2 : 1;
    return line === "AUTH LOGIN" ? "334 VXNlcm5hbWU6" : "334 ";
  }

  #mail(line: string): string {
    if (this.#from !== "") return "503 a transaction is open";
    this.#from = line.slice(10);
    return "250 sender ok";
  }

  #rcpt(line: string): string {
    if (this.#from === "") return "503 no sender";
    if (line.includes("<no")) return "550 no such user";
    this.#to.push(line.slice(8));
    return "250 recipient ok";
  }

  #data(): string {
    if (this.#to.length === 0) return "503 nobody to send to";
    this.#state = "content";
    return "354 go ahead";
  }

  #bdat(line: string): string {
    const [, octets, last] = line.split(" ");
    this.#state = "chunk";
    this.#chunk = Number(octets);
    this.#last = last === "LAST";
    return "";
  }

  say(verb: string, reply: string): void {
    if (reply !== "") this.#replies.push([verb, `${reply}\r\n`]);
  }

  /** Says all at once what a write is answered with. */
  flush(): void {
    const { say = (_verb: string, reply: string) => reply, cut = (bytes: Buffer) => [bytes] } = this.peer.options;
    let text = "";
    let closes = false;
    let changed = false;
    for (const [verb, reply] of this.#replies.splice(0)) {
      if (closes) break;
      const said = say(verb, reply, this.peer);
      closes = said === undefined || verb === "QUIT";
      changed ||= said !== reply;
      text += said ?? "";
    }
    const { writes } = this;
    if (text !== "") later(() => this.#give(cut(Buffer.from(text, "latin1"))));
    if (closes) later(() => this.close());
    else if (changed) this.#closeUnlessWritten(writes, PATIENCE);
  }

  #give(pieces: Buffer[]): void {
    for (const piece of pieces) this.sink?.data(piece);
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
