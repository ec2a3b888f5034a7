/**
 * Many messages by the pool, and Nodemailer's messages by the plugin.
 *
 * @module
 */

import nodemailer, { type SendMailOptions } from "nodemailer";
import { expect } from "vitest";
import { NetSmtpPool } from "../../../mod.ts";
import { createNetSmtpTransport, NetSmtpTransport, type NetSmtpTransportOptions } from "../../../src/nodemailer/mod.ts";
import { type Letter, SENDER } from "../letters.ts";
import { LOGIN } from "../place.ts";
import { at, fates, type Trial } from "../trial.ts";
import type { Mode } from "./mode.ts";

const MANY = 60;
const TWO = ["alice", "bob"];

async function pool(trial: Trial): Promise<void> {
  const { place, subject } = trial;
  const login = subject.logins.length > 0 ? LOGIN : {};
  const options = trial.options({ ...login, starttls: "always", inFlight: 16 });
  const connections = new Set<string>();
  const observe = (event: { readonly type: string; readonly connection?: string }) => {
    if (event.type === "connectEnd") connections.add(event.connection!);
  };
  const sender = new NetSmtpPool("127.0.0.1", place.plain, {
    ...options,
    observe,
    maxConnections: 3,
    maxMessages: 15,
  });
  const letters = Array.from({ length: MANY }, () => trial.letter());
  await Promise.all(
    letters.map(async (letter) => {
      const { recipients } = await sender.sendMessage(letter.source, SENDER, TWO.map(at));
      trial.accepted(letter, TWO, recipients);
    }),
  );
  await sender.close();
  expect(connections.size).toBeGreaterThanOrEqual(MANY / 15);
}

/** A mail of which Nodemailer makes the same octets whenever it is asked. */
function mail(id: string): SendMailOptions {
  return {
    from: { name: "Jürgen", address: SENDER },
    to: [at("alice"), { name: "Bob, Robert", address: at("bob") }],
    bcc: at("carol"),
    subject: "Grüße, with an attachment",
    date: new Date("2026-11-24T12:00:00Z"),
    messageId: `<${id}>`,
    baseBoundary: id.replaceAll(/\W/g, "_"),
    text: ".\r\n..\n.hidden\nGrüße\n",
    html: "<p>Grüße</p>",
    attachments: [{ filename: "ünïcode.bin", content: Buffer.from(Array.from({ length: 9_001 }, (_, n) => n % 256)) }],
  };
}

/** The octets, by Nodemailer alone. Its stream transport keeps Bcc, which no transport that sends may. */
async function octetsOf({ bcc: _, ...message }: SendMailOptions): Promise<Buffer> {
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });
  return Buffer.from((await composer.sendMail(message)).message as Buffer);
}

function pluginOptions({ place, subject }: Trial): NetSmtpTransportOptions {
  const { user, secret: pass } = LOGIN;
  const tls = { ca: place.ca };
  const common = { host: "127.0.0.1", port: place.plain, name: "client.example.test", tls, requireTLS: true };
  return { ...common, lmtp: subject.lmtp !== undefined, ...(subject.logins.length > 0 && { auth: { user, pass } }) };
}

type Sends = (message: SendMailOptions) => Promise<{ readonly recipients?: unknown }>;

async function through(trial: Trial, sendMail: Sends, count: number): Promise<void> {
  const ids = Array.from({ length: count }, () => trial.letter().id);
  await Promise.all(
    ids.map(async (id) => {
      const octets = await octetsOf(mail(id));
      const info = await sendMail(mail(id));
      const boxes = ["alice", "bob", "carol"];
      expect(fates(info.recipients as never).map((fate) => (fate as unknown[])[1])).toEqual(
        boxes.map(() => "accepted"),
      );
      const letter: Letter = { id, source: octets, octets };
      trial.sent.push({ letter, boxes });
    }),
  );
}

/** All of them. */
export const CROWD: readonly Mode[] = [
  { name: "the pool: 60 messages, 3 connections, TLS, login", run: pool },
  {
    name: "the Nodemailer plugin, TLS, login",
    async run(trial) {
      const transporter = nodemailer.createTransport(new NetSmtpTransport(pluginOptions(trial)));
      await through(trial, (message) => transporter.sendMail(message) as never, 4);
      expect(await transporter.verify()).toBe(true);
    },
  },
  {
    name: "the Nodemailer plugin with a pool",
    async run(trial) {
      const options = { ...pluginOptions(trial), pool: true, maxConnections: 2, inFlight: 4 };
      const transporter = createNetSmtpTransport(nodemailer, options);
      await through(trial, (message) => transporter.sendMail(message) as never, 20);
      await transporter.close();
    },
  },
];
