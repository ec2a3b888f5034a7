// The clients that are compared: each opens once, sends many messages over one connection, and closes.
import nodemailer from "nodemailer";
import SMTPConnectionModule from "nodemailer/lib/smtp-connection";
import { NetSmtp } from "../dist/mod.js";

const SMTPConnection = SMTPConnectionModule.default ?? SMTPConnectionModule;

export const FROM = "a@x.example";
export const TO = ["b@y.example"];

/** A message of 1 KB: a header, then lines of base64. */
export const MESSAGE = Buffer.from(
  `Subject: receipt\r\n\r\n${`${"QUJDREVGR0hJSktM".repeat(5).slice(0, 76)}\r\n`.repeat(13)}`,
).subarray(0, 1022);

/** Keeps `width` sends under way until `count` were sent. */
async function pump(count, width, send) {
  let begun = 0;
  const one = async () => {
    while (begun++ < count) await send();
  };
  await Promise.all(Array.from({ length: width }, one));
}

/** NetSmtp. `width` calls of sendMessage are not awaited at a time. */
export async function netSmtp(port, options = {}, width = 32) {
  const smtp = await NetSmtp.start("127.0.0.1", port, { recipientPolicy: "collect", ...options });
  return {
    send: (count, message = MESSAGE, to = TO) => pump(count, width, () => smtp.sendMessage(message, FROM, to)),
    close: () => smtp.finish(),
  };
}

/** Nodemailer's SMTPConnection: one message at a time, as it allows. */
export async function smtpConnection(port) {
  const connection = new SMTPConnection({ host: "127.0.0.1", port, ignoreTLS: true });
  await new Promise((resolve, reject) => connection.once("error", reject).connect(resolve));
  const send = (message, to) =>
    new Promise((resolve, reject) => {
      connection.send({ from: FROM, to }, message, (error, info) => (error ? reject(error) : resolve(info)));
    });
  return {
    send: (count, message = MESSAGE, to = TO) => pump(count, 1, () => send(message, to)),
    close: () => new Promise((resolve) => connection.once("end", resolve).quit()),
  };
}

/** Nodemailer's pool with one connection, through sendMail, of raw Buffers. */
export async function pool(port) {
  const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: 1,
    maxMessages: 1e9,
    host: "127.0.0.1",
    port,
    ignoreTLS: true,
  });
  const mail = { envelope: { from: FROM, to: TO }, raw: MESSAGE };
  return {
    send: (count) => pump(count, 32, () => transport.sendMail(mail)),
    close: async () => transport.close(),
  };
}
