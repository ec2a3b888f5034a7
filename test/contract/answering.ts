/**
 * A scripted server whose answers are named by the command, so that it takes what both transports say and keeps it. The
 * law here: it says what it is told to, right or wrong, and what it saw is plain data.
 *
 * | answer to | key |
 * |---|---|
 * | the connection; a command | `greeting`; its first word, `MAIL` |
 * | a line after 334; the first octets of the content; its end | `login`; `content`; `end` |
 *
 * An answer is the lines of a reply joined with "\n". What may stand after it, or alone: `<silence>`, `<close>`, `<reset>`,
 * `<tls>` (the handshake begins here), `<raw>` (no CRLF after the reply), `<late>` (900 ms later). Of several answers each is given once, the last one always.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";

/** What is answered, by key. */
export type Answers = Readonly<Record<string, string | readonly string[] | ((line: string) => string)>>;

/** A connection as the server saw it. QUIT is left out: the row `quit` says who sends it. */
export interface SeenConnection {
  /** The lines of the client, and its content as one line. */
  readonly lines: string[];
  /** Whether the last of them came over TLS. */
  tls: boolean;
  /** The address it came from. */
  readonly from: string;
}

/** A server of a case. */
export interface ContractServer {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** What came, as plain data, once every connection is over. */
  saw(): Promise<unknown>;
  /** Drops the connections and stops. */
  close(): Promise<void>;
}

/** How it listens. */
export interface AnsweringOptions {
  /** Key and certificate for `<tls>` and `secure`. */
  readonly tls?: TlsOptions;
  /** TLS from the first octet. */
  readonly secure?: boolean;
  /** QUIT is kept with the other lines. */
  readonly keepQuit?: boolean;
  /** The address it listens on. Default "127.0.0.1". */
  readonly host?: string;
}

const USUAL: Answers = {
  greeting: "220 mx.example ready",
  EHLO: "250 mx.example",
  HELO: "250 mx.example",
  LHLO: "250 mx.example",
  STARTTLS: "220 Go<tls>",
  AUTH: "235 2.7.0 Welcome",
  login: "235 2.7.0 Welcome",
  MAIL: "250 2.1.0 Ok",
  RCPT: "250 2.1.5 Ok",
  DATA: "354 Go",
  end: "250 2.0.0 Taken",
  RSET: "250 2.0.0 Ok",
  NOOP: "250 2.0.0 Ok",
  QUIT: "221 Bye<close>",
};

/** Starts one. */
export async function answering(answers: Answers = {}, options: AnsweringOptions = {}): Promise<ContractServer> {
  const all: Answers = { ...USUAL, ...answers };
  const counts = new Map<string, number>();
  const connections: SeenConnection[] = [];
  const sockets = new Map<Socket, Promise<void>>();
  const answer = (key: string, line: string): string => {
    const given = all[key] ?? `500 5.5.1 Unknown ${key}`;
    if (typeof given === "function") return given(line);
    if (typeof given === "string") return given;
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return given[Math.min(count, given.length - 1)] as string;
  };
  const server = createServer((socket) => {
    const seen: SeenConnection = { lines: [], tls: options.secure ?? false, from: socket.remoteAddress ?? "" };
    connections.push(seen);
    sockets.set(socket, new Promise((resolve) => socket.on("close", () => resolve())));
    new Dialogue(socket, seen, answer, options).begin();
  });
  const port = await listening(server, options.host ?? "127.0.0.1");
  return {
    port,
    async saw(): Promise<unknown> {
      await Promise.all(sockets.values());
      return connections;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets.keys()) socket.destroy();
      }),
  };
}

function listening(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(0, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

const MARKS = /<(silence|close|reset|tls|raw|late)>/g;

class Dialogue {
  #socket: Socket;
  #pending = "";
  #content: string | undefined;
  #login = false;
  #over = false;
  readonly #raw: Socket;
  readonly #seen: SeenConnection;
  readonly #answer: (key: string, line: string) => string;
  readonly #options: AnsweringOptions;

  constructor(
    socket: Socket,
    seen: SeenConnection,
    answer: (key: string, line: string) => string,
    options: AnsweringOptions,
  ) {
    this.#raw = this.#socket = socket;
    this.#seen = seen;
    this.#answer = answer;
    this.#options = options;
    socket.setNoDelay(true);
  }

  begin(): void {
    const greet = (): void => void this.#reply("greeting", "");
    if (this.#options.secure) return void this.#secure().on("secure", greet);
    this.#listen(this.#socket);
    greet();
  }

  #listen(socket: Socket): void {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      if (this.#socket !== socket) return;
      this.#pending += bytes.toString("latin1");
      while (!this.#over && this.#socket === socket && this.#take());
    });
  }

  #secure(): TLSSocket {
    this.#socket.removeAllListeners("data");
    this.#pending = "";
    this.#seen.tls = true;
    const secured = new TLSSocket(this.#socket, { ...this.#options.tls, isServer: true });
    // What a server does whose handshake failed: the connection is of no use any more.
    for (const event of ["_tlsError", "error", "close"]) secured.on(event, () => this.#raw.destroy());
    this.#listen(secured);
    return secured;
  }

  /** Takes one line, or what there is of the content; false if there is not enough. */
  #take(): boolean {
    if (this.#content !== undefined) return this.#takeContent();
    const end = this.#pending.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#pending.slice(0, end);
    this.#pending = this.#pending.slice(end + 2);
    const verb = line.split(/[ :]/, 1)[0]?.toUpperCase() ?? "";
    if (verb !== "QUIT" || this.#options.keepQuit) this.#seen.lines.push(line);
    const said = this.#reply(this.#login ? "login" : verb, line);
    this.#login = said.startsWith("334");
    if (verb === "DATA" && said.startsWith("354")) this.#content = "";
    return true;
  }

  #takeContent(): boolean {
    if (this.#pending === "") return false;
    const first = this.#content === "";
    this.#content += this.#pending;
    this.#pending = "";
    if (first && this.#answer("content", "") !== "500 5.5.1 Unknown content") this.#reply("content", "");
    const whole = `\r\n${this.#content}`;
    const end = whole.indexOf("\r\n.\r\n");
    if (end < 0) return false;
    this.#seen.lines.push(whole.slice(2, end + 2));
    this.#pending = whole.slice(end + 5);
    this.#content = undefined;
    this.#reply("end", "");
    return true;
  }

  #reply(key: string, line: string): string {
    const answer = this.#answer(key, line);
    const marks = [...answer.matchAll(MARKS)].map(([, mark]) => mark);
    const text = answer.replace(MARKS, "");
    const octets = text === "" ? "" : text.replaceAll("\n", "\r\n") + (marks.includes("raw") ? "" : "\r\n");
    const socket = this.#socket;
    const late = marks.includes("late");
    const secures = marks.includes("tls");
    if (late && !secures) setTimeout(() => socket.write(octets), 900);
    else if (octets !== "") socket.write(octets);
    if (secures && late) socket.removeAllListeners("data").pause();
    if (secures && late) setTimeout(() => this.#secure(), 900);
    else if (secures) this.#secure();
    if (marks.includes("close")) this.#leave();
    if (marks.includes("reset")) this.#reset();
    return text;
  }

  #leave(): void {
    this.#over = true;
    this.#socket.end();
    this.#socket.resume();
  }

  #reset(): void {
    this.#over = true;
    this.#raw.resetAndDestroy();
  }
}
