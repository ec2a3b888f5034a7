import { createServer, connect as netConnect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket, connect as tlsConnect } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { SmtpTlsError } from "../../src/errors.ts";
import { nodeNetwork } from "../../src/net/node.ts";
import type { SmtpStream, TlsSettings } from "../../src/net/stream.ts";
import { type Certificates, certificates } from "../support/certificates.ts";
import { playServer } from "../support/play.ts";
import type { PlayServerOptions } from "../support/play-server.ts";
import { record } from "../support/record.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function dial(port: number): Promise<SmtpStream> {
  const target = { address: "127.0.0.1", port, localAddress: undefined };
  const stream = await nodeNetwork.connect(target, new AbortController().signal);
  closing.push(() => stream.destroy());
  return stream;
}

async function played(script: string, tls: PlayServerOptions["tls"] = {}) {
  const server = await playServer(script, { tls });
  closing.push(() => server.close());
  return { stream: await dial(server.port), finish: () => server.finish() };
}

async function settings(more: Partial<TlsSettings> = {}): Promise<TlsSettings> {
  return { hostname: "localhost", verify: true, options: { ca: (await certificates()).ca }, ...more };
}

/** A server whose one connection the test holds. */
async function peer(): Promise<{ port: number; socket: Promise<Socket> }> {
  let accept: (socket: Socket) => void = () => {};
  const socket = new Promise<Socket>((resolve) => {
    accept = resolve;
  });
  const server = createServer((accepted) => accept(accepted.on("error", () => {})));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  closing.push(async () => {
    server.close();
    (await socket).destroy();
  });
  return { port: (server.address() as { port: number }).port, socket };
}

async function failure(promise: Promise<unknown>): Promise<SmtpTlsError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SmtpTlsError);
  return error as SmtpTlsError;
}

describe("startTls()", () => {
  test("gives a new stream in TLS; the old sink hears nothing more", async () => {
    const { server } = await certificates();
    const { stream, finish } = await played("S: 220 go\nTLS\nC: EHLO me\nS: 250 secret\nC: <close>", server);
    const first = record(stream);
    await first.heard("220 go\r\n");
    const secured = await stream.startTls(await settings());
    expect([secured.tls, secured.loopback, secured.remote]).toEqual([true, true, stream.remote]);
    const second = record(secured);
    secured.write(bytes("EHLO me\r\n"));
    await second.heard("250 secret\r\n");
    secured.end();
    expect(await second.closed()).toBeUndefined();
    expect([first.text, first.closes]).toEqual(["220 go\r\n", []]);
    await finish();
  });

  test("does implicit TLS, where the server speaks first", async () => {
    const { server } = await certificates();
    const { stream, finish } = await played("TLS\nS: 220 ready\nS: <close>", server);
    const sink = record(await stream.startTls(await settings()));
    expect(await sink.closed()).toBeUndefined();
    expect(sink.text).toBe("220 ready\r\n");
    await finish();
  });

  test("is silent after destroy()", async () => {
    const { server } = await certificates();
    const { stream, finish } = await played("TLS\nS: 220 ready\nC: <close>", server);
    const secured = await stream.startTls(await settings());
    const sink = record(secured);
    await sink.heard("220");
    secured.destroy();
    await finish();
    expect(sink.closes).toEqual([]);
  });

  test("hears the reply that arrived before a write failed", async () => {
    const { server } = await certificates();
    const { port, socket } = await peer();
    const stream = await dial(port);
    const raw = await socket;
    const far = new TLSSocket(raw, { ...server, isServer: true });
    far.on("error", () => {});
    const secured = await stream.startTls(await settings());
    const sink = record(secured);
    secured.write(bytes("NOOP\r\n"));
    await new Promise((resolve) => far.once("data", resolve));
    far.write("250 queued\r\n", () => {
      raw.destroy();
      secured.write(bytes("MAIL FROM:<a@x.example>\r\n"));
      secured.write(bytes("RCPT TO:<b@y.example>\r\n"));
    });
    await sink.closed();
    expect(sink.text).toBe("250 queued\r\n");
    expect(sink.closes).toHaveLength(1);
  });

  type Case = [
    name: string,
    identity: Exclude<keyof Certificates, "ca">,
    more: (certificates: Certificates) => Partial<TlsSettings>,
    accepted: boolean,
  ];
  const cases: Case[] = [
    ["accepts the name", "server", () => ({}), true],
    ["accepts an IP address that the certificate holds", "server", () => ({ hostname: "127.0.0.1" }), true],
    ["refuses an IP address that it does not hold", "nameOnly", () => ({ hostname: "127.0.0.1" }), false],
    ["refuses another name", "wrongName", () => ({}), false],
    ["refuses another name than the one dialled", "server", () => ({ hostname: "mail.example" }), false],
    ["refuses an expired certificate", "expired", () => ({}), false],
    ["refuses a self-signed certificate", "selfSigned", () => ({}), false],
    ["refuses an unknown authority", "server", () => ({ options: {} }), false],
    [
      "accepts a self-signed certificate named as authority",
      "selfSigned",
      ({ selfSigned }) => ({ options: { ca: selfSigned.cert } }),
      true,
    ],
    ["accepts any certificate with verify: false", "selfSigned", () => ({ verify: false }), true],
    ["accepts any name with verify: false", "wrongName", () => ({ verify: false, options: {} }), true],
    ["checks the option servername", "wrongName", ({ ca }) => ({ options: { ca, servername: "wrong.example" } }), true],
    [
      "does not take an option that is undefined for one",
      "nameOnly",
      ({ ca }) => ({ hostname: "127.0.0.1", options: { ca, host: undefined } }),
      false,
    ],
    ["does not take another socket from the options", "server", ({ ca }) => ({ options: { ca, socket: null } }), true],
  ];
  test.each(cases)("%s", async (_name, identity, more, accepted) => {
    const made = await certificates();
    const { stream } = await played("TLS\nS: 220 ready", made[identity]);
    const secured = stream.startTls(await settings(more(made)));
    if (accepted) {
      await record(await secured).heard("220 ready");
    } else {
      const error = await failure(secured);
      expect(error).toMatchObject({ phase: "tls", temporary: false, cause: expect.any(Error) });
      expect(error.message).toMatch(/^TLS handshake failed: [A-Z_]+$/);
    }
  });

  test.each([
    ["localhost", "localhost"],
    ["127.0.0.1", undefined],
  ])("names the server in SNI unless it is an address: %s", async (hostname, expected) => {
    const { server } = await certificates();
    const { port, socket } = await peer();
    const stream = await dial(port);
    const name = socket.then(
      (accepted) =>
        new Promise((resolve) => {
          const secured = new TLSSocket(accepted, { ...server, isServer: true });
          secured.on("secure", () =>
            resolve((secured as { servername?: string | false | null }).servername || undefined),
          );
        }),
    );
    await stream.startTls(await settings({ hostname }));
    expect(await name).toBe(expected);
  });

  test("shows the client's certificate", async () => {
    const { ca, server, client } = await certificates();
    const tls = { ...server, ca, requestCert: true, rejectUnauthorized: true };
    const { stream, finish } = await played("TLS\nS: 220 ready\nS: <close>", tls);
    const sink = record(await stream.startTls(await settings({ options: { ca, ...client } })));
    await sink.closed();
    expect(sink.text).toBe("220 ready\r\n");
    await finish();
  });

  test("rejects options that the runtime cannot read, and drops the connection", async () => {
    const { server } = await certificates();
    const { stream, finish } = await played("TLS\nC: <close>", server);
    const options = { key: "no key", cert: "no certificate" };
    await failure(stream.startTls(await settings({ options })));
    await finish();
  });

  test("speaks TLS 1.2", async () => {
    const { server } = await certificates();
    const { stream, finish } = await played("TLS\nS: 220 ready\nS: <close>", { ...server, maxVersion: "TLSv1.2" });
    await record(await stream.startTls(await settings())).closed();
    await finish();
  });

  test("rejects when the server closes during the handshake", async () => {
    const { stream } = await played("S: 220 go\nTLS <failure>");
    const sink = record(stream);
    await sink.heard("220 go");
    await failure(stream.startTls(await settings()));
    expect(sink.closes).toEqual([]);
  });

  test("rejects when the stream is destroyed during the handshake", async () => {
    const { port, socket } = await peer();
    const stream = await dial(port);
    const secured = stream.startTls(await settings());
    (await socket).once("data", () => stream.destroy());
    expect((await failure(secured)).message).toContain("closed the connection");
  });

  test("rejects when the connection is over before", async () => {
    const { port, socket } = await peer();
    const stream = await dial(port);
    (await socket).resetAndDestroy();
    await record(stream).closed();
    const error = await failure(stream.startTls(await settings()));
    expect(error).toMatchObject({
      message: `TLS handshake failed: ${stream.remote} closed the connection`,
      cause: { code: "ECONNRESET" },
    });
  });

  test("says that TLS was not spoken when the server answers in clear", async () => {
    const { stream } = await played("S: 220 ready");
    await failure(stream.startTls(await settings()));
  });
});

describe("wrap()", () => {
  test("sees that a supplied socket speaks TLS already", async () => {
    const { server } = await certificates();
    const script = "TLS\nS: 220 ready\nC: QUIT\nS: <close>";
    const playing = await playServer(script, { tls: server });
    closing.push(() => playing.close());
    const socket = tlsConnect({ port: playing.port, host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const stream = nodeNetwork.wrap(socket, false);
    expect([stream.tls, stream.loopback]).toEqual([true, false]);
    const sink = record(stream);
    await sink.heard("220 ready");
    stream.write(bytes("QUIT\r\n"));
    await sink.closed();
    await playing.finish();
  });

  test("secures a stream that is no socket", async () => {
    const { server } = await certificates();
    const playing = await playServer("S: 220 go\nTLS\nS: 220 ready\nC: QUIT\nS: <close>", { tls: server });
    closing.push(() => playing.close());
    const raw = netConnect(playing.port, "127.0.0.1");
    closing.push(() => raw.destroy());
    const duplex = new Duplex({
      read: () => raw.resume(),
      write: (chunk, _encoding, done) => raw.write(chunk, done),
      final: (done) => raw.end(done),
    });
    raw.on("data", (data) => duplex.push(data) || raw.pause()).on("end", () => duplex.push(null));
    const stream = nodeNetwork.wrap(duplex, false);
    const clear = record(stream);
    await clear.heard("220 go\r\n");
    const secured = await stream.startTls(await settings());
    const sink = record(secured);
    await sink.heard("220 ready");
    secured.write(bytes("QUIT\r\n"));
    await sink.closed();
    await playing.finish();
    expect(clear.text).toBe("220 go\r\n");
  });
});

describe("startTls() against an injection", () => {
  test("writes nothing when bytes are waiting to be read", async () => {
    const { port, socket } = await peer();
    const raw = netConnect(port, "127.0.0.1");
    closing.push(() => raw.destroy());
    const accepted = await socket;
    let received = 0;
    accepted.on("data", (data) => {
      received += data.length;
    });
    const waiting = new Promise((resolve) => raw.once("readable", resolve));
    accepted.write("250-evil\r\n");
    await waiting;
    expect(raw.readableLength).toBe(10);
    const over = new Promise((resolve) => accepted.once("close", resolve));
    const stream = nodeNetwork.wrap(raw, false);
    expect((await failure(stream.startTls(await settings()))).message).toContain("in clear");
    stream.destroy();
    await over;
    expect(received).toBe(0);
  });

  test.each(["250-evil\r\n250 AUTH PLAIN\r\n", "2"])("fails when %j comes before the handshake", async (evil) => {
    const { server } = await certificates();
    const { port, socket } = await peer();
    const stream = await dial(port);
    const accepted = await socket;
    const sink = record(stream);
    accepted.write("220 go\r\n");
    await sink.heard("220 go\r\n");
    accepted.write(evil);
    const secured = new TLSSocket(accepted, { ...server, isServer: true });
    secured.on("error", () => {});
    await failure(stream.startTls(await settings()));
    expect(sink.text).toBe("220 go\r\n");
  });

  test("fails when bytes in clear come behind our first ones", async () => {
    const { server } = await certificates();
    const { port, socket } = await peer();
    const stream = await dial(port);
    const accepted = await socket;
    accepted.once("data", (hello) => {
      accepted.write("250 evil\r\n");
      accepted.pause();
      accepted.unshift(hello);
      new TLSSocket(accepted, { ...server, isServer: true }).on("error", () => {});
    });
    await failure(stream.startTls(await settings()));
  });
});
