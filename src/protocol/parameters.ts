/**
 * ESMTP parameters of MAIL and RCPT: typed values -> ` SIZE=42` (RFC 5321 section 4.1.2).
 * The law here: parameters come from values that were read once and checked one by one, never from a caller's string.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";

/**
 * Parameters of MAIL or RCPT, by keyword in any case: `{ size: 42, body: "8BITMIME", requiretls: true }`. True is the
 * keyword alone, false leaves it out. Only own keys count.
 */
export type EsmtpParameters = Readonly<Record<string, string | number | boolean>>;

const KEYWORD = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
/** esmtp-value: printable ASCII but "=" and the space. */
const VALUE = /^[!-<>-~]+$/;

/** A frozen copy; each value is read once. Throws `SmtpArgumentError` if one is not of the grammar. */
export function copyParameters(parameters: EsmtpParameters): EsmtpParameters {
  // Arrays, Maps and Sets have no own keys that are keywords: their parameters would be lost without a word.
  if (typeof parameters !== "object" || parameters === null || Symbol.iterator in parameters) {
    throw new SmtpArgumentError(`Parameters are ${shown(parameters)}; expected an object such as { size: 42 }`);
  }
  // Of entries, because they define keys: "__proto__" becomes one and is found to be no keyword.
  const copy = Object.fromEntries(Object.entries(parameters));
  formatParameters(copy);
  return Object.freeze(copy);
}

/** The parameters as they stand behind the path, a space in front of each; "" if there are none. Throws `SmtpArgumentError`. */
export function formatParameters(parameters: EsmtpParameters): string {
  const said = new Set<string>();
  let text = "";
  for (const name of Object.keys(parameters)) {
    const keyword = checkedKeyword(name);
    if (said.has(keyword))
      throw new SmtpArgumentError(`Parameter ${keyword} is given twice; expected each keyword once`);
    said.add(keyword);
    const value = checkedValue(keyword, parameters[name]);
    if (value !== false) text += value === true ? ` ${keyword}` : ` ${keyword}=${value}`;
  }
  return text;
}

function checkedKeyword(name: string): string {
  if (KEYWORD.test(name)) return name.toUpperCase();
  throw new SmtpArgumentError(
    `Parameter ${shown(name)} is no keyword; expected letters, digits and hyphens, such as SIZE`,
  );
}

function checkedValue(keyword: string, value: unknown): string | number | boolean {
  if (typeof value === "boolean" || Number.isSafeInteger(value)) return value as boolean | number;
  if (typeof value === "string" && VALUE.test(value)) return value;
  const expected = 'a whole number, true, false, or printable ASCII without spaces and "=" (encode others as xtext)';
  throw new SmtpArgumentError(`Parameter ${keyword} is ${shown(value)}; expected ${expected}`);
}
