/**
 * The network that the documentation speaks of, in this process: `localhost` port 25, `smtp.example.com` with STARTTLS, TLS
 * and logins, Gmail with its tokens, a proxy. The law here: the code of a block stays as it is; what the engine asks the
 * runtime for is answered from here, with real sockets, real TLS, and certificates of those names that are verified.
 *
 * @module
 */

import http from "node:http";
import https from "node:https";
import { type AddressInfo, connect as netConnect } from "node:net";
import type { SmtpNetwork, SmtpStream, StreamSink, TlsSettings } from "../../../mod.ts";
import { nodeNetwork } from "../../../src/net/node.ts";
import { certificates } from "../../support/certificates.ts";
import { type RunningServer, type StoredMessage, startSmtpServer } from "../../support/server.ts";

/** A password that any documentation may use. */
const USERS: Readonly<Record<string, string>> = { me: "secret", user: "pass" };
const TOKEN = "ya29.a-token-of-the-test";
/** Addresses of documentation (RFC 5737), by host name: none of them is loopback. */
const HOSTS: Readonly<Record<string, string>> = {
  "smtp.example.com": "192.0.2.1",
  "smtp.gmail.com": "192.0.2.2",
  "mx.example.com": "192.0.2.3",
};

/** The servers. */
export interface World {
  /** What all of them stored since this was emptied, in order of the servers. */
  messages(): StoredMessage[];
  /** Forgets what was stored. */
  forget(): void;
  /** The port of `localhost`, for programs of other processes. */
  readonly port: number;
  /** The port of an HTTP proxy that leads to the same hosts. */
  readonly proxyPort: number;
  /** Everything stops; the runtime's network is as before. */
  close(): Promise<void>;
}

/** Starts the servers, and puts the engine of this process among them. */
export async function startWorld(): Promise<World> {
  const { ca, example } = await certificates();
  const [clear, submission, implicit, gmail] = await Promise.all([
    startSmtpServer({ users: USERS }),
    startSmtpServer({ ...example, users: USERS }),
    startSmtpServer({ ...example, secure: true, users: USERS }),
    startSmtpServer({ ...example, secure: true, authMethods: ["XOAUTH2"], users: { "me@gmail.com": TOKEN } }),
  ]);
  const all = [clear, submission, implicit, gmail];
  const portOf = (address: string, port: number): number => serverAt(address, port).port;
  const serverAt = (address: string, port: number): RunningServer => {
    if (address === HOSTS["smtp.gmail.com"]) return gmail;
    if (port === 465) return implicit;
    return address === HOSTS["smtp.example.com"] && port === 587 ? submission : clear;
  };
  const restore = [injected(nodeNetwork, portOf, ca), await tokens(), await proxy(portOf)] as const;
  return {
    messages: () => all.flatMap(({ messages }) => messages),
    forget: () => all.forEach(({ messages }) => void messages.splice(0)),
    port: clear.port,
    proxyPort: restore[2].port,
    close: async () => {
      restore[0]();
      await Promise.all([restore[1].close(), restore[2].close(), ...all.map((server) => server.close())]);
    },
  };
}

/** Answers the engine's questions from the servers; gives what undoes it. */
function injected(network: SmtpNetwork, portOf: (address: string, port: number) => number, ca: string): () => void {
  const { resolve, resolveMx, connect, wrap } = network;
  const missing = (name: string) => Object.assign(new Error(`No ${name} in this world`), { code: "ENOTFOUND" });
  Object.assign(network, {
    resolve: async (host: string) => {
      if (host === "localhost") return ["127.0.0.1"];
      const address = HOSTS[host];
      if (address === undefined) throw missing(host);
      return [address];
    },
    resolveMx: async (domain: string) => {
      if (domain !== "example.com") throw missing(domain);
      return [{ exchange: "mx.example.com", preference: 10 }];
    },
    connect: async (target, signal) => {
      const { address, port = 0 } = target;
      const dialled = { address: "127.0.0.1", port: portOf(address, port), localAddress: undefined };
      const stream = await connect.call(network, dialled, signal);
      return address === "127.0.0.1" ? stream : new Elsewhere(stream, ca);
    },
    wrap: (socket, secured) => new Elsewhere(wrap.call(network, socket, secured), ca),
  } satisfies Partial<SmtpNetwork>);
  return () => void Object.assign(network, { resolve, resolveMx, connect, wrap });
}

/** A stream to another machine: not loopback, so that all rules on logins and TLS hold; the test's authority is trusted. */
class Elsewhere implements SmtpStream {
  readonly #stream: SmtpStream;
  readonly #ca: string;
  readonly loopback = false;

  constructor(stream: SmtpStream, ca: string) {
    this.#stream = stream;
    this.#ca = ca;
  }

  get tls(): boolean {
    return this.#stream.tls;
  }

  get remote(): string {
    return this.#stream.remote;
  }

  open(sink: StreamSink): void {
    this.#stream.open(sink);
  }

  write(bytes: Uint8Array): boolean {
    return this.#stream.write(bytes);
  }

  async startTls({ options, ...rest }: TlsSettings): Promise<SmtpStream> {
    return new Elsewhere(await this.#stream.startTls({ ...rest, options: { ca: this.#ca, ...options } }), this.#ca);
  }

  end(closeTimeout?: number): void {
    this.#stream.end(closeTimeout);
  }

  destroy(): void {
    this.#stream.destroy();
  }

  async channelBinding() {
    return await this.#stream.channelBinding?.();
  }

  ref(): void {
    this.#stream.ref?.();
  }

  unref(): void {
    this.#stream.unref?.();
  }
}

/** Google's token endpoint: whoever asks anything by HTTPS asks this server. */
async function tokens(): Promise<{ close(): Promise<void> }> {
  const server = http.createServer((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ access_token: TOKEN, expires_in: 3600 }));
  });
  const port = await listening(server);
  const { request } = https;
  const there = (options: https.RequestOptions, ...rest: [never?]) =>
    http.request(
      { ...options, protocol: "http:", host: "127.0.0.1", hostname: "127.0.0.1", port, agent: false },
      ...rest,
    );
  Object.assign(https, { request: there });
  return {
    close: () => {
      Object.assign(https, { request });
      return stopped(server);
    },
  };
}

/** A proxy (CONNECT) to the same hosts. */
async function proxy(
  portOf: (address: string, port: number) => number,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = http.createServer();
  server.on("connect", ({ url = "" }, client, head) => {
    const [host = "", port = "0"] = url.split(":");
    const there = netConnect(portOf(HOSTS[host] ?? host, Number(port)), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connected\r\n\r\n");
      there.write(head);
      there.pipe(client).pipe(there);
    });
    there.on("error", () => client.destroy());
    client.on("error", () => there.destroy());
  });
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  const port = await listening(server);
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy(); // tunnels are no connections of the server any more
      return stopped(server);
    },
  };
}

function listening(server: http.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function stopped(server: http.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
