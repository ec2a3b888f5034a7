/**
 * `service`, by Nodemailer's own list of well-known services. The law here: as in Nodemailer what the list says goes before
 * the URL and the options, and a name that is not on it is an error.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { loadNodemailer, type NodemailerModule } from "./peer.ts";

/** What the list may say of a service. */
const KNOWN: readonly string[] = ["host", "port", "secure", "requireTLS", "ignoreTLS", "authMethod", "name", "tls"];

/** The options of a service, by its name, an alias, or an address. Rejects with `SmtpArgumentError` if it is not on the list. */
export async function serviceOptions(
  service: string,
  nodemailer: NodemailerModule | undefined,
): Promise<Record<string, unknown>> {
  const { createTransport } = await loadNodemailer(nodemailer);
  // What it made of the name is all that is read of the transport; it connects to nothing.
  const { transporter } = createTransport({ service }) as { transporter: { options: Record<string, unknown> } };
  const { options } = transporter;
  if (typeof options.host === "string") {
    return Object.fromEntries(KNOWN.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
  }
  const message = `Option "service" is ${shown(service)}, expected one that Nodemailer knows: else give "host" and "port"`;
  throw new SmtpArgumentError(message, { phase: "connect" });
}
