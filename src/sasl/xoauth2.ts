/**
 * XOAUTH2 (Google, Microsoft): an OAuth 2.0 access token in one message. Its law: ^A divides the fields, so neither of
 * them may hold a control character.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import { secretOf } from "./credentials.ts";
import type { SaslMechanism } from "./mechanism.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what it is for
const CONTROLS = /[\u0000-\u001f\u007f]/;

/** `user=…^Aauth=Bearer …^A^A`, the secret being the access token. Throws `SmtpArgumentError` for a control character. */
export const xoauth2: SaslMechanism = {
  name: "XOAUTH2",
  renews: true,
  async *exchange(credentials) {
    const user = withoutControls("user", credentials.user);
    const token = withoutControls("secret", await secretOf(credentials));
    const refusal = yield `user=${user}\x01auth=Bearer ${token}\x01\x01`;
    if (refusal !== undefined) yield ""; // the server's error in JSON; its 535 comes only after an empty answer
  },
};

function withoutControls(parameter: "user" | "secret", value: string): string {
  if (!CONTROLS.test(value)) return value;
  throw new SmtpArgumentError(`Invalid "${parameter}": XOAUTH2 cannot carry a control character, expected none`);
}
