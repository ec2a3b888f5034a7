/**
 * Characters that have no place in a command, and how an error names one.
 * The law here: an error shows the one character and where it stands, so that a line with a secret in it is never shown.
 *
 * @module
 */

const NOT_PRINTABLE_ASCII = /[^ -~]/;
/** Half of a surrogate pair without the other half: no character, and without a form in UTF-8. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const encoder = new TextEncoder();

/** True if every character is printable ASCII; the space is. */
export function isPrintableAscii(text: string): boolean {
  return !NOT_PRINTABLE_ASCII.test(text);
}

/** True if half of a surrogate pair stands in the text without the other half. */
export function hasLoneSurrogate(text: string): boolean {
  return LONE_SURROGATE.test(text);
}

/** How many octets the text has in UTF-8. */
export function octets(text: string): number {
  return isPrintableAscii(text) ? text.length : encoder.encode(text).length;
}

/** The character at an offset in UTF-16 units, for a message: `U+000D at offset 12`. */
export function characterAt(text: string, offset: number): string {
  const code = text.codePointAt(offset) ?? 0;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")} at offset ${offset}`;
}
