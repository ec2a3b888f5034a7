/**
 * OAUTHBEARER (RFC 7628): an OAuth 2.0 access token in one message, for a server by name. Its law: ^A divides the fields, so
 * none of them may hold a control character.
 *
 * @module
 */

import { secretOf } from "./credentials.ts";
import { gs2Header } from "./gs2.ts";
import type { SaslMechanism } from "./mechanism.ts";
import { withoutControls } from "./token.ts";

/** `n,a=…,^Ahost=…^Aport=…^Aauth=Bearer …^A^A`, the secret being the access token. Throws `SmtpArgumentError` for a control character. */
export const oauthBearer: SaslMechanism = {
  name: "OAUTHBEARER",
  renews: true,
  async *exchange({ user, authzid, secret, host, port }) {
    const header = gs2Header("n", withoutControls("OAUTHBEARER", "user", authzid || user));
    const token = withoutControls("OAUTHBEARER", "secret", await secretOf({ secret }));
    const refusal = yield `${header}\x01host=${host}\x01port=${port}\x01auth=Bearer ${token}\x01\x01`;
    if (refusal !== undefined) yield "\x01"; // the server's error in JSON; its 535 comes only after this (section 3.2.3)
  },
};
