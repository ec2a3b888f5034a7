/**
 * Sockets that somebody else makes: a proxy's (`getSocket`, which Nodemailer sets), or the caller's own (`connection`,
 * `socket`). The law here: a message never goes past a proxy that was set; a socket is used for one connection; one that
 * comes too late is dropped.
 *
 * @module
 */

import { Socket } from "node:net";
import { isSmtpError, SmtpArgumentError, SmtpConnectionError, shown } from "../errors.ts";
import type { SocketMaker, SocketRequest, SuppliedSocket } from "../net/stream.ts";
import { printable } from "../printable.ts";
import type { NetSmtpGetSocket, NetSmtpSocketOptions } from "./types.ts";

/** The options that sockets are made of, as the caller gave them. */
export type Given = Readonly<Record<string, unknown>>;

/** What of the answer of `getSocket` holds for its connection. */
const CHANGEABLE: readonly string[] = ["connection", "secured", "secure", "servername", "tls", "host", "port"];

/** The transport's own socket, for the first connection alone; undefined without one. */
export function ownSocket({ connection, socket }: Given): SocketMaker | undefined {
  if (connection === undefined && socket === undefined) return undefined;
  const name = connection === undefined ? "socket" : "connection";
  let used = false;
  return (request) => {
    if (used) {
      const message = `Option "${name}" is one socket and was used for an earlier connection: use "getSocket", which makes one for each`;
      throw new SmtpArgumentError(message, { phase: "connect" });
    }
    used = true;
    return connection === undefined ? connected(socket as Socket, request) : { connection };
  };
}

/** The maker that asks `getSocket` first; where it gives none, `own` is asked, and else the host is dialled. */
export function askedSocket(
  getSocket: NetSmtpGetSocket | undefined,
  own: SocketMaker | undefined,
  given: Given,
): SocketMaker | undefined {
  if (!getSocket) return own;
  return async (request) => {
    const { address: host, port } = request;
    const options = { ...given, host, port, connectStartedAt: Date.now() };
    const made = (await answerOf(getSocket, options)) || undefined;
    return made?.connection ? supplied(made, options) : await own?.(request);
  };
}

function answerOf(getSocket: NetSmtpGetSocket, options: Given): Promise<NetSmtpSocketOptions | false | undefined> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => {
      const why = printable(cause instanceof Error ? cause.message : String(cause));
      const error = new SmtpConnectionError(`Socket could not be had from the proxy: ${why}`, { cause });
      reject(isSmtpError(cause) ? cause : error);
    };
    try {
      getSocket(options, (error, made) => (error ? fail(error) : resolve(made)));
    } catch (error) {
      fail(error);
    }
  });
}

function supplied(made: NetSmtpSocketOptions, given: Given): SuppliedSocket {
  const other = Object.keys(made).find((name) => !CHANGEABLE.includes(name) && made[name] !== given[name]);
  if (other !== undefined) {
    (made.connection as Partial<Socket>).destroy?.();
    const message = `Answer of "getSocket" changes ${shown(other)}, expected one of ${CHANGEABLE.join(", ")}`;
    throw new SmtpArgumentError(message, { phase: "connect" });
  }
  const { connection, secured, secure, servername, tls, host } = made;
  const hostname = servername ?? (host === given.host ? undefined : host);
  return {
    connection,
    ...(secured === undefined ? {} : { secured }),
    ...(secure === undefined ? {} : { tls: secure }),
    ...(hostname === undefined ? {} : { tlsHostname: hostname }),
    ...(tls === undefined ? {} : { tlsOptions: { ...(given.tls as object | undefined), ...tls } }),
  };
}

/** Connects a socket that is not connected yet. */
function connected(socket: Socket, { address, port, signal }: SocketRequest): Promise<Socket> {
  if (typeof socket?.connect !== "function" || !isIdle(socket)) {
    const message =
      'Option "socket" is no socket that is still to be connected: a connected one is the option "connection"';
    throw new SmtpArgumentError(message, { phase: "connect" });
  }
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void =>
      reject(new SmtpConnectionError("Connection failed over the socket that was given", { cause }));
    const abort = (): void => {
      socket.destroy();
      fail(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", fail);
    socket.connect(port, address, () => {
      signal.removeEventListener("abort", abort);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function isIdle(socket: Socket): boolean {
  return !(socket instanceof Socket) || (!socket.connecting && socket.remoteAddress === undefined && !socket.destroyed);
}
