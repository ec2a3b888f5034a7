/**
 * Nodemailer itself, for what is not written anew here: its list of services, its OAuth 2.0 tokens, its Mail. The law here:
 * it is loaded when it is needed and not before, and only what every version of it has is used: `createTransport`.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";

/** The part of Nodemailer that is used: `import nodemailer from "nodemailer"`. */
export interface NodemailerModule {
  /** Makes a transporter. */
  // biome-ignore lint/suspicious/noExplicitAny: Nodemailer's own types, which are not imported
  createTransport(transport: any, defaults?: any): any;
}

/** The part of Nodemailer's Mail that a transport calls. */
export interface Mailer {
  /** What `transporter.set` has set. */
  get?(key: string): unknown;
  /** Tells who listens on the transporter. */
  emit?(event: string, ...values: unknown[]): unknown;
}

// Not in the call: whoever checks or bundles this package must not look for what may not be there.
const NAME = "nodemailer";

/** The one that was given, else the one that its name stands for. Rejects with `SmtpArgumentError` if there is none. */
export async function loadNodemailer(given: NodemailerModule | undefined): Promise<NodemailerModule> {
  if (given) return given;
  try {
    const loaded = (await import(/* @vite-ignore */ NAME)) as NodemailerModule & { default?: NodemailerModule };
    return loaded.default ?? loaded;
  } catch (cause) {
    const message =
      "Nodemailer could not be loaded by its name, expected it to be installed: or give it, new NetSmtpTransport(options, nodemailer)";
    throw new SmtpArgumentError(message, { phase: "connect", cause });
  }
}
