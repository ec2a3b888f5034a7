/**
 * Mechanisms that few logins use, loaded at the first login that does: SCRAM with its tables, CRAM-MD5 with its hash, and
 * those of tokens would be a twentieth of what a program loads to send a message (docs/packages.md). The law here: what is loaded late
 * behaves as if it had always been there; nothing is said to the server before it is.
 *
 * @module
 */

import type { SaslMechanism } from "./mechanism.ts";
import type { ScramHash } from "./scram_keys.ts";

/** CRAM-MD5 (RFC 2195). */
export const cramMd5: SaslMechanism = lazy("CRAM-MD5", async () => (await import("./cram_md5.ts")).cramMd5);

/** OAUTHBEARER (RFC 7628). */
export const oauthBearer: SaslMechanism = lazy(
  "OAUTHBEARER",
  async () => (await import("./oauthbearer.ts")).oauthBearer,
  { renews: true },
);

/** XOAUTH2. */
export const xoauth2: SaslMechanism = lazy("XOAUTH2", async () => (await import("./xoauth2.ts")).xoauth2, {
  renews: true,
});

/** The two SCRAMs of a hash (RFC 5802, 7677), with the binding and without. */
export function scram(hash: ScramHash): { plus: SaslMechanism; bare: SaslMechanism } {
  const load = async () => (await import("./scram.ts")).scram(hash);
  return {
    plus: lazy(`SCRAM-${hash}-PLUS`, async () => (await load()).plus),
    bare: lazy(`SCRAM-${hash}`, async () => (await load()).bare),
  };
}

function lazy(
  name: string,
  load: () => Promise<SaslMechanism>,
  traits: Pick<SaslMechanism, "renews"> = {},
): SaslMechanism {
  return {
    name,
    ...traits,
    async *exchange(credentials) {
      yield* (await load()).exchange(credentials);
    },
  };
}
