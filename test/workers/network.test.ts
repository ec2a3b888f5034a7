/** The adapter for Cloudflare Workers on sockets in memory: what of it runs anywhere. workers.run.ts is the same in workerd. */

import { afterEach, describe, expect, test, vi } from "vitest";
import { NetSmtp, NetSmtpPool, networkOver, SmtpArgumentError, type SmtpOptions } from "../../src/workers/mod.ts";
import { failure } from "../support/told.ts";
import { connectTo, type SocketInMemory, socketInMemory } from "./socket.ts";

const HELLO = "Subject: hi\r\n\r\nhello\r\n";
const GREETING = "220 mx\r\n";
const EHLO = "250 mx\r\n";
const TAKEN = ["250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 stored\r\n", "221 bye\r\n"];

afterEach(() => void vi.useRealTimers());

function greeting(...answers: string[]): SocketInMemory {
  const socket = socketInMemory(answers);
  socket.say(GREETING);
  return socket;
}

function session(socket: SocketInMemory, options: SmtpOptions = {}): NetSmtp {
  return new NetSmtp("mx.example", 25, { network: networkOver(connectTo(socket).connect), ...options });
}

function send(smtp: NetSmtp): Promise<unknown> {
  return smtp.start((started) => started.sendMessage(HELLO, "a@x.example", "b@y.example"));
}

describe("networkOver()", () => {
  test("dials a name by its name, and an IPv6 address in brackets", async () => {
    const { connect, asked } = connectTo(greeting(EHLO), greeting(EHLO));
    for (const address of ["mx.example", "2001:db8::1"]) {
      await new NetSmtp(address, 587, { network: networkOver(connect) }).start();
    }
    expect(asked).toEqual([
      [{ hostname: "mx.example", port: 587 }, "starttls"],
      [{ hostname: "[2001:db8::1]", port: 587 }, "starttls"],
    ]);
  });

  test("sends a message, and closes the socket behind QUIT", async () => {
    const socket = greeting(EHLO, ...TAKEN);
    await send(session(socket));
    expect(socket.heard).toContain(`DATA\r\n${HELLO}.\r\nQUIT\r\n`);
    expect(socket.closes).toBeGreaterThan(0);
  });

  test("knows no loopback: a login in clear needs `allowInsecureAuth`, whatever was dialled", async () => {
    const network = networkOver(connectTo(greeting("250-mx\r\n250 AUTH PLAIN\r\n")).connect);
    const smtp = new NetSmtp("127.0.0.1", 25, { network, user: "me", secret: "s3cret" });
    expect(await failure(smtp.start())).toMatchObject({ phase: "tls", name: "SmtpUnsupportedCommand" });
  });

  test("drops a connection that comes too late", async () => {
    const socket = socketInMemory();
    const network = networkOver(() => socket);
    const smtp = new NetSmtp("mx.example", 25, { network, openTimeout: 20 });
    expect(await failure(smtp.start())).toMatchObject({ name: "SmtpOpenTimeout" });
    expect(socket.closes).toBe(1);
  });

  test("tells what the runtime says of a connection that cannot be made", async () => {
    const socket = socketInMemory();
    const network = networkOver(() => socket);
    socket.connected(new Error("proxy request failed, cannot connect to the specified address."));
    const error = await failure(new NetSmtp("mx.example", 25, { network }).start());
    expect(error.message).toContain("mx.example:25 proxy request failed, cannot connect to the specified address");
  });

  test("speaks TLS with the name that was given, at once or after STARTTLS", async () => {
    const [first, second] = [socketInMemory([EHLO]), greeting("250-mx\r\n250 STARTTLS\r\n", "220 go\r\n", EHLO)];
    const implicit = session(first, { tls: true }).start();
    await expect.poll(() => first.secured).toBeDefined();
    first.secured?.say(GREETING);
    await implicit;
    const later = await session(second, { tlsHostname: "other.example" }).start();
    expect([first.expected, second.expected]).toEqual(["mx.example", "other.example"]);
    expect([second.heard, second.secured?.heard]).toEqual(["EHLO localhost\r\nSTARTTLS\r\n", "EHLO localhost\r\n"]);
    expect(later.started).toBe(true);
  });

  test("takes an end before anything came inside TLS for a handshake that failed", async () => {
    const socket = socketInMemory();
    const started = failure(session(socket, { tls: true }).start());
    await expect.poll(() => socket.secured).toBeDefined();
    socket.secured?.over();
    expect(await started).toMatchObject({ name: "SmtpTlsError", phase: "tls", retry: "never" });
  });
});

describe("a stream that ends", () => {
  test.each([
    ["in order", undefined, /^Server closed the connection while waiting/],
    ["by an error", new Error("Network connection lost."), /^Connection was lost \(Network connection lost\) while/],
  ])("%s loses the connection", async (_how, error, message) => {
    const socket = greeting(EHLO);
    const smtp = await session(socket).start();
    const sent = failure(smtp.sendMessage(HELLO, "a@x.example", "b@y.example"));
    await expect.poll(() => socket.heard).toContain("MAIL");
    socket.over(error);
    expect(await sent).toMatchObject({ name: "SmtpConnectionError", fate: "unsent", message });
  });

  test("a write that fails is told even if reading does not end", async () => {
    const socket = greeting(EHLO);
    const smtp = await session(socket).start();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    socket.refuse(new Error("of another request"));
    const sent = failure(smtp.sendMessage(HELLO, "a@x.example", "b@y.example"));
    await vi.advanceTimersByTimeAsync(999);
    expect(socket.closes).toBe(0); // what had arrived could still be read
    await vi.advanceTimersByTimeAsync(1);
    const error = await sent;
    expect(error).toMatchObject({ name: "SmtpConnectionError", fate: "unsent" });
    expect(error.message).toContain("of another request");
  });
});

describe("writing", () => {
  test("waits for room, and goes on", async () => {
    const socket = greeting(EHLO, "250 ok\r\n", "250 ok\r\n", "354 go\r\n");
    const smtp = await session(socket).start();
    const pulled: number[] = [];
    async function* source(): AsyncGenerator<string> {
      yield "Subject: hi\r\n\r\n";
      for (let at = 0; at < 400; at++) {
        if (at === 1) socket.takes = false;
        pulled.push(at);
        yield `${"x".repeat(1_000).replace(/.{76}/g, "$&\r\n")}\r\n`;
      }
    }
    const sent = smtp.sendMessage(source(), "a@x.example", "b@y.example");
    await expect.poll(() => pulled.length).toBeGreaterThan(1);
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(pulled.length).toBeLessThan(400);
    socket.takes = true;
    await expect.poll(() => socket.heard.endsWith("\r\n.\r\n")).toBe(true);
    socket.say("250 stored\r\n");
    expect((await sent).recipients[0]?.fate).toBe("accepted");
  });
});

describe("what Workers cannot do", () => {
  test.each<[string, SmtpOptions]>([
    ["tlsVerify", { tlsVerify: false }],
    ["tlsOptions", { tlsOptions: { ca: "…" } }],
    ["tlsOptions", { tlsOptions: { rejectUnauthorized: false } }],
    ["localAddress", { localAddress: "127.0.0.1" }],
    ["socketPath", { socketPath: "/run/smtp.sock" }],
  ])("%s is refused where a session or a pool is made", (name, options) => {
    const message = new RegExp(`^Option "${name}" .* which Cloudflare Workers cannot do, expected`);
    for (const Maker of [NetSmtp, NetSmtpPool]) {
      expect(() => new Maker("mx.example", 25, options)).toThrow(SmtpArgumentError);
      expect(() => new Maker("mx.example", 25, options)).toThrow(message);
    }
  });

  test("is refused before a connection if it was set later, and of a socket that the caller made", async () => {
    const { connect, asked } = connectTo(greeting(EHLO));
    const smtp = new NetSmtp("mx.example", 25, { network: networkOver(connect) });
    smtp.enableStarttls({ ca: "…" });
    expect(await failure(smtp.start())).toMatchObject({ name: "SmtpArgumentError", phase: "connect" });
    expect(asked).toEqual([]);
    const made = socketInMemory();
    const socket = () => ({ connection: made, tls: true, tlsOptions: { cert: "…" } });
    expect(await failure(session(made, { socket }).start())).toMatchObject({ name: "SmtpArgumentError" });
    expect(made.closes).toBeGreaterThan(0);
  });

  test("a socket that is none of its own is refused", async () => {
    const smtp = new NetSmtp("mx.example", 25, { socket: { write: () => true, on: () => {}, destroy: () => {} } });
    expect((await failure(smtp.start())).message).toContain("expected a connected socket of cloudflare:sockets");
  });
});

test("the entry can be loaded anywhere, and says where it works when it dials", async () => {
  const error = await failure(new NetSmtp("mx.example", 25).start());
  expect(error).toMatchObject({ name: "SmtpArgumentError", phase: "connect" });
  expect(error.message).toContain("cloudflare:sockets");
  expect(error.message).toContain("import net-smtp itself");
});
