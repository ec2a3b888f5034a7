/**
 * Text as the value of a parameter: xtext (RFC 3461 section 4), and its form for addresses beyond ASCII (RFC 6533 section 3).
 * The law here: what comes out has no space, no "=" and no control character, whatever went in, and reads back as it was.
 *
 * @module
 */

/** What does not stand for itself: all but printable ASCII, the space, "+" and "=". */
const NOT_XCHAR = /[^!-*,-<>-~]/gu;
/** The same, and the backslash, which begins an escape there. */
const NOT_QCHAR = /[^!-*,-<>-[\]-~]/gu;

/** ASCII as xtext: `e=mc2@example.com` becomes `e+3Dmc2@example.com`. */
export function xtext(text: string): string {
  return text.replace(NOT_XCHAR, (character) => `+${hex(character)}`);
}

/** Any text as utf-8-addr-xtext: `ü@x.example` becomes `\x{FC}@x.example`. It is ASCII, and needs no SMTPUTF8. */
export function unicodeXtext(text: string): string {
  return text.replace(NOT_QCHAR, (character) => `\\x{${hex(character)}}`);
}

function hex(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, "0");
}
