/**
 * The message that the demo sends: text, HTML, an attachment, signed with a DKIM key made a moment ago.
 *
 * @module
 */

import { generateKeyPair } from "node:crypto";
import { promisify } from "node:util";
import type { SendMailOptions } from "nodemailer";

/** What signs: the selector, the domain, the key. */
export interface Signer {
  readonly domainName: string;
  readonly keySelector: string;
  readonly privateKey: string;
}

/** A signer for the domain of an address, and its public key, PEM. */
export async function makeSigner(from: string): Promise<{ signer: Signer; publicKey: string }> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const domainName = from.split("@").at(-1) || "localhost";
  return { signer: { domainName, keySelector: "demo", privateKey }, publicKey };
}

/** The message, as Nodemailer takes it. */
export function letter(from: string, to: readonly string[]): SendMailOptions {
  return {
    from,
    to: [...to],
    subject: "Did it arrive? – a message from net-smtp",
    text: "Hello,\n\nafter an error you know whether this message went out.\n\n.a line that begins with a dot\n",
    html: "<p>Hello,</p><p>after an error you <b>know</b> whether this message went out.</p>",
    attachments: [{ filename: "fates.csv", content: "fate\naccepted\nrefused\nunsent\nunknown\n" }],
  };
}
