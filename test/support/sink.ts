/**
 * A server in memory that takes everything and keeps the content of each message as it came over the wire.
 *
 * @module
 */

import type { SmtpStream, StreamSink } from "../../src/net/stream.ts";

const END = Buffer.from("\r\n.\r\n");

/** A stream to such a server. */
export interface Sink extends SmtpStream {
  /** What came after each 354, with its dots and its end. */
  readonly contents: Buffer[];
}

/** Makes one; it offers PIPELINING. */
export function sink(): Sink {
  return new Taker();
}

class Taker implements Sink {
  readonly contents: Buffer[] = [];
  readonly tls = false;
  readonly loopback = true;
  readonly remote = "memory";
  #sink: StreamSink | undefined;
  #unread = Buffer.alloc(0);
  #inData = false;

  open(to: StreamSink): void {
    this.#sink = to;
    this.#say("220 sink ready");
  }

  write(bytes: Uint8Array): boolean {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (this.#inData ? this.#takeContent() : this.#takeLine());
    return true;
  }

  #takeLine(): boolean {
    const end = this.#unread.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#unread.toString("latin1", 0, end);
    this.#unread = this.#unread.subarray(end + 2);
    this.#inData = line === "DATA";
    if (line.startsWith("EHLO")) this.#say("250-sink\r\n250 PIPELINING");
    else this.#say(line === "DATA" ? "354 go ahead" : "250 ok");
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
