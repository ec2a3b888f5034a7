/**
 * ANONYMOUS (RFC 4505): a login of nobody. Its law: what is said is for the server's log and may be nothing.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import { withoutAuthzid } from "./credentials.ts";
import type { SaslMechanism } from "./mechanism.ts";

/** At most 255 characters (section 2), of which none controls (RFC 4505 appendix A). */
const TRACE = /^[^\p{Cc}\p{Surrogate}]{0,255}$/u;

/** The user as the trace: an address, or a word that means something to the administrator. Throws `SmtpArgumentError`. */
export const anonymous: SaslMechanism = {
  name: "ANONYMOUS",
  withoutSecret: true,
  *exchange(credentials) {
    withoutAuthzid("ANONYMOUS", credentials);
    if (!TRACE.test(credentials.user)) {
      throw new SmtpArgumentError('Invalid "user": ANONYMOUS takes at most 255 characters and no control characters');
    }
    yield credentials.user;
  },
};
