/**
 * Connecting to a host that has several addresses. The law here: an address that hangs does not hold up the others;
 * attempts are staggered (RFC 8305), the first connection wins, and every other one is dropped.
 *
 * @module
 */

import { SmtpConnectionError } from "../errors.ts";
import { inAWord, printable } from "../printable.ts";
import { endpoint } from "./endpoint.ts";
import type { SmtpNetwork, SmtpStream } from "./stream.ts";

/** Calls back after so many milliseconds; what it returns calls it off. */
export type Delay = (callback: () => void, milliseconds: number) => () => void;

/** What all attempts have in common. */
export interface DialOptions {
  /** The TCP port; undefined: the addresses are paths of unix sockets. */
  port: number | undefined;
  /** The local address to bind to, if any. */
  localAddress?: string | undefined;
  /** Drops every attempt; `dial` rejects with its reason. The caller's `openTimeout` is one. */
  signal: AbortSignal;
  /** The clock. Default: the runtime's timer. */
  delay?: Delay;
}

/** A connection that was made. */
export interface Dialled {
  /** The stream, nothing read yet. */
  stream: SmtpStream;
  /** The address that it is connected to. */
  address: string;
  /** The addresses that have not failed, in order of preference, for another `dial` if greeting or TLS fails. */
  rest: string[];
}

/** The time until the next address is tried while the attempt before is still open (RFC 8305, section 5). */
const ATTEMPT_DELAY = 250;

/**
 * Connects to the first of the addresses that answers. Rejects with `SmtpConnectionError` if all fail (its message lists
 * each address with its code; its cause is the one error, or an `AggregateError` of all), or with the signal's reason.
 * Retry is "never" if the program was permitted none of them.
 */
export function dial(network: SmtpNetwork, addresses: readonly string[], options: DialOptions): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    options.signal.throwIfAborted();
    new Attempts(network, interleave(addresses), options, { resolve, reject }).next();
  });
}

/** Both families in turn, beginning with that of the first address; within a family the order stays (RFC 8305, section 4). */
export function interleave(addresses: readonly string[]): string[] {
  const isIpv6 = (address: string): boolean => address.includes(":");
  const [first = ""] = addresses;
  const same = addresses.filter((address) => isIpv6(address) === isIpv6(first));
  const other = addresses.filter((address) => isIpv6(address) !== isIpv6(first));
  return same.flatMap((address, at) => [address, ...other.slice(at, at + 1)]).concat(other.slice(same.length));
}

const runtimeDelay: Delay = (callback, milliseconds) => {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
};

interface Settle {
  resolve(dialled: Dialled): void;
  reject(reason: unknown): void;
}

interface Failure {
  readonly address: string;
  readonly error: unknown;
}

class Attempts {
  readonly #network: SmtpNetwork;
  readonly #addresses: readonly string[];
  readonly #options: DialOptions;
  readonly #settle: Settle;
  readonly #delay: Delay;
  readonly #open = new Set<AbortController>();
  readonly #failures: Failure[] = [];
  #tried = 0;
  #settled = false;
  #callOff: () => void = () => {};
  readonly #abort = (): void => this.#end(() => this.#settle.reject(this.#options.signal.reason));

  constructor(network: SmtpNetwork, addresses: readonly string[], options: DialOptions, settle: Settle) {
    this.#network = network;
    this.#addresses = addresses;
    this.#options = options;
    this.#settle = settle;
    this.#delay = options.delay ?? runtimeDelay;
    options.signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Tries the next address, and the one after it in a while. */
  next(): void {
    this.#callOff();
    const address = this.#addresses[this.#tried++];
    if (address !== undefined) void this.#attempt(address);
    else if (this.#open.size === 0) this.#end(() => this.#settle.reject(this.#failure()));
    if (this.#tried < this.#addresses.length) this.#callOff = this.#delay(() => this.next(), ATTEMPT_DELAY);
  }

  async #attempt(address: string): Promise<void> {
    const controller = new AbortController();
    this.#open.add(controller);
    const stream = await this.#connect(address, controller.signal);
    this.#open.delete(controller);
    if (this.#settled) stream?.destroy();
    else if (stream) this.#won(stream, address);
    else this.next();
  }

  async #connect(address: string, signal: AbortSignal): Promise<SmtpStream | undefined> {
    const { port, localAddress } = this.#options;
    try {
      return await this.#network.connect({ address, port, localAddress }, signal);
    } catch (error) {
      this.#failures.push({ address, error });
      return undefined;
    }
  }

  #won(stream: SmtpStream, address: string): void {
    const over = new Set([address, ...this.#failures.map((failure) => failure.address)]);
    const rest = this.#addresses.filter((other) => !over.has(other));
    this.#end(() => this.#settle.resolve({ stream, address, rest }));
  }

  #end(settle: () => void): void {
    this.#settled = true;
    this.#callOff();
    this.#options.signal.removeEventListener("abort", this.#abort);
    settle();
    for (const controller of this.#open) controller.abort();
  }

  #failure(): SmtpConnectionError {
    if (this.#failures.length === 0) return new SmtpConnectionError("The host has no address", { phase: "connect" });
    const list = this.#failures.map(({ address, error }) => `${this.#endpoint(address)} ${inAWord(error)}`);
    const message = `Connection failed: ${printable(list.join(", "))}`;
    if (!this.#failures.every(({ error }) => isDenied(error)))
      return new SmtpConnectionError(message, { phase: "connect", cause: this.#cause() });
    return new SmtpConnectionError(`${message}; this program has no permission to connect (Deno: ${this.#flags()})`, {
      phase: "connect",
      cause: this.#cause(),
      temporary: false,
      retry: "never",
    });
  }

  /** What Deno would have to be given. */
  #flags(): string {
    const asked = printable(this.#failures.map(({ address }) => this.#endpoint(address)).join(","));
    if (this.#options.port !== undefined) return `--allow-net=${asked}`;
    return `--allow-net=unix:${asked} --allow-read=${asked} --allow-write=${asked}`;
  }

  #endpoint(address: string): string {
    return endpoint(address, this.#options.port);
  }

  #cause(): unknown {
    const errors = this.#failures.map(({ error }) => error);
    return errors.length > 1 ? new AggregateError(errors, "Every address failed") : errors[0];
  }
}

/** What the runtime does not permit: Deno an address, Deno a name, Node. */
function isDenied(error: unknown): boolean {
  const { code, name, syscall } = (error ?? {}) as { code?: unknown; name?: unknown; syscall?: unknown };
  // A firewall says EPERM too, for a while, but of `connect`.
  return name === "NotCapable" || code === "ERR_ACCESS_DENIED" || (code === "EPERM" && syscall === "getaddrinfo");
}
