/**
 * What the mechanisms of OAuth 2.0 share. The law here: no field of a message can be made by what another holds.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what it is for
const CONTROLS = /[\u0000-\u001f\u007f]/;

/** The value. Throws `SmtpArgumentError`, which does not show it, if it has a control character. */
export function withoutControls(mechanism: string, parameter: "user" | "secret", value: string): string {
  if (!CONTROLS.test(value)) return value;
  throw new SmtpArgumentError(`Invalid "${parameter}": ${mechanism} cannot carry a control character, expected none`);
}
