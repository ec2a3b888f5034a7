/**
 * A server in memory that takes everything and keeps the content of each message as it came over the wire.
 *
 * @module
 */

import type { SmtpStream, StreamSink } from "../../src/net/stream.ts";

const END = Buffer.from("\r\n.\r\n");

/** A stream to such a server. */
export interface Sink extends SmtpStream {
  /** What came after each 354, with its dots and its end; or the octets of all chunks up to a LAST. */
  readonly contents: Buffer[];
  /** The BDAT commands that came. */
  readonly chunks: string[];
}

/** Makes one; it offers PIPELINING, and CHUNKING and BINARYMIME if asked to. */
export function sink({ chunking = false, binary = false }: { chunking?: boolean; binary?: boolean } = {}): Sink {
  return new Taker(["PIPELINING", ...(chunking ? ["CHUNKING"] : []), ...(binary ? ["BINARYMIME"] : [])]);
}

class Taker implements Sink {
  readonly contents: Buffer[] = [];
  readonly chunks: string[] = [];
  readonly #extensions: readonly string[];
  #chunk: { octets: number; last: boolean } | undefined;
  #parts: Buffer[] = [];
  readonly tls = false;
  readonly loopback = true;
  readonly remote = "memory";
  #sink: StreamSink | undefined;
  #unread = Buffer.alloc(0);
  #inData = false;

  constructor(extensions: readonly string[]) {
    this.#extensions = extensions;
  }

  open(to: StreamSink): void {
    this.#sink = to;
    this.#say("220 sink ready");
  }

  write(bytes: Uint8Array): boolean {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#chunk ? this.#takeChunk() : this.#inData ? this.#takeContent() : this.#takeLine());
    return true;
  }

  #takeLine(): boolean {
    const end = this.#unread.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#unread.toString("latin1", 0, end);
    this.#unread = this.#unread.subarray(end + 2);
    this.#inData = line === "DATA";
    if (line.startsWith("BDAT")) return this.#chunkBegins(line);
    if (line.startsWith("EHLO"))
      this.#say(["250-sink", ...this.#extensions.map((name) => `250-${name}`), "250 8BITMIME"].join("\r\n"));
    else this.#say(line === "DATA" ? "354 go ahead" : "250 ok");
    return true;
  }

  #chunkBegins(line: string): true {
    this.chunks.push(line);
    const [, octets, last] = line.split(" ");
    this.#chunk = { octets: Number(octets), last: last === "LAST" };
    return true;
  }

  #takeChunk(): boolean {
    const { octets, last } = this.#chunk as { octets: number; last: boolean };
    if (this.#unread.length < octets) return false;
    this.#parts.push(this.#unread.subarray(0, octets));
    this.#unread = this.#unread.subarray(octets);
    this.#chunk = undefined;
    if (last) this.contents.push(Buffer.concat(this.#parts.splice(0)));
    this.#say("250 taken");
    return true;
  }

  #takeContent(): boolean {
    const lone = this.#unread.indexOf(".\r\n") === 0;
    const end = lone ? -2 : this.#unread.indexOf(END);
    if (!lone && end < 0) return false;
    this.contents.push(this.#unread.subarray(0, end + END.length));
    this.#unread = this.#unread.subarray(end + END.length);
    this.#inData = false;
    this.#say("250 stored");
    return true;
  }

  #say(reply: string): void {
    queueMicrotask(() => this.#sink?.data(Buffer.from(`${reply}\r\n`)));
  }

  startTls(): Promise<SmtpStream> {
    return Promise.reject(new Error("A sink speaks no TLS"));
  }

  end(): void {}

  destroy(): void {}
}
