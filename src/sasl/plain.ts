/**
 * PLAIN (RFC 4616): everything in one message. Its law: the authorization identity is empty unless one is given, so that the
 * server derives it from the user.
 *
 * @module
 */

import { secretOf } from "./credentials.ts";
import type { SaslMechanism } from "./mechanism.ts";

/** `authzid NUL user NUL secret` as the initial response (Net::SMTP#auth_plain). */
export const plain: SaslMechanism = {
  name: "PLAIN",
  async *exchange(credentials) {
    yield `${credentials.authzid ?? ""}\0${credentials.user}\0${await secretOf(credentials)}`;
  },
};
