/**
 * NetSmtp on Node, Deno and Bun. The law here: what it dials with is loaded when the first session starts, and only if it
 * is not given another network.
 *
 * @module
 */

import { SmtpClient } from "./client.ts";
import type { SmtpNetwork } from "./net/stream.ts";
import type { SmtpOptions } from "./options.ts";

/**
 * An SMTP session with the semantics of Net::SMTP.
 *
 * ```ts
 * await NetSmtp.start("localhost", 25, async (smtp) => {
 *   await smtp.sendMessage("Subject: hi\n\nhello\n", "from@example.com", ["to@example.com"]);
 * });
 * ```
 */
export class NetSmtp extends SmtpClient {
  /** A session that is not started. Throws `SmtpArgumentError` that names what is wrong (Net::SMTP.new). */
  constructor(address: string, port: number = NetSmtp.defaultPort, options?: SmtpOptions) {
    super(address, port, options, ofNode);
  }
}

async function ofNode(): Promise<SmtpNetwork> {
  return (await import("./net/node.ts")).nodeNetwork;
}
