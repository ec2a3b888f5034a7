/**
 * How a transport comes to a server: where it is, over which socket, and who logs in. The law here: what is looked up is
 * looked up once, when it is needed first; and who calls, the transport or a copy of it, says which proxy it is.
 *
 * @module
 */

import type { SocketMaker } from "../net/stream.ts";
import { type Login, loginOf } from "./auth.ts";
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

/** The way of one transport. */
export class Route {
  /** What the options say. */
  readonly settings: TransportSettings;
  readonly #owner: Owner;
  readonly #tokens: Tokens;
  readonly #own: SocketMaker | undefined;
  #located: Promise<TransportSettings> | undefined;

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

  /** The engine's login; undefined without one. The same login has the same secret. Rejects with `SmtpArgumentError` if something is missing. */
  async login(auth: NetSmtpAuth | undefined, { mailer }: Caller): Promise<Login | undefined> {
    this.#owner.mailer = mailer;
    const { authMethod, customMethods: custom } = await this.located(); // the service may name the method
    return loginOf(auth, { authMethod, custom, tokens: this.#tokens });
  }

  /** What makes the engine's sockets; undefined: the host is dialled. */
  socket({ getSocket }: Caller): SocketMaker | undefined {
    return askedSocket(getSocket, this.#own, this.settings.given);
  }

  /** Where it leads: `smtp.example.com:587`, or the service's name. */
  toString(): string {
    const { host, port, service } = this.settings;
    return service ?? `${host}:${port}`;
  }
}
