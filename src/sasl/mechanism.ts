/**
 * What a login mechanism is: a generator that reads like the exchange in its RFC. The law here: a mechanism knows text
 * and nothing else; base64, the AUTH line, `*` for giving up and the final reply belong to the session.
 *
 * ```ts
 * const external: SaslMechanism = {
 *   name: "EXTERNAL",
 *   *exchange({ user }) {
 *     yield user;
 *   },
 * };
 * ```
 *
 * A session takes its own in the option `mechanisms`; one with the name of a built-in one replaces it there.
 *
 * @module
 */

import type { ChannelBinding } from "../net/stream.ts";
import type { SmtpResponse } from "../protocol/response.ts";

/** A password or token, or a function that gives it; it is told, once, the token that the server refused. */
export type Secret = string | ((refused?: string) => string | Promise<string>);

/** Who logs in, and where. */
export interface SaslCredentials {
  /** The user name: no NUL; empty only for a mechanism `withoutSecret`. */
  readonly user: string;
  /** The password or token, or a function that gives it, called once for each login. Read it with `secretOf`. */
  readonly secret: Secret;
  /** Whom the user acts for, where that is somebody else (RFC 4422 §2); a mechanism that cannot say it has to refuse it. */
  readonly authzid?: string | undefined;
  /** The server's name as the caller gave it, for mechanisms that sign or send it (RFC 7628). */
  readonly host: string;
  /** The server's port. */
  readonly port: number;
  /** The mechanisms that the server offers, in upper case. */
  readonly offered?: readonly string[] | undefined;
  /** What binds the login to its TLS connection, for SCRAM; undefined in clear and where the runtime does not tell it. */
  readonly channelBinding?: ChannelBinding | undefined;
}

/**
 * One login as it goes on. Strings are text, never base64; they go out as UTF-8.
 *
 * - The first yield is the initial response that goes with AUTH: undefined lets the server speak first, an empty string
 *   is sent as `=` (RFC 4954 §4).
 * - Each yield returns the next challenge, decoded; what is yielded then answers it.
 * - Undefined in place of a challenge: the final reply has come. A mechanism that still has something to say or to check
 *   then yields it or throws, and a 235 does not count; one that ends agrees that the login is complete.
 * - A challenge after the generator's end makes the session give up with `*`.
 * - What the generator throws fails the login; thrown before the first yield, nothing has been sent.
 * - An `AsyncGenerator` may await between its yields, as SCRAM does for Web Crypto; the session waits.
 */
export type SaslExchange =
  | Generator<string | undefined, void, string | undefined>
  | AsyncGenerator<string | undefined, void, string | undefined>;

/** A login whose lines the mechanism says itself. */
export interface SaslConversation {
  /** Who logs in. */
  readonly credentials: SaslCredentials;
  /** What the server offers, as `capabilities` of a session. */
  readonly capabilities: ReadonlyMap<string, readonly string[]>;
  /** Writes one line and gives its reply. Rejects with `SmtpArgumentError` for a line that is not one, or that is no part of a login. */
  say(line: string): Promise<SmtpResponse>;
}

/** A way to log in (RFC 4422). */
export interface SaslMechanism {
  /** Its registered name, `PLAIN`: 1 to 20 letters, digits, `-` and `_`. */
  readonly name: string;
  /** True if it does without a secret, and the user may be empty or left out: EXTERNAL, ANONYMOUS. */
  readonly withoutSecret?: boolean;
  /** True if the secret is a token: where the server refuses it, the function that gave it is asked for another, once. */
  readonly renews?: boolean;
  /** Begins one login. Nothing runs before the first `next()`. */
  exchange(credentials: SaslCredentials): SaslExchange;
  /** In place of `exchange`: says all lines itself, AUTH too. What it throws fails the login. */
  converse?(login: SaslConversation): Promise<void>;
}
