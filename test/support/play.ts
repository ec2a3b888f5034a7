/**
 * The played transcript: a server in memory that follows a script with both sides in order.
 *
 * ```text
 * S: 220 ready            one chunk for each block of S: lines; an empty line between two S: lines begins a new chunk
 * C: EHLO me              what the client must write, octet for octet (UTF-8), CRLF added
 * S| 250-h                no CRLF, the rest follows in the same chunk
 * S: i
 * TLS                     startTls() is expected here;  TLS <failure>: it rejects
 * C: <anything>           any lines until the next C: line, or any bytes until the server's next step was given out
 * C: <close>              the client ends or destroys the connection
 * S: <close>  S: <reset>  end of file, ECONNRESET
 * ```
 *
 * @module
 */

import { SmtpTlsError } from "../../src/errors.ts";
import type { DialTarget, SmtpNetwork, SmtpStream, StreamSink, TlsSettings } from "../../src/net/stream.ts";
import { Player, type ServerStep } from "./script.ts";

export { playServer } from "./play-server.ts";

// Taken before any test puts fake timers in their place: what arrives does not wait for the clock.
const later: (callback: () => void) => void = globalThis.setImmediate.bind(globalThis);

/** What can be chosen about a played stream. */
export interface PlayOptions {
  /** Every octet comes in a chunk and a turn of the event loop of its own. Default false. */
  bytewise?: boolean;
  /** What `loopback` of the stream says. Default false. */
  loopback?: boolean;
  /** What `tls` of the stream says at first. Default false. */
  tls?: boolean;
  /** Octets of one turn beyond which `write` returns false. Default: no limit. */
  highWaterMark?: number;
}

/** A played stream, and what the test asks of it. */
export interface PlayedServer extends SmtpStream {
  /** Each write of the client's, in order: which lines shared one. */
  readonly writes: string[];
  /** The settings of each `startTls`. */
  readonly handshakes: TlsSettings[];
  /** How the client closed the connection, if it did. */
  readonly closed: "end" | "destroy" | undefined;
  /** While true nothing that is written gets through, and `drain` is not called. */
  stalled: boolean;
  /** Throws what went against the script: a wrong line, one that is left, bytes that nobody expected. */
  finish(): void;
}

/** Plays a script as a stream in memory. */
export function play(script: string, options: PlayOptions = {}): PlayedServer {
  return new Played(script, options);
}

class Played implements PlayedServer {
  readonly writes: string[] = [];
  readonly handshakes: TlsSettings[] = [];
  readonly loopback: boolean;
  readonly remote = "192.0.2.1:25";
  closed: "end" | "destroy" | undefined;
  tls: boolean;
  #sink: StreamSink | undefined;
  #over = false;
  #stalled = false;
  #handshake: ((failure: boolean) => void) | undefined;
  /** Written and not looked at yet. */
  #early: Uint8Array[] = [];
  #octets = 0;
  #wantsDrain = false;
  /** A step that waits for the secured stream to be opened. */
  #unopened: ServerStep | undefined;
  /** A block is being given out octet by octet. */
  #speaking = false;
  readonly #options: PlayOptions;
  readonly #player: Player;

  constructor(script: string, options: PlayOptions) {
    this.#options = options;
    this.loopback = options.loopback ?? false;
    this.tls = options.tls ?? false;
    this.#player = new Player(
      script,
      (step) => this.#act(step),
      (error) => later(() => this.#close(error)),
    );
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  set stalled(stalled: boolean) {
    this.#stalled = stalled;
    if (!stalled) later(() => this.#drain());
  }

  open(sink: StreamSink): void {
    if (this.#sink !== undefined) throw new Error("open() was called twice");
    this.#sink = sink;
    this.#player.advance();
  }

  write(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return !this.#wantsDrain;
    this.writes.push(new TextDecoder().decode(bytes));
    if (this.closed === "destroy") return true;
    this.#early.push(bytes.slice());
    if (!this.#stalled && !this.#speaking) this.#hear();
    if (this.#octets === 0 && !this.#stalled) later(() => this.#drain());
    this.#octets += bytes.length;
    this.#wantsDrain ||= this.#octets > (this.#options.highWaterMark ?? Number.POSITIVE_INFINITY);
    return !this.#wantsDrain;
  }

  async startTls(settings: TlsSettings): Promise<SmtpStream> {
    this.handshakes.push(settings);
    this.#sink = undefined;
    const failure = await new Promise<boolean>((resolve) => {
      this.#handshake = resolve;
      this.#player.advance();
      this.#shake();
    });
    if (this.#player.mismatch !== undefined) throw this.#player.mismatch;
    if (failure)
      throw new SmtpTlsError("TLS handshake failed: the script says so", { cause: new Error("played failure") });
    return new Secured(this);
  }

  end(): void {
    if (this.closed !== undefined) return;
    this.closed = "end";
    this.#player.clientClosed();
    const close = (): void => (this.#speaking ? later(close) : this.#close());
    later(close);
  }

  destroy(): void {
    if (this.closed === undefined) this.#player.clientClosed();
    this.closed = "destroy";
    this.#player.over();
    this.#over = true;
    this.#sink = undefined;
  }

  finish(): void {
    this.#player.finish();
  }

  #hear(): void {
    for (const bytes of this.#early.splice(0)) this.#player.client(bytes);
  }

  #drain(): void {
    if (this.#stalled) return;
    this.#octets = 0;
    if (!this.#speaking) this.#hear();
    if (!this.#wantsDrain) return;
    this.#wantsDrain = false;
    this.#sink?.drain();
  }

  /** A step of the server's has come up: what is seen of it is seen in a later turn, as from a socket. */
  #act(step: ServerStep): void {
    if ("special" in step && step.special.startsWith("tls")) this.#shake();
    else if (this.#sink !== undefined) later(() => this.#give(step));
    else this.#unopened = step;
  }

  /** The secured stream takes the place of this one. */
  reopen(sink: StreamSink): void {
    this.open(sink);
    const step = this.#unopened;
    this.#unopened = undefined;
    if (step !== undefined) later(() => this.#give(step));
  }

  #give(step: ServerStep): void {
    if (this.#over) return;
    if ("bytes" in step && this.#options.bytewise) this.#spell(step.bytes, 0);
    else this.#player.given();
    if ("bytes" in step && !this.#options.bytewise) this.#sink?.data(step.bytes.slice());
    if (!("special" in step)) return;
    this.#close(
      step.special === "reset" ? Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }) : undefined,
    );
  }

  /** Octet by octet: what the client writes meanwhile is looked at when the last one was given out. */
  #spell(bytes: Uint8Array, at: number): void {
    if (this.#over) return;
    this.#speaking = at + 1 < bytes.length;
    if (this.#speaking) later(() => this.#spell(bytes, at + 1));
    else this.#player.given();
    this.#sink?.data(bytes.slice(at, at + 1));
    if (!this.#speaking && !this.#stalled) this.#hear();
  }

  /** The handshake happens when both sides have come to it. */
  #shake(): void {
    const { step } = this.#player;
    const shake = this.#handshake;
    if (shake === undefined) return;
    const expected = step?.side === "server" && "special" in step ? step.special : "";
    this.#handshake = undefined;
    if (expected.startsWith("tls")) this.#player.given();
    else this.#player.client(new TextEncoder().encode("(a TLS handshake)"));
    later(() => shake(expected === "tls failure"));
  }

  /** The connection is over; the sink hears of it once. */
  #close(error?: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#player.over();
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.close(error);
  }
}

/** The stream after the handshake: the same server, a sink of its own. */
class Secured implements SmtpStream {
  readonly tls = true;
  readonly loopback: boolean;
  readonly remote: string;
  readonly #played: Played;

  constructor(played: Played) {
    this.#played = played;
    this.loopback = played.loopback;
    this.remote = played.remote;
  }

  open(sink: StreamSink): void {
    this.#played.reopen(sink);
  }
  write(bytes: Uint8Array): boolean {
    return this.#played.write(bytes);
  }
  startTls(settings: TlsSettings): Promise<SmtpStream> {
    return this.#played.startTls(settings);
  }
  end(): void {
    this.#played.end();
  }
  destroy(): void {
    this.#played.destroy();
  }
}

/** A network of played streams, and where it was asked to connect to. */
export interface PlayedNetwork extends SmtpNetwork {
  /** Each target of `connect`, in order. */
  readonly targets: DialTarget[];
}

/** A network whose `connect` gives the streams in order; an error among them is a connection that fails. */
export function network(...streams: (SmtpStream | Error)[]): PlayedNetwork {
  const targets: DialTarget[] = [];
  const left = [...streams];
  return {
    targets,
    resolve: () => Promise.resolve(["192.0.2.1"]),
    connect: (target) => {
      targets.push(target);
      const stream = left.shift() ?? new Error("The network has no stream left");
      return stream instanceof Error ? Promise.reject(stream) : Promise.resolve(stream);
    },
    wrap: (socket) => socket as SmtpStream,
  };
}
