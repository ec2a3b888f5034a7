/**
 * Names of options that cannot be taken. The law here: no wish is lost in silence, so each says why it is not taken and
 * what to write instead.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";

/** Nodemailer reads these from its own options, which a transport object does not pass to it; its defaults do, or createNetSmtpTransport. */
export const MAILER: ReadonlySet<string> = words(
  "attachDataUrls disableFileAccess disableUrlAccess dkim maxRecipients normalizeHeaderKey proxy",
);

/** The engine's names, and what Nodemailer calls the same. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["address", "host"],
  ["helo", "name"],
  ["user", "auth.user"],
  ["pass", "auth.pass"],
  ["password", "auth.pass"],
  ["secret", "auth.pass"],
  ["authType", "auth.method"],
  ["starttls", "requireTLS or ignoreTLS"],
  ["tlsHostname", "servername"],
  ["tlsOptions", "tls"],
  ["tlsVerify", "tls.rejectUnauthorized"],
  ["openTimeout", "connectionTimeout"],
  ["readTimeout", "socketTimeout"],
  ["writeTimeout", "socketTimeout"],
  ["debugOutput", "logger and debug"],
]);

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/** Throws `SmtpArgumentError` unless every name is known. Of the mailer's, what is empty is no wish. */
export function checkOptionNames(options: object, known: readonly string[]): void {
  const given = Object.entries(options).filter(([name, value]) => value || !MAILER.has(name));
  const name = given.map(([name]) => name).find((name) => !known.includes(name));
  if (name === undefined) return;
  throw new SmtpArgumentError(`Option ${shown(name)} ${whyNot(name, known)}`, { phase: "connect" });
}

function whyNot(name: string, known: readonly string[]): string {
  if (name === "proxy")
    return "is not the transport's: use createNetSmtpTransport(nodemailer, options), or transporter.setupProxy(url)";
  if (MAILER.has(name)) return `is not the transport's: give it to Nodemailer, createTransport(transport, { ${name} })`;
  const renamed = RENAMED.get(name);
  if (renamed) return `is unknown: Nodemailer's name for it is ${renamed}`;
  return `is unknown${didYouMean(name, known) || `, expected one of ${known.join(", ")}`}`;
}

/** `, did you mean "requireTLS"?` without the given name; empty if no name is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = known.filter((other) => distance(name.toLowerCase(), other.toLowerCase()) <= 2);
  return near.length > 0 ? `, did you mean ${near.map((other) => `"${other}"`).join(" or ")}?` : "";
}

/** How many letters must be put in, left out or changed; 9 for names too long to be meant. */
function distance(a: string, b: string): number {
  if (a.length > 40) return 9;
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const changed = (above[column - 1] as number) + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(changed, (above[column] as number) + 1, (line[column - 1] as number) + 1));
    }
    above = line;
  }
  return above[b.length] as number;
}
