/**
 * LOGIN (draft-murchison-sasl-login): the server asks for the user, then for the secret. Its law: the prompts are not
 * looked at, since servers word them as they like.
 *
 * @module
 */

import { secretOf, withoutAuthzid } from "./credentials.ts";
import type { SaslMechanism } from "./mechanism.ts";

/** The user, then the secret, each after a prompt (Net::SMTP#auth_login). */
export const login: SaslMechanism = {
  name: "LOGIN",
  async *exchange(credentials) {
    withoutAuthzid("LOGIN", credentials);
    const secret = await secretOf(credentials); // before AUTH goes out: a secret that cannot be had costs no failed login
    yield undefined;
    yield credentials.user;
    yield secret;
  },
};
