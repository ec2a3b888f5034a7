/**
 * `pool: true` against real servers: every option of it, whose connection a message goes over, how it ends.
 *
 * @module
 */

import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import nodemailer, { type SendMailOptions, type Transporter } from "nodemailer";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createNetSmtpTransport, type NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { type Answers, answering } from "../contract/answering.ts";
import type { RunningServer } from "../support/server.ts";
import { failure, HELLO, message, play, plugin, start } from "./support.ts";

const opened: { close(options?: object): unknown }[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const transporter of opened.splice(0)) await transporter.close({ force: true });
});

/** Nodemailer with a pool of the plugin's. */
function pooled(server: { port: number }, options: NetSmtpTransportOptions = {}): PoolMembers & Transporter {
  const transporter = nodemailer.createTransport(plugin(server, { pool: true, ...options }));
  opened.push(transporter as never);
  return transporter as never;
}

/** What the types of Nodemailer do not say of a pool. */
interface PoolMembers {
  close(options?: { force?: boolean }): Promise<{ unsent: { id: string }[] }>;
}

function letter(id: number | string, more: SendMailOptions = {}): SendMailOptions {
  return { ...message, messageId: `<${id}@x.example>`, raw: `X-Id: ${id}\r\n\r\nhello\r\n`, ...more };
}

async function several(transporter: Transporter, count: number, more?: SendMailOptions): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, id) => transporter.sendMail(letter(id, more))));
}

function idsOf(server: RunningServer): string[] {
  return server.messages.map(({ raw }) => /X-Id: (\S+)/.exec(raw.toString())?.[1] ?? "none");
}

async function scripted(answers: Answers): Promise<{ port: number; saw(): Promise<unknown> }> {
  const server = await answering(answers);
  onTestFinished(() => server.close());
  return server;
}

/** The wall clock goes on by itself, and by what is added. */
function wallClock(): (ms: number) => void {
  const { now } = Date;
  let ahead = 0;
  vi.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  return (ms) => {
    ahead += ms;
  };
}

describe("pool: true", () => {
  test("keeps its connections, and close() ends them with QUIT", async () => {
    const server = await start();
    const transporter = pooled(server);
    await several(transporter, 40);
    await several(transporter, 40);
    expect(server.connections.length).toBeLessThanOrEqual(5);
    expect(server.messages).toHaveLength(80);
    expect(new Set(idsOf(server)).size).toBe(40);
    expect(transporter.isIdle()).toBe(true);
    expect(await transporter.close()).toEqual({ unsent: [] });
    await expect.poll(() => server.connections.every(({ closed }) => closed)).toBe(true);
  });

  test("the helper makes one, whose close() can be awaited", async () => {
    const server = await start();
    const options = { pool: true, host: "127.0.0.1", port: server.port, maxConnections: 1 };
    const transporter = createNetSmtpTransport(nodemailer, options, { from: "a@x.example" });
    const sent = Promise.all([1, 2, 3].map((id) => transporter.sendMail(letter(id))));
    expect(transporter.isIdle()).toBe(false);
    const closed = transporter.close() as unknown as Promise<object>;
    expect((await sent).map(({ accepted }) => accepted)).toEqual([["b@y.example"], ["b@y.example"], ["b@y.example"]]);
    expect(await closed).toEqual({ unsent: [] });
    expect(server.connections).toMatchObject([{ messages: 3 }]);
  });

  test("a refused message leaves its connection to the next", async () => {
    const server = await start();
    const transporter = pooled(server, { maxConnections: 1 });
    const refused = letter("no", { envelope: { from: "a@x.example", to: "refuse-550@y.example" } });
    expect(await failure(transporter.sendMail(refused))).toMatchObject({ code: "EENVELOPE", fate: "refused" });
    await transporter.sendMail(letter("yes"));
    expect([server.connections.length, idsOf(server)]).toEqual([1, ["yes"]]);
  });

  test("composed messages with streams arrive whole, each under its own envelope", async () => {
    const server = await start();
    const transporter = pooled(server, { maxConnections: 2 });
    const ids = Array.from({ length: 30 }, (_, id) => id);
    await Promise.all(
      ids.map((id) =>
        transporter.sendMail({
          from: `a${id}@x.example`,
          to: `b${id}@y.example`,
          text: `number ${id} ${"long ".repeat(id * 900)}`,
          attachments: [{ filename: "a.txt", content: `attached ${id}` }],
        }),
      ),
    );
    expect(server.messages).toHaveLength(30);
    for (const { from, to, raw } of server.messages) {
      const [, id] = /^a(\d+)@/.exec(from) ?? [];
      expect(to).toEqual([`b${id}@y.example`]);
      expect(raw.toString()).toContain(`number ${id} `);
      expect(raw.toString()).toContain(btoa(`attached ${id}`));
    }
  });
});

describe("its options", () => {
  test("maxConnections: no more are open at a time", async () => {
    const server = await start();
    await several(pooled(server, { maxConnections: 3 }), 60);
    expect(server.connections.map(({ closed }) => closed)).toEqual([false, false, false]);
  });

  test("maxMessages: a connection carries no more, and the next is not waited for", async () => {
    const fast = await scripted({});
    const transporter = pooled(fast, { maxConnections: 1, maxMessages: 1 });
    const begun = performance.now();
    await several(transporter, 30);
    // Nodemailer's pool schedules nothing for 100 ms after each.
    expect(performance.now() - begun).toBeLessThan(2_000);
    expect(await fast.saw()).toHaveLength(30);
    const server = await start();
    await several(pooled(server, { maxConnections: 1, maxMessages: 3 }), 7);
    expect(server.connections.map(({ messages }) => messages)).toEqual([3, 3, 1]);
  });

  test.each([
    [0, [["b@y.example"], "ECONNECTION unsent"]],
    [1, [["b@y.example"], ["b@y.example"]]],
    [-1, [["b@y.example"], ["b@y.example"]]],
  ])("maxRequeues %i: a message whose connection had ended before it began", async (maxRequeues, expected) => {
    const server = await scripted({ MAIL: ["250 Ok", "<close>", "250 Ok"] });
    const transporter = pooled(server, { maxConnections: 1, maxRequeues });
    const told: unknown[] = [];
    for (const id of [1, 2]) {
      const sent = transporter.sendMail(letter(id));
      told.push(await sent.then(({ accepted }) => accepted).catch(({ code, fate }) => `${code} ${fate}`));
    }
    expect(told).toEqual(expected);
  });

  test("idleTimeout: a connection with nothing to do is closed, then clear is emitted", async () => {
    const server = await start();
    const transporter = pooled(server, { idleTimeout: 30 });
    const clear = once(transporter, "clear");
    await transporter.sendMail(letter(1));
    expect(server.connections[0]?.closed).toBe(false);
    await clear;
    await expect.poll(() => server.connections[0]?.closed).toBe(true);
    await transporter.sendMail(letter(2));
    expect(server.connections.map(({ messages }) => messages)).toEqual([1, 1]);
  });

  test("a process that was frozen for an hour sends at the first try, on a new connection", async () => {
    const server = await start();
    const transporter = pooled(server, { maxRequeues: 0 });
    const add = wallClock();
    await transporter.sendMail(letter(1));
    add(3_600_000);
    await transporter.sendMail(letter(2));
    expect(server.connections.map(({ messages }) => messages)).toEqual([1, 1]);
  });

  test("maxAge: an old connection takes no message any more", async () => {
    const server = await start();
    const transporter = pooled(server, { maxAge: 10_000, maxConnections: 1 });
    const add = wallClock();
    for (const ms of [0, 6_000, 6_000]) {
      add(ms);
      await transporter.sendMail(letter(ms));
    }
    expect(server.connections.map(({ messages }) => messages)).toEqual([2, 1]);
  });

  test("rateLimit and rateDelta: no window has more messages, by the server's clock", async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const server = await scripted({
      MAIL() {
        begun.push(performance.now());
        return "250 Ok";
      },
      end() {
        ended.push(performance.now());
        return Math.random() < 0.2 ? "250 Ok<late>" : "250 Ok";
      },
    });
    await several(pooled(server, { rateLimit: 10, rateDelta: 200, maxConnections: 5 }), 45);
    for (const times of [begun, ended]) {
      expect(times).toHaveLength(45);
      const windows = times.slice(10).map((time, at) => time - (times[at] as number));
      expect(Math.min(...windows)).toBeGreaterThanOrEqual(195);
    }
  });

  test("maxPending: one more is not taken", async () => {
    const server = await start();
    const transporter = pooled(server, { maxPending: 2, maxConnections: 1 });
    const taken = [transporter.sendMail(letter(1)), transporter.sendMail(letter(2))];
    const error = await failure(transporter.sendMail(letter(3)));
    expect(error).toMatchObject({ code: "ECONNECTION", fate: "unsent", retry: "later", temporary: true });
    await Promise.all(taken);
    await transporter.sendMail(letter(4));
    expect(idsOf(server)).toEqual(["1", "2", "4"]);
  });

  test("deadline: what takes longer from the call, waiting included, is given up", async () => {
    const server = await scripted({ RCPT: "<silence>" });
    const transporter = pooled(server, { deadline: 300, maxConnections: 1 });
    const errors = await Promise.all([1, 2].map((id) => failure(transporter.sendMail(letter(id)))));
    for (const error of errors) {
      expect(error).toMatchObject({ code: "EABORT", fate: "unsent" });
      expect(error.message).toContain("within 300 ms");
    }
  });

  test("deadline: a connection that hangs holds nobody else up", async () => {
    const server = await scripted({ RCPT: ["<silence>", "250 Ok"] });
    const transporter = pooled(server, { deadline: 500, maxConnections: 1 });
    expect(await failure(transporter.sendMail(letter(1)))).toMatchObject({ code: "EABORT", fate: "unsent" });
    expect((await transporter.sendMail(letter(2))).accepted).toEqual(["b@y.example"]);
    await transporter.close();
    expect(await server.saw()).toHaveLength(2);
  });

  test("inFlight: as many go along under CHUNKING before the first is answered", async () => {
    const one = "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nC: BDAT 18 LAST\nC: X-Id: 1\nC: \nC: hello";
    const answers = "S: 250 Ok\nS: 250 Ok\nS: 250 Stored";
    const server = await play(`${HELLO.replace("S: 250 PIPELINING", "S: 250-PIPELINING\nS: 250 CHUNKING")}
      ${one}\nC: RSET\n${one}\nC: RSET\n${one}\n${answers}\nS: 250 Reset\n${answers}\nS: 250 Reset\n${answers}\nC: QUIT\nS: 221 Bye`);
    const transporter = pooled(server, { maxConnections: 1, inFlight: 3 });
    await Promise.all([1, 1, 1].map((id) => transporter.sendMail(letter(id))));
    await transporter.close();
    await server.finish();
  });

  test.each([
    [0, 0, 60],
    [120, 110, 5_000],
  ])("throttleDelay %i: how long nothing is sent after the server asked for it", async (throttleDelay, least, most) => {
    const server = await scripted({ MAIL: ["421 4.7.0 Slow down<close>", "250 Ok"] });
    const transporter = pooled(server, { throttleDelay, maxConnections: 1, maxRequeues: 0 });
    expect(await failure(transporter.sendMail(letter(1)))).toMatchObject({ responseCode: 421, fate: "refused" });
    const begun = performance.now();
    await transporter.sendMail(letter(2));
    const took = performance.now() - begun;
    expect(took).toBeGreaterThanOrEqual(least);
    expect(took).toBeLessThan(most);
  });

  test("attempts and retryDelay: what is refused for now is sent again", async () => {
    const server = await scripted({ RCPT: ["451 4.2.0 Later", "250 Ok"] });
    const info = await pooled(server, { attempts: 2, retryDelay: 10 }).sendMail(letter(1));
    expect(info.accepted).toEqual(["b@y.example"]);
  });
});

describe("whose connection a message goes over", () => {
  test("under two logins at once, 240 messages: none goes under the wrong one", async () => {
    const users = { me: "mine", you: "yours" };
    const server = await start({ users, allowInsecureAuth: true });
    const auth = { user: "me", pass: "mine" };
    const transporter = pooled(server, { auth, maxConnections: 4, maxMessages: 10 });
    const names = Array.from({ length: 240 }, () => (Math.random() < 0.5 ? "me" : "you"));
    await Promise.all(
      names.map((name, id) => {
        const own = name === "me" ? {} : { auth: { user: "you", pass: "yours" } };
        return transporter.sendMail(letter(`${id}-${name}`, own as SendMailOptions));
      }),
    );
    expect(server.messages).toHaveLength(240);
    for (const [at, id] of idsOf(server).entries()) expect(id.split("-")[1]).toBe(server.messages[at]?.user);
    expect(new Set(server.messages.map(({ connection, user }) => `${connection} ${user}`)).size).toBe(
      new Set(server.messages.map(({ connection }) => connection)).size,
    );
  });

  test("a login that is refused harms no other", async () => {
    const server = await start({ users: { me: "mine" }, allowInsecureAuth: true });
    const transporter = pooled(server, { auth: { user: "me", pass: "mine" }, maxConnections: 2 });
    const wrong = { auth: { user: "me", pass: "wrong" } } as SendMailOptions;
    const told = await Promise.all(
      Array.from({ length: 20 }, (_, id) =>
        transporter.sendMail(letter(id, id % 2 ? wrong : {})).then(
          () => "sent",
          ({ code, fate }) => `${code} ${fate}`,
        ),
      ),
    );
    expect(told).toEqual(Array.from({ length: 20 }, (_, id) => (id % 2 ? "EAUTH unsent" : "sent")));
  });

  test("a proxy that is set later is not passed by", async () => {
    const server = await start();
    const transporter = pooled(server, { maxConnections: 1 });
    await transporter.sendMail(letter("before"));
    let asked = 0;
    transporter.set(
      "proxy_handler_test",
      (_proxy: object, _options: object, done: (error: null, made: object) => void) => {
        asked++;
        const connection = connect(server.port, "127.0.0.1", () => done(null, { connection }));
      },
    );
    transporter.setupProxy("test://127.0.0.1:1");
    await several(transporter, 5);
    expect([asked, server.connections.length]).toEqual([1, 2]);
    expect(server.messages.map(({ connection }) => connection)).toEqual([0, 1, 1, 1, 1, 1]);
  });

  test("getSocket makes each connection", async () => {
    const server = await start();
    let asked = 0;
    const transporter = pooled(
      { port: 1 },
      {
        maxConnections: 2,
        maxMessages: 5,
        getSocket: (_options, done) => {
          asked++;
          const connection = connect(server.port, "127.0.0.1", () => done(null, { connection }));
        },
      },
    );
    await several(transporter, 20);
    expect(server.messages).toHaveLength(20);
    // One that was asked for while the last messages found room elsewhere may not have arrived.
    expect(asked).toBeGreaterThanOrEqual(server.connections.length);
    expect(server.connections.every(({ messages }) => messages <= 5)).toBe(true);
  });
});

describe("events", () => {
  test.each(["Nodemailer's own", "the plugin's"])("a queue is driven by idle and isIdle(): %s", async (whose) => {
    const server = await start();
    const options = { host: "127.0.0.1", port: server.port, pool: true, maxConnections: 2, maxMessages: 10 } as const;
    const transporter = whose === "the plugin's" ? pooled(server, options) : nodemailer.createTransport(options);
    opened.push(transporter as never);
    const queue = Array.from({ length: 30 }, (_, id) => letter(id));
    const sent: Promise<unknown>[] = [];
    await new Promise<void>((resolve) => {
      transporter.on("idle", () => {
        while (transporter.isIdle() && queue.length > 0) sent.push(transporter.sendMail(queue.shift() as object));
        if (queue.length === 0) resolve();
      });
    });
    await Promise.all(sent);
    expect(new Set(idsOf(server)).size).toBe(30);
  });

  test("idle is emitted when one more would be taken, not while all connections are busy", async () => {
    const server = await start();
    const transporter = pooled(server, { maxConnections: 1 });
    const states: boolean[] = [];
    await once(transporter, "idle");
    transporter.on("idle", () => states.push(transporter.isIdle()));
    const sent = several(transporter, 3);
    expect(transporter.isIdle()).toBe(false);
    await sent;
    await expect.poll(() => states.length).toBeGreaterThan(0);
    expect(states.every(Boolean)).toBe(true);
  });

  test("clear is emitted when the last connection is closed", async () => {
    const server = await start();
    const transporter = pooled(server);
    const clear = once(transporter, "clear");
    await several(transporter, 5);
    await transporter.close();
    await clear;
    expect(transporter.isIdle()).toBe(false);
  });
});

describe("close()", () => {
  test("sends what was asked for; what is asked after it is unsent", async () => {
    const server = await start();
    const transporter = pooled(server, { maxConnections: 1 });
    const sent = several(transporter, 5);
    const closed = transporter.close();
    const late = await failure(transporter.sendMail(letter("late")));
    expect(late).toMatchObject({ code: "ECONNECTION", command: "API", fate: "unsent" });
    await sent;
    expect(await closed).toEqual({ unsent: [] });
    expect(await transporter.close()).toEqual({ unsent: [] });
    expect(idsOf(server)).toEqual(["0", "1", "2", "3", "4"]);
  });

  test("force: what waits is unsent, what was handed over unknown, connections are dropped", async () => {
    const server = await scripted({ end: "<silence>" });
    const transporter = pooled(server, { maxConnections: 1 });
    const sent = [1, 2, 3].map((id) => failure(transporter.sendMail(letter(id))));
    await sleep(100);
    const { unsent } = await transporter.close({ force: true });
    const fates = (await Promise.all(sent)).map(({ code, fate }) => `${code} ${fate}`);
    expect(fates).toEqual(["ECONNECTION unknown", "ECONNECTION unsent", "ECONNECTION unsent"]);
    expect(unsent.map(({ id }) => id)).toEqual(["<2@x.example>", "<3@x.example>"]);
    await server.saw();
  });

  test("a signal takes a message out of the queue", async () => {
    const server = await start();
    const transporter = pooled(server, { maxConnections: 1 });
    const controller = new AbortController();
    const first = transporter.sendMail(letter(1));
    const second = failure(transporter.sendMail(letter(2, { signal: controller.signal } as SendMailOptions)));
    controller.abort();
    expect(await second).toMatchObject({ name: "AbortError", code: "EABORT", fate: "unsent" });
    await first;
    expect(idsOf(server)).toEqual(["1"]);
  });
});
