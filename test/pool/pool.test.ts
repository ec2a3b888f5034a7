/** The pool against played servers: what is opened, who gets it, how it ends. */
import { describe, expect, test } from "vitest";
import { NetSmtpPool, SmtpArgumentError, SmtpConnectionError, SmtpSessionError } from "../../mod.ts";
import { hello } from "../support/session.ts";
import { FROM, failure, told, turns } from "../support/told.ts";
import { ENVELOPE, HELLO, overlapping, pooled, QUIT, stored, TO, until } from "./support.ts";

const CLOSED_EARLY = `
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  S: <close>`;

describe("new NetSmtpPool()", () => {
  test.each([
    [{ maxConnections: 0 }, 'Option "maxConnections" is 0, expected a whole number from 1, or Infinity'],
    [{ maxMessages: 1.5 }, 'Option "maxMessages" is 1.5, expected a whole number from 1, or Infinity'],
    [{ idleTimeout: -1 }, 'Option "idleTimeout" is -1, expected a number of milliseconds, 0 or more'],
    [{ maxAge: "1" }, 'Option "maxAge" is "1", expected a number of milliseconds, 0 or more'],
    [{ rateLimit: -1 }, 'Option "rateLimit" is -1, expected a whole number from 0 to 1000000'],
    [{ rateDelta: 0 }, 'Option "rateDelta" is 0, expected a number of milliseconds above 0'],
    [{ maxPending: -1 }, 'Option "maxPending" is -1, expected a whole number from 0, or Infinity'],
    [{ maxRequeues: -1 }, 'Option "maxRequeues" is -1, expected a whole number from 0, or Infinity'],
    [{ throttleDelay: -1 }, 'Option "throttleDelay" is -1, expected a number of milliseconds, 0 or more'],
    [
      { maxThrottleDelay: Number.NaN },
      'Option "maxThrottleDelay" is NaN, expected a number of milliseconds, 0 or more',
    ],
    [{ deadline: -5 }, 'Option "deadline" is -5, expected a number of milliseconds, 0 or more'],
    [{ readTimeout: 0 }, 'Option "readTimeout" is 0, expected a number of milliseconds above 0'],
    [{ maxConnection: 1 }, 'Option "maxConnection" is unknown'],
    [{ tls: true, starttls: "always" }, 'TLS from the first byte and STARTTLS "always" exclude each other'],
  ])("refuses %o", (options, message) => {
    const made = (): NetSmtpPool => new NetSmtpPool("mx.example", 25, options as never);
    expect(made).toThrow(SmtpArgumentError);
    expect(made).toThrow(message);
  });

  test("refuses an address or a port that is none", () => {
    expect(() => new NetSmtpPool("")).toThrow(SmtpArgumentError);
    expect(() => new NetSmtpPool("mx.example", 0)).toThrow(SmtpArgumentError);
  });

  test("is on port 25 unless told, shows no secret, and closes without a connection", async () => {
    const pool = new NetSmtpPool("mx.example", undefined, { user: "me", secret: "sesame" });
    expect(pool.port).toBe(25);
    expect(String(pool)).toBe(
      "#<NetSmtpPool mx.example:25 0 waiting, 0 under way; connections: 0 busy, 0 idle, 0 opening>",
    );
    expect(JSON.stringify(pool)).not.toContain("sesame");
    expect(await pool.close()).toEqual({ unsent: [] });
  });
});

describe("sendMessage()", () => {
  test("opens a session for the first message, and uses it again", async () => {
    const { pool, network, finish } = pooled([`${HELLO}${stored("one")}${stored("two")}${QUIT}`]);
    const one = pool.sendMessage("one", FROM, TO);
    expect(String(pool)).toContain("1 waiting, 0 under way; connections: 0 busy, 0 idle, 1 opening");
    expect(`${(await one).response}`).toBe("250 one stored");
    expect(`${(await pool.sendMail("two", FROM, [TO])).response}`).toBe("250 two stored");
    expect(String(pool)).toContain("connections: 0 busy, 1 idle, 0 opening");
    expect(await pool.close()).toEqual({ unsent: [] });
    expect(network.targets).toHaveLength(1);
    finish();
  });

  test("hands a message that finds an idle session to it in the same tick", async () => {
    const { pool, servers, finish } = pooled([`${HELLO}${stored("one")}${stored("two")}${QUIT}`]);
    await pool.sendMessage("one", FROM, TO);
    const two = pool.sendMessage("two", FROM, TO);
    expect(String(pool)).toContain("0 waiting, 1 under way; connections: 1 busy");
    await two;
    expect(servers[0]?.writes).toContain("MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n");
    await pool.close();
    finish();
  });

  test("opens as many sessions as messages wait, not more, up to the limit", async () => {
    const servers = ["one", "two", "three"].map((text) => `${HELLO}${stored(text)}${QUIT}`);
    const { pool, network, finish } = pooled(servers, { maxConnections: 4 });
    await Promise.all(["one", "two", "three"].map((text) => pool.sendMessage(text, FROM, TO)));
    expect(network.targets).toHaveLength(3);
    await pool.close();
    finish();
  });

  test("overlaps on the wire when there is more mail than connections", async () => {
    const { pool, servers, finish } = pooled([`${HELLO}${overlapping("one", "two")}${QUIT}`], { maxConnections: 1 });
    const sent = ["one", "two"].map((text) => pool.sendMessage(text, FROM, TO));
    await Promise.all(sent);
    expect(servers[0]?.writes).toContain("one\r\n.\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n");
    await pool.close();
    finish();
  });

  test("fills a session under CHUNKING to inFlight messages and one", async () => {
    const texts = ["one", "two", "three", "four"];
    const flight = (text: string, reset: boolean): string => `${reset ? "\nC: RSET" : ""}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT ${text.length + 2} LAST
      C: ${text}`;
    const ok = (text: string, reset: boolean): string => `${reset ? "\nS: 250 reset" : ""}
      S: 250 ok
      S: 250 ok
      S: 250 ${text} stored`;
    const server = `${hello("PIPELINING", "CHUNKING")}${flight("one", false)}${flight("two", true)}${flight("three", true)}${ok("one", false)}
      C: <anything>
      ${ok("two", true)}${ok("three", true)}${ok("four", true)}${QUIT}`;
    const { pool } = pooled([server], { maxConnections: 1, inFlight: 3, recipientPolicy: "collect" });
    const sent = texts.map((text) => pool.sendMessage(text, FROM, TO));
    await turns(2);
    await sent[0];
    expect(told(await (sent[3] as Promise<never>))).toBe("b accepted 250");
    await pool.close();
  });

  test("does not overlap without PIPELINING", async () => {
    const inTurn = (text: string): string => `
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example>
      S: 250 ok
      C: DATA
      S: 354 go
      C: ${text}
      C: .
      S: 250 ${text} stored`;
    const { pool, finish } = pooled([`${hello()}${inTurn("one")}${inTurn("two")}${QUIT}`], { maxConnections: 1 });
    const [one, two] = ["one", "two"].map((text) => pool.sendMessage(text, FROM, TO));
    await until(() => String(pool).includes("1 under way"));
    expect(String(pool)).toContain("1 waiting, 1 under way");
    await Promise.all([one, two]);
    await pool.close();
    finish();
  });

  test("calls a function for its message only when its turn has come", async () => {
    const { pool, finish } = pooled([`${HELLO}${overlapping("one", "two")}${QUIT}`], { maxConnections: 1 });
    const made: string[] = [];
    const source = (text: string) => (): string => {
      made.push(text);
      return text;
    };
    const one = pool.sendMessage(source("one"), FROM, TO);
    const two = pool.sendMessage(source("two"), FROM, TO);
    expect(made).toEqual([]);
    await until(() => made.length > 0);
    expect(made).toEqual(["one"]);
    await Promise.all([one, two]);
    expect(made).toEqual(["one", "two"]);
    await pool.close();
    finish();
  });

  test.each([
    ["a source", (pool: NetSmtpPool) => pool.sendMessage(5 as never, FROM, TO), 'Parameter "message" is 5'],
    [
      "a sender",
      (pool: NetSmtpPool) => pool.sendMessage("x", "a b@x.example", TO),
      'Parameter "from" has a bad address',
    ],
    ["no recipient", (pool: NetSmtpPool) => pool.sendMessage("x", FROM, []), 'Parameter "to" has no recipient'],
    [
      "an option",
      (pool: NetSmtpPool) => pool.sendMessage("x", FROM, TO, { dedline: 1 } as never),
      'Option "dedline" is unknown',
    ],
    ["a deadline", (pool: NetSmtpPool) => pool.sendMessage("x", FROM, TO, { deadline: 0 }), 'Option "deadline" is 0'],
    [
      "a login",
      (pool: NetSmtpPool) => pool.sendMessage("x", FROM, TO, { login: { user: "me" } as never }),
      'Invalid "secret"',
    ],
  ])("refuses bad input at once, nothing opened: %s", async (_, send, message) => {
    const { pool, network } = pooled([]);
    const error = await failure(send(pool));
    expect(error).toBeInstanceOf(SmtpArgumentError);
    expect(error.message).toContain(message);
    expect(network.targets).toHaveLength(0);
    expect(pool.pendingCount()).toBe(0);
  });

  test("writes an address as the session that it goes over can take it", async () => {
    const server = (extension: string, to: string): string => `${hello("PIPELINING", extension)}
      C: MAIL FROM:<a@x.example>${to.includes("xn--") ? "" : " SMTPUTF8"}
      C: RCPT TO:<${to}>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: hi
      C: .
      S: 250 stored${QUIT}`;
    for (const [extension, path] of [
      ["SMTPUTF8", "b@bücher.example"],
      ["HELP", "b@xn--bcher-kva.example"],
    ] as const) {
      const { pool, finish } = pooled([server(extension, path)]);
      await pool.sendMessage("hi", FROM, "b@bücher.example");
      await pool.close();
      finish();
    }
  });

  test("rejects a message that no session of the server can take, and goes on", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("two")}${QUIT}`], { maxConnections: 1 });
    const one = failure(pool.sendMessage("one", FROM, "ü@y.example"));
    const two = pool.sendMessage("two", FROM, TO);
    expect((await one).message).toContain("its local part is not ASCII");
    expect(told(await two)).toBe("b accepted 250");
    await pool.close();
    finish();
  });

  test("takes no more than maxPending messages", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("one")}${stored("three")}${QUIT}`], { maxPending: 1 });
    const one = pool.sendMessage("one", FROM, TO);
    const error = await failure(pool.sendMessage("two", FROM, TO));
    expect(error).toBeInstanceOf(SmtpSessionError);
    expect([told(error), error.retry, error.temporary]).toEqual(["b unsent", "later", true]);
    await one;
    await pool.sendMessage("three", FROM, TO);
    await pool.close();
    finish();
  });
});

describe("a connection that cannot be opened", () => {
  test("is told to the head of the queue; the others try anew, each once", async () => {
    const refused = (): Error => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    const { pool, network } = pooled(Array.from({ length: 9 }, refused), { maxConnections: 2, throttleDelay: 0 });
    const sent = Array.from({ length: 5 }, (_, index) => failure(pool.sendMessage(`${index}`, FROM, TO)));
    for (const error of await Promise.all(sent)) {
      expect(error).toBeInstanceOf(SmtpConnectionError);
      expect([told(error), error.retry]).toEqual(["b unsent", "later"]);
    }
    expect(network.targets).toHaveLength(5);
    expect(String(pool)).toContain("0 waiting, 0 under way; connections: 0 busy, 0 idle, 0 opening");
    await pool.close();
  });

  test("is nobody's error while another session does the work", async () => {
    const { pool, network, finish } = pooled([`${HELLO}${stored("one")}${overlapping("two", "three")}${QUIT}`], {
      maxConnections: 2,
    });
    await pool.sendMessage("one", FROM, TO);
    await Promise.all(["two", "three"].map((text) => pool.sendMessage(text, FROM, TO)));
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("is told in the words of the greeting that refused it", async () => {
    const { pool } = pooled(["S: 554 no service\nC: <close>"]);
    const error = await failure(pool.sendMessage("one", FROM, TO));
    expect(error.message).toBe("Server refused the connection: 554 no service; the message was not sent");
    expect([error.phase, told(error)]).toEqual(["greeting", "b unsent"]);
    await pool.close();
  });

  test("that ends as soon as it is there counts as one that cannot be opened", async () => {
    const { pool, network } = pooled([`${HELLO}\nS: <close>`, `${HELLO}\nS: <close>`]);
    const error = await failure(pool.sendMessage("one", FROM, TO));
    expect(told(error)).toBe("b unsent");
    expect(network.targets.length).toBeLessThanOrEqual(2);
    await pool.close({ force: true });
  });
});

describe("a session that ends", () => {
  test("under a message before a word of it was answered: the message goes over another at once", async () => {
    const { pool, network, finish } = pooled([
      `${HELLO}${stored("one")}${CLOSED_EARLY}`,
      `${HELLO}${stored("two")}${QUIT}`,
    ]);
    await pool.sendMessage("one", FROM, TO);
    expect(told(await pool.sendMessage("two", FROM, TO))).toBe("b accepted 250");
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("with two messages on it: the first is unknown, the second goes over another, once", async () => {
    const { pool, finish } = pooled(
      [
        `${HELLO}${ENVELOPE}
        C: one
        C: .
        C: MAIL FROM:<a@x.example>
        C: RCPT TO:<b@y.example>
        S: <reset>`,
        `${HELLO}${stored("two")}${QUIT}`,
      ],
      { maxConnections: 1 },
    );
    const one = failure(pool.sendMessage("one", FROM, TO));
    const two = pool.sendMessage("two", FROM, TO);
    expect([told(await one), told(await two)]).toEqual(["b unknown", "b accepted 250"]);
    await pool.close();
    finish();
  });

  test("under its first message: that is the caller's to decide", async () => {
    const { pool, network } = pooled([`${HELLO}${CLOSED_EARLY}`, `${HELLO}${stored("one")}${QUIT}`]);
    const error = await failure(pool.sendMessage("one", FROM, TO));
    expect([told(error), error.retry]).toEqual(["b unsent", "later"]);
    expect(network.targets).toHaveLength(1);
    await pool.close();
  });

  test("under a message in its content: that is the caller's to decide", async () => {
    const { pool, network } = pooled([
      `${HELLO}${stored("one")}${ENVELOPE}
       C: two
       S: <close>`,
    ]);
    await pool.sendMessage("one", FROM, TO);
    const stalls = new ReadableStream<string>({ start: (controller) => controller.enqueue("two\r\n") });
    expect(told(await failure(pool.sendMessage(stalls, FROM, TO)))).toBe("b unsent");
    expect(network.targets).toHaveLength(1);
    await pool.close();
  });

  test("again and again: at most maxRequeues times", async () => {
    const dying = `${HELLO}${stored("x")}${CLOSED_EARLY}`;
    const { pool, network } = pooled([dying, dying, dying], { maxConnections: 1, maxRequeues: 0 });
    await pool.sendMessage("x", FROM, TO);
    expect(told(await failure(pool.sendMessage("two", FROM, TO)))).toBe("b unsent");
    expect(network.targets).toHaveLength(1);
    await pool.close();
  });

  test("by 421 while it is idle: it is gone at once, the next message opens another", async () => {
    const { pool, finish } = pooled([
      `${HELLO}${stored("one")}

       S: 421 4.4.2 idle for too long
       S: <close>`,
      `${HELLO}${stored("two")}${QUIT}`,
    ]);
    await pool.sendMessage("one", FROM, TO);
    await turns();
    expect(String(pool)).toContain("connections: 0 busy, 0 idle, 0 opening");
    await pool.sendMessage("two", FROM, TO);
    await pool.close();
    finish();
  });

  test("by 421 in answer to MAIL, after it has served: the message goes over another at once", async () => {
    const { pool, finish } = pooled([
      `${HELLO}${stored("one")}
       C: MAIL FROM:<a@x.example>
       C: RCPT TO:<b@y.example>
       S: 421 4.4.2 idle for too long
       S: <close>`,
      `${HELLO}${stored("two")}${QUIT}`,
    ]);
    await pool.sendMessage("one", FROM, TO);
    expect(told(await pool.sendMessage("two", FROM, TO))).toBe("b accepted 250");
    await pool.close();
    finish();
  });

  test("by 421 behind a message: it is not used again", async () => {
    const { pool, finish } = pooled([
      `${HELLO}${stored("one")}
       S: 421 4.3.2 going down`,
      `${HELLO}${stored("two")}${QUIT}`,
    ]);
    await pool.sendMessage("one", FROM, TO);
    await pool.sendMessage("two", FROM, TO);
    await pool.close();
    finish();
  });

  test("before it asked for a source that can be read once: the message goes over another", async () => {
    const { pool, network } = pooled([`${HELLO}${stored("one")}${CLOSED_EARLY}`, `${HELLO}${stored("two")}${QUIT}`]);
    await pool.sendMessage("one", FROM, TO);
    async function* once(): AsyncGenerator<string> {
      yield "two";
    }
    expect(told(await pool.sendMessage(once(), FROM, TO))).toBe("b accepted 250");
    expect(network.targets).toHaveLength(2);
    await pool.close();
  });
});

describe("maxMessages", () => {
  test("retires a session, and QUIT leaves with the end of its last message", async () => {
    const last = `${HELLO}${ENVELOPE}
      C: one
      C: .
      C: QUIT
      S: 250 one stored
      S: 221 bye
      C: <close>`;
    const { pool, servers, network, finish } = pooled([last, last.replaceAll("one", "two")], { maxMessages: 1 });
    await pool.sendMessage("one", FROM, TO);
    await pool.sendMessage("two", FROM, TO);
    expect(network.targets).toHaveLength(2);
    expect(servers[0]?.writes).toContain("one\r\n.\r\nQUIT\r\n");
    await pool.close();
    finish();
  });

  test.each([
    ["LIMITS MAILMAX=3 RCPTMAX=100", 2],
    ["LIMITS RCPTMAX=100 mailmax=3", 2],
    ["LIMITS MAILMAX=0", 1],
    ["LIMITS MAILMAX=many", 1],
    ["LIMITS", 1],
  ])("%s of the server: four messages take %d sessions", async (limits, sessions) => {
    const greeting = hello("PIPELINING", limits);
    const servers = [
      `${greeting}\n${stored("x")}${stored("x")}${ENVELOPE}
       C: x
       C: .
       C: <anything>
       S: 250 stored
       S: 221 bye`,
      `${greeting}${stored("x")}${QUIT}`,
    ];
    const unlimited = [`${greeting}${stored("x").repeat(4)}${QUIT}`];
    const { pool, network, finish } = pooled(sessions === 1 ? unlimited : servers);
    for (let count = 0; count < 4; count++) await pool.sendMessage("x", FROM, TO);
    expect(network.targets).toHaveLength(sessions);
    await pool.close();
    finish();
  });
});
