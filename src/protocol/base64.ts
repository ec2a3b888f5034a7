/**
 * Base64 of text, as SASL carries it: UTF-8 first, then base64.
 * The law here: strict both ways (RFC 4648 section 3). What does not decode to exactly what was encoded is refused, not
 * repaired, for a challenge that was guessed at is answered wrongly.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import { hasLoneSurrogate } from "./characters.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The text in UTF-8, in base64. Throws `SmtpArgumentError` for a lone surrogate (UTF-8 would put U+FFFD in its place, and
 * another password would go out); the message does not show the text, which may be a secret.
 */
export function base64(text: string): string {
  if (hasLoneSurrogate(text)) {
    throw new SmtpArgumentError("Text to encode holds half of a surrogate pair; expected well-formed Unicode");
  }
  return base64OfBytes(encoder.encode(text));
}

/** Octets in base64. */
export function base64OfBytes(bytes: Uint8Array): string {
  let binary = "";
  for (const octet of bytes) binary += String.fromCharCode(octet);
  return btoa(binary);
}

/**
 * The text of strict base64, or undefined: no blanks, all of the padding, no stray bits behind the last octet (RFC 4648
 * section 3.5), and UTF-8 inside. The empty string is the empty text.
 */
export function decodeBase64(text: string): string | undefined {
  const bytes = bytesOfBase64(text);
  try {
    return bytes && decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The octets of strict base64, or undefined. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(text);
    // atob forgives blanks, missing padding and stray bits; encoding again shows that there was something to forgive.
    if (btoa(binary) !== text) return undefined;
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
