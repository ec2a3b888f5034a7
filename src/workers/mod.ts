/**
 * net-smtp on Cloudflare Workers: the same engine on `cloudflare:sockets`, with nothing of Node's and without `nodejs_compat`.
 *
 * ```ts
 * import { NetSmtp } from "net-smtp/workers";
 *
 * export default {
 *   async fetch(_request: Request, env: { SECRET: string }): Promise<Response> {
 *     const options = { tls: true, helo: "example.com", user: "me", secret: env.SECRET };
 *     const delivery = await NetSmtp.start("smtp.example.com", 465, options, async (smtp) => {
 *       return await smtp.sendMessage("Subject: hi\r\n\r\nhello\r\n", "me@example.com", "you@example.net");
 *     });
 *     return new Response(`${delivery.response}`);
 *   },
 * };
 * ```
 *
 * A connection belongs to the request that opened it: a session or a pool is made, used and finished inside one. What else
 * is different is in docs/workers.md.
 *
 * @module
 */

import { SmtpClient } from "../client.ts";
import { SmtpArgumentError } from "../errors.ts";
import type { SmtpNetwork } from "../net/stream.ts";
import type { SmtpOptions } from "../options.ts";
import type { PoolOptions } from "../pool/options.ts";
import { SmtpPool } from "../pool/smtp_pool.ts";
import { networkBy } from "./network.ts";
import type { WorkersConnect } from "./socket.ts";

export * from "../api.ts";
export { networkOver } from "./network.ts";
export type {
  WorkersChunk,
  WorkersConnect,
  WorkersReader,
  WorkersSocket,
  WorkersSocketOptions,
  WorkersWriter,
} from "./socket.ts";

/** The network of Cloudflare Workers: what `NetSmtp` and `NetSmtpPool` of this module dial with. */
export const workersNetwork: SmtpNetwork = networkBy(connectOfWorkers);

/**
 * Loaded when the first connection is made, so that a program that holds this module can be loaded elsewhere too: by its
 * tests, by a build. The specifier is a literal, which is what the bundlers for Workers look for and leave alone.
 */
async function connectOfWorkers(): Promise<WorkersConnect> {
  try {
    // biome-ignore lint/suspicious/noTsIgnore: where Cloudflare's types are installed there is no error to expect
    // @ts-ignore: its types are a package of Cloudflare's, and ambient ones of our own are refused by JSR
    const sockets = (await import("cloudflare:sockets")) as { connect: WorkersConnect };
    return sockets.connect;
  } catch (cause) {
    const message = "cloudflare:sockets is not there, expected Cloudflare Workers: elsewhere import net-smtp itself";
    throw new SmtpArgumentError(message, { phase: "connect", cause });
  }
}

/** An SMTP session with the semantics of Net::SMTP, on Cloudflare Workers. It belongs to the request in which it is started. */
export class NetSmtp extends SmtpClient {
  /** A session that is not started. Throws `SmtpArgumentError` that names what is wrong, or cannot be done on Workers (Net::SMTP.new). */
  constructor(address: string, port: number = NetSmtp.defaultPort, options?: SmtpOptions) {
    super(address, port, options, workersNetwork);
  }
}

export { NetSmtp as NetSmtpSession };

/** Sessions to one server, on Cloudflare Workers: for many messages of one request. */
export class NetSmtpPool extends SmtpPool {
  /** A pool without a connection. Throws `SmtpArgumentError` that names what is wrong, or cannot be done on Workers. */
  constructor(address: string, port: number = NetSmtp.defaultPort, options?: PoolOptions) {
    super(address, port, options, (...session) => new NetSmtp(...session));
  }
}
