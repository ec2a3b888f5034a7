/**
 * A user's program, run by Deno with the permissions that README names and no other: `permissions.test.ts` runs it. Its law:
 * it asks Deno for nothing itself but what its case says, and ends with a line of what became of the message.
 *
 *     deno run --no-prompt --allow-net=HOST:PORT test/runtimes/permitted.ts CASE HOST PORT [CA]
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { argv } from "node:process";
import nodemailer from "nodemailer";
import { isSmtpError, NetSmtp, NetSmtpPool, type SmtpOptions } from "../../mod.ts";
import { NetSmtpTransport } from "../../src/nodemailer/mod.ts";

const [, , use = "", host = "", port = "", ca = ""] = argv;
const [FROM, TO, TEXT] = ["from@example.com", "to@example.com", "Subject: hi\n\nhello\n"];
const LOGIN = { user: "me", secret: "secret" };

async function block(options: SmtpOptions): Promise<string> {
  const send = (smtp: NetSmtp) => smtp.sendMessage(TEXT, FROM, TO);
  const { accepted, tls } = await NetSmtp.start(options.socketPath ? "localhost" : host, Number(port), options, send);
  return `${accepted[0]?.fate}, tls: ${tls}`;
}

async function pool(): Promise<string> {
  await using pool = new NetSmtpPool(host, Number(port), { maxConnections: 2, starttls: false });
  const sent = await Promise.all(Array.from({ length: 8 }, () => pool.sendMessage(TEXT, FROM, TO)));
  return sent.map(({ recipients }) => recipients[0]?.fate).join(" ");
}

async function plugin(): Promise<string> {
  const transporter = nodemailer.createTransport(new NetSmtpTransport({ host, port: Number(port), ignoreTLS: true }));
  const { recipients } = await transporter.sendMail({ from: FROM, to: TO, subject: "hi", text: "hello" });
  return `${recipients[0]?.fate}`;
}

const trusting = (): SmtpOptions => ({ tlsOptions: { ca: readFileSync(ca, "utf8") } });

const USES: Readonly<Record<string, () => Promise<string>>> = {
  clear: () => block({ starttls: false }),
  login: () => block({ ...LOGIN, starttls: false, authType: "CRAM-MD5" }),
  starttls: () => block({ ...LOGIN, ...trusting(), starttls: "always" }),
  tls: () => block({ ...trusting(), tls: true }),
  socket: () => block({ socketPath: host }),
  pool,
  plugin,
};

try {
  console.log(await USES[use]?.());
} catch (error) {
  if (!isSmtpError(error)) throw error;
  console.log(`${error.name} ${error.message} (fate: ${error.fate}, retry: ${error.retry})`);
}
