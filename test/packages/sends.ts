/**
 * For each entry, a program that sends a message with it to the port that it is given: what bundles and measures are made of.
 *
 * @module
 */

const MESSAGE = '"Subject: bundled\\n\\nhello\\n", "from@example.com", ["to@example.com"]';
const PORT = "const port = Number(process.argv[2]);";
const PRINT = "console.log(delivery.recipients.map(({ fate }) => fate).join());";

/** NetSmtp and nothing else. */
export const ENGINE: string = `import { NetSmtp } from "net-smtp";
${PORT}
NetSmtp.start("127.0.0.1", port, (smtp) => smtp.sendMessage(${MESSAGE})).then((delivery) => {
  ${PRINT}
});
`;

/** By entry. */
export const SENDS: Readonly<Record<string, string>> = {
  "net-smtp": ENGINE,
  "net-smtp/nodemailer": `import nodemailer from "nodemailer";
import { NetSmtpTransport } from "net-smtp/nodemailer";
${PORT}
const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "127.0.0.1", port }));
const mail = { from: "from@example.com", to: "to@example.com", subject: "bundled", text: "hello" };
transporter.sendMail(mail).then((delivery) => {
  ${PRINT}
});
`,
  "net-smtp/opentelemetry": `import { NetSmtp } from "net-smtp";
import * as telemetry from "net-smtp/opentelemetry";
${PORT}
const observe = Object.values(telemetry).find((value) => typeof value === "function")();
NetSmtp.start("127.0.0.1", port, { observe }, (smtp) => smtp.sendMessage(${MESSAGE})).then((delivery) => {
  ${PRINT}
});
`,
  // Its network is given Node's sockets in the shape of cloudflare:sockets, which are not there.
  "net-smtp/workers": `import { connect as dial } from "node:net";
import { Duplex } from "node:stream";
import { NetSmtp, networkOver } from "net-smtp/workers";
${PORT}
function connect({ hostname, port }) {
  const socket = dial(port, hostname);
  const opened = new Promise((resolve, reject) => socket.once("connect", () => resolve({})).once("error", reject));
  const closed = new Promise((resolve) => socket.once("close", () => resolve()));
  const close = async () => void socket.destroy();
  return { ...Duplex.toWeb(socket), opened, closed, close, startTls() { throw new Error("no TLS here"); } };
}
const network = networkOver(connect);
NetSmtp.start("127.0.0.1", port, { network }, (smtp) => smtp.sendMessage(${MESSAGE})).then((delivery) => {
  ${PRINT}
});
`,
};
