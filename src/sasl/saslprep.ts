/**
 * SASLprep (RFC 4013): what user and password are made into before SCRAM hashes them, so that both sides hash the same. The
 * law here: what the RFC prohibits is an error before anything is sent, whose message shows nothing of it.
 *
 * The tables of RFC 3454 are classes of Unicode in regular expressions, exact but for two things. Its Unicode is 3.2: what
 * was assigned since (most emoji) passes as it is, as in RFC 8265, and only what the runtime's Unicode does not know counts
 * as unassigned. And `LEFT_TO_RIGHT` lacks the digits and signs of D.2, so that no string is refused that the RFC allows.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";

/** C.1.2. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
/** B.1, of which U+200B has become a space. */
// biome-ignore lint/suspicious/noMisleadingCharacterClass: each stands for itself
const NOTHING = /[\u00ad\u034f\u1806\u180b-\u180d\u200c\u200d\u2060\ufe00-\ufe0f\ufeff]/gu;
/** C.1.2, C.2.1, C.2.2, C.3 to C.9: RFC 4013 section 2.3. */
const PROHIBITED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what it is for
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: each stands for itself
  /[\u0000-\u001f\u007f-\u00a0\u0340\u0341\u06dd\u070f\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2063\u206a-\u206f\u2ff0-\u2ffb\u3000\ufeff\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}\p{Co}\p{Noncharacter_Code_Point}\p{Surrogate}]/u;
/** A.1, by the Unicode of the runtime: how it will be normalised is not known yet. */
const UNASSIGNED = /\p{Cn}/u;
/** D.1. */
const RIGHT_TO_LEFT =
  /[\u05be\u05c0\u05c3\u05d0-\u05ea\u05f0-\u05f4\u061b\u061f\u0621-\u063a\u0640-\u064a\u066d-\u066f\u0671-\u06d5\u06dd\u06e5\u06e6\u06fa-\u06fe\u0700-\u070d\u0710\u0712-\u072c\u0780-\u07a5\u07b1\u200f\ufb1d\ufb1f-\ufb28\ufb2a-\ufb36\ufb38-\ufb3c\ufb3e\ufb40\ufb41\ufb43\ufb44\ufb46-\ufbb1\ufbd3-\ufd3d\ufd50-\ufd8f\ufd92-\ufdc7\ufdf0-\ufdfc\ufe70-\ufe74\ufe76-\ufefc]/u;
/** D.2, of what D.1 leaves: letters, less those that have no direction. */
const LEFT_TO_RIGHT = /(?![\u02b9\u02ba\u02c6-\u02cf\u02ec\u1734\u2132\u302e\u302f])[\p{L}\p{Mc}\p{Nl}]/u;

/**
 * A password as it is hashed: a stored string, in which nothing may be unassigned (RFC 5802 section 2.2). Throws
 * `SmtpArgumentError` that names "secret".
 */
export function preparedSecret(secret: string): string {
  return prepared("secret", secret, true);
}

/** A user name as it is sent: a query, in which anything may be unassigned. Throws `SmtpArgumentError` that names the parameter. */
export function preparedName(parameter: "user" | "authzid", name: string): string {
  return prepared(parameter, name, false);
}

function prepared(parameter: string, text: string, stored: boolean): string {
  const result = text.replaceAll(SPACES, " ").replaceAll(NOTHING, "").normalize("NFKC");
  const fault = faultOf(result, stored);
  if (fault === undefined) return result;
  throw new SmtpArgumentError(`Invalid "${parameter}": it ${fault}, which SASLprep (RFC 4013) prohibits`, {
    phase: "auth",
  });
}

function faultOf(text: string, stored: boolean): string | undefined {
  if (text === "") return "has nothing in it that counts";
  if (PROHIBITED.test(text)) return "holds a control character, one for private use or one that is not for text";
  if (stored && UNASSIGNED.test(text)) return "holds a character that Unicode does not know";
  return hasMixedDirections(text) ? "mixes the directions of writing" : undefined;
}

/** RFC 3454 section 6: text from right to left begins and ends so, and has nothing from left to right in it. */
function hasMixedDirections(text: string): boolean {
  const characters = [...text];
  const directions = characters.map((character) => RIGHT_TO_LEFT.test(character));
  if (!directions.includes(true)) return false;
  const opposite = characters.some((character, at) => !directions[at] && LEFT_TO_RIGHT.test(character));
  return opposite || !directions[0] || !directions.at(-1);
}
