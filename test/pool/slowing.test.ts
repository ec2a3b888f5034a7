/** Rate limits, the server's wish to slow down, refused logins, identities. The clock is the test's. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SmtpAuthenticationError } from "../../mod.ts";
import { hello } from "../support/session.ts";
import { FROM, failure, told, turns } from "../support/told.ts";
import { ENVELOPE, HELLO, pooled, QUIT, stored, TO, until } from "./support.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** What is left waiting, and under way. */
function pending(pool: { toString(): string }): string {
  return /\d+ waiting, \d+ under way/.exec(String(pool))?.[0] ?? "";
}

describe("rateLimit", () => {
  test("gives no more messages than that in a window, opens no more sessions, and the rest when slots are free again", async () => {
    const servers = ["one", "two"].map((text) => `${HELLO}${stored(text)}${stored("x")}${QUIT}`);
    const { pool, network, finish } = pooled(servers, { rateLimit: 2, rateDelta: 1_000 });
    const sent = ["one", "two", "x", "x"].map((text) => pool.sendMessage(text, FROM, TO));
    await Promise.all(sent.slice(0, 2));
    expect([pending(pool), network.targets.length]).toEqual(["2 waiting, 0 under way", 2]);
    vi.advanceTimersByTime(999);
    await turns();
    expect(pending(pool)).toBe("2 waiting, 0 under way");
    vi.advanceTimersByTime(1);
    expect(pending(pool)).toBe("0 waiting, 2 under way");
    await Promise.all(sent);
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("counts a window from the answer, not from the call", async () => {
    const slow = `${HELLO}${ENVELOPE}
      C: one
      C: .
      C: NOOP`;
    const { pool } = pooled([slow], { rateLimit: 1, rateDelta: 1_000, maxConnections: 1 });
    const one = failure(pool.sendMessage("one", FROM, TO));
    const two = failure(pool.sendMessage("two", FROM, TO));
    await until(() => pending(pool) === "1 waiting, 1 under way");
    vi.advanceTimersByTime(5_000);
    await turns();
    expect(pending(pool)).toBe("1 waiting, 1 under way");
    expect(pool.isIdle()).toBe(false);
    await pool.close({ force: true });
    await Promise.all([one, two]);
  });
});

describe("a server that asks to slow down", () => {
  const busy = (reply: string): string => `${HELLO}
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<b@y.example>
    S: ${reply}
    S: 503 no sender`;

  test.each([
    "454 Throttling failure: Maximum sending rate exceeded",
    "451 4.7.1 too fast",
    "432 4.3.2 sender thread limit exceeded",
  ])("by %s: nothing is sent for a while, then one as a probe, then all", async (reply) => {
    const { pool, finish } = pooled([`${busy(reply)}${stored("two")}${stored("three")}${QUIT}`], { maxConnections: 1 });
    expect(told(await failure(pool.sendMessage("one", FROM, TO)))).toBe(`b refused ${reply.slice(0, 3)}`);
    expect(pool.isIdle()).toBe(false);
    const two = pool.sendMessage("two", FROM, TO);
    const three = pool.sendMessage("three", FROM, TO);
    vi.advanceTimersByTime(999);
    await turns();
    expect(pending(pool)).toBe("2 waiting, 0 under way");
    vi.advanceTimersByTime(1);
    expect(pending(pool)).toBe("1 waiting, 1 under way");
    await turns(1);
    expect(pending(pool)).toBe("1 waiting, 1 under way");
    await Promise.all([two, three]);
    await pool.close();
    finish();
  });

  test("again and again: the pause doubles up to the limit, and a success ends it", async () => {
    const again = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 454 slow
      S: 503 no sender`;
    const { pool, finish } = pooled([`${busy("454 slow")}${again}${again}${again}${stored("ok")}${again}${QUIT}`], {
      maxThrottleDelay: 3_000,
      throttleDelay: 1_000,
    });
    const pauses: number[] = [];
    for (const fate of ["refused", "refused", "refused", "refused", "accepted", "refused"]) {
      const begun = Date.now();
      const sent = pool.sendMessage(fate === "accepted" ? "ok" : "x", FROM, TO).catch((error) => error);
      while (pending(pool).startsWith("1 waiting")) {
        vi.advanceTimersByTime(100);
        await turns(2);
      }
      pauses.push(Date.now() - begun);
      expect(told(await sent)).toContain(fate);
    }
    expect(pauses.map((pause) => Math.round(pause / 1_000))).toEqual([0, 1, 2, 3, 3, 0]);
    await pool.close();
    finish();
  });

  test("by 421 in its greeting: the head hears of it, the next one waits", async () => {
    const { pool, network, finish } = pooled(["S: 421 4.7.0 too many\nC: <close>", `${HELLO}${stored("two")}${QUIT}`], {
      maxConnections: 1,
    });
    const one = failure(pool.sendMessage("one", FROM, TO));
    const two = pool.sendMessage("two", FROM, TO);
    expect(told(await one)).toBe("b unsent");
    await turns();
    expect([pending(pool), network.targets.length]).toEqual(["1 waiting, 0 under way", 1]);
    vi.advanceTimersByTime(1_000);
    await two;
    await pool.close();
    finish();
  });

  test("by 421 to a second connection: the first does the work, the second is tried again later", async () => {
    const { pool, network } = pooled(
      [
        `${HELLO}${stored("one")}${ENVELOPE}
         C: two
         C: .
         C: <anything>`,
        "S: 421 too many connections\nC: <close>",
        `${HELLO}${stored("three")}${QUIT}`,
      ],
      { maxConnections: 2 },
    );
    await pool.sendMessage("one", FROM, TO);
    const two = failure(pool.sendMessage("two", FROM, TO));
    const behind = ["x", "y"].map((text) => failure(pool.sendMessage(text, FROM, TO)));
    const three = pool.sendMessage("three", FROM, TO);
    await turns();
    expect([pending(pool), network.targets.length]).toEqual(["1 waiting, 3 under way", 2]);
    vi.advanceTimersByTime(1_000);
    expect(told(await three)).toBe("b accepted 250");
    expect(network.targets).toHaveLength(3);
    await pool.close({ force: true });
    await Promise.all([two, ...behind]);
  });

  test("does not count for greylisting, which is about one recipient, or with throttleDelay 0", async () => {
    const greylisted = `${HELLO}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 451 4.7.1 greylisted`;
    for (const [script, options] of [
      [greylisted, {}],
      [busy("454 slow"), { throttleDelay: 0 }],
    ] as const) {
      const { pool } = pooled([script], options);
      await failure(pool.sendMessage("one", FROM, TO));
      expect(pool.isIdle()).toBe(true);
      await pool.close({ force: true });
    }
  });
});

const LOGIN = hello("PIPELINING", "AUTH PLAIN");
const plain = (user: string, secret: string): string => `
  C: AUTH PLAIN ${btoa(`\0${user}\0${secret}`)}`;
const asUser = (user: string, secret: string, ...rest: string[]): string =>
  `${LOGIN}${plain(user, secret)}\n  S: 235 welcome${rest.join("")}`;

describe("a login that is refused", () => {
  const refused = `${LOGIN}${plain("me", "wrong")}
    S: 535 5.7.8 bad credentials
    C: <close>`;

  test("rejects everything that waits for it, and for a growing while what comes, without a connection", async () => {
    const { pool, network, finish } = pooled([refused, refused, `${asUser("me", "wrong")}${stored("x")}${QUIT}`], {
      user: "me",
      secret: "wrong",
      allowInsecureAuth: true,
      maxConnections: 1,
    });
    const sent = Array.from({ length: 5 }, () => failure(pool.sendMessage("x", FROM, TO)));
    for (const error of await Promise.all(sent)) {
      expect(error).toBeInstanceOf(SmtpAuthenticationError);
      expect([error.phase, told(error), error.retry]).toEqual(["auth", "b unsent", "never"]);
    }
    expect(network.targets).toHaveLength(1);
    vi.advanceTimersByTime(999);
    expect((await failure(pool.sendMessage("x", FROM, TO))).message).toContain("535 5.7.8 bad credentials");
    expect(network.targets).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await failure(pool.sendMessage("x", FROM, TO));
    expect(network.targets).toHaveLength(2);
    vi.advanceTimersByTime(1_999);
    await failure(pool.sendMessage("x", FROM, TO));
    expect(network.targets).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(told(await pool.sendMessage("x", FROM, TO))).toBe("b accepted 250");
    await pool.close();
    finish();
  });

  test("does not concern another login", async () => {
    const { pool, finish } = pooled([refused, `${asUser("you", "right")}${stored("x")}${QUIT}`], {
      user: "me",
      secret: "wrong",
      allowInsecureAuth: true,
    });
    await failure(pool.sendMessage("x", FROM, TO));
    await pool.sendMessage("x", FROM, TO, { login: { user: "you", secret: "right" } });
    await pool.close();
    finish();
  });

  test("that failed for the moment is not kept", async () => {
    const busy = `${LOGIN}${plain("me", "wrong")}
      S: 454 4.7.0 try later
      C: <close>`;
    const { pool, network } = pooled([busy, busy], {
      user: "me",
      secret: "wrong",
      allowInsecureAuth: true,
      throttleDelay: 0,
    });
    await failure(pool.sendMessage("x", FROM, TO));
    await failure(pool.sendMessage("x", FROM, TO));
    expect(network.targets).toHaveLength(2);
  });
});

describe("identities", () => {
  const two = { user: "two", secret: "b" };

  test("never share a session; at the limit one makes room for the other, in order", async () => {
    const { pool, finish } = pooled(
      [
        `${asUser("one", "a")}${stored("x")}${QUIT}`,
        `${asUser("two", "b")}${stored("y")}${QUIT}`,
        `${asUser("one", "a")}${stored("z")}${QUIT}`,
      ],
      { user: "one", secret: "a", allowInsecureAuth: true, maxConnections: 1 },
    );
    const sent = [
      pool.sendMessage("x", FROM, TO),
      pool.sendMessage("y", FROM, TO, { login: two }),
      pool.sendMessage("z", FROM, TO),
    ];
    const order: number[] = [];
    await Promise.all(sent.map((message, index) => message.then(() => order.push(index))));
    expect(order).toEqual([0, 1, 2]);
    await pool.close();
    finish();
  });

  test("whose session was ready and ended while somebody else was at the head of the queue get another", async () => {
    const { pool, network } = pooled(
      [
        `${LOGIN}${plain("one", "a")}
         C: <anything>`,
        `${LOGIN}${plain("two", "b")}
         S: 235 welcome
         S: <close>`,
        `${asUser("two", "b")}${stored("y")}${QUIT}`,
      ],
      { allowInsecureAuth: true, maxConnections: 2 },
    );
    const abort = new AbortController();
    const login = { user: "one", secret: "a" };
    const head = failure(pool.sendMessage("x", FROM, TO, { login, signal: abort.signal }));
    const behind = pool.sendMessage("y", FROM, TO, { login: two });
    await until(() => network.targets.length === 3);
    abort.abort();
    expect([told(await head), told(await behind)]).toEqual(["b unsent", "b accepted 250"]);
    await pool.close({ force: true });
  });

  test("are the same if user, secret and mechanism are", async () => {
    const { pool, network, finish } = pooled(
      [
        `${asUser("one", "a")}${stored("x")}${stored("x")}${QUIT}`,
        `${asUser("two", "b")}${stored("y")}${stored("y")}${QUIT}`,
      ],
      { user: "one", secret: "a", allowInsecureAuth: true },
    );
    await pool.sendMessage("x", FROM, TO);
    await pool.sendMessage("x", FROM, TO, { login: { user: "one", secret: "a" } });
    await pool.sendMessage("y", FROM, TO, { login: { ...two } });
    await pool.sendMessage("y", FROM, TO, { login: { ...two } });
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test.each([
    ["another secret", { user: "one", secret: "b" }, asUser("one", "b")],
    ["another function as secret", { user: "one", secret: () => "a" }, asUser("one", "a")],
    ["another mechanism", { user: "one", secret: "a", authType: "PLAIN" }, asUser("one", "a")],
  ])("are different with %s", async (_, login, server) => {
    const { pool, network, finish } = pooled(
      [`${asUser("one", "a")}${stored("x")}${QUIT}`, `${server}${stored("y")}${QUIT}`],
      {
        user: "one",
        secret: "a",
        allowInsecureAuth: true,
      },
    );
    await pool.sendMessage("x", FROM, TO);
    await pool.sendMessage("y", FROM, TO, { login });
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("lend their own sessions to blocks", async () => {
    const { pool, finish } = pooled([`${asUser("two", "b")}${stored("y")}${QUIT}`], { allowInsecureAuth: true });
    await pool.withConnection((smtp) => smtp.sendMessage("y", FROM, TO), { login: two });
    await pool.close();
    finish();
  });
});
