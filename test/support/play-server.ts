/**
 * The played transcript over a real socket: the same scripts as `play()`, a connection for each.
 *
 * @module
 */

import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket, type TlsOptions } from "node:tls";
import { Player, type ServerStep } from "./script.ts";

/** Where the server listens, and what it speaks TLS with. */
export interface PlayServerOptions {
  /** A unix socket's path; otherwise a free port of 127.0.0.1. */
  path?: string;
  /** The address to listen on. Default "127.0.0.1". */
  host?: string;
  /** Key and certificate, where the script says `TLS`. */
  tls?: TlsOptions;
}

/** A server that plays. */
export interface RealPlayedServer {
  /** The port; 0 for a unix socket. */
  readonly port: number;
  /** How many connections came. */
  readonly connections: number;
  /** Waits until every script was played or its connection is over, and throws what went against the scripts. */
  finish(): Promise<void>;
  /** Drops the connections and stops listening. */
  close(): Promise<void>;
}

/** Plays each script to one connection, in order. */
export async function playServer(
  scripts: string | readonly string[],
  options: PlayServerOptions = {},
): Promise<RealPlayedServer> {
  const players = [scripts].flat().map((script) => new RealPlayer(script, options.tls ?? {}));
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const player = players[connections++];
    if (player === undefined) socket.destroy();
    else player.accept(socket);
  });
  await listening(server, options);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    get connections(): number {
      return connections;
    },
    async finish(): Promise<void> {
      await Promise.all(players.map((player) => player.settled));
      for (const player of players) player.finish();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listening(server: Server, options: PlayServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).once("listening", resolve);
    if (options.path === undefined) server.listen(0, options.host ?? "127.0.0.1");
    else server.listen(options.path);
  });
}

class RealPlayer {
  readonly settled: Promise<void>;
  #settle: () => void = () => {};
  #raw: Socket | undefined;
  #socket: Socket | undefined;
  readonly #tls: TlsOptions;
  readonly #player: Player;

  constructor(script: string, tls: TlsOptions) {
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#tls = tls;
    this.#player = new Player(
      script,
      (step) => this.#act(step),
      () => this.#drop(),
    );
  }

  accept(socket: Socket): void {
    this.#raw = socket;
    socket.setNoDelay(true);
    this.#use(socket);
    this.#player.advance();
    this.#look();
  }

  finish(): void {
    this.#player.finish();
  }

  /** Everything was played, or nothing can be any more. */
  #look(): void {
    if (this.#player.step === undefined) this.#settle();
  }

  #use(socket: Socket): void {
    this.#socket = socket;
    const current = (): boolean => this.#socket === socket;
    socket.on("data", (bytes) => {
      if (current()) this.#player.client(bytes);
      this.#look();
    });
    socket.on("end", () => current() && this.#ended());
    socket.on("close", () => current() && this.#ended());
    socket.on("error", () => {});
  }

  #ended(): void {
    const socket = this.#socket;
    this.#player.clientClosed();
    this.#socket = undefined;
    this.#player.over();
    socket?.end();
    this.#settle();
  }

  #drop(): void {
    this.#socket = undefined;
    this.#raw?.destroy();
    this.#settle();
  }

  #act(step: ServerStep): void {
    const special = "special" in step ? step.special : undefined;
    if ("bytes" in step) this.#socket?.write(step.bytes);
    if (special === "tls" || special === "tls failure") this.#secure(special === "tls");
    this.#player.given();
    if (special === "close") this.#leave();
    if (special === "reset") this.#reset();
    this.#look();
  }

  /** Whoever comes is either given our certificate, or closed on in the middle of the handshake. */
  #secure(works: boolean): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.removeAllListeners("data").removeAllListeners("end");
    if (works) this.#use(new TLSSocket(socket, { ...this.#tls, isServer: true }));
    else socket.once("data", () => this.#drop());
  }

  #leave(): void {
    this.#socket?.end();
    this.#socket?.resume();
    this.#socket = undefined;
  }

  #reset(): void {
    this.#socket = undefined;
    this.#raw?.resetAndDestroy();
  }
}
