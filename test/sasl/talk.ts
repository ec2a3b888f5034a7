/**
 * A server for one exchange: it gives the challenges in order, and what the mechanism said comes back.
 *
 * @module
 */

import type { SaslCredentials, SaslMechanism } from "../../src/sasl/mechanism.ts";

/** Credentials with a host and a port that no test cares about. */
export function credentials(user: string, secret: SaslCredentials["secret"]): SaslCredentials {
  return { user, secret, host: "mail.example.com", port: 587 };
}

/** What a mechanism yields: first its initial response, then an answer to each challenge; "ended" if there is none. */
export async function talk(
  mechanism: SaslMechanism,
  who: SaslCredentials,
  challenges: readonly string[],
): Promise<(string | undefined)[]> {
  const exchange = mechanism.exchange(who);
  const said: (string | undefined)[] = [];
  for (const challenge of ["", ...challenges]) {
    const { done, value } = await exchange.next(challenge);
    said.push(done ? "ended" : (value as string | undefined));
  }
  return said;
}
