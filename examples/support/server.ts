/**
 * The demo's own SMTP server: STARTTLS with a certificate made a moment ago, a login, and one mailbox that does not exist.
 *
 * @module
 */

import { SMTPServer } from "smtp-server";
import { makeCertificate } from "./certificate.ts";

/** A message that the server took. */
export interface Stored {
  readonly to: readonly string[];
  readonly user: string | undefined;
  readonly secure: boolean;
  /** The content as it arrived, dots unstuffed. */
  readonly raw: string;
}

/** A server that runs. */
export interface DemoServer {
  readonly host: string;
  readonly port: number;
  /** What makes a client trust it. */
  readonly ca: string;
  readonly user: string;
  readonly pass: string;
  readonly stored: readonly Stored[];
  close(): Promise<void>;
}

const HOST = "127.0.0.1";

/** Starts the server on a free port. The mailbox that begins with `nobody@` does not exist. */
export async function startDemoServer(): Promise<DemoServer> {
  const { key, cert } = await makeCertificate();
  const [user, pass] = ["demo", crypto.randomUUID()];
  const stored: Stored[] = [];
  const server = new SMTPServer({
    name: "mail.example.com",
    logger: false,
    disableReverseLookup: true,
    closeTimeout: 1,
    authMethods: ["PLAIN", "LOGIN"],
    key,
    cert,
    onAuth: ({ username, password }, _session, callback) =>
      username === user && password === pass ? callback(null, { user }) : callback(refusal(535, "Wrong password")),
    onRcptTo: ({ address }, _session, callback) =>
      callback(address.startsWith("nobody@") ? refusal(550, `No mailbox ${address} here`) : null),
    async onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      const to = session.envelope.rcptTo.map(({ address }) => address);
      stored.push({ to, user: session.user, secure: session.secure, raw: Buffer.concat(chunks).toString("latin1") });
      callback(null, `Stored as message ${stored.length}`);
    },
  });
  const port = await listen(server);
  return { host: HOST, port, ca: cert, user, pass, stored, close: () => new Promise((done) => server.close(done)) };
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

function listen(server: SMTPServer): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const listener = server.listen(0, HOST, () => {
      server.off("error", reject).on("error", () => undefined);
      const address = listener.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
