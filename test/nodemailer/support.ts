/**
 * Nodemailer with the plugin, and servers for it.
 *
 * @module
 */

import nodemailer, { type SendMailOptions } from "nodemailer";
import { afterEach } from "vitest";
import {
  type NetSmtpMail,
  type NetSmtpSentMessageInfo,
  NetSmtpTransport,
  type NetSmtpTransportError,
  type NetSmtpTransportOptions,
} from "../../src/nodemailer/mod.ts";
import { type PlayServerOptions, playServer, type RealPlayedServer } from "../support/play-server.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A real server, closed after the test. */
export async function start(options?: ServerOptions): Promise<RunningServer> {
  const server = await startSmtpServer(options);
  closing.push(() => server.close());
  return server;
}

/** A played server, closed after the test. */
export async function play(script: string, options?: PlayServerOptions): Promise<RealPlayedServer> {
  const server = await playServer(script, options);
  closing.push(() => server.close());
  return server;
}

/** The plugin to a server on 127.0.0.1. */
export function plugin(server: { port: number }, options: NetSmtpTransportOptions = {}): NetSmtpTransport {
  return new NetSmtpTransport({ host: "127.0.0.1", port: server.port, name: "me.example", ...options });
}

/** A message that goes from a@x.example to b@y.example. */
export const message: SendMailOptions = {
  envelope: { from: "a@x.example", to: ["b@y.example"] },
  messageId: "<1@x.example>",
  raw: "Subject: hi\r\n\r\n.dot\r\n",
};

/** Sends a message by Nodemailer with the plugin. */
export async function send(
  transport: NetSmtpTransport,
  data: SendMailOptions = message,
): Promise<NetSmtpSentMessageInfo> {
  return await nodemailer.createTransport(transport).sendMail(data);
}

/** What it fails with. */
export async function failure(promise: Promise<unknown>): Promise<NetSmtpTransportError> {
  try {
    await promise;
  } catch (error) {
    return error as NetSmtpTransportError;
  }
  throw new Error("It did not fail");
}

/** A message as Nodemailer gives it to `send`, without Nodemailer. */
export function mail(data: object = {}, content: () => AsyncIterable<string | Uint8Array> = text): NetSmtpMail {
  return {
    data,
    message: {
      getEnvelope: () => ({ from: "a@x.example", to: ["b@y.example"] }),
      messageId: () => "<1@x.example>",
      createReadStream: content,
    },
  };
}

async function* text(): AsyncGenerator<string> {
  yield "Subject: hi\r\n\r\nhello\r\n";
}

/** Greeting and EHLO of a played server that offers nothing but PIPELINING. */
export const HELLO = `
  S: 220 mx.example ready
  C: EHLO me.example
  S: 250-mx.example
  S: 250 PIPELINING`;
