/**
 * The Nodemailer transport. The law here: frameworks copy and merge transports, so what Nodemailer calls are own properties
 * bound to the transport they came from, and what it connects with is private: a copy sends, and shows no secret.
 *
 * @module
 */

import type { PoolClosed } from "../pool/closing.ts";
import type { SmtpFigures, SmtpHealth, SmtpHealthLimits } from "../stats.ts";
import { VERSION } from "../version.ts";
import { deliver, verify } from "./delivery.ts";
import { Listeners } from "./events.ts";
import { transportSettings } from "./options.ts";
import type { NodemailerModule } from "./peer.ts";
import { type Caller, callerOf, Route } from "./route.ts";
import type {
  NetSmtpCallback,
  NetSmtpGetSocket,
  NetSmtpListener,
  NetSmtpMail,
  NetSmtpSend,
  NetSmtpSentMessageInfo,
  NetSmtpTransportOptions,
  NetSmtpVerify,
} from "./types.ts";

/**
 * A transport for Nodemailer on the engine: one connection for each message, or with `pool` connections that are kept.
 *
 * ```ts
 * const transporter = nodemailer.createTransport(new NetSmtpTransport("smtps://user:pass@smtp.example.com"));
 * const { recipients } = await transporter.sendMail({ from, to, subject: "hi", text: "hello" });
 * ```
 */
export class NetSmtpTransport {
  static {
    // Node and Bun, then Deno: what is inspected shows where it sends to, and no secret.
    const value = function (this: NetSmtpTransport): string {
      return this.toString();
    };
    Object.defineProperty(NetSmtpTransport.prototype, Symbol.for("nodejs.util.inspect.custom"), { value });
    Object.defineProperty(NetSmtpTransport.prototype, Symbol.for("Deno.customInspect"), { value });
  }

  /** For Nodemailer's logs. */
  readonly name: string = "NetSmtp";
  /** The version of this package. */
  readonly version: string = VERSION;
  /** `signal` of a message cancels it until its end. */
  readonly supportsAbortSignal: boolean = true;
  /** Nodemailer's Mail object, set by it. Not enumerable, since it refers back. */
  // biome-ignore lint/suspicious/noExplicitAny: Nodemailer's own type, which is not imported
  declare mailer: any;
  /** Makes the sockets, where the option `getSocket` or a proxy of Nodemailer's has set it. */
  getSocket?: NetSmtpGetSocket;
  /** Sends a message: calls back once, or without a callback gives a promise. Never throws. */
  readonly send: NetSmtpSend;
  /** Connects and logs in, then leaves: calls back once, or without a callback gives a promise of true. Never throws. */
  readonly verify: NetSmtpVerify;
  /**
   * What was asked for is sent, then every connection ends with QUIT; with `force` what waits rejects `unsent` at once and
   * connections are dropped. Resolves when none is left, and says what was unsent. With `pool` no message is taken any more.
   */
  readonly close: (options?: { force?: boolean }) => Promise<PoolClosed>;
  /** True if a message would be taken at once; without `pool`, if none is under way. */
  readonly isIdle: () => boolean;
  /** How many messages wait and are under way. */
  readonly pendingCount: () => number;
  /** Resolves once nothing waits and nothing is under way. */
  readonly drain: () => Promise<void>;
  /** What was sent, and how it went, since the transport was made. */
  readonly stats: () => SmtpFigures;
  /** Whether that is well. Throws `SmtpArgumentError` for a limit that is unknown or out of its range. */
  readonly healthCheck: (limits?: SmtpHealthLimits) => SmtpHealth;
  /** Sets the listener of an event, in place of the one before: `idle` when a message would be taken at once, `clear` when no connection is left. */
  readonly on: (event: string | symbol, listener: NetSmtpListener) => this;
  readonly #route: Route;

  /**
   * Takes Nodemailer's options or a URL; and Nodemailer itself, which `service` and OAuth 2.0 tokens need, where it cannot be
   * loaded by its name (in a bundle). Throws `SmtpArgumentError` that names what cannot be taken, without secrets.
   */
  constructor(options?: NetSmtpTransportOptions | string, nodemailer?: NodemailerModule) {
    const settings = transportSettings(options);
    const route = new Route(settings, nodemailer);
    const listeners = new Listeners(route);
    const caller = (self: unknown): Caller => callerOf(self, this);
    const settled = (): void => listeners.settled();
    this.#route = route;
    const { getSocket } = settings.given as { getSocket?: NetSmtpGetSocket };
    if (getSocket) this.getSocket = getSocket;
    Object.defineProperty(this, "mailer", { value: undefined, writable: true, configurable: true });
    // Not arrow functions: Nodemailer sets `getSocket` on the object it was given, which may be a copy.
    this.send = function (this: unknown, mail: NetSmtpMail, callback?: NetSmtpCallback<NetSmtpSentMessageInfo>) {
      return answered(deliver(route, mail, caller(this)), callback, settled);
    } as NetSmtpSend;
    this.verify = function (this: unknown, callback?: NetSmtpCallback<true>) {
      return answered(verify(route, caller(this)), callback);
    } as NetSmtpVerify;
    this.on = function <T>(this: T, event: string | symbol, listener: NetSmtpListener): T {
      listeners.on(event, listener);
      return this;
    };
    this.close = (options) => route.close(options);
    this.isIdle = () => route.isIdle();
    this.pendingCount = () => route.pendingCount();
    this.drain = () => route.drain();
    this.stats = () => route.stats.stats();
    this.healthCheck = (limits) => route.stats.healthCheck(limits);
  }

  /** Where it sends to: `#<NetSmtpTransport smtp.example.com:587>`. */
  toString(): string {
    // A clone has the prototype, not the settings.
    if (!(#route in this)) return "#<NetSmtpTransport>";
    return `#<NetSmtpTransport ${this.#route}>`;
  }
}

/** Calls back in a task of its own, so that what the callback throws is not taken for a failure of the message. */
function answered<T>(
  answer: Promise<T>,
  callback: NetSmtpCallback<T> | undefined,
  settled?: () => void,
): Promise<T> | undefined {
  const back = typeof callback === "function" ? callback : undefined;
  if (!back && !settled) return answer;
  answer.then(
    (value) => {
      settled?.();
      if (back) queueMicrotask(() => back(null, value));
    },
    (error) => {
      settled?.();
      if (back) queueMicrotask(() => back(error));
    },
  );
  return back ? undefined : answer;
}
