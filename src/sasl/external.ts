/**
 * EXTERNAL (RFC 4422 appendix A): who logs in is known from elsewhere, as a rule from the client's certificate. Its law: no
 * secret is asked for, and the one thing said is whom it is for.
 *
 * @module
 */

import type { SaslMechanism } from "./mechanism.ts";

/** The authorization identity, else the user; empty, which is sent as `=`: whoever the certificate names. */
export const external: SaslMechanism = {
  name: "EXTERNAL",
  withoutSecret: true,
  *exchange({ user, authzid }) {
    yield authzid || user;
  },
};
