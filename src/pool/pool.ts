/**
 * NetSmtpPool on Node, Deno and Bun.
 *
 * @module
 */

import { NetSmtp } from "../smtp.ts";
import type { PoolOptions } from "./options.ts";
import { SmtpPool } from "./smtp_pool.ts";

/**
 * Sessions to one server, opened as they are needed and used again.
 *
 * ```ts
 * await using pool = new NetSmtpPool("smtp.example.com", 587, { user, secret, maxConnections: 3 });
 * await Promise.all(letters.map(({ text, to }) => pool.sendMessage(text, "from@example.com", to)));
 * ```
 */
export class NetSmtpPool extends SmtpPool {
  /** A pool without a connection. Throws `SmtpArgumentError` that names what is wrong. */
  constructor(address: string, port: number = NetSmtp.defaultPort, options?: PoolOptions) {
    super(address, port, options, (...session) => new NetSmtp(...session));
  }
}
