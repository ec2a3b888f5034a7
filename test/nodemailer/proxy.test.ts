/**
 * Nodemailer's proxies: what it sets on the transport is asked for each socket, and nothing goes past it.
 *
 * @module
 */

import { createServer as createHttpServer, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import nodemailer from "nodemailer";
import { afterEach, expect, test } from "vitest";
import { createNetSmtpTransport, type NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { failure, message, plugin, start } from "./support.ts";

const users = { me: "secret" };
const auth = { user: "me", pass: "secret" };

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Proxy {
  readonly url: string;
  /** The targets that were asked for. */
  readonly targets: string[];
}

/** A CONNECT proxy: every name is this machine. With `early` the tunnel's first bytes come with the proxy's reply. */
async function proxy(answer = "200 Connection established", early = false): Promise<Proxy> {
  const targets: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createHttpServer();
  server.on("connect", (request, client: Socket) => {
    targets.push(request.url ?? "");
    sockets.add(client.on("error", () => {}));
    const head = `HTTP/1.1 ${answer}\r\n\r\n`;
    if (!answer.startsWith("200")) return client.end(head);
    const far = connect(Number(request.url?.split(":").at(-1)), "127.0.0.1");
    sockets.add(far.on("error", () => client.destroy()));
    if (!early) client.write(head);
    else far.once("data", (bytes: Buffer) => client.write(Buffer.concat([Buffer.from(head), bytes])));
    const join = (): unknown => far.pipe(client);
    if (early) far.once("data", join);
    else join();
    return client.pipe(far);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, targets };
}

test.each([false, true])("setupProxy() sends through an HTTP proxy, the greeting with its reply: %s", async (early) => {
  const server = await start();
  const { url, targets } = await proxy(undefined, early);
  const transporter = nodemailer.createTransport(plugin(server, { host: "mail.example" }));
  transporter.setupProxy(url);
  await transporter.sendMail(message);
  expect(await transporter.verify()).toBe(true);
  await transporter.sendMail(message);
  expect(server.messages).toHaveLength(2);
  expect(targets).toEqual(Array(3).fill(`mail.example:${server.port}`));
});

test("a copy of the transport goes through the proxy that was set on the copy", async () => {
  const server = await start();
  const { url, targets } = await proxy();
  const original = plugin(server);
  const transporter = nodemailer.createTransport({ ...original } as NetSmtpTransport);
  transporter.setupProxy(url);
  await transporter.sendMail(message);
  await nodemailer.createTransport(original).sendMail(message);
  expect([server.messages.length, targets.length]).toEqual([2, 1]);
});

test("a login through a proxy demands TLS although the proxy is here, and gets it", async () => {
  const { server: identity, ca } = await certificates();
  const clear = await start({ users, allowInsecureAuth: true });
  const { url, targets } = await proxy();
  const stripped = nodemailer.createTransport(plugin(clear, { auth }));
  stripped.setupProxy(url);
  expect(await failure(stripped.sendMail(message))).toMatchObject({ code: "ETLS", fate: "unsent" });
  expect(clear.messages).toEqual([]);
  for (const secure of [false, true]) {
    const server = await start({ ...identity, users, secure });
    const transporter = nodemailer.createTransport(plugin(server, { host: "localhost", auth, secure, tls: { ca } }));
    transporter.setupProxy(url);
    await transporter.sendMail(message);
    expect(server.messages).toMatchObject([{ secure: true, user: "me" }]);
  }
  expect(targets).toHaveLength(3);
});

test("a proxy that refuses is EPROXY, and nothing goes past it", async () => {
  const server = await start();
  const { url } = await proxy("407 Proxy Authentication Required");
  const transporter = nodemailer.createTransport(plugin(server));
  transporter.setupProxy(url);
  const error = await failure(transporter.sendMail(message));
  expect(error).toMatchObject({ code: "EPROXY", command: "CONN", phase: "connect", fate: "unsent", retry: "later" });
  expect(error.message).toContain("407");
  expect(server.connections).toEqual([]);
});

test("SOCKS goes by the module that was set, and is an error without one", async () => {
  const server = await start();
  const transporter = createNetSmtpTransport(nodemailer, {
    host: "mail.example",
    port: server.port,
    proxy: "socks5://127.0.0.1:1080",
  });
  expect(await failure(transporter.sendMail(message))).toMatchObject({ code: "EPROXY", fate: "unsent" });
  const asked: unknown[] = [];
  const SocksClient = {
    createConnection(options: object, callback: (error: null, info: object) => void) {
      asked.push(options);
      const socket = connect(server.port, "127.0.0.1", () => callback(null, { socket }));
    },
  };
  transporter.set("proxy_socks_module", { SocksClient });
  await transporter.sendMail(message);
  expect(server.messages).toHaveLength(1);
  expect(asked).toMatchObject([
    {
      proxy: { ipaddress: "127.0.0.1", port: 1080, type: 5 },
      destination: { host: "mail.example", port: server.port },
    },
  ]);
});

test("a proxy of the caller's own goes by its handler", async () => {
  const server = await start();
  const transporter = nodemailer.createTransport(plugin(server, { host: "mail.example" }));
  transporter.setupProxy("mine://somewhere:99");
  transporter.set("proxy_handler_mine", (proxy, options, callback) => {
    expect([proxy.hostname, options.host]).toEqual(["somewhere", "mail.example"]);
    const connection = connect(server.port, "127.0.0.1", () => callback(null, { connection }));
  });
  await transporter.sendMail(message);
  expect(server.messages).toHaveLength(1);
});
