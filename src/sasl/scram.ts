/**
 * SCRAM (RFC 5802, 7677): both sides prove that they know the password, and it does not travel. Its law: the login is made
 * only when the server's signature has been checked; with -PLUS it is good on this TLS connection alone.
 *
 * @module
 */

import { SmtpAuthenticationError, SmtpUnsupportedCommand } from "../errors.ts";
import type { ChannelBinding } from "../net/stream.ts";
import { base64OfBytes } from "../protocol/base64.ts";
import { secretOf } from "./credentials.ts";
import { gs2Header, saslName } from "./gs2.ts";
import type { SaslCredentials, SaslExchange, SaslMechanism } from "./mechanism.ts";
import { preparedName, preparedSecret } from "./saslprep.ts";
import { type ScramHash, signatures } from "./scram_keys.ts";
import { ScramFault, serverFinal, serverFirst } from "./scram_messages.ts";

const utf8 = new TextEncoder();

/** The two of a hash, with the binding and without. `nonce` makes the client's, which is the one thing here left to chance. */
export function scram(
  hash: ScramHash,
  nonce: () => string = randomNonce,
): { plus: SaslMechanism; bare: SaslMechanism } {
  const of = (suffix: "" | "-PLUS"): SaslMechanism => {
    const name = `SCRAM-${hash}${suffix}`;
    return { name, exchange: (credentials) => exchange(name, hash, credentials, nonce()) };
  };
  return { plus: of("-PLUS"), bare: of("") };
}

async function* exchange(name: string, hash: ScramHash, who: SaslCredentials, nonce: string): SaslExchange {
  const password = preparedSecret(await secretOf(who)); // before AUTH goes out, as in LOGIN
  const user = saslName(preparedName("user", who.user));
  const binding = name.endsWith("-PLUS") ? bound(name, who.channelBinding) : undefined;
  const header = gs2Header(flagOf(who, binding), who.authzid && preparedName("authzid", who.authzid));
  const clientFirst = `n=${user},r=${nonce}`;
  const first = yield `${header}${clientFirst}`;
  const told = heard(name, () => serverFirst(first ?? tooEarly(), nonce));
  const clientFinal = `c=${channelData(header, binding)},r=${told.nonce}`;
  const { proof, server } = await signatures(hash, password, told, `${clientFirst},${first},${clientFinal}`);
  const final = yield `${clientFinal},p=${base64OfBytes(proof)}`;
  heard(name, () => {
    // Not in constant time: it is different each time, so nothing can be learnt of it bit by bit.
    if (serverFinal(final ?? tooEarly()) !== base64OfBytes(server)) {
      throw new ScramFault("server's signature is wrong: it does not know the password");
    }
  });
  yield ""; // the server's 235 comes only after an empty answer (RFC 4954 section 4)
}

/** `y` tells a server that offers -PLUS that somebody has taken the offer away (RFC 5802 section 6). */
function flagOf({ channelBinding, offered = [] }: SaslCredentials, binding: ChannelBinding | undefined): string {
  if (binding) return `p=${binding.type}`;
  return channelBinding && !offered.some((name) => /^SCRAM-.*-PLUS$/.test(name)) ? "y" : "n";
}

function bound(name: string, binding: ChannelBinding | undefined): ChannelBinding {
  if (binding) return binding;
  const message = `Login by ${name} needs TLS and what binds a login to it, which the connection or the runtime does not give`;
  throw new SmtpUnsupportedCommand(`${message}, so nothing was sent`, { phase: "auth", command: "AUTH" });
}

/** The header once more, and the binding's octets behind it. */
function channelData(header: string, binding: ChannelBinding | undefined): string {
  return base64OfBytes(Uint8Array.from([...utf8.encode(header), ...(binding?.data ?? [])]));
}

function heard<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ScramFault)) throw error;
    throw new SmtpAuthenticationError(`Login by ${name} failed: ${error.message}`, { command: `AUTH ${name}` });
  }
}

function tooEarly(): never {
  throw new ScramFault("server ended it before its last step");
}

/** 18 octets: 144 bits. */
function randomNonce(): string {
  return base64OfBytes(crypto.getRandomValues(new Uint8Array(18)));
}
