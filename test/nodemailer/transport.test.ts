import { Readable } from "node:stream";
import nodemailer from "nodemailer";
import { describe, expect, onTestFinished, test } from "vitest";
import { SmtpSourceError } from "../../mod.ts";
import type { NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { answering } from "../contract/answering.ts";
import { failure, HELLO, mail, message, play, plugin, send, start } from "./support.ts";

describe("send()", () => {
  test("sends a message, and gives Nodemailer's keys in Nodemailer's order", async () => {
    const server = await start();
    const transport = plugin(server);
    const info = await send(transport);
    const own = await nodemailer
      .createTransport({ host: "127.0.0.1", port: server.port, name: "me.example" })
      .sendMail(message);
    expect(Object.keys(info)).toEqual([...Object.keys(own), "recipients"]);
    expect({ ...info, envelopeTime: 0, messageTime: 0, recipients: 0 }).toEqual({
      ...own,
      envelopeTime: 0,
      messageTime: 0,
      response: own.response.replace("as 2", "as 1"),
      recipients: 0,
    });
    expect([info.envelopeTime, info.messageTime].every((time) => Number.isInteger(time) && time >= 0)).toBe(true);
    expect(info.recipients).toEqual([{ address: "b@y.example", fate: "accepted", response: info.response }]);
    expect(server.messages[0]?.raw).toEqual(server.messages[1]?.raw);
    expect(server.connections[0]?.helo).toBe("me.example");
  });

  test("gives what the server said in several lines, and nothing that moves a cursor", async () => {
    const server = await play(`
      S: 220 mx.example ready
      C: EHLO me.example
      S: 500 What
      C: HELO me.example
      S: 250 mx.example
      C: MAIL FROM:<>
      S: 250 Ok
      C: RCPT TO:<b@y.example>
      S: 250 Ok
      C: DATA
      S: 354 Go
      C: <anything>
      C: .
      S: 250-2.0.0 Taken\u001b[2J
      S: 250 2.0.0 as 1
      C: QUIT
      S: 221 Bye`);
    const info = await send(plugin(server), { ...message, envelope: { from: "", to: "b@y.example" } });
    expect(info.response).toBe("250-2.0.0 Taken\\x1b[2J\n250 2.0.0 as 1");
    expect("ehlo" in info).toBe(false);
    expect(info.envelope).toEqual({ from: "", to: ["b@y.example"] });
    await server.finish();
  });

  test("does not change the caller's envelope", async () => {
    const server = await start();
    const envelope = Object.freeze({ from: "a@x.example", to: Object.freeze(["b@y.example", "refuse-550@y.example"]) });
    const given = { ...mail(), message: { ...mail().message, getEnvelope: () => envelope } };
    const info = await plugin(server).send(given);
    expect(info.rejected).toEqual(["refuse-550@y.example"]);
    expect(Object.keys(envelope)).toEqual(["from", "to"]);
    expect(info.envelope.to).not.toBe(envelope.to);
  });

  test("calls back once, never before it returns, also when detached", async () => {
    const server = await start();
    const { send: detached } = plugin(server);
    for (const given of [mail(), mail({ dsn: "all" }), undefined as never]) {
      const calls: unknown[][] = [];
      await new Promise<void>((resolve) => {
        expect(
          detached(given, (...values) => {
            calls.push(values);
            setImmediate(resolve);
          }),
        ).toBeUndefined();
        expect(calls).toEqual([]);
      });
      expect(calls).toHaveLength(1);
    }
    expect(server.messages).toHaveLength(1);
  });

  test("composes once, and only what has a connection", async () => {
    const opened: string[] = [];
    const content = (name: string) =>
      async function* (): AsyncGenerator<string> {
        opened.push(name);
        yield "hello\r\n";
      };
    const server = await start();
    await plugin(server).send(mail({}, content("good")));
    const refused = mail({}, content("refused"));
    const all = {
      ...refused,
      message: { ...refused.message, getEnvelope: () => ({ from: "", to: "refuse-550@y.example" }) },
    };
    await failure(plugin(server).send(all));
    await failure(plugin({ port: 1 }).send(mail({}, content("unreachable"))));
    expect(opened).toEqual(["good", "refused"]);
  });

  test.each([
    ["no recipients", { envelope: { from: "a@x.example", to: [] } }, "No recipients defined"],
    [
      "a bad recipient",
      { envelope: { from: "a@x.example", to: ["a b@y.example"] } },
      'Parameter "to" has a bad address',
    ],
    [
      "a bad sender",
      { envelope: { from: "a<b@y.example", to: ["b@y.example"] } },
      'Parameter "from" has a bad address',
    ],
  ])("fails with EENVELOPE for %s", async (_, { envelope }, text) => {
    const server = await start();
    const given = { ...mail(), message: { ...mail().message, getEnvelope: () => envelope } };
    const error = await failure(plugin(server).send(given));
    expect(error).toMatchObject({ code: "EENVELOPE", command: "API", fate: "unsent", retry: "never" });
    expect(error.message).toContain(text);
    expect(error.recipients).toEqual(envelope.to.map((address) => ({ address, fate: "unsent", retry: "never" })));
    expect(server.messages).toEqual([]);
  });

  test("tells who was refused", async () => {
    const server = await start();
    const to = ["b@y.example", "refuse-550@y.example", "busy-451@y.example", "c@y.example"];
    const info = await send(plugin(server), { ...message, envelope: { from: "a@x.example", to } });
    const own = await nodemailer
      .createTransport({ host: "127.0.0.1", port: server.port })
      .sendMail({ ...message, envelope: { from: "a@x.example", to } });
    expect([info.accepted, info.rejected]).toEqual([own.accepted, own.rejected]);
    expect(info.recipients.map(({ fate, retry }) => [fate, retry])).toEqual([
      ["accepted", undefined],
      ["refused", "never"],
      ["refused", "later"],
      ["accepted", undefined],
    ]);
    for (const [index, theirs] of (own.rejectedErrors ?? []).entries()) {
      expect(info.rejectedErrors?.[index]).toBeInstanceOf(Error);
      expect(info.rejectedErrors?.[index]).toMatchObject({ ...theirs });
      expect(info.rejectedErrors?.[index]).toMatchObject({ fate: "refused", retry: index === 0 ? "never" : "later" });
    }
    expect(info.rejectedErrors).toHaveLength(2);
    expect(server.messages[0]?.to).toEqual(["b@y.example", "c@y.example"]);
  });

  test("fails when everybody is refused, with Nodemailer's keys", async () => {
    const server = await start();
    const data = { ...message, envelope: { from: "a@x.example", to: ["refuse-550@y.example", "busy-451@y.example"] } };
    const error = await failure(send(plugin(server), data));
    const own = await failure(nodemailer.createTransport({ host: "127.0.0.1", port: server.port }).sendMail(data));
    const { rejectedErrors, ...keys } = { ...own };
    expect(error).toMatchObject(keys);
    expect(error.rejectedErrors?.map((one) => one.recipient)).toEqual(rejectedErrors?.map((one) => one.recipient));
    expect(error).toMatchObject({ phase: "rcpt", fate: "refused", retry: "later", temporary: true });
    expect(Object.keys(error).sort()).toEqual(
      [...Object.keys(own), "phase", "fate", "recipients", "retry", "temporary"].sort(),
    );
  });

  test('sends to nobody when one is refused and recipientPolicy is "all-or-nothing"', async () => {
    const server = await start();
    const data = { ...message, envelope: { from: "a@x.example", to: ["b@y.example", "refuse-550@y.example"] } };
    const error = await failure(send(plugin(server, { recipientPolicy: "all-or-nothing" }), data));
    expect(error).toMatchObject({ code: "EENVELOPE", recipient: "refuse-550@y.example", responseCode: 550 });
    expect(error.recipients.map(({ fate }) => fate)).toEqual(["unsent", "refused"]);
    expect(server.messages).toEqual([]);
  });

  test("tells what became of a message whose connection is lost after its end", async () => {
    const server = await play(`${HELLO}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 Ok
      S: 250 Ok
      S: 354 Go
      C: <anything>
      C: .
      S: <close>`);
    const error = await failure(send(plugin(server)));
    expect(error).toMatchObject({
      code: "ECONNECTION",
      command: "CONN",
      phase: "final",
      fate: "unknown",
      retry: "ask",
    });
    expect(error.recipients).toEqual([{ address: "b@y.example", fate: "unknown", retry: "ask" }]);
    expect("responseCode" in error).toBe(false);
  });

  test("fails with ESTREAM when the content does, and the message is not sent", async () => {
    const server = await start();
    const error = await failure(send(plugin(server), { ...message, raw: { path: "/nowhere/at/all" } }));
    expect(error).toMatchObject({ code: "ESTREAM", command: "API", originalCode: "ENOENT", fate: "unsent" });
    expect(error.cause).toBeInstanceOf(SmtpSourceError);
    expect(server.messages).toEqual([]);
  });

  test("asks beforeEnd, with the Message-ID, and does not end the message if it says no", async () => {
    const server = await play(`${HELLO}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 Ok
      S: 250 Ok
      S: 354 Go
      C: <close>`);
    const told: unknown[] = [];
    const beforeEnd = (inDoubt: unknown): void => {
      told.push(inDoubt);
      throw new Error("no");
    };
    const error = await failure(send(plugin(server, { beforeEnd })));
    expect(error).toMatchObject({ code: "EABORT", fate: "unsent" });
    expect(told).toEqual([{ id: "<1@x.example>", recipients: ["b@y.example"] }]);
    await server.finish();
  });

  test("never goes past a proxy, on a copy too", async () => {
    const server = await start();
    const transporter = nodemailer.createTransport({ ...plugin(server) } as NetSmtpTransport);
    transporter.setupProxy("http://127.0.0.1:1");
    for (const attempt of [() => transporter.sendMail(message), () => transporter.verify()]) {
      const error = await failure(attempt());
      expect(error).toMatchObject({ code: "ESOCKET", originalCode: "ECONNREFUSED", fate: "unsent" });
      expect(error.message).toContain("proxy");
    }
    expect(server.connections).toEqual([]);
  });
});

describe("a long message", () => {
  const long = `Subject: hi\r\n\r\n${"hello\r\n".repeat(20_000)}`;

  test("whose content fails while its envelope is answered: ESTREAM, and the process goes on", async () => {
    let fail: () => void = () => undefined;
    const server = await answering({
      EHLO: "250-mx.example\n250 PIPELINING",
      RCPT() {
        fail();
        return "250 Ok<late>";
      },
    });
    onTestFinished(() => server.close());
    const raw = new Readable({ read: () => undefined });
    raw.push(long);
    fail = () => raw.emit("error", Object.assign(new Error("The source broke"), { code: "EBROKEN" }));
    const error = await failure(send(plugin(server), { ...message, raw }));
    expect(error).toMatchObject({ code: "ESTREAM", command: "API", originalCode: "EBROKEN", fate: "unsent" });
  });
});

describe("abort", () => {
  test("a signal that has aborted before sends nothing", async () => {
    const server = await start();
    const reason = new Error("no more");
    const error = await failure(plugin(server).send(mail({ signal: AbortSignal.abort(reason) })));
    expect(error).toMatchObject({ name: "AbortError", code: "EABORT", fate: "unsent" });
    expect((error.cause as Error).cause).toBe(reason);
    expect(server.connections).toEqual([]);
  });

  test("while the greeting is awaited: unsent, the connection is closed", async () => {
    const controller = new AbortController();
    const server = await play("C: <close>");
    const info = (_: object, text: string): void => {
      if (text.startsWith("connected")) setImmediate(() => controller.abort());
    };
    const transport = plugin(server, { logger: { info } });
    const error = await failure(transport.send(mail({ signal: controller.signal })));
    expect(error).toMatchObject({ name: "AbortError", code: "EABORT", fate: "unsent" });
    await server.finish();
    await expect.poll(() => transport.isIdle()).toBe(true);
  });

  test("while the content does not come: unsent, and the connection is closed", async () => {
    const controller = new AbortController();
    const server = await play(`${HELLO}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 Ok
      S: 250 Ok
      C: <close>`);
    const transport = plugin(server);
    const content = async function* (): AsyncGenerator<string> {
      setImmediate(() => controller.abort());
      await new Promise(() => {});
      yield "never";
    };
    const error = await failure(transport.send(mail({ signal: controller.signal }, content)));
    expect(error).toMatchObject({ name: "AbortError", code: "EABORT", fate: "unsent" });
    await server.finish();
    await expect.poll(() => transport.isIdle()).toBe(true);
  });

  test("during the content: unsent; the content is closed", async () => {
    const server = await start();
    const controller = new AbortController();
    const lines: string[] = [];
    const logger = { debug: (_: object, text: string) => lines.push(text), info: () => {} };
    let closed = false;
    const error = await failure(
      plugin(server, { logger, debug: true }).send(
        mail({ signal: controller.signal }, async function* () {
          try {
            yield `Subject: hi\r\n\r\n${"hello\r\n".repeat(20_000)}`;
            controller.abort(new Error("no more"));
            yield "hello\r\n";
          } finally {
            closed = true;
          }
        }),
      ),
    );
    expect(error).toMatchObject({ code: "EABORT", fate: "unsent" });
    expect(lines.at(-2)).toBe("DATA");
    expect(lines.at(-1)).toMatch(/^354 /);
    expect(error.recipients).toEqual([{ address: "b@y.example", fate: "unsent", retry: "never" }]);
    await expect.poll(() => [closed, server.connections[0]?.closed]).toEqual([true, true]);
    expect(server.messages).toEqual([]);
  });

  test("after the end: unknown", async () => {
    const server = await play(
      `${HELLO}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 Ok
      S: 250 Ok
      C: DATA
      S: 354 Go
      C: Subject: hi
      C:
      C: hello
      C: .
      C: QUIT
      C: <close>`.replace("C:\n", "C: \n"),
    );
    const controller = new AbortController();
    // The line comes when the end is in the cork, which leaves at the end of the tick.
    const debug = (_: object, text: string): void => {
      if (text.includes("octets of the message")) setImmediate(() => controller.abort());
    };
    const transport = plugin(server, { logger: { debug, info: () => {} }, debug: true });
    const error = await failure(transport.send(mail({ signal: controller.signal })));
    expect(error).toMatchObject({ name: "AbortError", code: "EABORT", fate: "unknown", retry: "ask" });
    await server.finish();
  });
});

describe("timeouts", () => {
  test("no greeting within greetingTimeout", async () => {
    const server = await play("C: <close>");
    const error = await failure(send(plugin(server, { greetingTimeout: 30 })));
    expect(error).toMatchObject({
      code: "ETIMEDOUT",
      command: "CONN",
      timeoutType: "GREETING_TIMEOUT",
      fate: "unsent",
    });
    await server.finish();
  });

  test("no reply within socketTimeout", async () => {
    const server = await play(`${HELLO}\nC: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nC: DATA\nC: <close>`);
    const error = await failure(send(plugin(server, { socketTimeout: 30 })));
    expect(error).toMatchObject({ code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT", phase: "mail", fate: "unsent" });
    await server.finish();
  });

  test("no reply to the message within finalTimeout: it may have been delivered", async () => {
    const server = await play(`${HELLO}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 Ok
      S: 250 Ok
      S: 354 Go
      C: <anything>
      C: .
      C: QUIT
      C: <close>`);
    const error = await failure(send(plugin(server, { finalTimeout: 30 })));
    expect(error).toMatchObject({ code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT", phase: "final", fate: "unknown" });
    await server.finish();
  });
});

describe("verify()", () => {
  test("gives true, by promise and by callback, and sends nothing", async () => {
    const server = await start();
    const transporter = nodemailer.createTransport(plugin(server));
    expect(await transporter.verify()).toBe(true);
    const values = await new Promise((resolve) => transporter.verify((...given) => resolve(given)));
    expect(values).toEqual([null, true]);
    expect(server.messages).toEqual([]);
    await expect.poll(() => server.connections.every(({ closed }) => closed)).toBe(true);
  });

  test("fails in both ways, never synchronously", async () => {
    const transporter = nodemailer.createTransport(plugin({ port: 1 }));
    const keys = { code: "ESOCKET", command: "CONN", originalCode: "ECONNREFUSED", recipients: [] };
    expect(await failure(transporter.verify())).toMatchObject(keys);
    const error = await new Promise((resolve) => transporter.verify((given) => resolve(given)));
    expect(error).toMatchObject(keys);
  });
});

describe("isIdle(), close() and on()", () => {
  test("isIdle() is false while a message is under way, and idle is emitted when none is", async () => {
    const server = await start();
    const transport = plugin(server);
    const transporter = nodemailer.createTransport(transport);
    const events: string[] = [];
    expect(transporter.isIdle()).toBe(true);
    const sent = transporter.sendMail(message);
    expect(transporter.isIdle()).toBe(false);
    const idle = new Promise<void>((resolve) => {
      transporter.on("idle", () => events.push("idle"));
      transporter.on("clear", () => {
        events.push("clear");
        resolve();
      });
    });
    await sent;
    await idle;
    expect(events).toEqual(["idle", "clear"]);
    expect(transporter.isIdle()).toBe(true);
    transporter.close();
    await transporter.sendMail(message);
    expect(server.messages).toHaveLength(2);
  });

  test("the answer comes before QUIT is answered, idle after it", async () => {
    const server = await answering({ EHLO: "250-mx.example\n250 PIPELINING", QUIT: "221 Bye<late>" });
    onTestFinished(() => server.close());
    const lines: string[] = [];
    const logger = { debug: (_: object, text: string) => lines.push(text), info: () => {}, warn: () => {} };
    const transport = plugin(server, { logger, debug: true });
    await transport.send(mail());
    const quit = (): string | undefined => lines.find((line) => line.startsWith("221"));
    expect(quit()).toBeUndefined();
    const told = await new Promise((resolve) => transport.on("clear", () => resolve(quit())));
    expect(told).toBe("221 Bye");
  });

  test("idle is emitted once at the beginning, so that a queue can be driven by it", async () => {
    const server = await start();
    const transporter = nodemailer.createTransport(plugin(server));
    const queue = [message, message, message];
    await new Promise<void>((resolve) => {
      transporter.on("idle", () => {
        const next = queue.shift();
        if (next) transporter.sendMail(next, () => {});
        else resolve();
      });
    });
    expect(server.messages).toHaveLength(3);
  });

  test("keeps one listener an event, however often it is made a transporter", async () => {
    const transport = plugin({ port: 1 });
    let heard = 0;
    const last = await new Promise<number>((resolve) => {
      for (let count = 1; count <= 10_000; count++) {
        nodemailer.createTransport(transport).on("idle", () => {
          heard++;
          resolve(count);
        });
      }
    });
    expect([last, heard]).toEqual([10_000, 1]);
  });

  test("error is never emitted: a failure does not end the process of who does not listen", async () => {
    const transporter = nodemailer.createTransport(plugin({ port: 1 }));
    const errors: unknown[] = [];
    transporter.on("error", (error) => errors.push(error));
    await failure(transporter.sendMail(message));
    expect(errors).toEqual([]);
  });
});
