/**
 * XOAUTH2 (Google, Microsoft): an OAuth 2.0 access token in one message. Its law: ^A divides the fields, so neither of
 * them may hold a control character.
 *
 * @module
 */

import { secretOf, withoutAuthzid } from "./credentials.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { withoutControls } from "./token.ts";

/** `user=…^Aauth=Bearer …^A^A`, the secret being the access token. Throws `SmtpArgumentError` for a control character. */
export const xoauth2: SaslMechanism = {
  name: "XOAUTH2",
  renews: true,
  async *exchange(credentials) {
    withoutAuthzid("XOAUTH2", credentials);
    const user = withoutControls("XOAUTH2", "user", credentials.user);
    const token = withoutControls("XOAUTH2", "secret", await secretOf(credentials));
    const refusal = yield `user=${user}\x01auth=Bearer ${token}\x01\x01`;
    if (refusal !== undefined) yield ""; // the server's error in JSON; its 535 comes only after an empty answer
  },
};
