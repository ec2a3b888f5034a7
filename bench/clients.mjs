// The clients that are compared: each opens once, sends many messages over one connection, and closes.
import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import nodemailer from "nodemailer";
import SMTPConnectionModule from "nodemailer/lib/smtp-connection";
import { NetSmtp } from "../dist/mod.js";
import { NetSmtpTransport } from "../dist/src/nodemailer/mod.js";

const SMTPConnection = SMTPConnectionModule.default ?? SMTPConnectionModule;
const HOST = "127.0.0.1";
const FROM = "a@x.example";
const TO = ["b@y.example"];
const LINE = `${"QUJDREVGR0hJSktM".repeat(5).slice(0, 76)}\r\n`;

/** A message of 1 KB: a header, then lines of base64. */
const MESSAGE = Buffer.from(`Subject: receipt\r\n\r\n${LINE.repeat(13)}`).subarray(0, 1022);
const CHUNK = Buffer.alloc(64 * 1024, LINE);

/** Chunks of 64 KB, one after the other. */
async function* chunks(count) {
  for (let index = 0; index < count; index++) yield CHUNK;
}

/** The same as a stream that costs as little as a stream can. */
function readable(count) {
  let index = 0;
  return new Readable({
    read() {
      this.push(index++ < count ? CHUNK : null);
    },
  });
}

/** Keeps `width` sends under way until `count` were sent. */
async function pump(count, width, send) {
  let begun = 0;
  const one = async () => {
    while (begun++ < count) await send();
  };
  await Promise.all(Array.from({ length: width }, one));
}

const addresses = (count) => Array.from({ length: count }, (_, index) => `recipient-${index}@y.example`);

/** NetSmtp. `width` calls of sendMessage are not awaited at a time. */
async function netSmtp(port, { width = 32, ...options } = {}) {
  const smtp = await NetSmtp.start(HOST, port, { recipientPolicy: "collect", ...options });
  return {
    send: (count) => pump(count, width, () => smtp.sendMessage(MESSAGE, FROM, TO)),
    sendTo: (recipients) => smtp.sendMessage(MESSAGE, FROM, addresses(recipients)),
    stream: (count) => smtp.sendMessage(chunks(count), FROM, TO),
    queue: (count) =>
      Promise.all(Array.from({ length: count }, () => smtp.sendMessage(() => Buffer.from(MESSAGE), FROM, TO))),
    close: () => smtp.finish(),
  };
}

/** Nodemailer's SMTPConnection: one message at a time, as it allows. */
async function smtpConnection(port, { auth, ...options } = {}) {
  const connection = new SMTPConnection({ host: HOST, port, ignoreTLS: true, ...options });
  await new Promise((resolve, reject) => connection.once("error", reject).connect(resolve));
  const told = (ask) => new Promise((resolve, reject) => ask((error, info) => (error ? reject(error) : resolve(info))));
  const send = (message, to) => told((done) => connection.send({ from: FROM, to }, message, done));
  if (auth) await told((done) => connection.login(auth, done));
  return {
    send: (count) => pump(count, 1, () => send(MESSAGE, TO)),
    sendTo: (recipients) => send(MESSAGE, addresses(recipients)),
    stream: (count) => send(readable(count), TO),
    close: () => new Promise((resolve) => connection.once("end", resolve).quit()),
  };
}

/** Receipts as applications compose them: headers and text, nothing at hand as bytes. */
const COMPOSED = { from: FROM, to: TO, subject: "Receipt", text: LINE.repeat(12) };
const MAILS = { raw: { envelope: { from: FROM, to: TO }, raw: MESSAGE }, composed: COMPOSED };

/** A transport that takes a message's stream and does nothing with it: what Nodemailer's own layer costs. */
const drain = {
  name: "drain",
  version: "1",
  send(mail, done) {
    const stream = mail.message.createReadStream();
    const info = { envelope: mail.message.getEnvelope(), messageId: mail.message.messageId() };
    stream
      .on("end", () => done(null, info))
      .on("error", done)
      .resume();
  },
};

const TRANSPORTS = {
  nodemailer: (options) => options,
  netSmtp: (options) => new NetSmtpTransport(options),
  drain: () => drain,
};

/** `sendMail` through a pool; `wide` messages a connection are not awaited at a time. */
async function pool(port, { transport = "nodemailer", mail = "raw", connections = 1, wide = 32, ...options } = {}) {
  const settings = { pool: true, maxConnections: connections, maxMessages: 1e9, host: HOST, port, ignoreTLS: true };
  const transporter = nodemailer.createTransport(TRANSPORTS[transport]({ ...settings, ...options }));
  return {
    send: (count) => pump(count, wide * connections, () => transporter.sendMail(MAILS[mail])),
    close: async () => transporter.close(),
  };
}

const ENVELOPE = `MAIL FROM:<${FROM}>\r\nRCPT TO:<${TO[0]}>\r\n`;

/** What the octets alone cost: a socket that writes them ready-made, reads nothing but how much came, and checks nothing. */
const RAW = {
  data: {
    first: `${ENVELOPE}DATA\r\n`,
    each: Buffer.concat([MESSAGE, Buffer.from(`\r\n.\r\n${ENVELOPE}DATA\r\n`)]),
    batch: 1,
  },
  bdat: {
    first: "",
    each: Buffer.concat([Buffer.from(`RSET\r\n${ENVELOPE}BDAT ${MESSAGE.length} LAST\r\n`), MESSAGE]),
    batch: 16,
  },
};

/** As many messages in each write as are in flight; what ends a batch is its last reply. */
async function rawSocket(port, { mode }) {
  const { first, each, batch } = RAW[mode];
  const socket = connect(port, HOST).setNoDelay(true);
  const said = async (text) => {
    socket.write(text);
    await once(socket, "data");
  };
  await once(socket, "data");
  await said("EHLO raw\r\n");
  if (first) await said(first);
  const whole = Buffer.concat(Array.from({ length: batch }, () => each));
  return {
    send: (count) =>
      new Promise((resolve) => {
        let [sent, owed] = [0, 0];
        const next = () => {
          if (sent >= count) return resolve();
          sent += batch;
          owed = batch * 4;
          socket.write(whole);
        };
        socket.removeAllListeners("data").on("data", (bytes) => {
          for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) owed--;
          if (owed === 0) next();
        });
        next();
      }),
    close: async () => socket.destroy(),
  };
}

export const clients = { netSmtp, smtpConnection, pool, rawSocket };
