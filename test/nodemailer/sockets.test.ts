/**
 * Sockets that the caller supplies, and what limits a connection.
 *
 * @module
 */

import { once } from "node:events";
import { connect, createServer, type Server, Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import type { NetSmtpGetSocket, NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { failure, HELLO, mail, play, plugin, send, start } from "./support.ts";

const users = { me: "secret" };
const auth = { user: "me", pass: "secret" };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  closing.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

const MESSAGE = `
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  S: 250 Ok
  S: 250 Ok
  C: DATA
  S: 354 Go ahead
  C: Subject: hi
  C:
  C: hello
  C: .
  C: QUIT
  S: 250 Stored
  S: 221 Bye`;

describe("connection", () => {
  test("is used for one connection, and the next message says what to do", async () => {
    const server = await start();
    const connection = await connected(server.port);
    const transport = plugin({ port: 1 }, { connection });
    await send(transport);
    expect(server.messages).toHaveLength(1);
    const error = await failure(send(transport));
    expect(error).toMatchObject({ code: "ECONFIG", fate: "unsent", retry: "never" });
    expect(error.message).toContain('Option "connection" is one socket and was used');
    expect(error.message).toContain("getSocket");
  });

  test("counts as not loopback: a login over it demands TLS, unless it is secured", async () => {
    const server = await start({ users, allowInsecureAuth: true });
    const clear = await failure(send(plugin(server, { connection: await connected(server.port), auth })));
    expect(clear).toMatchObject({ code: "ETLS", command: "STARTTLS", fate: "unsent" });
    await send(plugin(server, { connection: await connected(server.port), auth, secured: true }));
    expect(server.messages).toMatchObject([{ user: "me" }]);
  });

  test("TLS from the first byte goes over it with secure, and is not spoken twice where it is spoken already", async () => {
    const { server: identity, ca } = await certificates();
    const server = await start({ ...identity, users, secure: true });
    const options = { host: "localhost", tls: { ca }, auth, secure: true };
    await send(plugin(server, { ...options, connection: await connected(server.port) }));
    const connection = tlsConnect({ host: "127.0.0.1", port: server.port, servername: "localhost", ca });
    closing.push(() => connection.destroy());
    await once(connection, "secureConnect");
    await send(plugin(server, { ...options, connection }));
    expect(server.messages).toMatchObject([
      { secure: true, user: "me" },
      { secure: true, user: "me" },
    ]);
  });
});

describe("socket", () => {
  test("is connected to host and port, and then used", async () => {
    const server = await start();
    const socket = new Socket();
    await send(plugin(server, { socket }));
    expect(server.messages).toHaveLength(1);
    expect(socket.remotePort ?? server.port).toBe(server.port);
  });

  test("a refused connection is an error of the socket, a connected one is an error", async () => {
    const refused = await failure(send(plugin({ port: 1 }, { socket: new Socket() })));
    expect(refused).toMatchObject({ code: "ESOCKET", originalCode: "ECONNREFUSED", fate: "unsent" });
    const server = await start();
    const socket = await connected(server.port);
    const error = await failure(send(plugin(server, { socket })));
    expect(error).toMatchObject({ code: "ECONFIG", fate: "unsent" });
    expect(error.message).toContain('the option "connection"');
  });
});

describe("getSocket", () => {
  test("is told the options and when it began, and is asked for every connection", async () => {
    const server = await start();
    const asked: { connectStartedAt: number }[] = [];
    const getSocket: NetSmtpGetSocket = (options, callback) => {
      asked.push(options);
      connected(server.port).then((connection) => callback(null, { connection }), callback);
    };
    const before = Date.now();
    const transport = plugin({ port: 2525 }, { host: "mail.example", getSocket, auth: false, component: "mine" });
    await send(transport);
    await send(transport);
    expect(server.messages).toHaveLength(2);
    expect(asked).toMatchObject([{ host: "mail.example", port: 2525, component: "mine" }, { host: "mail.example" }]);
    expect(asked[0]?.connectStartedAt).toBeGreaterThanOrEqual(before);
  });

  test.each([[false], [undefined], [null], [{}]])("that answers %j: the host is dialled", async (answer) => {
    const server = await start();
    await send(plugin(server, { getSocket: (_, callback) => setImmediate(() => callback(null, answer)) }));
    expect(server.messages).toHaveLength(1);
  });

  test("that says secured, servername and tls is taken at its word", async () => {
    const { server: identity, ca } = await certificates();
    const server = await start({ ...identity, users, secure: true });
    const answer = (more: object): NetSmtpGetSocket => {
      return (_, callback) =>
        connected(server.port).then((connection) => callback(null, { connection, ...more }), callback);
    };
    const named = { secure: true, servername: "localhost", tls: { ca } };
    await send(plugin(server, { getSocket: answer(named), host: "mail.example", auth }));
    const misnamed = await failure(
      send(plugin(server, { getSocket: answer({ ...named, servername: "mail.example" }), auth })),
    );
    expect(misnamed).toMatchObject({ originalCode: "ERR_TLS_CERT_ALTNAME_INVALID", fate: "unsent" });
    expect(server.messages).toHaveLength(1);
  });

  test("that would change anything else is an error, and its socket is destroyed", async () => {
    const server = await start();
    const connection = await connected(server.port);
    const getSocket: NetSmtpGetSocket = (_, callback) => callback(null, { connection, name: "you.example" });
    const error = await failure(send(plugin(server, { getSocket })));
    expect(error).toMatchObject({ code: "ECONFIG", fate: "unsent" });
    expect(error.message).toContain('Answer of "getSocket" changes "name"');
    expect(connection.destroyed).toBe(true);
    await send(plugin(server, { getSocket: (options, callback) => callback(null, { ...options }) }));
    expect(server.messages).toHaveLength(1);
  });

  test.each<[string, NetSmtpGetSocket, object]>([
    ["calls back with an error", (_, callback) => callback(new Error("no way")), { code: "ECONNECTION" }],
    [
      "calls back with an error of the runtime",
      (_, callback) => callback(Object.assign(new Error("no way"), { code: "ECONNREFUSED" })),
      { code: "ESOCKET", originalCode: "ECONNREFUSED" },
    ],
    [
      "calls back with an error of a proxy",
      (_, callback) => callback(Object.assign(new Error("no way"), { code: "EPROXY" })),
      { code: "EPROXY" },
    ],
    [
      "throws",
      () => {
        throw new Error("no way");
      },
      { code: "ECONNECTION" },
    ],
  ])("that %s: unsent, and nothing is dialled", async (_, getSocket, keys) => {
    const server = await start();
    const error = await failure(send(plugin(server, { getSocket })));
    expect(error).toMatchObject({ ...keys, command: "CONN", fate: "unsent", retry: "later" });
    expect(error.message).toContain("no way");
    expect(server.connections).toEqual([]);
  });

  test.each(["an abort", "the deadline"])("a socket that comes after %s is destroyed", async (what) => {
    const server = await start();
    const controller = new AbortController();
    const socket = await connected(server.port);
    let answer: (error: null, made: object) => void = () => {};
    const getSocket: NetSmtpGetSocket = (_, callback) => {
      answer = callback;
      if (what === "an abort") controller.abort();
    };
    const transport = plugin(server, { getSocket, connectionTimeout: what === "an abort" ? 60_000 : 1 });
    const error = await failure(transport.send(mail({ signal: controller.signal })));
    expect(error).toMatchObject({ code: what === "an abort" ? "EABORT" : "ETIMEDOUT", fate: "unsent" });
    answer(null, { connection: socket });
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
  });
});

describe("limits", () => {
  /** A server that offers very many things. */
  async function talkative(octets: number): Promise<{ port: number }> {
    const lines = Array.from({ length: Math.ceil(octets / 10) }, (_, at) => `250-X${String(at).padStart(5, "0")}`);
    const server: Server = createServer((socket) => {
      socket.on("error", () => {}).write("220 ready\r\n");
      socket.on("data", (bytes) => {
        const said = bytes.toString();
        if (said.startsWith("EHLO")) socket.write(`250-mx.example\r\n${lines.join("\r\n")}\r\n250 PIPELINING\r\n`);
        else socket.end("221 bye\r\n");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    return server.address() as { port: number };
  }

  test.each<[number, NetSmtpTransportOptions]>([
    [100_000, {}],
    [20_000, {}],
    [2_000, { maxResponseSize: 1_000 }],
  ])("a reply of %d octets is too much with %j", async (octets, options) => {
    const error = await failure(plugin(await talkative(octets), options).verify());
    expect(error).toMatchObject({ code: "EPROTOCOL", command: "EHLO" });
  });

  test.each<[number, NetSmtpTransportOptions]>([
    [5_000, {}],
    [100_000, { maxResponseSize: 1_048_576 }],
  ])("a reply of %d octets is taken with %j", async (octets, options) => {
    expect(await plugin(await talkative(octets), options).verify()).toBe(true);
  });

  test("socketCloseTimeout: the connection is left to the server, and dropped after it or, with 0, at once", async () => {
    const ended: Socket[] = [];
    const script = "220 ready\r\n250 mx.example\r\n221 bye\r\n".split(/(?<=\n)/);
    const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
      const lines = [...script];
      socket.on("error", () => {}).write(lines.shift() as string);
      socket.on("data", () => socket.write(lines.shift() ?? ""));
      socket.on("end", () => ended.push(socket));
      closing.push(() => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closing.push(() => server.close());
    const { port } = server.address() as { port: number };
    for (const [at, socketCloseTimeout] of [60_000, 0, 1].entries()) {
      const socket = await connected(port);
      await plugin({ port }, { connection: socket, socketCloseTimeout }).verify();
      await expect.poll(() => ended.length).toBe(at + 1);
      if (socketCloseTimeout === 60_000) expect(socket.destroyed).toBe(false);
      else await expect.poll(() => socket.destroyed).toBe(true);
    }
  });
});

describe("opportunisticTLS", () => {
  const REFUSED = `
    S: 220 mx.example ready
    C: EHLO me.example
    S: 250-mx.example
    S: 250-PIPELINING
    S: 250-AUTH PLAIN
    S: 250 STARTTLS
    C: STARTTLS
    S: 454 4.7.0 TLS not available`;
  const options: NetSmtpTransportOptions = { opportunisticTLS: true, auth };

  test("goes on in clear after a refusal, without the login, and says so", async () => {
    const lines: string[] = [];
    const logger = { warn: (_: object, text: string) => lines.push(text), info: () => undefined };
    const server = await play(`${REFUSED}${MESSAGE}`);
    const info = await plugin(server, { ...options, logger }).send(mail());
    expect(info.accepted).toEqual(["b@y.example"]);
    await server.finish();
    expect(lines).toEqual([
      "Message went in clear, since the server refused STARTTLS: 454 4.7.0 TLS not available",
      "Login was left out, since the connection is in clear",
    ]);
  });

  test.each<[string, NetSmtpTransportOptions]>([
    ["without it", { auth }],
    ["with requireTLS", { ...options, requireTLS: true }],
    ["with forceAuth", { ...options, forceAuth: true }],
  ])("%s a refusal is the end", async (_, given) => {
    const server = await play(`${REFUSED}\nC: <close>`);
    const error = await failure(send(plugin(server, given)));
    expect(error).toMatchObject({ code: "ETLS", command: "STARTTLS", responseCode: 454, fate: "unsent" });
    await server.finish();
  });

  test("a handshake that fails is the end", async () => {
    const server = await play(`${REFUSED.replace("454 4.7.0 TLS not available", "220 go")}\nTLS <failure>`);
    const error = await failure(send(plugin(server, options)));
    expect(error).toMatchObject({ phase: "tls", fate: "unsent" });
  });
});

describe("forceAuth", () => {
  test.each<[string, NetSmtpTransportOptions]>([
    [`AUTH PLAIN ${btoa("\0me\0secret")}`, { auth }],
    [
      `AUTH XOAUTH2 ${btoa("user=me\x01auth=Bearer t\x01\x01")}`,
      { auth: { type: "oauth2", user: "me", accessToken: "t" } },
    ],
  ])("says %s although nothing is offered", async (line, options) => {
    const server = await play(`${HELLO}\nC: ${line}\nS: 235 Ok\nC: QUIT\nS: 221 Bye`);
    expect(await plugin(server, { ...options, forceAuth: true }).verify()).toBe(true);
    await server.finish();
  });

  test("says the named method although others are offered", async () => {
    const offer = HELLO.replace("250 PIPELINING", "250-PIPELINING\n  S: 250 AUTH LOGIN");
    const server = await play(`${offer}\nC: AUTH PLAIN ${btoa("\0me\0secret")}\nS: 235 Ok\nC: QUIT\nS: 221 Bye`);
    expect(await plugin(server, { auth: { ...auth, method: "plain" }, forceAuth: true }).verify()).toBe(true);
    await server.finish();
  });

  test("makes verify() without a login an error, where a login is offered", async () => {
    const server = await start({ users, allowInsecureAuth: true });
    expect(await failure(plugin(server, { forceAuth: true }).verify())).toMatchObject({ code: "ENOAUTH" });
    expect(await plugin(await start(), { forceAuth: true }).verify()).toBe(true);
    await send(plugin(server, { forceAuth: true }));
    expect(server.messages).toHaveLength(1);
  });
});
