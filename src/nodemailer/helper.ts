/**
 * `createNetSmtpTransport`: a transporter that has all that `createTransport(options)` gives the built-in transport. The
 * law here: Nodemailer composes the message and this package sends it; each option goes to the one whose it is.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import { MAILER } from "./names.ts";
import type { NodemailerModule } from "./peer.ts";
import { NetSmtpTransport } from "./transport.ts";
import type { NetSmtpSentMessageInfo, NetSmtpTransportError, NetSmtpTransportOptions } from "./types.ts";

/** The options of the transport, and those of Nodemailer's that it reads of a transport made by itself. */
export interface NetSmtpMailOptions extends NetSmtpTransportOptions {
  /** The keys that messages are signed with. */
  dkim?: object | undefined;
  /** The URL of a proxy: http, https, or with `set("proxy_socks_module", socks)` socks, socks4, socks5. */
  proxy?: string | undefined;
  /** Images in HTML given as data URIs become attachments. */
  attachDataUrls?: boolean | undefined;
  /** Contents are not read from files. */
  disableFileAccess?: boolean | undefined;
  /** Contents are not fetched from URLs. */
  disableUrlAccess?: boolean | undefined;
  /** Writes the names of headers. */
  normalizeHeaderKey?: ((key: string) => string) | undefined;
  /** How many recipients a message may have. */
  maxRecipients?: number | undefined;
}

/** Nodemailer's transporter, whose messages end as the transport's do. */
export type NetSmtpTransporter<M> = M extends {
  /** What Nodemailer declares. */
  sendMail(data: infer D, ...rest: never[]): unknown;
}
  ? {
      /** Sends a message. Rejects with a `NetSmtpTransportError` that has the fate of every recipient. */
      sendMail(data: D): Promise<NetSmtpSentMessageInfo>;
      /** The same by a callback. */
      sendMail(data: D, callback: (error: NetSmtpTransportError | null, info: NetSmtpSentMessageInfo) => void): void;
    } & M
  : M;

/** What Nodemailer's Mail reads of its options besides its own: for its log, and for the way to a proxy. */
const SHARED: readonly string[] = [
  "logger",
  "debug",
  "component",
  "connectionTimeout",
  "tls",
  "host",
  "port",
  "secure",
];

/**
 * Makes a transporter on the engine: `nodemailer` is `import nodemailer from "nodemailer"`, `defaults` are the messages'.
 *
 * ```ts
 * const transporter = createNetSmtpTransport(nodemailer, { service: "gmail", auth, dkim, proxy }, { from: "me@example.com" });
 * ```
 *
 * Throws `SmtpArgumentError` that names an option that cannot be taken.
 */
export function createNetSmtpTransport<M>(
  // biome-ignore lint/suspicious/noExplicitAny: Nodemailer's own types, which are not imported
  nodemailer: { createTransport(transport: NetSmtpTransport, defaults?: any): M },
  options: NetSmtpMailOptions | string = {},
  defaults?: object,
): NetSmtpTransporter<M> {
  if (typeof nodemailer?.createTransport !== "function") {
    const message =
      'Parameter "nodemailer" has no createTransport, expected Nodemailer: import nodemailer from "nodemailer"';
    throw new SmtpArgumentError(message, { phase: "connect" });
  }
  const all = Object.entries(typeof options === "string" ? { url: options } : options);
  const forMail = all.filter(([name]) => MAILER.has(name) || SHARED.includes(name));
  const forTransport = all.filter(([name]) => !MAILER.has(name));
  const transport = new NetSmtpTransport(Object.fromEntries(forTransport), nodemailer as NodemailerModule);
  // Its class is not exported by the name of the package; every transporter is one. Made twice, it listens once.
  const { constructor: Mail } = nodemailer.createTransport(transport) as {
    constructor: new (transport: NetSmtpTransport, options: object, defaults?: object) => M;
  };
  return new Mail(transport, Object.fromEntries(forMail), defaults) as NetSmtpTransporter<M>;
}
