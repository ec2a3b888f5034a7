/** The beginning, the latch and the end of a session; in brackets the row of Net::SMTP's semantics. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { NetSmtp, SmtpLatchedError, type SmtpOptions, SmtpSessionError, type StartOptions } from "../mod.ts";
import { network, type PlayedServer, play } from "./support/play.ts";
import { ENVELOPE, hello, session } from "./support/session.ts";
import { FROM, failure, told } from "./support/told.ts";

const TO = "b@y.example";
const MESSAGE = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued`;

function over(...servers: PlayedServer[]): NetSmtp {
  return new NetSmtp("mx.example", 25, { network: network(...servers) });
}

async function starting(script: string, options: SmtpOptions = {}, start?: StartOptions) {
  const server = play(script);
  const smtp = new NetSmtp("mx.example", 25, { ...options, network: network(server) });
  const error = await failure(smtp.start(start));
  server.finish();
  expect([smtp.started, smtp.errorOccurred, server.closed]).toEqual([false, false, "destroy"]);
  return { error, smtp, server };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("start()", () => {
  test.each([500, 501, 502, 504, 550])(
    "start() says HELO when EHLO is answered %i, for this session only",
    async (code) => {
      const first = play(
        `S: 220 hi\nC: EHLO localhost\nS: ${code} what\nC: HELO localhost\nS: 250 mx\nC: QUIT\nS: 221 bye`,
      );
      const second = play(hello("SIZE"));
      const smtp = over(first, second);
      await smtp.start();
      expect([smtp.capabilities, smtp.capable("SIZE")]).toEqual([undefined, undefined]);
      await smtp.finish();
      await smtp.start();
      expect(smtp.capable("size")).toBe(true);
      first.finish();
      second.finish();
    },
  );

  test.each([
    [421, "SmtpServerBusy"],
    [451, "SmtpServerBusy"],
    [554, "SmtpFatalError"],
    [530, "SmtpAuthenticationError"],
    [354, "SmtpUnknownError"],
  ])("start() ends when EHLO is answered %i", async (code, name) => {
    const { error } = await starting(`S: 220 hi\nC: EHLO localhost\nS: ${code} no\nC: <close>`);
    expect(error).toMatchObject({ name, phase: "ehlo" });
  });

  test("start() ends at garbage, and at HELO refused", async () => {
    expect((await starting("S: 220 hi\nC: EHLO localhost\nS: hello there")).error.name).toBe("SmtpProtocolError");
    const { error } = await starting("S: 220 hi\nC: EHLO localhost\nS: 502 what\nC: HELO localhost\nS: 501 no");
    expect(error.message).toBe("Server refused HELO: 501 no");
  });

  test.each([
    ["421 busy", "SmtpServerBusy", "greeting"],
    ["554 no", "SmtpFatalError", "greeting"],
    ["354 what", "SmtpUnknownError", "greeting"],
    ["garbage", "SmtpProtocolError", "greeting"],
  ])("start() ends at the greeting %s without a word", async (said, name, phase) => {
    const { error, server } = await starting(`S: ${said}`);
    expect(error).toMatchObject({ name, phase });
    expect(server.writes).toEqual([]);
  });

  test("start() takes any 2xx and many lines as a greeting", async () => {
    const smtp = over(play("S: 250-hello\nS: 250 ready\nC: EHLO localhost\nS: 250 mx"));
    expect((await smtp.start()).started).toBe(true);
  });

  test("start() tries the next address after a greeting of 4xx, not after one of 5xx", async () => {
    for (const [code, expected] of [
      [421, 2],
      [450, 2],
      [554, 1],
    ] as const) {
      const played = network(play(`S: ${code} no`), play(hello()));
      const smtp = new NetSmtp("mx.example", 25, {
        network: { ...played, resolve: () => Promise.resolve(["192.0.2.1", "192.0.2.2"]) },
      });
      await smtp.start().catch(() => undefined);
      expect([code, played.targets.length, smtp.started]).toEqual([code, expected, expected === 2]);
    }
  });

  test("start() dials the name where its addresses may be looked up and not dialled, and says what permission lacks", async () => {
    const played = network(play(hello()));
    const denied = Object.assign(new Error("Requires net access"), { name: "NotCapable" });
    const tried: string[] = [];
    const start = (permitted: string): Promise<unknown> =>
      new NetSmtp("mx.example", 25, {
        network: {
          ...played,
          resolve: () => Promise.resolve(["192.0.2.1", "192.0.2.2"]),
          connect: (target, signal) => {
            tried.push(target.address);
            return target.address === permitted ? played.connect(target, signal) : Promise.reject(denied);
          },
        },
      }).start();
    await start("mx.example");
    expect(tried.splice(0)).toEqual(["192.0.2.1", "192.0.2.2", "mx.example"]);
    expect(await failure(start("other.example"))).toMatchObject({
      message:
        "Connection failed: mx.example:25 NotCapable; this program has no permission to connect (Deno: --allow-net=mx.example:25)",
      fate: "unsent",
      retry: "never",
    });
    expect(tried).toEqual(["192.0.2.1", "192.0.2.2", "mx.example"]);
  });

  test("start() twice: SmtpSessionError, the first session unharmed, in both forms [start twice]", async () => {
    const { smtp, server } = await session("C: NOOP\nS: 250 ok");
    expect(await failure(smtp.start())).toBeInstanceOf(SmtpSessionError);
    expect(await failure(smtp.start(() => "never"))).toBeInstanceOf(SmtpSessionError);
    await smtp.getOk("NOOP");
    server.finish();
  });

  test("start() in block form gives the block's value and finishes [block form]", async () => {
    const server = play(`${hello()}\nC: NOOP\nS: 250 ok\nC: QUIT\nS: 500 no`);
    const smtp = over(server);
    expect(await smtp.start(async () => (await smtp.getOk("NOOP")).status)).toBe("250");
    expect(smtp.started).toBe(false);
    server.finish();
  });

  test("start() in block form throws the block's error; messages not begun are unsent, begun ones are awaited [block form]", async () => {
    const server = play(`${hello("PIPELINING")}\n${MESSAGE.replace("C: .", "C: .\nC: QUIT")}\nS: 221 bye`);
    const smtp = over(server);
    const error = new Error("block");
    let sent: Promise<unknown>[] = [];
    await expect(
      smtp.start(() => {
        sent = [1, 2].map(() => smtp.sendMessage("x", FROM, TO));
        for (const promise of sent) promise.catch(() => undefined);
        throw error;
      }),
    ).rejects.toBe(error);
    expect(await sent[0]).toMatchObject({ accepted: [{ fate: "accepted" }] });
    expect(await failure(sent[1] as Promise<unknown>)).toMatchObject({
      name: "SmtpSessionError",
      fate: "unsent",
      retry: "now",
    });
    server.finish();
  });

  test("start() in block form keeps the value when QUIT is not answered: its timeout is short", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const server = play(`${hello()}\nC: QUIT`);
    const value = over(server).start(() => "value");
    for (let tick = 0; tick < 30; tick++) await vi.advanceTimersByTimeAsync(400);
    expect(await value).toBe("value");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("commands before start() and after finish() are SmtpSessionErrors, nothing latched [a command before start]", async () => {
    const { smtp, server } = await session("C: QUIT\nS: 221 bye");
    await smtp.finish();
    for (const call of [
      () => smtp.mailFrom(FROM),
      () => smtp.getOk("NOOP"),
      () => smtp.helo("x.example"),
      () => smtp.sendMessage("x", FROM, TO),
      () => smtp.data("x"),
      () => smtp.critical(() => undefined),
      () => smtp.finish(),
    ]) {
      expect(await failure(call())).toBeInstanceOf(SmtpSessionError);
    }
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test("start() over without a greeting in time leaves no timer, and the next start is unlatched [a start that timed out]", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const second = play(`${hello()}\nC: NOOP\nS: 250 ok`);
    const smtp = over(play("C: <anything>"), second);
    const failed = failure(smtp.start());
    for (let tick = 0; tick < 20; tick++) await vi.advanceTimersByTimeAsync(4_000);
    expect(await failed).toMatchObject({ name: "SmtpReadTimeout", phase: "greeting" });
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    await smtp.start();
    expect(smtp.errorOccurred).toBe(false);
    expect((await smtp.getOk("NOOP")).dummy).toBe(false);
    second.finish();
  });
});

describe("STARTTLS and AUTH in start()", () => {
  const offered = hello("STARTTLS");

  test("start() upgrades, forgets what was offered in clear, and says EHLO again", async () => {
    const server = play(`${hello("STARTTLS", "SIZE")}\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO localhost\nS: 250 mx`);
    const smtp = over(server);
    await smtp.start();
    expect([smtp.capable("SIZE"), smtp.capable("STARTTLS")]).toEqual([false, false]);
    server.finish();
  });

  test.each([
    ["454 no", "SmtpServerBusy"],
    ["501 no", "SmtpSyntaxError"],
    ["250 ok", "SmtpUnknownError"],
  ])("start() fails when STARTTLS is answered %s [STARTTLS auto: offered and refused]", async (said, name) => {
    const { error } = await starting(`${offered}\nC: STARTTLS\nS: ${said}`);
    expect(error).toMatchObject({ name, phase: "tls" });
  });

  test("start() fails when the handshake fails, and leaves no timer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { error } = await starting(`${offered}\nC: STARTTLS\nS: 220 go\nTLS <failure>`);
    expect(error.name).toBe("SmtpTlsError");
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    ["a fragment", "S| 250-ev", "SmtpTlsError"],
    ["a whole reply", "S: 250-evil\nS: 250 AUTH PLAIN", "SmtpProtocolError"],
  ])("start() fails when %s stands behind the 220: nothing of it is used [STARTTLS]", async (_what, injected, name) => {
    const { error, smtp, server } = await starting(`${offered}\nC: STARTTLS\nS: 220 go\n${injected}\nC: <close>`);
    expect(error).toMatchObject({ name, phase: "tls" });
    expect([smtp.capable("AUTH") ?? false, server.handshakes]).toEqual([false, []]);
  });

  test("start() with auto goes on in clear when STARTTLS is not offered, and the delivery says so", async () => {
    const { smtp } = await session(MESSAGE);
    const delivery = await smtp.sendMessage("x", FROM, TO);
    expect(delivery.tls).toBe(false);
    expect(delivery.warnings).toEqual([expect.stringContaining("went in clear")]);
  });

  test.each([
    ["always", { starttls: "always" } as SmtpOptions, {}],
    ["auto with a login off loopback", {} as SmtpOptions, { user: "u", secret: "s" }],
  ])("start() with %s fails before a byte when STARTTLS is not offered", async (_mode, options, start) => {
    const { error } = await starting(`${hello("AUTH PLAIN")}\nC: <close>`, options, start);
    expect(error).toMatchObject({ name: "SmtpUnsupportedCommand", phase: "tls" });
  });

  test.each([
    ["535 no", "SmtpAuthenticationError", false, "never"],
    ["454 later", "SmtpAuthenticationError", true, "later"],
    ["250 ok", "SmtpAuthenticationError", false, "never"],
  ])(
    "start() fails when AUTH is answered %s; capabilities stay readable [only 235 is success]",
    async (said, name, temporary, retry) => {
      const script = `${hello("AUTH PLAIN")}\nC: AUTH PLAIN AHUAcw==\nS: ${said}\nC: <close>`;
      const { error, smtp } = await starting(script, { allowInsecureAuth: true }, { user: "u", secret: "s" });
      expect(error).toMatchObject({ name, phase: "auth", temporary, retry });
      expect(smtp.capableAuthTypes).toEqual(["PLAIN"]);
    },
  );

  test("starttls() that fails in a running session latches with its error and leaves no timer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { smtp } = await session("C: STARTTLS\nS: 220 go\nTLS <failure>", {
      extensions: ["STARTTLS"],
      options: { starttls: false },
    });
    const cause = await failure(smtp.starttls());
    expect([cause.name, smtp.errorOccurred]).toEqual(["SmtpTlsError", true]);
    expect(await failure(smtp.sendMessage("x", FROM, TO))).toMatchObject({ name: "SmtpLatchedError", cause });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("the latch", () => {
  test("while set: dummy replies, rejections, no byte; finish() says no QUIT; a new start is unlatched [the latch]", async () => {
    const first = play(`${hello("STARTTLS", "AUTH PLAIN")}\nC: <close>`);
    const second = play(`${hello()}\nC: NOOP\nS: 250 ok`);
    const smtp = new NetSmtp("mx.example", 25, { network: network(first, second), starttls: false });
    await smtp.start();
    const cause = new Error("mine");
    await expect(smtp.critical(() => Promise.reject(cause))).rejects.toBe(cause);
    expect([smtp.errorOccurred, smtp.started]).toEqual([true, true]);
    const dummies = await Promise.all([
      smtp.helo("x.example"),
      smtp.ehlo("x.example"),
      smtp.mailFrom(FROM),
      smtp.rcptTo(TO),
      smtp.rset(),
      smtp.quit(),
      smtp.getResponse("NOOP"),
      smtp.getOk("NOOP"),
    ]);
    expect(dummies.map(({ string, dummy }) => [string, dummy])).toEqual(
      dummies.map(() => ["200 dummy reply code", true]),
    );
    for (const call of [
      () => smtp.starttls(),
      () => smtp.authenticate("u", "s"),
      () => smtp.authPlain("u", "s"),
      () => smtp.authLogin("u", "s"),
      () => smtp.authCramMd5("u", "s"),
      () => smtp.data("x"),
      () => smtp.sendMessage("x", FROM, TO),
      () => smtp.openMessageStream(FROM, TO, () => expect.unreachable("a stream block is not called")),
      () => smtp.rcptToList(TO, () => undefined),
      () => smtp.critical(() => undefined),
    ]) {
      const error = await failure(call());
      expect(error).toBeInstanceOf(SmtpLatchedError);
      expect(error).toMatchObject({ cause, fate: "unsent", retry: "now" });
    }
    await expect(smtp.getResponse("DATA")).rejects.toThrow("data() or sendMessage()");
    await expect(smtp.mailFrom("a b")).rejects.toThrow('"from"');
    expect(first.writes).toHaveLength(1);
    await smtp.finish();
    first.finish();
    expect(smtp.errorOccurred).toBe(false);
    await smtp.start();
    expect((await smtp.getOk("NOOP")).dummy).toBe(false);
    second.finish();
  });

  test("critical() gives the block's value, holds no turn, and keeps the first failure", async () => {
    const { smtp } = await session("C: NOOP\nS: 250 ok");
    expect(await smtp.critical(async () => (await smtp.getOk("NOOP")).code)).toBe(250);
    const [first, second] = [new Error("first"), new Error("second")];
    const nested = smtp.critical(() => smtp.critical(() => Promise.reject(first)).catch(() => Promise.reject(second)));
    await expect(nested).rejects.toBe(second);
    expect((await failure(smtp.data("x"))).cause).toBe(first);
  });

  test("a message whose end was handed over is still answered; those that wait are unsent [law 4]", async () => {
    const { smtp, server } = await session(
      MESSAGE.replace("C: RCPT", "S: 250 ok\nC: RCPT").replace(
        "S: 250 ok\n      S: 250 ok\n      C: DATA",
        "S: 250 ok\n      C: DATA",
      ),
      { extensions: [] },
    );
    // What is written from here on is heard when the test says so.
    const beforeEnd = (): boolean => Reflect.set(server, "stalled", true);
    const sent = [1, 2].map(() => smtp.sendMessage("x", FROM, TO, { beforeEnd }));
    const outcomes = Promise.allSettled(sent);
    while (!server.writes.join("").includes("\r\n.\r\n")) await new Promise((resolve) => setImmediate(resolve));
    await smtp.critical(() => Promise.reject(new Error("stop"))).catch(() => undefined);
    server.stalled = false;
    const [first, second] = await outcomes;
    expect(first).toMatchObject({ status: "fulfilled" });
    expect((second as PromiseRejectedResult).reason).toMatchObject({ name: "SmtpLatchedError", fate: "unsent" });
  });

  test("a refused MAIL, RCPT, RSET or final reply does not latch [a refused MAIL …]", async () => {
    const { smtp, server } = await session(`
      C: MAIL FROM:<a@x.example>
      S: 550 no
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example>
      S: 450 later
      C: RCPT TO:<b@y.example>
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 554 no
      C: RSET
      S: 500 what`);
    expect(await failure(smtp.mailFrom(FROM))).toMatchObject({ name: "SmtpFatalError", phase: "mail" });
    await smtp.mailFrom(FROM);
    expect(await failure(smtp.rcptTo(TO))).toMatchObject({ name: "SmtpServerBusy", phase: "rcpt" });
    await smtp.rcptTo(TO);
    const error = await failure(smtp.data("x"));
    expect(error).toMatchObject({ name: "SmtpFatalError", phase: "final" });
    expect(await failure(smtp.rset())).toMatchObject({ name: "SmtpSyntaxError" });
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test.each(["451", "554", "334"])(
    'data() answered %s is SmtpUnknownError "could not get 3xx", latched [DATA refused]',
    async (code) => {
      const { smtp } = await session(`
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example>
      S: 250 ok
      C: DATA
      S: ${code} no`);
      await smtp.mailFrom(FROM);
      await smtp.rcptTo(TO);
      const error = await failure(smtp.data("x"));
      expect(error).toMatchObject({ name: "SmtpUnknownError", phase: "data", temporary: code === "451" });
      expect(error.message).toMatch(new RegExp(`^could not get 3xx \\(${code}: ${code} no\\)`));
      expect(told(error)).toBe(code === "334" ? "b unsent" : `b refused ${code}`);
      expect(smtp.errorOccurred).toBe(true);
    },
  );
});

describe("finish()", () => {
  test("finish() lets everything asked for before be answered, then says QUIT", async () => {
    const { smtp, server } = await session(`${MESSAGE}\nC: NOOP\nS: 250 ok\nC: QUIT\nS: 221 bye`);
    const asked = [smtp.sendMessage("x", FROM, TO), smtp.getOk("NOOP"), smtp.finish()];
    expect(smtp.started).toBe(false);
    await Promise.all(asked);
    server.finish();
  });

  const last = (end: string): string => `${ENVELOPE}
    C: x
    C: .
    C: QUIT
    ${end}`;

  test("finish() sends QUIT in one write with the end of the last message, where PIPELINING is offered", async () => {
    const { smtp, server } = await session(last("S: 250 taken\nS: 221 bye\nC: <close>"), {
      options: { recipientPolicy: "collect" },
    });
    const sent = smtp.sendMessage("x", FROM, TO);
    await Promise.all([sent, smtp.finish()]);
    expect(server.writes.slice(-1)).toEqual(["x\r\n.\r\nQUIT\r\n"]);
    expect(told(await sent)).toBe("b accepted 250");
    server.finish();
  });

  test.each([
    ["S: 452 full\nS: 221 bye", "b refused 452"],
    ["S: 421 going\nS: <close>", "b refused 421"],
    ["S: <close>", "b unknown"],
    ["S: 250 taken\nS: <close>", "b accepted 250"],
  ])("finish() behind a message that ends with %j leaves its fate as it is", async (end, fate) => {
    const { smtp, server } = await session(last(end), { options: { recipientPolicy: "collect" } });
    const sent = smtp.sendMessage("x", FROM, TO).catch((error) => error);
    await smtp.finish();
    expect(told(await sent)).toBe(fate);
    server.finish();
  });

  test("finish() behind a message whose source fails lets the one before it be answered", async () => {
    const { smtp, server } = await session(
      `${ENVELOPE}
      C: x
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 taken
      S: 250 ok
      S: 250 ok
      C: QUIT
      S: 221 bye`,
      { options: { recipientPolicy: "collect" } },
    );
    const fails = (): never => {
      throw new Error("no source");
    };
    const [first, second] = [
      smtp.sendMessage("x", FROM, TO),
      smtp.sendMessage(fails, FROM, TO).catch((error) => error),
    ];
    await smtp.finish();
    expect(told(await first)).toBe("b accepted 250");
    expect(told(await second)).toBe("b unsent");
    server.finish();
  });

  test("finish() after quit() closes [quit then finish]", async () => {
    const { smtp, server } = await session("C: QUIT\nS: 221 bye\nC: <close>");
    await smtp.quit();
    await smtp.finish();
    server.finish();
  });

  test.each(["S: <close>", "S: 500 what", "S: 421 bye", "S: garbage"])(
    "finish() is nobody's error when QUIT gets %s [block form]",
    async (said) => {
      const { smtp } = await session(`C: QUIT\n${said}`);
      await expect(smtp.finish()).resolves.toBeUndefined();
    },
  );

  test("Symbol.asyncDispose finishes, once", async () => {
    const { smtp, server } = await session("C: QUIT\nS: 221 bye");
    await smtp[Symbol.asyncDispose]();
    await smtp[Symbol.asyncDispose]();
    server.finish();
  });

  test("the session's signal drops it: what is owed fails with AbortError", async () => {
    const controller = new AbortController();
    const { smtp, server } = await session("C: NOOP", { start: { signal: controller.signal } });
    const asked = failure(smtp.getOk("NOOP"));
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort("enough");
    expect(await asked).toMatchObject({ name: "AbortError", cause: "enough" });
    expect([smtp.errorOccurred, server.closed]).toEqual([true, "destroy"]);
  });
});

describe("lines", () => {
  test("getOk() throws by class, getResponse() gives whatever it is", async () => {
    const { smtp } = await session("C: VRFY b\nS: 502 no\nC: VRFY b\nS: 502 no");
    expect((await smtp.getResponse("VRFY b")).status).toBe("502");
    expect(await failure(smtp.getOk("VRFY b"))).toMatchObject({ name: "SmtpSyntaxError", command: "VRFY b" });
    expect(smtp.errorOccurred).toBe(false);
  });

  test("validateLine() takes UTF-8 only from a server that offers SMTPUTF8", async () => {
    const { smtp } = await session("", { extensions: ["SMTPUTF8"] });
    expect(smtp.validateLine("VRFY é")).toBe("VRFY é");
    expect(() => smtp.validateLine("a\r\nb")).toThrow("U+000D");
    expect(() => new NetSmtp("mx.example").validateLine("é")).toThrow("ASCII");
  });

  test("data() behind raw MAIL and RCPT says unknown, not unsent, when its reply is lost", async () => {
    const { smtp } = await session(`
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example>
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: <close>`);
    await smtp.getOk("MAIL FROM:<a@x.example>");
    await smtp.getOk("RCPT TO:<b@y.example>");
    const error = await failure(smtp.data("x"));
    expect(error).toMatchObject({ fate: "unknown", retry: "ask" });
    expect(error.message).toContain("it may have been delivered");
  });
});
