/**
 * Through Nodemailer: it composes the message, the plugin sends it.
 *
 *     node build/examples/nodemailer.js HOST PORT      (compiled by `npm start`; Node 22.18 and later run the .ts file)
 *
 * @module
 */

import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import nodemailer from "nodemailer";
import { NetSmtpTransport, type NetSmtpTransportError } from "../src/nodemailer/mod.ts";

/** Sends a message to two recipients. Gives a line about each, whether `sendMail` resolved or rejected. */
export async function mail(host: string, port: number): Promise<string[]> {
  const transporter = nodemailer.createTransport(new NetSmtpTransport({ host, port }), { from: "from@example.com" });
  try {
    const { recipients } = await transporter.sendMail({
      to: ["a@example.com", "b@example.com"],
      subject: "From Nodemailer",
      text: "Composed by Nodemailer, sent by net-smtp.",
      html: "<p>Composed by <b>Nodemailer</b>, sent by <b>net-smtp</b>.</p>",
    });
    return recipients.map(({ address, fate, response }) => `${address} ${fate}: ${response}`);
  } catch (error) {
    const { message, fate, recipients } = error as NetSmtpTransportError;
    // Only "unknown" may have arrived: everybody else can be sent to again, or be crossed off.
    return [
      `${message} (fate: ${fate})`,
      ...recipients.map((one) => `${one.address} ${one.fate}, retry: ${one.retry}`),
    ];
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  console.log((await mail(argv[2] ?? "localhost", Number(argv[3] ?? 587))).join("\n"));
}
