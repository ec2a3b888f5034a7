/**
 * The arithmetic of SCRAM (RFC 5802 section 3), by Web Crypto, which derives the key in a thread of the runtime's. The law
 * here: nothing of a key leaves but the two signatures.
 *
 * @module
 */

/** The hash of a SCRAM mechanism, by Web Crypto's name. */
export type ScramHash = "SHA-1" | "SHA-256";

/** What the server's first message says of the password. */
export interface Stretching {
  /** The salt. */
  readonly salt: Uint8Array<ArrayBuffer>;
  /** How often it is hashed. */
  readonly iterations: number;
}

/** What proves the password to the server, and what the server proves in turn. */
export interface Signatures {
  /** ClientProof. */
  readonly proof: Uint8Array;
  /** ServerSignature. */
  readonly server: Uint8Array;
}

const utf8 = new TextEncoder();
const BITS: Readonly<Record<ScramHash, number>> = { "SHA-1": 160, "SHA-256": 256 };

/** Both for a password, prepared, and the messages of an exchange. */
export async function signatures(
  hash: ScramHash,
  password: string,
  { salt, iterations }: Stretching,
  messages: string,
): Promise<Signatures> {
  const key = await crypto.subtle.importKey("raw", utf8.encode(password), "PBKDF2", false, ["deriveBits"]);
  const salted = await crypto.subtle.deriveBits({ name: "PBKDF2", hash, salt, iterations }, key, BITS[hash]);
  const clientKey = await hmac(hash, salted, "Client Key");
  const storedKey = await crypto.subtle.digest(hash, clientKey);
  const clientSignature = await hmac(hash, storedKey, messages);
  const serverKey = await hmac(hash, salted, "Server Key");
  return {
    proof: clientKey.map((octet, at) => octet ^ (clientSignature[at] as number)),
    server: await hmac(hash, serverKey, messages),
  };
}

async function hmac(
  hash: ScramHash,
  secret: Uint8Array<ArrayBuffer> | ArrayBuffer,
  text: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8.encode(text)));
}
