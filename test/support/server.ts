/**
 * A real SMTP server on a free port, which keeps what it was sent.
 *
 * @module
 */

import { SMTPServer, type SMTPServerAddress, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";

/** A message as it was stored. */
export interface StoredMessage {
  /** The sender of MAIL; "" is the null sender. */
  readonly from: string;
  /** The recipients accepted, in order. */
  readonly to: readonly string[];
  /** The content, dots unstuffed. */
  readonly raw: Buffer;
  /** The parameters of MAIL, as they were written. */
  readonly params: Readonly<Record<string, string | true>>;
  /** The parameters of each RCPT, as they were written. */
  readonly rcptParams: readonly Readonly<Record<string, string | true>>[];
  /** Who had logged in. */
  readonly user: string | undefined;
  /** Whether it came over TLS. */
  readonly secure: boolean;
  /** The number of the connection, from 0. */
  readonly connection: number;
}

/** A connection that came. */
export interface ClientConnection {
  /** What it said at EHLO or HELO; undefined before. */
  helo: string | undefined;
  /** How many messages came over it. */
  messages: number;
  /** Whether it is over. */
  closed: boolean;
}

/** The options of smtp-server, and the users. */
export interface ServerOptions extends SMTPServerOptions {
  /** Passwords by user name; none: AUTH is not offered. */
  users?: Readonly<Record<string, string>>;
  /** How many recipients a message may have; 452 to each further one. */
  maxRecipients?: number;
  /** A unix socket to listen on, in place of a port. */
  path?: string;
}

/** A server that runs. */
export interface RunningServer {
  /** Its port on 127.0.0.1. */
  readonly port: number;
  /** What was stored, in order. */
  readonly messages: StoredMessage[];
  /** Who connected, in order. */
  readonly connections: ClientConnection[];
  /** Drops the connections and stops. */
  close(): Promise<void>;
}

/**
 * Starts a server. A local part `refuse-550` or `busy-450` (any code, anything may follow: `refuse-553.a`) is answered
 * with that code, in MAIL and in RCPT; a message with the header line `X-Refuse: 554` is refused at its end, under LMTP by
 * a recipient `late-552` for itself.
 */
export async function startSmtpServer(options: ServerOptions = {}): Promise<RunningServer> {
  const { users, path, maxRecipients = Number.POSITIVE_INFINITY, ...rest } = options;
  const messages: StoredMessage[] = [];
  const connections: ClientConnection[] = [];
  const numbers = new Map<string, number>();
  const connectionOf = (session: SMTPServerSession): number => numbers.get(session.id) ?? -1;
  const server = new SMTPServer({
    logger: false,
    disableReverseLookup: true,
    closeTimeout: 1,
    ...(users ? { authOptional: true } : { disabledCommands: ["AUTH"] }),
    ...withoutCertificate(rest),
    ...rest,
    onConnect(session, callback) {
      numbers.set(session.id, connections.push({ helo: undefined, messages: 0, closed: false }) - 1);
      callback();
    },
    onClose(session) {
      const connection = connections[connectionOf(session)];
      if (connection) connection.closed = true;
    },
    onAuth(auth, _session, callback) {
      const password = users?.[auth.username ?? ""];
      // Of the methods CRAM-MD5 alone comes with validatePassword.
      const right =
        auth.method === "CRAM-MD5"
          ? auth.validatePassword(password ?? "")
          : (auth.accessToken ?? auth.password) === password;
      if (password !== undefined && right) callback(null, { user: auth.username });
      else callback(refusal(535, "Authentication failed"));
    },
    onMailFrom: (address, _session, callback) => callback(addressRefusal(address)),
    onRcptTo: (address, session, callback) => {
      const tooMany = session.envelope.rcptTo.length >= maxRecipients;
      callback(tooMany ? refusal(452, "Too many recipients") : addressRefusal(address));
    },
    async onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of stream) chunks.push(chunk as Buffer);
      } catch (error) {
        return callback(error as Error); // the client left in the middle: nothing is stored
      }
      const message = stored(session, Buffer.concat(chunks), connectionOf(session));
      const code = /^X-Refuse: (\d{3})\r$/m.exec(message.raw.toString("latin1"))?.[1];
      if (code !== undefined) return callback(refusal(Number(code), "Refused at its end"));
      const taken = rest.lmtp ? message.to.filter((address) => lateRefusal(address) === undefined) : message.to;
      if (taken.length > 0) messages.push({ ...message, to: taken });
      const connection = connections[message.connection];
      if (connection) Object.assign(connection, { helo: session.hostNameAppearsAs, messages: connection.messages + 1 });
      const told = `Stored as ${messages.length}`;
      // For LMTP an array is taken, which the types do not know.
      const each = message.to.map((address) => lateRefusal(address) ?? told) as unknown as string;
      return callback(null, rest.lmtp ? each : told);
    },
  });
  return { port: await listen(server, path), messages, connections, close: () => stop(server) };
}

/** smtp-server would use a certificate of its own, whose key is public; a test names the one it means. */
function withoutCertificate(options: SMTPServerOptions): SMTPServerOptions {
  return options.key === undefined ? { hideSTARTTLS: true } : {};
}

function refusal(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

function addressRefusal({ address }: SMTPServerAddress): Error | null {
  const [, word, code] = /^(refuse|busy)-([45]\d\d)/.exec(address) ?? [];
  return code === undefined ? null : refusal(Number(code), word === "busy" ? "Try again later" : "No such user");
}

function lateRefusal(address: string): Error | undefined {
  const code = /^late-([45]\d\d)/.exec(address)?.[1];
  return code === undefined ? undefined : refusal(Number(code), "Not for this one");
}

function stored(session: SMTPServerSession, raw: Buffer, connection: number): StoredMessage {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    from: mailFrom ? mailFrom.address : "",
    to: rcptTo.map(({ address }) => address),
    raw,
    params: (mailFrom !== false && mailFrom.args) || {},
    rcptParams: rcptTo.map(({ args }) => args || {}),
    user: session.user,
    secure: session.secure,
    connection,
  };
}

/** smtp-server reports a port in use by an event only: it is fatal here. */
function listen(server: SMTPServer, path: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const listening = (): void => {
      server.off("error", reject).on("error", () => {});
      const address = listener.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    };
    const listener = path === undefined ? server.listen(0, "127.0.0.1", listening) : server.listen(path, listening);
    server.once("error", reject);
  });
}

function stop(server: SMTPServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
