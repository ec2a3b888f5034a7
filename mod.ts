/**
 * net-smtp: an SMTP client engine with the semantics of Ruby's Net::SMTP.
 *
 * ```ts
 * import { NetSmtp } from "@net-smtp/net-smtp";
 *
 * await NetSmtp.start("smtp.example.com", 587, { helo: "client.example.com", user: "me", secret: "secret" }, async (smtp) => {
 *   const delivery = await smtp.sendMessage("Subject: hi\n\nhello\n", "me@example.com", ["a@example.com", "b@example.com"]);
 *   for (const { address, fate, response } of delivery.recipients) console.log(address, fate, `${response}`);
 * });
 * ```
 *
 * @module
 */

export * from "./src/api.ts";
export { type MxOptions, resolveMx } from "./src/mx.ts";
export { NetSmtpPool } from "./src/pool/pool.ts";
export { NetSmtp, NetSmtp as NetSmtpSession } from "./src/smtp.ts";
