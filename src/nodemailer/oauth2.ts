/**
 * OAuth 2.0 tokens by Nodemailer's own XOAuth2. The law here: a token is fetched once for all connections that wait for
 * it, anew shortly before it expires or after the server refused it; what fails tells no secret; and secrets go to an
 * `accessUrl` over TLS only.
 *
 * @module
 */

import { isSmtpError, SmtpArgumentError, SmtpAuthenticationError } from "../errors.ts";
import { isLoopback } from "../net/endpoint.ts";
import { printable } from "../printable.ts";
import type { Secret } from "../sasl/mechanism.ts";
import type { NetSmtpAuth } from "./login_types.ts";
import { loadNodemailer, type Mailer, type NodemailerModule } from "./peer.ts";

/** Who uses the tokens; Nodemailer sets the mailer after the transport was made. */
export interface Owner {
  /** Nodemailer, if it was given. */
  readonly nodemailer: NodemailerModule | undefined;
  /** The Mail object that the transport belongs to now. */
  mailer: Mailer | undefined;
}

/** The part of Nodemailer's XOAuth2 that is used. */
interface TokenSource {
  accessToken?: string | false;
  expires?: number;
  provisionCallback: unknown;
  getToken(renew: boolean, callback: (error: unknown, token?: string) => void): void;
  on(event: string, listener: (token: unknown) => void): unknown;
}

type Provision = (user: string, renew: boolean, callback: (...answer: unknown[]) => void) => unknown;

/** A token is renewed so many milliseconds before it expires, or after nine tenths of its life: it must last until the server has looked. */
const EARLY = 60_000;

/** Of how many logins of messages the tokens are kept. */
const KEPT = 100;

/** What an answer of the token server means that may be another one later (RFC 6749 5.2, and what servers say besides). */
const TEMPORARY = /^(temporarily_unavailable|server_error|slow_down|rate_limit)/i;

/** Throws `SmtpArgumentError` for what can get no token. */
export function checkOAuth2(auth: NetSmtpAuth, allowInsecure: boolean): void {
  if (auth.serviceClient && !(auth.privateKey && auth.user)) {
    throw wrong('Option "auth.serviceClient" is there without "auth.privateKey" and "auth.user", expected all three');
  }
  if (auth.accessUrl === undefined || auth.accessUrl === null) return;
  const url = URL.canParse(auth.accessUrl) ? new URL(auth.accessUrl) : undefined;
  if (url?.protocol === "https:") return;
  const here = url?.protocol === "http:" && isLoopback(url.hostname.replace(/^\[(.*)\]$/, "$1"));
  if (here && allowInsecure) return;
  throw wrong(
    'Option "auth.accessUrl" is no https URL, which it must be for what is sent there: http is for 127.0.0.1 and [::1], with "allowInsecureAuth"',
  );
}

/** The tokens of a transport: of its own login, and of those of its messages. */
export class Tokens {
  readonly #owner: Owner;
  readonly #kept = new Map<string, Renewal>();

  /** Nothing is fetched before a secret is asked for. */
  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** The token, or what gives it; the same function for the same login. Undefined if nothing can give one. */
  secret(auth: NetSmtpAuth): Secret | undefined {
    const { user, accessToken, refreshToken, serviceClient, provisionCallback, expires } = auth;
    if (typeof accessToken === "function") return accessToken;
    const provided = provisionCallback ?? this.#owner.mailer?.get?.("oauth2_provision_cb");
    if (!refreshToken && !serviceClient && !provided) return accessToken || undefined;
    const key = JSON.stringify([user, accessToken, refreshToken, expires]);
    const kept = this.#kept.get(key) ?? new Renewal(auth, this.#owner);
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    return kept.secret;
  }
}

/** One login's token, and how it is renewed. */
class Renewal {
  readonly #auth: NetSmtpAuth;
  readonly #owner: Owner;
  #source: Promise<TokenSource> | undefined;
  #underWay: Promise<string> | undefined;
  #since = Date.now();

  constructor(auth: NetSmtpAuth, owner: Owner) {
    this.#auth = auth;
    this.#owner = owner;
  }

  /** What the engine asks, and tells of a token that the server refused. */
  readonly secret = async (refused?: string): Promise<string> => {
    this.#source ??= this.#load();
    const source = await this.#source;
    source.provisionCallback = this.#provision();
    const current = source.accessToken || undefined;
    if (current === undefined || current === refused) return await this.#renew(source, refused !== undefined);
    const left = source.expires ? source.expires - Date.now() : Number.POSITIVE_INFINITY;
    if (left <= 0) return await this.#renew(source, false);
    const early = source.expires ? Math.min(EARLY, (source.expires - this.#since) / 10) : 0;
    return left > early ? current : await this.#renew(source, true).catch(() => current);
  };

  async #load(): Promise<TokenSource> {
    try {
      const { createTransport } = await loadNodemailer(this.#owner.nodemailer);
      // The host is never connected to, the logger is none: Nodemailer's own would show the beginnings of secrets.
      const auth = { ...this.#auth, type: "OAuth2", tls: { ...this.#auth.tls } };
      const { transporter } = createTransport({ host: "localhost", auth }) as {
        transporter: { auth: { oauth2: TokenSource } };
      };
      const source = transporter.auth.oauth2;
      source.on("token", (token) => this.#owner.mailer?.emit?.("token", token));
      return source;
    } catch (cause) {
      this.#source = undefined;
      throw isSmtpError(cause) ? cause : failed("Nodemailer gives no tokens", cause, false);
    }
  }

  #provision(): Provision | false {
    const own = this.#owner.mailer?.get?.("oauth2_provision_cb") ?? this.#auth.provisionCallback;
    if (typeof own !== "function") return false;
    return (user, renew, callback) => {
      const given = own(user, renew, callback) as unknown;
      if (typeof given === "object" && given !== null) Promise.resolve(given).catch(callback);
    };
  }

  #renew(source: TokenSource, renew: boolean): Promise<string> {
    this.#underWay ??= this.#fetch(source, renew).finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #fetch(source: TokenSource, renew: boolean): Promise<string> {
    const token = await new Promise<string | undefined>((resolve, reject) => {
      source.getToken(renew, (error, given) => (error ? reject(error) : resolve(given)));
    }).catch((error) => {
      throw tokenError(error);
    });
    this.#since = Date.now();
    if (!token) throw failed("no token was given", undefined, false);
    return token;
  }
}

/** What the token server said is told; what a parser says of an answer is not, since it shows a part of it. */
function tokenError(error: unknown): SmtpAuthenticationError {
  if (error instanceof SyntaxError) return failed("the token server answered what is no JSON", undefined, true);
  const { code, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string };
  return failed(message, error, code !== "EOAUTH2" || TEMPORARY.test(message));
}

function failed(why: string, cause: unknown, temporary: boolean): SmtpAuthenticationError {
  return new SmtpAuthenticationError(`Access token could not be had: ${printable(why)}`, {
    phase: "auth",
    command: "AUTH XOAUTH2",
    temporary,
    retry: temporary ? "later" : "never",
    // Nodemailer's code for whatever kept it from a token.
    cause: cause ?? Object.assign(new Error(why), { code: "EOAUTH2" }),
  });
}

function wrong(message: string): SmtpArgumentError {
  return new SmtpArgumentError(message, { phase: "auth" });
}
