/**
 * The login that the plugin takes, in Nodemailer's words. The law here: the types are structural and import nothing of
 * Nodemailer, as in `types.ts`.
 *
 * @module
 */

import type { Secret } from "../sasl/mechanism.ts";

/** The login of a transport, or of one message. A message may set type, user, pass, accessToken, refreshToken and expires. */
export interface NetSmtpAuth {
  /**
   * "login" (the default) logs in by user and password, "oauth2" by user and access token, "custom" by the function that
   * `customAuth` has for `method`; in any case.
   */
  type?: string | undefined;
  /** The user name. */
  user?: string | undefined;
  /** The password, or a function that gives it when it is needed. Without one the message fails with EAUTH. */
  pass?: Secret | undefined;
  /**
   * The login mechanism by name, in any case: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, PLAIN, LOGIN,
   * CRAM-MD5, XOAUTH2, OAUTHBEARER, EXTERNAL, ANONYMOUS, or one of `customAuth`. Default: the first of them up to LOGIN that
   * is offered; XOAUTH2 for type "oauth2". EXTERNAL and ANONYMOUS need neither user nor pass.
   */
  method?: string | false | undefined;
  /** Whom the user acts for (RFC 4422 section 2), where that is somebody else. Default: the user. */
  authzid?: string | undefined;
  /** What a function of `customAuth` is given as `auth.credentials.options`. */
  options?: object | undefined;
  /**
   * The OAuth 2.0 access token for XOAUTH2 or OAUTHBEARER, or a function that gives it when it is needed and is told, once, a token that
   * the server refused. A string is renewed if what follows allows it.
   */
  accessToken?: Secret | undefined;
  /** When the access token expires, in milliseconds since 1970. Default: not known. */
  expires?: number | undefined;
  /** In how many seconds from now it expires, where `expires` is not given. */
  timeout?: number | undefined;
  /** What a new access token is fetched with (RFC 6749 6). */
  refreshToken?: string | undefined;
  /** The application's name at the token server. */
  clientId?: string | undefined;
  /** Its secret. */
  clientSecret?: string | undefined;
  /** Where tokens are fetched: an https URL (http for 127.0.0.1 and [::1] with `allowInsecureAuth`). Default: Nodemailer's, which is Google's. */
  accessUrl?: string | undefined;
  /** The service account that a new access token is fetched for (RFC 7523), with `privateKey`. */
  serviceClient?: string | undefined;
  /** Its private key, in what `crypto.sign` takes. */
  privateKey?: unknown;
  /** What the token is to be good for. Default: Nodemailer's. */
  scope?: string | undefined;
  /** How many seconds the request of a service account is good for. Default 300. */
  serviceRequestTimeout?: number | undefined;
  /** Gives a token instead: `(user, renew, callback(error, accessToken, expires))`. `transporter.set("oauth2_provision_cb", …)` goes before it. */
  // biome-ignore lint/suspicious/noExplicitAny: Nodemailer's own type, which is not imported
  provisionCallback?: ((user: string, renew: boolean, callback: (...answer: any[]) => void) => unknown) | undefined;
  /** More headers of the request for a token. */
  customHeaders?: object | undefined;
  /** More fields of it. */
  customParams?: object | undefined;
  /** Options of `tls.connect` for it. */
  tls?: object | undefined;
  /** Milliseconds for it. Default 60 000. */
  requestTimeout?: number | undefined;
}

/** What a function of `customAuth` is told by a reply. */
export interface NetSmtpCustomAuthResponse {
  /** The command that was sent. */
  command: string;
  /** The reply, its lines joined with LF. */
  response: string;
  /** Its code. */
  status: number;
  /** The enhanced status code, if there is one. */
  code?: string;
  /** The rest of it. */
  text: string;
}

/** What a function of `customAuth` is given. */
export interface NetSmtpCustomAuthContext {
  /** The login. */
  auth: {
    /** `auth.type` in upper case; `LOGIN` if there is none. */
    type: string;
    /** Who logs in. */
    user: string;
    /** The mechanism's name as it was given. */
    method: string;
    /** What to log in with. */
    credentials: {
      /** Who logs in. */
      user: string;
      /** The password. */
      pass: string;
      /** `auth.options` as they were given. */
      options: object | undefined;
    };
  };
  /** The mechanism's name in upper case. */
  method: string;
  /** What the server offers, by keyword. */
  extensions: string[];
  /** The login mechanisms that it offers. */
  authMethods: string[];
  /** The largest message that it takes, in octets; false if it does not say. */
  maxAllowedSize: number | false;
  /** Writes a line, masked in logs, and gives the reply, whatever it is. Fails for a line break in it. */
  sendCommand(command: string): Promise<NetSmtpCustomAuthResponse>;
  /** The same by a callback, whose `data` is there unless there is an error. */
  sendCommand(command: string, callback: (error: Error | null, data: NetSmtpCustomAuthResponse) => void): void;
  /** The login is made. */
  resolve(): void;
  /** The login failed. */
  reject(error: unknown): void;
}

/** A login of the caller's own: it returns a promise, or calls `resolve` or `reject`. */
export type NetSmtpCustomAuth = (context: NetSmtpCustomAuthContext) => unknown;
