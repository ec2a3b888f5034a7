/**
 * What the server says in SCRAM (RFC 5802 section 7), read strictly. The law here: what is missing, malformed or not understood
 * ends the login, and no error shows a nonce, a salt or a signature: with the proof they allow guessing the password offline.
 *
 * @module
 */

import { bytesOfBase64 } from "../protocol/base64.ts";
import type { Stretching } from "./scram_keys.ts";

/** Fewer are too easily guessed through (RFC 5802 section 5.1, RFC 7677 section 4): whoever asks for fewer wants just that. */
const MIN_ITERATIONS = 4_096;
/** More than sixteen times what is advised today (600 000), some seconds: whoever asks for more wants the time. */
const MAX_ITERATIONS = 10_000_000;
/** One attribute; values hold no comma (RFC 5802 section 5.1). */
const ATTRIBUTE = /^([A-Za-z])=([^,\0]+)$/u;
/** The `printable` of a nonce. */
const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/;
/** The words of RFC 5802 section 7, and what may be added to them. */
const SERVER_ERROR = /^[a-z0-9-]{1,64}$/i;

/** Why a message cannot be answered. */
export class ScramFault extends Error {}

/** The first: the nonce of both, and how the password is stretched. Throws `ScramFault`. */
export function serverFirst(message: string, clientNonce: string): Stretching & { readonly nonce: string } {
  const [nonce = "", salt = "", iterations = ""] = valuesOf(message, ["r", "s", "i"]);
  if (!NONCE.test(nonce) || !nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) {
    throw new ScramFault("server's nonce does not extend the client's");
  }
  const octets = bytesOfBase64(salt);
  if (!octets || octets.length === 0) throw new ScramFault("server's salt is not base64");
  return { nonce, salt: octets, iterations: iterationCount(iterations) };
}

function iterationCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new ScramFault("server's iteration count is not a number");
  const count = Number(text);
  if (count < MIN_ITERATIONS) throw new ScramFault(`server asks for fewer than ${MIN_ITERATIONS} iterations`);
  if (count > MAX_ITERATIONS) throw new ScramFault(`server asks for more than ${MAX_ITERATIONS} iterations`);
  return count;
}

/** The last: the server's signature, in base64. Throws `ScramFault`. */
export function serverFinal(message: string): string {
  const [signature = ""] = valuesOf(message, ["v"]);
  return signature;
}

/** The values of the attributes that must come first, in order; extensions may follow, which are not looked at. */
function valuesOf(message: string, names: readonly string[]): string[] {
  const attributes = message.split(",").map((part) => ATTRIBUTE.exec(part) ?? malformed());
  const [first] = attributes;
  if (first?.[1] === "e") throw new ScramFault(`server says ${errorWord(first[2])}`);
  if (attributes.some(([, name]) => name === "m"))
    throw new ScramFault("server demands an extension, which is not known");
  return names.map((name, at) => (attributes[at]?.[1] === name ? (attributes[at]?.[2] as string) : malformed()));
}

function errorWord(word: string | undefined): string {
  return word !== undefined && SERVER_ERROR.test(word) ? `"${word}"` : "that it failed";
}

function malformed(): never {
  throw new ScramFault("server's message is malformed");
}
