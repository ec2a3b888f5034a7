/**
 * What sessions cannot ask for on Cloudflare Workers. The law here: a wish that the runtime would ignore is an error before
 * anything is dialled (design.md, law 5).
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import type { NetworkDemands } from "../net/stream.ts";

/** Throws `SmtpArgumentError` that names the option. */
export function checkDemands({ tlsVerify, tlsOptions, localAddress, socketPath }: NetworkDemands): void {
  if (!tlsVerify) throw refused("tlsVerify", "is false", "true: a certificate is always verified there");
  const [option] = Object.entries(tlsOptions).filter(([name, value]) => value !== undefined && !isKept(name, value));
  if (option) throw refused("tlsOptions", `has ${shown(option[0])}`, "none: a socket takes no options of TLS there");
  if (localAddress !== undefined) throw refused("localAddress", `is ${shown(localAddress)}`, "none");
  if (socketPath !== undefined)
    throw refused("socketPath", `is ${shown(socketPath)}`, "none: there are no unix sockets");
}

/** True of what holds there anyway. */
function isKept(name: string, value: unknown): boolean {
  return name === "rejectUnauthorized" && value === true;
}

function refused(name: string, given: string, expected: string): SmtpArgumentError {
  const message = `Option "${name}" ${given}, which Cloudflare Workers cannot do, expected ${expected}`;
  return new SmtpArgumentError(message, { phase: "connect" });
}
