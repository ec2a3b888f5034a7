/**
 * The server's side of SCRAM (RFC 5802), with the runtime's own HMAC and PBKDF2 and none of the engine's code; and the same
 * inside smtp-server.
 *
 * @module
 */

import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import type { TLSSocket } from "node:tls";
import sasl from "smtp-server/lib/sasl.js";

/** What the server does otherwise than it should. */
export interface Lies {
  /** In place of the first message. */
  first?: (honest: string) => string;
  /** In place of the last one. */
  final?: (honest: string) => string;
}

/** What one exchange is made with. */
export interface ScramServerOptions {
  /** Passwords by user name, both as SASLprep makes them. */
  readonly users: Readonly<Record<string, string>>;
  /** Node's name of the hash. */
  readonly hash: "sha1" | "sha256";
  /** The server's part of the nonce. */
  readonly nonce?: string;
  readonly salt?: Buffer;
  readonly iterations?: number;
  /** The bindings by type; the exchange is one of -PLUS if they are given. */
  readonly bindings?: ReadonlyMap<string, Buffer>;
  /** Whether -PLUS was offered: the flag `y` is then a downgrade. */
  readonly offersPlus?: boolean;
  readonly lies?: Lies;
}

/** One exchange. Both messages throw with RFC 5802's word for what is wrong. */
export class ScramServer {
  /** Who logged in, once `final` has returned. */
  user = "";
  /** The client's flag: `n`, `y` or `p=…`. */
  flag = "";
  authzid = "";
  readonly #options: ScramServerOptions;
  #header = "";
  #clientFirst = "";
  #first = "";
  #nonce = "";

  constructor(options: ScramServerOptions) {
    this.#options = options;
  }

  first(message: string): string {
    const { nonce = "3rfcNHYJY1ZVvWVs7j", salt = Buffer.from("salt"), iterations = 4096, lies } = this.#options;
    const [, header, flag, authzid, bare, name, clientNonce] =
      /^((n|y|p=[\w.-]+),(?:a=([^,]+))?,)(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+))$/.exec(message) ?? wrong("other-error");
    Object.assign(this, { flag, authzid: authzid ?? "", user: unescaped(name as string) });
    if (flag === "y" && this.#options.offersPlus) wrong("server-does-support-channel-binding");
    if ((this.#options.bindings !== undefined) !== flag?.startsWith("p=")) wrong("channel-binding-not-supported");
    this.#header = header as string;
    this.#clientFirst = bare as string;
    this.#nonce = `${clientNonce}${nonce}`;
    const honest = `r=${this.#nonce},s=${salt.toString("base64")},i=${iterations}`;
    this.#first = lies?.first?.(honest) ?? honest;
    return this.#first;
  }

  final(message: string): string {
    const { users, hash, salt = Buffer.from("salt"), iterations = 4096, bindings, lies } = this.#options;
    const [, without, data, nonce, proof] = /^(c=([^,]+),r=([^,]+)),p=([^,]+)$/.exec(message) ?? wrong("other-error");
    if (nonce !== this.#nonce) wrong("other-error");
    const binding = bindings?.get(this.flag.slice(2));
    if (bindings && !binding) wrong("unsupported-channel-binding-type");
    const expected = Buffer.concat([Buffer.from(this.#header), binding ?? Buffer.alloc(0)]).toString("base64");
    if (data !== expected) wrong("channel-bindings-dont-match");
    const password = Object.hasOwn(users, this.user) ? users[this.user] : undefined;
    if (password === undefined) wrong("unknown-user");
    const hmac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
    const salted = pbkdf2Sync(password, salt, iterations, hash === "sha1" ? 20 : 32, hash);
    const messages = `${this.#clientFirst},${this.#first},${without}`;
    const stored = createHash(hash).update(hmac(salted, "Client Key")).digest();
    const signature = hmac(stored, messages);
    const key = Buffer.from(proof as string, "base64").map((octet, at) => octet ^ (signature[at] as number));
    if (!timingSafeEqual(createHash(hash).update(key).digest(), stored)) wrong("invalid-proof");
    const honest = `v=${hmac(hmac(salted, "Server Key"), messages).toString("base64")}`;
    return lies?.final?.(honest) ?? honest;
  }
}

function wrong(word: string): never {
  throw new Error(word);
}

function unescaped(name: string): string {
  return name.replace(/=(2C|3D)|=/g, (_, code) => (code === "2C" ? "," : code === "3D" ? "=" : wrong("other-error")));
}

/** What smtp-server's connection has. */
interface Connection {
  _socket: TLSSocket;
  _nextHandler: ((line: Buffer, callback: () => void) => void) | false;
  _server: { options: { authMethods: string[]; scram?: ScramOptions } };
  session: { user?: string };
  send(code: number, text: string): void;
}

/** The option `scram` of a server that `teachScram` has taught. */
export interface ScramOptions {
  readonly users: Readonly<Record<string, string>>;
  readonly lies?: Lies;
  /** What is told of each exchange. */
  readonly seen: { user: string; flag: string; authzid: string; method: string; error?: string }[];
  /** The certificate's hash, for tls-server-end-point. */
  readonly endPoint?: Buffer;
}

/** Teaches smtp-server the four SCRAM mechanisms. */
export function teachScram(): void {
  for (const [hash, name] of [
    ["sha1", "SHA-1"],
    ["sha256", "SHA-256"],
  ] as const) {
    for (const plus of ["", "-PLUS"]) {
      const method = `SCRAM-${name}${plus}`;
      (sasl as Record<string, unknown>)[`SASL_${method}`] = function (
        this: Connection,
        [initial]: string[],
        done: () => void,
      ) {
        serve(this, method, hash, initial, done);
      };
    }
  }
}

function serve(on: Connection, method: string, hash: "sha1" | "sha256", initial: string | undefined, done: () => void) {
  const { scram, authMethods } = on._server.options;
  const { users, lies, seen, endPoint } = scram as ScramOptions;
  const bindings = method.endsWith("-PLUS") ? bindingsOf(on._socket, endPoint) : undefined;
  const offersPlus = authMethods.some((name) => name.endsWith("-PLUS"));
  const server = new ScramServer({ users, hash, offersPlus, ...(bindings && { bindings }), ...(lies && { lies }) });
  const told = (error?: string): void => {
    const { user, flag, authzid } = server;
    seen.push({ user, flag, authzid, method, ...(error === undefined ? {} : { error }) });
  };
  const step = (answer: (text: string) => void) => (line: Buffer | string, callback: () => void) => {
    const text = line.toString().trim();
    try {
      if (text === "*") throw new Error("cancelled");
      answer(Buffer.from(text, "base64").toString());
    } catch (error) {
      told((error as Error).message);
      on.send((error as Error).message === "cancelled" ? 501 : 535, "Authentication failed");
    }
    callback();
  };
  const challenge = (text: string, next: (text: string) => void): void => {
    on.send(334, Buffer.from(text).toString("base64"));
    on._nextHandler = step(next);
  };
  const last = (): void => {
    told();
    on.session.user = server.user;
    on.send(235, "Authentication successful");
  };
  const second = (text: string): void => challenge(server.final(text), last);
  const first = (text: string): void => challenge(server.first(text), second);
  if (initial !== undefined) return step(first)(initial, done);
  on.send(334, "");
  on._nextHandler = step(first);
  done();
}

function bindingsOf(socket: TLSSocket, endPoint: Buffer | undefined): ReadonlyMap<string, Buffer> {
  const bindings = new Map<string, Buffer>();
  if (typeof socket.exportKeyingMaterial === "function") {
    bindings.set("tls-exporter", socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0)));
  }
  if (endPoint) bindings.set("tls-server-end-point", endPoint);
  return bindings;
}
