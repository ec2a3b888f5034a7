/**
 * Sockets and limits of the caller's at the engine itself: `SocketMaker`, `secured`, `dnsTimeout`, `closeTimeout`,
 * "opportunistic", and mechanisms that say their own lines.
 *
 * @module
 */

import { Duplex, PassThrough } from "node:stream";
import { afterEach, describe, expect, test, vi } from "vitest";
import { NetSmtp, type SmtpOptions, type SocketMaker } from "../mod.ts";
import { nodeNetwork } from "../src/net/node.ts";
import type { SmtpNetwork } from "../src/net/stream.ts";
import { network, play } from "./support/play.ts";
import { record } from "./support/record.ts";

afterEach(() => {
  vi.useRealTimers();
});

const HELLO = "S: 220 ready\nC: EHLO localhost\nS: 250-mx\nS: 250 AUTH PLAIN";

/** A network whose `wrap` gives played streams, and keeps what it was given. */
function wrapping(script: string) {
  const wrapped: unknown[] = [];
  const net: SmtpNetwork = {
    ...network(),
    wrap: (socket, secured) => {
      wrapped.push(socket, secured);
      return play(script, { tls: secured });
    },
  };
  return { net, wrapped };
}

describe("socket", () => {
  test("a maker is told where to, and what it says goes over the options of this start alone", async () => {
    const script = `${HELLO}\nC: AUTH PLAIN ${btoa("\0me\0secret")}\nS: 235 Ok\nC: QUIT\nS: 221 bye`;
    const { net, wrapped } = wrapping(script);
    const asked: unknown[] = [];
    const connection = {};
    const answers: unknown[] = [{ connection, secured: true, tlsHostname: undefined }, connection];
    const socket: SocketMaker = ({ address, port, signal }) => {
      asked.push([address, port, signal.aborted]);
      return answers.shift();
    };
    const smtp = new NetSmtp("mx.example", 587, { socket, network: net, user: "me", secret: "secret" });
    await smtp.start(() => undefined);
    expect(wrapped).toEqual([connection, true]);
    await expect(smtp.start()).rejects.toThrow("Server does not offer STARTTLS and the login would go in clear");
    expect(wrapped.slice(2)).toEqual([connection, false]);
    expect(asked).toEqual(Array(2).fill(["mx.example", 587, false]));
  });

  test.each([undefined, null, false])("a maker that gives %j has the address dialled", async (answer) => {
    const net = network(play(`${HELLO}\nC: QUIT\nS: 221 bye`));
    await NetSmtp.start("192.0.2.1", 25, { socket: async () => answer, network: net }, () => undefined);
    expect(net.targets).toMatchObject([{ address: "192.0.2.1", port: 25 }]);
  });

  test("secured holds for a socket that is given as it is", async () => {
    const { net, wrapped } = wrapping(`${HELLO}\nC: QUIT\nS: 221 bye`);
    await NetSmtp.start("mx.example", 25, { socket: {}, secured: true, network: net }, () => undefined);
    expect(wrapped[1]).toBe(true);
  });

  test("a maker that never answers is given up after openTimeout, its signal aborts, and its late socket is destroyed", async () => {
    vi.useFakeTimers();
    let give: (socket: unknown) => void = () => {};
    let signal: AbortSignal | undefined;
    const socket: SocketMaker = (request) => {
      ({ signal } = request);
      return new Promise((resolve) => {
        give = resolve;
      });
    };
    const started = expect(NetSmtp.start("x", 25, { socket, openTimeout: 100, network: network() })).rejects.toThrow(
      "No connection within 100 ms",
    );
    await vi.advanceTimersByTimeAsync(100);
    await started;
    expect(signal?.aborted).toBe(true);
    const destroy = vi.fn();
    give({ connection: { destroy } });
    await vi.waitFor(() => expect(destroy).toHaveBeenCalledOnce());
  });
});

test("a socket that was left paused is read", async () => {
  const socket = new PassThrough();
  socket.pause();
  const sink = record(nodeNetwork.wrap(socket, false));
  socket.write("220 ready\r\n");
  await sink.heard("220 ready\r\n");
});

test("dnsTimeout is for the resolver alone", async () => {
  vi.useFakeTimers();
  const net: SmtpNetwork = { ...network(), resolve: () => new Promise(() => {}) };
  const started = NetSmtp.start("slow.example", 25, { dnsTimeout: 50, network: net }).catch((error) => error);
  await vi.advanceTimersByTimeAsync(50);
  expect(await started).toMatchObject({ code: "SMTP_CONNECTION", phase: "connect", retry: "later" });
  expect((await started).message).toBe('Host name "slow.example" could not be resolved (ETIMEOUT)');
  const quick = await NetSmtp.start("192.0.2.1", 25, { dnsTimeout: 50, network: network(play(HELLO)) });
  expect(vi.getTimerCount()).toBe(1); // the session's own
  expect(quick.started).toBe(true);
});

describe("closeTimeout", () => {
  class Silent extends Duplex {
    override _read(): void {}
    override _write(_chunk: unknown, _encoding: unknown, done: () => void): void {
      done();
    }
  }

  test("end() drops the connection after it, unless the server has closed before", () => {
    vi.useFakeTimers();
    const socket = new Silent();
    nodeNetwork.wrap(socket, false).end(1_000);
    vi.advanceTimersByTime(999);
    expect([socket.writableEnded, socket.destroyed]).toEqual([true, false]);
    vi.advanceTimersByTime(1);
    expect(socket.destroyed).toBe(true);
    const left = new Silent();
    nodeNetwork.wrap(left, false).end();
    expect([left.writableEnded, left.destroyed, vi.getTimerCount()]).toEqual([true, false, 0]);
  });

  test.each([
    [0, "destroy"],
    [1, "end"],
  ])("%d ms: the session leaves its connection by %s", async (closeTimeout, closed) => {
    const server = play(`${HELLO}\nC: QUIT\nS: 221 bye`);
    await NetSmtp.start("192.0.2.1", 25, { closeTimeout, network: network(server) }, () => undefined);
    expect(server.closed).toBe(closed);
  });
});

describe('starttls: "opportunistic"', () => {
  const REFUSED = `S: 220 ready\nC: EHLO localhost\nS: 250-mx\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\nC: STARTTLS\nS: 502 no`;
  const SENT = "C: MAIL FROM:<a@x>\nS: 250 Ok\nC: RCPT TO:<b@y>\nS: 250 Ok\nC: DATA\nS: 354 go\nC: hi\nC: .\nS: 250 Ok";

  async function warnings(script: string, options: SmtpOptions): Promise<readonly string[]> {
    const server = play(`${script}\n${SENT}\nC: QUIT\nS: 221 bye`, { loopback: true });
    const all: SmtpOptions = { starttls: "opportunistic", network: network(server), ...options };
    const sent = await NetSmtp.start("192.0.2.1", 25, all, (smtp) => smtp.sendMessage("hi", "a@x", "b@y"));
    server.finish();
    expect(sent.tls).toBe(false);
    return sent.warnings;
  }

  test("a refusal is told by every delivery, and there is no login, on loopback neither", async () => {
    const inClear = "Message went in clear, since the server refused STARTTLS: 502 no";
    expect(await warnings(REFUSED, {})).toEqual([inClear]);
    expect(await warnings(REFUSED, { user: "me", secret: "secret" })).toEqual([
      inClear,
      "Login was left out, since the connection is in clear",
    ]);
  });

  test("not offered is as with auto", async () => {
    const [told] = await warnings(HELLO, {});
    expect(told).toContain("the server did not offer STARTTLS");
    const stripped = NetSmtp.start("192.0.2.1", 25, {
      starttls: "opportunistic",
      user: "me",
      secret: "secret",
      network: network(play(HELLO)),
    });
    await expect(stripped).rejects.toThrow("the login would go in clear");
  });

  test("a server that ends the session has not refused it", async () => {
    const server = play(REFUSED.replace("502 no", "421 bye"));
    const started = NetSmtp.start("192.0.2.1", 25, { starttls: "opportunistic", network: network(server) });
    await expect(started).rejects.toMatchObject({ phase: "tls", response: expect.objectContaining({ status: "421" }) });
  });
});
