/**
 * What binds a login to its TLS connection: `tls-exporter` (RFC 9266), else `tls-server-end-point` (RFC 5929 section 4). The
 * law here: one that is not certain to be the server's too is none; a login with a wrong one never succeeds.
 *
 * @module
 */

import { bindingHash } from "./certificate.ts";
import type { ChannelBinding } from "./stream.ts";

/** What a TLS socket may be asked; Deno's has no exporter. */
interface TlsFacts {
  getProtocol(): string | null;
  exportKeyingMaterial(length: number, label: string, context: Uint8Array): Uint8Array;
  getPeerCertificate(): { raw?: Uint8Array } | null;
}

/** RFC 9266 section 4. */
const LABEL = "EXPORTER-Channel-Binding";

/** The binding of a TLS socket of the runtime; undefined if the socket does not tell it. */
export async function tlsBinding(socket: object): Promise<ChannelBinding | undefined> {
  const facts = socket as Partial<TlsFacts>;
  try {
    return exporter(facts) ?? (await serverEndPoint(facts));
  } catch {
    return undefined; // a runtime that has the method and not what it does
  }
}

/** Below TLS 1.3 it is unique only with the extended master secret (RFC 9266 section 4.2), which no runtime tells of. */
function exporter(socket: Partial<TlsFacts>): ChannelBinding | undefined {
  if (typeof socket.exportKeyingMaterial !== "function" || socket.getProtocol?.() !== "TLSv1.3") return undefined;
  return { type: "tls-exporter", data: socket.exportKeyingMaterial(32, LABEL, new Uint8Array()).slice() };
}

/** The certificate's hash; a resumed connection may have none, and what is signed without a hash has no binding. */
async function serverEndPoint(socket: Partial<TlsFacts>): Promise<ChannelBinding | undefined> {
  const certificate = socket.getPeerCertificate?.()?.raw;
  const hash = certificate && bindingHash(certificate);
  if (!hash) return undefined;
  return {
    type: "tls-server-end-point",
    data: new Uint8Array(await crypto.subtle.digest(hash, Uint8Array.from(certificate))),
  };
}
