/**
 * Delivery without a relay: the mail hosts of each recipient's domain, best first, inside TLS where they let us.
 *
 *     node build/examples/direct.js from@example.com to@example.org …   (compiled by `npm start`)
 *
 * @module
 */

import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { isSmtpError, NetSmtp, type RecipientResult, resolveMx, type SmtpNetwork, type SmtpOptions } from "../mod.ts";

/** What is sent, and by whom. */
export interface Direct {
  message: string;
  from: string;
  /** The name of this host as its address resolves to: servers look at it. */
  helo: string;
  network?: SmtpNetwork;
}

// docs/direct.md shows what is between these lines. >>>
/** Most certificates of mail hosts do not verify; TLS without that still keeps out who only listens (RFC 7435). */
const OPPORTUNISTIC: SmtpOptions = { starttls: "opportunistic", tlsVerify: false };
/** Where TLS fails altogether, clear is no worse than a server that never offered it. */
const CLEAR: SmtpOptions = { starttls: false };

/** Delivers to each, by the mail hosts of its domain. Gives what became of each; "now" and "later" may be tried again in some minutes. */
export async function direct(letter: Direct, to: readonly string[]): Promise<RecipientResult[]> {
  const domains = new Map<string, string[]>();
  for (const address of to) {
    const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
    domains.set(domain, [...(domains.get(domain) ?? []), address]);
  }
  const told = await Promise.all([...domains].map(([domain, list]) => toDomain(letter, domain, list)));
  return told.flat();
}

async function toDomain(letter: Direct, domain: string, to: string[]): Promise<RecipientResult[]> {
  const { network } = letter;
  const settled: RecipientResult[] = [];
  let owed: RecipientResult[] = to.map((address) => ({ address, fate: "unsent", retry: "later" }));
  try {
    for (const { exchange } of await resolveMx(domain, { network, localNames: [letter.helo] })) {
      const told = await toHost(
        letter,
        exchange,
        owed.map(({ address }) => address),
      );
      owed = told.filter(({ retry }) => retry === "now" || retry === "later");
      // Accepted, refused for good, or unknown: no other host is asked, since it may have arrived.
      settled.push(...told.filter((result) => !owed.includes(result)));
      if (owed.length === 0) break;
    }
  } catch (error) {
    if (!isSmtpError(error)) throw error;
    owed = owed.map(({ address }) => ({ address, fate: "unsent", retry: error.retry }));
  }
  return [...settled, ...owed];
}

async function toHost(letter: Direct, exchange: string, to: string[]): Promise<readonly RecipientResult[]> {
  const { helo, network, message, from } = letter;
  for (const security of [OPPORTUNISTIC, CLEAR]) {
    try {
      const options: SmtpOptions = { helo, network, recipientPolicy: "collect", ...security };
      const delivery = await NetSmtp.start(exchange, 25, options, (smtp) => smtp.sendMessage(message, from, to));
      return delivery.recipients;
    } catch (error) {
      if (!isSmtpError(error)) throw error;
      if (error.code === "SMTP_TLS" && security === OPPORTUNISTIC) continue;
      if (error.recipients.length > 0) return error.recipients;
      // Without recipients no message had begun.
      return to.map((address) => ({ address, fate: error.fate, retry: error.retry }));
    }
  }
  return [];
}
// <<<

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const [from = "from@example.com", ...to] = argv.slice(2);
  const letter = { message: "Subject: Directly\n\nWithout a relay.\n", from, helo: from.slice(from.indexOf("@") + 1) };
  for (const { address, fate, response } of await direct(letter, to))
    console.log(`${address} ${fate} ${response ?? ""}`);
}
