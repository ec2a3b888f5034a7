/**
 * A pool of sessions to one server: messages in, fates out. The law here: every message settles exactly once, with the
 * same fates as on a session of one's own; nothing waits that could go, and nothing is opened that nobody waits for.
 *
 * @module
 */

import { now } from "../alarms.ts";
import { FUNCTION, SIGNAL } from "../checks.ts";
import type { Delivery } from "../delivery.ts";
import {
  type RecipientResult,
  SmtpAbortError,
  SmtpArgumentError,
  type SmtpError,
  SmtpSessionError,
  shown,
} from "../errors.ts";
import { type MessageSource, message } from "../message.ts";
import { checkNames, checkOption, resolveOptions } from "../options.ts";
import type { RecipientList, SmtpAddress } from "../protocol/address.ts";
import { type Block, checkSendOptions, NetSmtp } from "../smtp.ts";
import { BlockAsk, MessageAsk, type Parcel, type Patience } from "./ask.ts";
import { Dispatch } from "./dispatch.ts";
import { Identities } from "./identity.ts";
import {
  type Login,
  type PoolOptions,
  type PoolSendOptions,
  type PoolSettings,
  resolvePoolOptions,
} from "./options.ts";

/** How a pool closes. */
export interface PoolCloseOptions {
  /** At once: what waits is not sent, connections are dropped. Default false: what was asked for is sent, then QUIT. */
  force?: boolean | undefined;
}

/** What was left when a pool was closed. */
export interface PoolClosed {
  /** The messages that certainly did not go; each has rejected too. */
  unsent: { id: string | undefined; recipients: readonly RecipientResult[] }[];
}

/** Somebody who waits for the pool. */
interface Waiter {
  readonly ready: () => boolean;
  readonly over: (() => SmtpError | undefined) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: SmtpError) => void;
}

const NO_OPTIONS: PoolSendOptions = {};
const OF_THE_POOL: readonly string[] = ["login"];

/**
 * Sessions to one server, opened as they are needed and used again.
 *
 * ```ts
 * await using pool = new NetSmtpPool("smtp.example.com", 587, { user, secret, maxConnections: 3 });
 * await Promise.all(letters.map(({ text, to }) => pool.sendMessage(text, "from@example.com", to)));
 * ```
 */
export class NetSmtpPool {
  static {
    // Node and Bun, then Deno: what is inspected shows neither settings nor secrets.
    const value = function (this: NetSmtpPool): string {
      return this.toString();
    };
    Object.defineProperty(NetSmtpPool.prototype, Symbol.for("nodejs.util.inspect.custom"), { value });
    Object.defineProperty(NetSmtpPool.prototype, Symbol.for("Deno.customInspect"), { value });
  }

  /** The server's host name or IP address. */
  readonly address: string;
  /** The server's port. */
  readonly port: number;
  readonly #settings: PoolSettings;
  readonly #make: () => NetSmtp;
  readonly #identities: Identities;
  readonly #dispatch: Dispatch;
  readonly #closed: PoolClosed = { unsent: [] };
  #order = 0;
  #waiters: Waiter[] = [];
  #closing: Promise<PoolClosed> | undefined;
  #unlisten: (() => void) | undefined;

  /** A pool without a connection. Throws `SmtpArgumentError` that names what is wrong. */
  constructor(address: string, port: number = NetSmtp.defaultPort, options?: PoolOptions) {
    const { pool, smtp } = resolvePoolOptions(options);
    const { signal, ...rest } = smtp;
    this.address = address;
    this.port = port;
    this.#settings = pool;
    this.#make = () => new NetSmtp(address, port, rest);
    this.#make();
    const { user, secret, authType, inFlight, quitTimeout } = resolveOptions(smtp);
    const own = { user, secret, authType } as Partial<Login>;
    this.#identities = new Identities(own, pool.throttleDelay, pool.maxThrottleDelay);
    const limits = { maxMessages: pool.maxMessages, inFlight, quitTimeout };
    this.#dispatch = new Dispatch(
      pool,
      { make: this.#make, limits },
      {
        changed: () => this.#changed(),
        dropped: (ask, error) => this.#dropped(ask, error),
        forget: (identity) => identity.forgettable && this.#identities.forget(identity),
      },
    );
    if (signal) this.#listen(signal);
  }

  #listen(signal: AbortSignal): void {
    const aborted = (): void => this.#force(new SmtpAbortError("Pool was aborted", { cause: signal.reason }));
    signal.addEventListener("abort", aborted);
    this.#unlisten = () => signal.removeEventListener("abort", aborted);
    if (signal.aborted) aborted();
  }

  /**
   * Sends a message over a session of the pool, as `NetSmtp#sendMessage` does. Rejects with an error that carries the fate of
   * every recipient; `unsent` at once if the pool is closed, or has `maxPending` messages already.
   */
  sendMessage(
    source: MessageSource,
    from: string | SmtpAddress,
    to: RecipientList,
    options: PoolSendOptions = NO_OPTIONS,
  ): Promise<Delivery> {
    try {
      if (options !== NO_OPTIONS) checkSendOptions(options, OF_THE_POOL);
      return this.#attempt({ content: message(source), from, to, options });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The same as `sendMessage`. */
  sendMail(
    source: MessageSource,
    from: string | SmtpAddress,
    to: RecipientList,
    options?: PoolSendOptions,
  ): Promise<Delivery> {
    return this.sendMessage(source, from, to, options);
  }

  /** One attempt of a message: it waits, is given to a session, and its fate comes back. */
  #attempt(parcel: Parcel): Promise<Delivery> {
    const { login } = parcel.options as PoolSendOptions;
    const patience = this.#patience(parcel.options);
    const ask = new MessageAsk(this.#identities.of(login), this.#order++, patience, parcel);
    const refusal = this.#refusal();
    if (refusal) ask.fail(refusal);
    else this.#dispatch.enter(ask);
    return ask.promise;
  }

  #patience({ signal, deadline = this.#settings.deadline || undefined }: PoolSendOptions): Patience {
    return { signal, deadline, until: deadline === undefined ? undefined : now() + deadline };
  }

  /** Why nothing more is taken, if so. */
  #refusal(): SmtpError | undefined {
    const closed = this.#closedError();
    if (closed) return closed;
    const { maxPending } = this.#settings;
    const pending = this.pendingCount();
    if (maxPending === 0 || pending < maxPending) return undefined;
    const text = `Pool has ${pending} messages waiting and under way, and takes no more (maxPending): await idle() before`;
    return new SmtpSessionError(text, { phase: "connect", temporary: true, retry: "later" });
  }

  /**
   * Runs the block with a session that nobody else uses meanwhile, and gives its value. After the block the session goes back
   * to the pool, unless it is latched, in an open transaction, or another than before: then it is finished. Counts as one
   * message. `signal` ends the waiting for a session. Rejects with the error of the block, or of opening a session.
   */
  async withConnection<T>(block: Block<T>, options: { login?: Login; signal?: AbortSignal } = {}): Promise<T> {
    if (!FUNCTION.holds(block))
      throw new SmtpArgumentError(`Parameter "block" is ${shown(block)}, expected a function`, { phase: "connect" });
    checkNames(options, ["login", "signal"]);
    checkOption("signal", options.signal, SIGNAL);
    const patience = { signal: options.signal, until: undefined, deadline: undefined };
    const ask = new BlockAsk(this.#identities.of(options.login), this.#order++, patience);
    const refusal = this.#refusal();
    if (refusal) throw refusal;
    this.#dispatch.enter(ask);
    const session = await ask.promise;
    let failure: { error: unknown } | undefined;
    try {
      return await block(session.smtp);
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      this.#dispatch.returned(ask, session, this.#make(), failure);
    }
  }

  /** True if a message would be taken at once: nothing waits, and a session has room or may be opened. */
  isIdle(): boolean {
    return this.#closing === undefined && this.#dispatch.hasRoom;
  }

  /** Resolves once a message would be taken at once: `await pool.idle()` before each `sendMessage` keeps the queue short. Rejects when the pool is closed. */
  idle(): Promise<void> {
    return this.#when(
      () => this.isIdle(),
      () => this.#closedError(),
    );
  }

  /** Resolves once nothing waits and nothing is under way. The pool stays open. */
  drain(): Promise<void> {
    return this.#when(() => this.pendingCount() === 0);
  }

  /** True if nothing waits, nothing is under way, and no connection is open. */
  isClear(): boolean {
    return this.pendingCount() + this.#dispatch.connections === 0;
  }

  /** Resolves once nothing waits, nothing is under way, and no connection is open. */
  clear(): Promise<void> {
    return this.#when(() => this.isClear());
  }

  /** How many messages and blocks wait and are under way. */
  pendingCount(): number {
    const { queue, messages, blocks } = this.#dispatch;
    return queue.size + messages + blocks;
  }

  /**
   * Takes nothing more; what was asked for is sent, then every session ends with QUIT. With `force` what waits rejects `unsent`
   * at once, and connections are dropped: a message whose end was handed over is `unknown`. Resolves when no connection is
   * left, and says what was unsent.
   */
  close(options: PoolCloseOptions = {}): Promise<PoolClosed> {
    try {
      checkNames(options, ["force"]);
    } catch (error) {
      return Promise.reject(error);
    }
    if (options.force)
      this.#force(
        new SmtpSessionError("Pool was closed by force", { phase: "connect", retry: "now", temporary: true }),
      );
    return this.#close(() => this.#dispatch.close());
  }

  #force(error: SmtpError): void {
    void this.#close(() => undefined);
    this.#dispatch.force(error);
  }

  #close(begin: () => void): Promise<PoolClosed> {
    if (this.#closing !== undefined) return this.#closing;
    this.#unlisten?.();
    this.#closing = new Promise((resolve) => {
      queueMicrotask(() => void this.#when(() => this.#dispatch.isClosed).then(() => resolve(this.#closed)));
    });
    begin();
    return this.#closing;
  }

  #closedError(): SmtpSessionError | undefined {
    return this.#closing === undefined ? undefined : new SmtpSessionError("Pool is closed", { phase: "connect" });
  }

  #dropped(ask: MessageAsk, error: SmtpError): void {
    const { recipients, fate } = ask.told(error) as SmtpError;
    if (fate === "unsent") this.#closed.unsent.push({ id: ask.parcel.options.id, recipients });
  }

  #when(ready: () => boolean, over?: () => SmtpError | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ ready, over, resolve, reject });
      this.#changed();
    });
  }

  #changed(): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter(({ ready, over, resolve, reject }) => {
      const error = over?.();
      if (error) reject(error);
      else if (!ready()) return true;
      else resolve();
      return false;
    });
  }

  /** Closes in order: `await using pool = new NetSmtpPool(…)`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** What it is doing: `#<NetSmtpPool mx.example:25 2 waiting, 1 under way; connections: 1 busy, 0 idle, 0 opening>`. */
  toString(): string {
    const { queue, messages, blocks, sessions, opening, connections } = this.#dispatch;
    const idle = sessions.filter(({ load }) => load === 0).length;
    const open = `${connections - idle - opening} busy, ${idle} idle, ${opening} opening`;
    return `#<NetSmtpPool ${this.address}:${this.port} ${queue.size} waiting, ${messages + blocks} under way; connections: ${open}>`;
  }
}
