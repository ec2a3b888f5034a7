/**
 * CRAM-MD5 (RFC 2195): the secret signs the server's challenge and does not travel. Its law: the digest is lower-case
 * hexadecimal, and the last space divides it from the user, who may hold spaces.
 *
 * @module
 */

import { secretOf, withoutAuthzid } from "./credentials.ts";
import { hmacMd5 } from "./md5.ts";
import type { SaslMechanism } from "./mechanism.ts";

const utf8 = new TextEncoder();

/** `user SP digest` in answer to the challenge (Net::SMTP#auth_cram_md5). */
export const cramMd5: SaslMechanism = {
  name: "CRAM-MD5",
  async *exchange(credentials) {
    withoutAuthzid("CRAM-MD5", credentials);
    const secret = await secretOf(credentials); // before AUTH goes out: a secret that cannot be had costs no failed login
    const challenge = (yield undefined) ?? ""; // without a challenge the signature is still to be said: 235 does not count
    yield `${credentials.user} ${hex(hmacMd5(utf8.encode(secret), utf8.encode(challenge)))}`;
  },
};

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
