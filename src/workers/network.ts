/**
 * A network on `connect` of `cloudflare:sockets`, or of whatever looks like it. The law here: names are the runtime's to
 * look up, so a host is dialled by its name; and a wish that the runtime cannot grant is refused before.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { endpoint } from "../net/endpoint.ts";
import type { DialTarget, SmtpNetwork, SmtpStream } from "../net/stream.ts";
import { checkDemands } from "./demands.ts";
import type { WorkersConnect, WorkersSocket, WorkersSocketOptions } from "./socket.ts";
import { WorkersStream } from "./stream.ts";

/** TLS comes later or at once, by `startTls`: only it can be told which name the certificate must carry. */
const OPTIONS: WorkersSocketOptions = {
  secureTransport: "starttls",
  // The runtime's default: a server that ended its direction is gone.
  allowHalfOpen: false,
  // Without one the runtime takes everything and never says that it is full.
  highWaterMark: 65_536,
};

/** A network that dials with the function: `connect` of `cloudflare:sockets`, or of a binding, `(...to) => env.MAIL.connect(...to)`. */
export function networkOver(connect: WorkersConnect): SmtpNetwork {
  return networkBy(() => Promise.resolve(connect));
}

/** As `networkOver`; the function is asked for when a connection is made. */
export function networkBy(load: () => Promise<WorkersConnect>): SmtpNetwork {
  return {
    check: checkDemands,
    async resolve(host) {
      await load(); // here, where its own error is not one of an address
      return [/^\[(.*)\]$/.exec(host)?.[1] ?? host];
    },
    connect: async (target, signal) => await dial(await load(), target, signal),
    wrap,
  };
}

async function dial(connect: WorkersConnect, target: DialTarget, signal: AbortSignal): Promise<SmtpStream> {
  checkDemands({ tlsVerify: true, tlsOptions: {}, localAddress: target.localAddress });
  signal.throwIfAborted();
  const { address, port = 0 } = target;
  const hostname = address.includes(":") ? `[${address}]` : address;
  const socket = connect({ hostname, port }, OPTIONS);
  const stream = new WorkersStream(socket, { tls: false, remote: endpoint(address, port) });
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    await Promise.race([socket.opened, aborted]);
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function wrap(socket: unknown, secured: boolean): SmtpStream {
  if (!isSocket(socket)) {
    const expected = "expected a connected socket of cloudflare:sockets";
    throw new SmtpArgumentError(`Option "socket" is ${shown(socket)}, ${expected}`, { phase: "connect" });
  }
  return new WorkersStream(socket, { tls: secured || socket.secureTransport === "on", remote: "the supplied socket" });
}

function isSocket(value: unknown): value is WorkersSocket {
  if (typeof value !== "object" || value === null) return false;
  const { readable, writable, opened, close } = value as Partial<WorkersSocket>;
  return readable !== undefined && writable !== undefined && opened !== undefined && typeof close === "function";
}
