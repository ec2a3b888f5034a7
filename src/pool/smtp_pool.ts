/**
 * A pool of sessions to one server: messages in, fates out. The law here: every message settles exactly once, with the
 * same fates as on a session of one's own; nothing waits that could go, and nothing is opened that nobody waits for.
 *
 * @module
 */

import { now } from "../alarms.ts";
import { FUNCTION, SIGNAL } from "../checks.ts";
import { type Block, checkSendOptions, type SmtpClient } from "../client.ts";
import type { Delivery } from "../delivery.ts";
import { emitter } from "../emit.ts";
import { SmtpArgumentError, type SmtpError, SmtpSessionError, shown } from "../errors.ts";
import { type MessageSource, message } from "../message.ts";
import { checkNames, checkOption, resolveOptions, type SmtpOptions } from "../options.ts";
import type { RecipientList, SmtpAddress } from "../protocol/address.ts";
import type { SmtpFigures, SmtpHealth, SmtpHealthLimits, SmtpStats } from "../stats.ts";
import { BlockAsk, MessageAsk, type Patience } from "./ask.ts";
import { Waits } from "./attempts.ts";
import { Closing, type PoolClosed, type PoolCloseOptions } from "./closing.ts";
import { Dispatch } from "./dispatch.ts";
import { Identities } from "./identity.ts";
import {
  type Login,
  OF_THE_POOL,
  type PoolOptions,
  type PoolSendOptions,
  type PoolSettings,
  resolvePoolOptions,
} from "./options.ts";
import { type GivenMessage, Sending } from "./sending.ts";
import { Waiters } from "./waiters.ts";

const NO_OPTIONS: PoolSendOptions = {};
const NOTHING = (): void => undefined;

/** Makes a session that is not started. */
export type SessionMaker = (address: string, port: number, options: SmtpOptions) => SmtpClient;

/** Sessions to one server, opened as they are needed and used again; `NetSmtpPool` is one of a runtime. */
export abstract class SmtpPool {
  static {
    // Node and Bun, then Deno: what is inspected shows neither settings nor secrets.
    const value = function (this: SmtpPool): string {
      return this.toString();
    };
    Object.defineProperty(SmtpPool.prototype, Symbol.for("nodejs.util.inspect.custom"), { value });
    Object.defineProperty(SmtpPool.prototype, Symbol.for("Deno.customInspect"), { value });
  }

  /** The server's host name or IP address. */
  readonly address: string;
  /** The server's port. */
  readonly port: number;
  readonly #settings: PoolSettings;
  readonly #make: () => SmtpClient;
  readonly #identities: Identities;
  readonly #dispatch: Dispatch;
  readonly #stats: SmtpStats;
  readonly #sending: Sending;
  readonly #waits = new Waits();
  readonly #waiters = new Waiters();
  #order = 0;
  #pending = 0;
  readonly #closing: Closing = new Closing({
    waiters: this.#waiters,
    isOver: () => this.#dispatch.isClosed && this.#pending === this.#dispatch.blocks,
    finish: () => this.#ends(() => this.#dispatch.close()),
    drop: (error) => this.#ends(() => this.#dispatch.force(error)),
  });

  /** A pool without a connection, of the runtime's sessions. Throws `SmtpArgumentError` that names what is wrong. */
  constructor(address: string, port: number, options: PoolOptions | undefined, session: SessionMaker) {
    const { pool, retry, smtp, stats } = resolvePoolOptions(options);
    const { signal, ...rest } = smtp;
    this.address = address;
    this.port = port;
    this.#settings = pool;
    this.#stats = stats;
    this.#make = () => session(address, port, rest);
    this.#make();
    const { user, secret, authType, authzid, inFlight, quitTimeout, recipientPolicy, observe } = resolveOptions(smtp);
    const own = { user, secret, authType, authzid } as Partial<Login>;
    this.#identities = new Identities(own, pool.throttleDelay, pool.maxThrottleDelay);
    const emit = emitter(observe);
    const limits = { maxMessages: pool.maxMessages, inFlight, quitTimeout };
    this.#dispatch = new Dispatch(
      pool,
      { make: this.#make, limits },
      {
        stats,
        changed: () => this.#waiters.look(),
        throttled: (delay, response) =>
          emit?.({ type: "throttle", time: Date.now(), delay, ...(response && { response }) }),
        forget: (identity) => identity.forgettable && this.#identities.forget(identity),
      },
    );
    this.#sending = new Sending({
      place: { host: address, port },
      emit,
      stats,
      retry,
      deadline: pool.deadline,
      recipientPolicy,
      waits: this.#waits,
      check: ({ source, options }) => void [this.#identities.of(options.login), message(source)],
      attempt: (message) => this.#attempt(message),
    });
    if (signal) this.#closing.listen(signal);
  }

  #ends(end: () => void): void {
    end();
    this.#waits.close();
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
      const refusal = this.#closing.refusal() ?? this.#full();
      const settled = (error?: SmtpError): void => this.#settled(options.id, error);
      const sent = this.#sending.send({ source, from, to, options, refusal }, refusal ? NOTHING : settled);
      if (!refusal) this.#pending++;
      return sent;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** It is pending until then; what a closing pool leaves unsent is told at its end. */
  #settled(id?: string, error?: SmtpError): void {
    if (error && this.#closing.begun && error.fate === "unsent") this.#closing.leaves(id, error.recipients);
    this.#pending--;
    this.#waiters.look();
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
  #attempt({ source, from, to, options, refusal }: GivenMessage): Promise<Delivery> {
    const patience = this.#patience(options);
    const parcel = { content: message(source), from, to, options };
    const ask = new MessageAsk(this.#identities.of(options.login), this.#order++, patience, parcel);
    const refused = refusal ?? this.#closing.refusal();
    if (refused) ask.fail(refused);
    else this.#dispatch.enter(ask);
    return ask.promise;
  }

  #patience({ signal, deadline = this.#settings.deadline || undefined }: PoolSendOptions): Patience {
    return { signal, deadline, until: deadline === undefined ? undefined : now() + deadline };
  }

  /** Why one more is not taken, if so. */
  #full(): SmtpError | undefined {
    const { maxPending } = this.#settings;
    if (maxPending === 0 || this.#pending < maxPending) return undefined;
    const text = `Pool has ${this.#pending} messages waiting and under way, and takes no more (maxPending): await idle() before`;
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
    const refusal = this.#closing.refusal() ?? this.#full();
    if (refusal) throw refusal;
    this.#pending++;
    try {
      this.#dispatch.enter(ask);
      return await this.#lent(ask, block);
    } finally {
      this.#settled();
    }
  }

  async #lent<T>(ask: BlockAsk, block: Block<T>): Promise<T> {
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
    return !this.#closing.begun && this.#dispatch.hasRoom;
  }

  /** Resolves once a message would be taken at once: `await pool.idle()` before each `sendMessage` keeps the queue short. Rejects when the pool is closed. */
  idle(): Promise<void> {
    return this.#waiters.when(
      () => this.isIdle(),
      () => this.#closing.refusal(),
    );
  }

  /** Resolves once nothing waits and nothing is under way. The pool stays open. */
  drain(): Promise<void> {
    return this.#waiters.when(() => this.pendingCount() === 0);
  }

  /** True if nothing waits, nothing is under way, and no connection is open. */
  isClear(): boolean {
    return this.pendingCount() + this.#dispatch.connections === 0;
  }

  /** Resolves once nothing waits, nothing is under way, and no connection is open. */
  clear(): Promise<void> {
    return this.#waiters.when(() => this.isClear());
  }

  /** How many messages and blocks wait and are under way. */
  pendingCount(): number {
    return this.#pending;
  }

  /** What was sent, and how it went, since the pool was made. */
  stats(): SmtpFigures {
    return this.#stats.stats();
  }

  /** Whether that is well. Throws `SmtpArgumentError` for a limit that is unknown or out of its range. */
  healthCheck(limits?: SmtpHealthLimits): SmtpHealth {
    return this.#stats.healthCheck(limits);
  }

  /**
   * Takes nothing more; what was asked for is sent, what waits to be tried again is not, then every session ends with QUIT.
   * With `force` what waits rejects `unsent` at once, and connections are dropped: a message whose end was handed over is
   * `unknown`. Resolves when no connection is left, and says what was unsent.
   */
  close(options: PoolCloseOptions = {}): Promise<PoolClosed> {
    try {
      return this.#closing.close(options);
    } catch (error) {
      return Promise.reject(error);
    }
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
