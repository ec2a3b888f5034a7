import { getEventListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, connect as netConnect, type Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, describe, expect, test, vi } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { nodeNetwork } from "../../src/net/node.ts";
import type { SmtpStream } from "../../src/net/stream.ts";
import { playServer } from "../support/play.ts";
import { record } from "../support/record.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server on a free port that hands each connection to the test. */
async function serve(accept: (socket: Socket) => void, pauseOnConnect = false): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect }, (socket) => {
    sockets.add(socket.on("error", () => {}));
    accept(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as { port: number }).port;
}

async function dial(port: number, more: { localAddress?: string; signal?: AbortSignal } = {}): Promise<SmtpStream> {
  const target = { address: "127.0.0.1", port, localAddress: more.localAddress };
  const stream = await nodeNetwork.connect(target, more.signal ?? new AbortController().signal);
  closing.push(() => stream.destroy());
  return stream;
}

async function played(script: string): Promise<{ stream: SmtpStream; finish(): Promise<void> }> {
  const server = await playServer(script);
  closing.push(() => server.close());
  return { stream: await dial(server.port), finish: () => server.finish() };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("resolve()", () => {
  test.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::1", "::1"],
    ["[2001:db8::1]", "2001:db8::1"],
  ])("an address resolves to itself: %s", async (host, address) => {
    expect(await nodeNetwork.resolve(host)).toEqual([address]);
  });

  test("gives the addresses of a name, each once", async () => {
    const addresses = await nodeNetwork.resolve("localhost");
    expect(addresses.some((address) => address === "127.0.0.1" || address === "::1")).toBe(true);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test("rejects with the runtime's error", async () => {
    await expect(nodeNetwork.resolve("no such host.invalid")).rejects.toHaveProperty("code");
  });
});

describe("connect()", () => {
  test("plays a dialogue, and ends it in order", async () => {
    const { stream, finish } = await played("S: 220 ready\nC: QUIT\nS: 221 bye\nC: <close>");
    expect([stream.tls, stream.loopback]).toEqual([false, true]);
    expect(stream.remote).toMatch(/^127\.0\.0\.1:\d+$/);
    const sink = record(stream);
    await sink.heard("220 ready\r\n");
    expect(stream.write(bytes("QUIT\r\n"))).toBe(true);
    await sink.heard("221 bye\r\n");
    stream.end();
    expect(await sink.closed()).toBeUndefined();
    await finish();
    expect(sink.closes).toHaveLength(1);
  });

  test("reads nothing before open, and loses nothing that came with the end of file", async () => {
    const content = "x".repeat(20_000);
    let flushed: () => void = () => {};
    const sent = new Promise<void>((resolve) => {
      flushed = resolve;
    });
    const port = await serve((socket) => socket.end(content, "latin1", flushed));
    const stream = await dial(port);
    await sent;
    for (let turns = 0; turns < 20; turns++) await turn();
    const sink = record(stream);
    expect(await sink.closed()).toBeUndefined();
    expect(sink.text.length).toBe(content.length);
  });

  test("takes a half-closed connection as closed by the server", async () => {
    let over: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      over = resolve;
    });
    const port = await serve((socket) => socket.on("end", over).resume().end("421 bye\r\n"));
    const sink = record(await dial(port));
    expect(await sink.closed()).toBeUndefined();
    expect(sink.text).toBe("421 bye\r\n");
    await gone;
  });

  test("does not wait for what was written to a server that ended its direction", async () => {
    let accepted: (socket: Socket) => void = () => {};
    const peer = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    const stream = await dial(await serve((socket) => accepted(socket), true));
    const sink = record(stream);
    const chunk = new Uint8Array(1_000_000);
    let written = 0;
    do written += chunk.length;
    while (stream.write(chunk) && written < 200_000_000);
    for (; written < 40_000_000; written += chunk.length) stream.write(chunk);
    const socket = await peer;
    socket.end("421 bye\r\n");
    expect(await sink.closed()).toBeUndefined();
    expect(sink.text).toBe("421 bye\r\n");
    let received = 0;
    const over = new Promise((resolve) => socket.once("close", resolve));
    socket.on("data", (data) => {
      received += data.length;
    });
    socket.resume();
    await over;
    expect(received).toBeLessThan(written);
  });

  test("sends small writes at once, and keeps an idle connection alive", async () => {
    const noDelay = vi.spyOn(Socket.prototype, "setNoDelay");
    const keepAlive = vi.spyOn(Socket.prototype, "setKeepAlive");
    closing.push(() => vi.restoreAllMocks());
    await dial(await serve((socket) => socket.resume()));
    expect(noDelay).toHaveBeenCalledWith(true);
    expect(keepAlive).toHaveBeenCalledWith(true);
  });

  test("tells of a reset that came before open()", async () => {
    let accepted: (socket: Socket) => void = () => {};
    const peer = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    const stream = await dial(await serve((socket) => accepted(socket)));
    (await peer).resetAndDestroy();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(await record(stream).closed()).toMatchObject({ code: "ECONNRESET" });
  });

  test("tells of a reset, once, and swallows what comes after", async () => {
    const { stream, finish } = await played("S: 220 ready\nC: A\nS: <reset>");
    const sink = record(stream);
    await sink.heard("220");
    stream.write(bytes("A\r\n"));
    expect(await sink.closed()).toMatchObject({ code: "ECONNRESET" });
    expect(stream.write(bytes("B\r\n"))).toBe(true);
    stream.end();
    stream.destroy();
    for (let turns = 0; turns < 5; turns++) await turn();
    expect(sink.closes).toHaveLength(1);
    await finish();
  });

  test("hears the reply that arrived before a write failed", async () => {
    let accepted: (socket: Socket) => void = () => {};
    const peer = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    const stream = await dial(await serve((socket) => accepted(socket)));
    const sink = record(stream);
    const socket = await peer;
    socket.write("250 queued\r\n", () => {
      socket.resetAndDestroy();
      stream.write(bytes("MAIL FROM:<a@x.example>\r\n"));
      stream.write(bytes("RCPT TO:<b@y.example>\r\n"));
    });
    await sink.closed();
    expect(sink.text).toBe("250 queued\r\n");
    expect(sink.closes).toHaveLength(1);
  });

  test("tells a sink that opens too late that it is over", async () => {
    const { stream } = await played("S: 220 ready");
    const first = record(stream);
    await first.heard("220");
    stream.destroy();
    const sink = record(stream);
    expect(await sink.closed()).toBeUndefined();
    expect(first.closes).toEqual([]);
  });

  test("says nothing after destroy()", async () => {
    let over: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      over = resolve;
    });
    const stream = await dial(
      await serve((socket) =>
        socket
          .on("close", over)
          .on("end", () => socket.end())
          .resume(),
      ),
    );
    const sink = record(stream);
    stream.destroy();
    await gone;
    await turn();
    expect(sink.closes).toEqual([]);
  });

  test("says when more than the high-water mark is waiting, and when it drained", async () => {
    let accepted: (socket: Socket) => void = () => {};
    const peer = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    const stream = await dial(await serve((socket) => accepted(socket), true));
    const sink = record(stream);
    const socket = await peer;
    const chunk = new Uint8Array(1_000_000).fill(120);
    let written = 0;
    do written += chunk.length;
    while (stream.write(chunk) && written < 200_000_000);
    expect(written).toBeLessThan(200_000_000);
    expect(sink.drains).toBe(0);
    let received = 0;
    const all = new Promise<void>((resolve) => {
      socket.on("data", (data) => {
        received += data.length;
        if (received === written) resolve();
      });
    });
    const drained = sink.drained();
    socket.resume();
    await Promise.all([drained, all]);
    expect(sink.drains).toBe(1);
  });

  test("rejects with the runtime's error", async () => {
    const port = await serve(() => {});
    await closing.pop()?.();
    await expect(dial(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("binds to the local address", async () => {
    const port = await serve(() => {});
    // Not ours, so that a runtime that binds rejects; Deno says EINVAL.
    const code = expect.stringMatching(/^(EADDRNOTAVAIL|EINVAL)$/);
    await expect(dial(port, { localAddress: "192.0.2.77" })).rejects.toMatchObject({ code });
  });

  test("rejects with the reason of the signal, and drops the attempt", async () => {
    const reason = new Error("enough");
    const server = createServer((socket) => socket.on("error", () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const controller = new AbortController();
    const attempt = dial(port, { signal: controller.signal });
    controller.abort(reason);
    await expect(attempt).rejects.toBe(reason);
    // Accepted after the one that was dropped; then the server closes only when every connection is gone.
    const later = await dial(port);
    later.destroy();
    await new Promise((resolve) => server.close(resolve));
    await expect(dial(port, { signal: controller.signal })).rejects.toBe(reason);
  });

  test("leaves a connection alone whose signal aborts later", async () => {
    const controller = new AbortController();
    const port = await serve((socket) => socket.on("data", () => socket.write("250 ok\r\n")));
    const stream = await dial(port, { signal: controller.signal });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    controller.abort();
    const sink = record(stream);
    stream.write(bytes("A\r\n"));
    await sink.heard("250 ok");
  });

  test("connects to a unix socket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "net-smtp-"));
    closing.push(() => rm(folder, { recursive: true }));
    const path = join(folder, "smtp.sock");
    const server = await playServer("S: 220 ready\nS: <close>", { path });
    closing.push(() => server.close());
    const target = { address: path, port: undefined, localAddress: undefined };
    const stream = await nodeNetwork.connect(target, new AbortController().signal);
    expect([stream.loopback, stream.remote]).toEqual([true, path]);
    const sink = record(stream);
    await sink.closed();
    expect(sink.text).toBe("220 ready\r\n");
    await server.finish();
  });
});

describe("wrap()", () => {
  test("takes a connected socket, which is never loopback", async () => {
    const server = await playServer("S: 220 ready\nC: A\nS: 250 ok\nC: <close>");
    closing.push(() => server.close());
    const socket = netConnect(server.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const stream = nodeNetwork.wrap(socket, false);
    expect([stream.tls, stream.loopback, stream.remote]).toEqual([false, false, `127.0.0.1:${server.port}`]);
    expect(nodeNetwork.wrap(socket, true).tls).toBe(true);
    const sink = record(stream);
    await sink.heard("220 ready");
    stream.write(bytes("A\r\n"));
    await sink.heard("250 ok");
    stream.end();
    await sink.closed();
    await server.finish();
  });

  test("takes any duplex stream, with what it already holds", async () => {
    const duplex = new PassThrough();
    duplex.unshift(Buffer.from("220 ready\r\n"));
    const stream = nodeNetwork.wrap(duplex, false);
    expect(stream.remote).toBe("the supplied socket");
    const sink = record(stream);
    await sink.heard("220 ready\r\n");
    stream.write(bytes("echo"));
    await sink.heard("echo");
    duplex.destroy(new Error("gone"));
    expect(await sink.closed()).toMatchObject({ message: "gone" });
  });

  test("tells that somebody else closed it", async () => {
    const duplex = new PassThrough();
    const sink = record(nodeNetwork.wrap(duplex, false));
    duplex.destroy();
    expect(await sink.closed()).toBeUndefined();
  });

  test("tells that a socket was closed before", async () => {
    const duplex = new PassThrough();
    duplex.destroy();
    await turn();
    expect(await record(nodeNetwork.wrap(duplex, false)).closed()).toBeUndefined();
  });

  test.each([
    ["nothing", undefined],
    ["null", null],
    ["a string", "socket"],
    ["an object without write", { on() {}, destroy() {} }],
    ["a stream of strings", new PassThrough({ encoding: "utf8" })],
    ["a stream of objects", new PassThrough({ objectMode: true })],
  ])("refuses %s", (_name, socket) => {
    expect(() => nodeNetwork.wrap(socket, false)).toThrow(SmtpArgumentError);
    expect(() => nodeNetwork.wrap(socket, false)).toThrow(/^socket must be a connected socket/);
  });
});
