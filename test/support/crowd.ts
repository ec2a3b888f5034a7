/**
 * A server in memory for messages to many: it says to each RCPT what it is told to, and keeps which message it took for whom.
 * It answers in a later turn of the event loop, as a socket would, and shares no code with the engine.
 *
 * @module
 */

import type { SmtpNetwork, SmtpStream, StreamSink } from "../../src/net/stream.ts";

/** How the server answers. */
export interface CrowdOptions {
  /** What it offers. */
  readonly offers?: readonly string[];
  /** The reply to a RCPT, the `at`-th of its transaction, from 0. Default "250 ok". */
  readonly rcpt?: (address: string, at: number) => string;
  /** The reply to the end of a message, the `at`-th of all, from 0. Default "250 stored". */
  readonly final?: (at: number) => string;
}

/** What came. */
export interface Crowd extends SmtpNetwork {
  /** The transactions whose message was taken: its text, and for whom. */
  readonly stored: { readonly text: string; readonly to: readonly string[] }[];
  /** How many recipients each transaction named, refused ones too. */
  readonly named: number[];
  /** How many connections were opened. */
  opened: number;
}

const later: (callback: () => void) => void = globalThis.setImmediate.bind(globalThis);

/** A network with such a server behind it. */
export function crowd(options: CrowdOptions = {}): Crowd {
  const network: Crowd = {
    stored: [],
    named: [],
    opened: 0,
    resolve: () => Promise.resolve(["192.0.2.1"]),
    wrap: (socket) => socket as SmtpStream,
    connect: () => {
      network.opened++;
      return Promise.resolve(new CrowdStream(options, network));
    },
  };
  return network;
}

class CrowdStream implements SmtpStream {
  readonly tls = true;
  readonly loopback = false;
  readonly remote = "192.0.2.1:25";
  readonly #options: CrowdOptions;
  readonly #network: Crowd;
  #sink: StreamSink | undefined;
  #text = "";
  #to: string[] = [];
  #named = 0;
  #content = false;
  #ended = 0;

  constructor(options: CrowdOptions, network: Crowd) {
    this.#options = options;
    this.#network = network;
  }

  open(sink: StreamSink): void {
    this.#sink = sink;
    this.#say("220 ready");
  }

  write(bytes: Uint8Array): boolean {
    this.#text += new TextDecoder("latin1").decode(bytes);
    later(() => this.#hear());
    return true;
  }

  startTls(): Promise<SmtpStream> {
    return Promise.resolve(this);
  }

  end(): void {
    later(() => this.#sink?.close());
  }

  destroy(): void {
    this.#sink = undefined;
  }

  #say(reply: string): void {
    later(() => this.#sink?.data(new TextEncoder().encode(`${reply}\r\n`)));
  }

  #hear(): void {
    for (;;) {
      const mark = this.#content ? "\r\n.\r\n" : "\r\n";
      const end = this.#text.indexOf(mark);
      if (end < 0) return;
      const said = this.#text.slice(0, end);
      const [, octets] = this.#content ? [] : (/^BDAT (\d+) LAST$/.exec(said) ?? []);
      if (octets !== undefined && this.#text.length < end + 2 + Number(octets)) return;
      this.#text = this.#text.slice(end + mark.length);
      if (this.#content) this.#message(said);
      else if (octets === undefined) this.#command(said);
      else {
        const text = this.#text.slice(0, Number(octets) - 2);
        this.#text = this.#text.slice(Number(octets));
        if (this.#to.length === 0) this.#say("554 no recipients");
        else this.#message(text);
      }
    }
  }

  #message(text: string): void {
    this.#content = false;
    const reply = this.#options.final?.(this.#ended++) ?? "250 stored";
    if (reply.startsWith("2")) this.#network.stored.push({ text, to: this.#to });
    this.#say(reply);
    this.#network.named.push(this.#named);
    [this.#to, this.#named] = [[], 0];
  }

  #command(line: string): void {
    const [, address = ""] = /^RCPT TO:<([^>]*)>/.exec(line) ?? [];
    if (/^EHLO/.test(line)) {
      const lines = ["mx.example", ...(this.#options.offers ?? ["PIPELINING"])];
      this.#say(lines.map((text, at) => `250${at < lines.length - 1 ? "-" : " "}${text}`).join("\r\n"));
    } else if (/^RCPT/.test(line)) {
      const reply = this.#options.rcpt?.(address, this.#named) ?? "250 ok";
      this.#named++;
      if (reply.startsWith("2")) this.#to.push(address);
      this.#say(reply);
    } else if (line === "DATA") {
      this.#content = this.#to.length > 0;
      this.#say(this.#content ? "354 go" : "554 no valid recipients");
    } else {
      if (/^(MAIL|RSET)/.test(line)) [this.#to, this.#named] = [[], 0];
      this.#say(line === "QUIT" ? "221 bye" : "250 ok");
    }
  }
}
