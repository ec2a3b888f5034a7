/**
 * What the types promise is checked by `tsc`: both Nodemailer's own types and those of @types/nodemailer take the
 * transport. What runs here is that it works as it is typed.
 *
 * @module
 */

import nodemailer, { type Transport, type Transporter } from "nodemailer";
import type { createTransport as CreateTransport8, Transport as Transport8 } from "nodemailer-types-8";
import { expect, test } from "vitest";
import {
  type NetSmtpSentMessageInfo,
  NetSmtpTransport,
  type NetSmtpTransportOptions,
} from "../../src/nodemailer/mod.ts";

const options: NetSmtpTransportOptions = { host: "127.0.0.1", name: "me.example" };

test("NetSmtpTransport is a transport in Nodemailer's own types", () => {
  const transport: Transport<NetSmtpSentMessageInfo> = new NetSmtpTransport(options);
  const transporter = nodemailer.createTransport(new NetSmtpTransport(options), { from: "a@x.example" });
  const typed: Transporter<NetSmtpSentMessageInfo> = transporter;
  const send = async (): Promise<string[]> => {
    const { recipients } = await transporter.sendMail({ to: "b@y.example" });
    return recipients.map(({ address, fate }) => `${address} ${fate}`);
  };
  expect([typeof transport.send, typeof typed.sendMail, typeof send]).toEqual(["function", "function", "function"]);
});

test("NetSmtpTransport is a transport in the types of @types/nodemailer 8", () => {
  const createTransport = nodemailer.createTransport as unknown as typeof CreateTransport8;
  const transport: Transport8<NetSmtpSentMessageInfo> = new NetSmtpTransport(options);
  const transporter = createTransport(new NetSmtpTransport(options), { from: "a@x.example" });
  const send = async (): Promise<string> => (await transporter.sendMail({ to: "b@y.example" })).messageId;
  expect([typeof transport.verify, typeof send]).toEqual(["function", "function"]);
});
