/**
 * How a transport comes to a server: where it is, over which sockets, who logs in, and the pool of its connections. The law
 * here: what is looked up is looked up once, when it is needed first; who calls, the transport or a copy of it, says which
 * proxy it is; and a message never goes over a connection that was made past the proxy.
 *
 * @module
 */

import { SmtpSessionError } from "../errors.ts";
import type { SocketMaker } from "../net/stream.ts";
import type { PoolClosed } from "../pool/closing.ts";
import { NetSmtpPool } from "../pool/pool.ts";
import { SmtpStats } from "../stats.ts";
import { type Login, loginOf } from "./auth.ts";
import { Log } from "./logger.ts";
import type { NetSmtpAuth } from "./login_types.ts";
import { type Owner, Tokens } from "./oauth2.ts";
import { locatedSettings, type TransportSettings } from "./options.ts";
import type { Mailer, NodemailerModule } from "./peer.ts";
import { askedSocket, ownSocket } from "./sockets.ts";
import type { NetSmtpGetSocket } from "./types.ts";

/** What Nodemailer has set on the object that it calls. */
export interface Caller {
  /** What makes the sockets: a proxy's, or the option's. */
  readonly getSocket: NetSmtpGetSocket | undefined;
  /** The Mail object. */
  readonly mailer: Mailer | undefined;
}

/** What is set on the object that was called, which may be a copy of the transport, or else on the transport. */
export function callerOf(self: unknown, transport: object): Caller {
  const [own, original] = [self, transport] as (Partial<Caller> | undefined)[];
  return {
    getSocket: own?.getSocket || original?.getSocket || undefined,
    mailer: own?.mailer ?? original?.mailer,
  };
}

/** How a message goes. */
export interface Way {
  /** Whose connection it needs. */
  readonly login: Login | undefined;
  /** The pool whose connections go over the caller's sockets. */
  readonly pool: NetSmtpPool;
}

/** The way of one transport. */
export class Route {
  /** What the options say. */
  readonly settings: TransportSettings;
  /** What counts. */
  readonly stats: SmtpStats = new SmtpStats();
  readonly #owner: Owner;
  readonly #tokens: Tokens;
  readonly #own: SocketMaker | undefined;
  readonly #pools = new Map<NetSmtpGetSocket | undefined, NetSmtpPool>();
  #located: Promise<TransportSettings> | undefined;
  #closed = false;

  /** Nothing is loaded or looked up yet. */
  constructor(settings: TransportSettings, nodemailer: NodemailerModule | undefined) {
    this.settings = settings;
    this.#owner = { nodemailer, mailer: undefined };
    this.#tokens = new Tokens(this.#owner);
    this.#own = ownSocket(settings.given);
  }

  /** The settings with the host of `service`. Rejects with `SmtpArgumentError` if it is not known; then the next call asks again. */
  async located(): Promise<TransportSettings> {
    const { settings } = this;
    if (settings.service === undefined) return settings;
    this.#located ??= locatedSettings(settings, this.#owner.nodemailer).catch((error) => {
      this.#located = undefined;
      throw error;
    });
    return await this.#located;
  }

  /**
   * The way of a message; at once, not later, unless the host is still to be looked up. Rejects with `SmtpArgumentError` if
   * something is missing, and if the transport was closed.
   */
  way(auth: NetSmtpAuth | undefined, caller: Caller): Way | Promise<Way> {
    if (this.settings.service === undefined) return this.#way(this.settings, auth, caller);
    return this.located().then((settings) => this.#way(settings, auth, caller));
  }

  #way(settings: TransportSettings, auth: NetSmtpAuth | undefined, caller: Caller): Way {
    if (this.#closed) throw closedError();
    return { login: this.login(settings, auth, caller), pool: this.#pool(settings, caller) };
  }

  /** The engine's login; undefined without one. The same login has the same secret. Throws `SmtpArgumentError` if something is missing. */
  login(settings: TransportSettings, auth: NetSmtpAuth | undefined, { mailer }: Caller): Login | undefined {
    this.#owner.mailer = mailer;
    const { authMethod, customMethods: custom } = settings; // the service may name the method
    return loginOf(auth, { authMethod, custom, tokens: this.#tokens });
  }

  /** What makes the engine's sockets; undefined: the host is dialled. */
  socket({ getSocket }: Caller): SocketMaker | undefined {
    return askedSocket(getSocket, this.#own, this.settings.given);
  }

  #pool({ host, port, smtp, pool }: TransportSettings, caller: Caller): NetSmtpPool {
    const known = this.#pools.get(caller.getSocket);
    if (known) return known;
    const debugOutput = Log.of(this.settings.log)?.dialogue;
    const { stats } = this;
    const made = new NetSmtpPool(host, port, { ...smtp, ...pool, stats, socket: this.socket(caller), debugOutput });
    this.#pools.set(caller.getSocket, made);
    return made;
  }

  /** True if a message would be taken at once; where connections are not kept, if nothing is under way. */
  isIdle(): boolean {
    if (this.#closed) return false;
    return this.#all.every((pool) => (this.settings.pooled ? pool.isIdle() : pool.isClear()));
  }

  /** How many messages wait and are under way. */
  pendingCount(): number {
    return this.#all.reduce((sum, pool) => sum + pool.pendingCount(), 0);
  }

  /** Resolves once nothing is under way. */
  async drain(): Promise<void> {
    await Promise.all(this.#all.map((pool) => pool.drain()));
  }

  /** Resolves once a message would be taken at once; rejects with `SmtpSessionError` if the transport is closed. */
  idle(): Promise<void> {
    if (!this.settings.pooled) return this.clear();
    if (this.#closed) return Promise.reject(closedError());
    return Promise.all(this.#all.map((pool) => pool.idle())).then(() => undefined);
  }

  /** Resolves once nothing is under way and no connection is open. */
  async clear(): Promise<void> {
    await Promise.all(this.#all.map((pool) => pool.clear()));
  }

  /** Ends what there is. Where connections are kept, nothing is sent any more after it. */
  async close(options?: { force?: boolean }): Promise<PoolClosed> {
    this.#closed = this.settings.pooled;
    const pools = this.#all;
    if (!this.#closed) this.#pools.clear();
    const closed = await Promise.all(pools.map((pool) => pool.close(options)));
    return { unsent: closed.flatMap(({ unsent }) => unsent) };
  }

  get #all(): NetSmtpPool[] {
    return [...this.#pools.values()];
  }

  /** Where it leads: `smtp.example.com:587`, or the service's name. */
  toString(): string {
    const { host, port, service } = this.settings;
    return service ?? `${host}:${port}`;
  }
}

function closedError(): SmtpSessionError {
  return new SmtpSessionError("Transport was closed: make a new one", { phase: "connect" });
}
