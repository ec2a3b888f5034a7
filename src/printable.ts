/**
 * What a server says is shown to people, in messages and transcripts, and terminals obey control characters.
 * The law here: text that came over the wire is shown only through `printable`.
 *
 * @module
 */

/** C0, DEL, C1, and the marks that reorder or hide text (bidi controls, zero width, line and paragraph separators, BOM). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what it is for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The text with every control character written as an escape (`\n`, `\x1b`, `\u202e`), so that it cannot move a cursor or forge a line. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeSequence);
}

/** An error of the runtime's in a word: its code, or its name; what it says, where its name says nothing. */
export function inAWord(error: unknown): string {
  if (!(error instanceof Error)) return "failed";
  if ("code" in error && typeof error.code === "string") return error.code;
  const named = error.name !== "Error" && error.name !== "TypeError";
  return named || error.message === "" ? error.name : printable(error.message).replace(/\.$/, "");
}

function escapeSequence(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
