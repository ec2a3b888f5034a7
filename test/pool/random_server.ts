/**
 * A server in memory that does what it is told to, command by command, and knows what it stored, for whom, over which
 * connection. It answers in a later turn of the event loop, as a socket would.
 *
 * @module
 */

import type { SmtpNetwork, SmtpStream, StreamSink } from "../../src/net/stream.ts";

/** What the server does: `lose` takes the command and drops the connection without a word. */
export type Whim = "ok" | "4xx" | "5xx" | "421" | "drop" | "lose";

/** What happened. */
export interface Record {
  /** The ids of the messages stored, in order. */
  readonly stored: string[];
  /** The ids of the messages begun, in order. */
  readonly begun: string[];
  /** What went against a law of the pool's. */
  readonly faults: string[];
  /** How many connections are open. */
  open: number;
  /** How many were opened. */
  opened: number;
}

/** What must hold. */
export interface Bounds {
  readonly maxConnections: number;
  readonly maxMessages: number;
}

const later: (callback: () => void) => void = globalThis.setImmediate.bind(globalThis);

/** A network with such a server behind it. */
export function randomServer(whims: () => Whim, bounds: Bounds, pipelining: boolean): SmtpNetwork & { record: Record } {
  const record: Record = { stored: [], begun: [], faults: [], open: 0, opened: 0 };
  return {
    record,
    resolve: () => Promise.resolve(["192.0.2.1"]),
    wrap: (socket) => socket as SmtpStream,
    connect: () => {
      if (whims() === "drop") return Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
      record.opened++;
      record.open++;
      if (record.open > bounds.maxConnections) record.faults.push(`${record.open} connections are open`);
      return Promise.resolve(new RandomStream(whims, bounds, record, pipelining));
    },
  };
}

class RandomStream implements SmtpStream {
  readonly tls = true;
  readonly loopback = false;
  readonly remote = "192.0.2.1:25";
  readonly #whims: () => Whim;
  readonly #bounds: Bounds;
  readonly #record: Record;
  readonly #pipelining: boolean;
  #sink: StreamSink | undefined;
  #over = false;
  #text = "";
  #content = false;
  #user = "";
  #from = "";
  #recipients = 0;
  #mails = 0;

  constructor(whims: () => Whim, bounds: Bounds, record: Record, pipelining: boolean) {
    this.#whims = whims;
    this.#bounds = bounds;
    this.#record = record;
    this.#pipelining = pipelining;
  }

  open(sink: StreamSink): void {
    this.#sink = sink;
    this.#say(this.#whims() === "421" ? "421 too many" : "220 ready");
  }

  write(bytes: Uint8Array): boolean {
    this.#text += new TextDecoder().decode(bytes);
    later(() => this.#hear());
    return true;
  }

  startTls(): Promise<SmtpStream> {
    return Promise.resolve(this);
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (!this.#over) this.#record.open--;
    this.#over = true;
  }

  #drop(): void {
    if (this.#over) return;
    this.destroy();
    this.#sink?.close(Object.assign(new Error("reset"), { code: "ECONNRESET" }));
  }

  #say(reply: string): void {
    const bytes = new TextEncoder().encode(`${reply}\r\n`);
    later(() => {
      if (this.#over) return;
      this.#sink?.data(bytes);
      if (reply.startsWith("421")) this.#drop();
    });
  }

  #hear(): void {
    while (!this.#over) {
      const end = this.#content ? this.#text.indexOf("\r\n.\r\n") : this.#text.indexOf("\r\n");
      if (end < 0) return;
      const said = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + (this.#content ? 5 : 2));
      if (this.#content) this.#ended(said);
      else this.#command(said);
    }
  }

  #ended(text: string): void {
    this.#content = false;
    const whim = this.#whims();
    if (whim === "ok" || whim === "lose") this.#record.stored.push(text);
    this.#answer(whim, "250 stored");
  }

  #answer(whim: Whim, reply: string): boolean {
    if (whim === "drop" || whim === "lose") this.#drop();
    else this.#say({ ok: reply, "4xx": "450 4.2.0 later", "5xx": "550 5.1.1 no", "421": "421 4.3.2 bye" }[whim]);
    return whim === "ok";
  }

  #command(line: string): void {
    const [verb = ""] = line.split(" ");
    if (verb === "EHLO") this.#say(`250-mx.example\r\n${this.#pipelining ? "250-PIPELINING\r\n" : ""}250 AUTH PLAIN`);
    else if (verb === "AUTH") {
      this.#user = atob(line.split(" ")[2] ?? "").split("\0")[1] ?? "";
      this.#answer(this.#whims(), "235 welcome");
    } else if (verb === "MAIL") this.#mail(line);
    else if (verb === "RCPT") this.#recipients += Number(this.#from !== "" && this.#answer(this.#whims(), "250 ok"));
    else if (verb === "DATA") this.#content = this.#recipients > 0 && this.#answer(this.#whims(), "354 go");
    else this.#say(verb === "QUIT" ? "221 bye" : "250 ok");
    if (verb === "RCPT" && this.#from === "") this.#say("503 no sender");
    if (verb === "DATA" && this.#recipients === 0) this.#say("503 no recipient");
    if (verb === "RSET") this.#from = "";
  }

  /** The sender is `<id>.<user>@x.example`. */
  #mail(line: string): void {
    const [, id = "", user = ""] = /<([^.]*)\.([^@]*)@/.exec(line) ?? [];
    this.#mails++;
    this.#recipients = 0;
    if (user !== this.#user) this.#record.faults.push(`${id} went as ${this.#user}, not as ${user}`);
    if (this.#mails > this.#bounds.maxMessages) this.#record.faults.push(`${this.#mails} messages on a connection`);
    this.#record.begun.push(id);
    this.#from = this.#answer(this.#whims(), "250 ok") ? id : "";
  }
}
