/** How a pool ends, and what can be awaited of it. */
import { describe, expect, test } from "vitest";
import { hello } from "../support/session.ts";
import { FROM, failure, told, turns } from "../support/told.ts";
import { ENVELOPE, HELLO, overlapping, overlappingToQuit, pooled, QUIT, stored, TO, until } from "./support.ts";

describe("close()", () => {
  test("sends what was asked for, then says QUIT, and takes nothing more", async () => {
    const { pool, finish } = pooled([`${HELLO}${overlappingToQuit("one", "two")}`], { maxConnections: 1 });
    const sent = ["one", "two"].map((text) => pool.sendMessage(text, FROM, TO));
    const closed = pool.close();
    expect(pool.close()).toBe(closed);
    const late = await failure(pool.sendMessage("late", FROM, TO));
    expect([late.message, told(late), late.retry]).toEqual([
      "Pool is closed; the message was not sent",
      "b unsent",
      "never",
    ]);
    expect((await Promise.all(sent)).map(told)).toEqual(["b accepted 250", "b accepted 250"]);
    expect(await closed).toEqual({ unsent: [] });
    expect(pool.isIdle()).toBe(false);
    expect((await failure(pool.idle())).message).toBe("Pool is closed");
    finish();
  });

  test("while a session is being opened: it is used, or finished", async () => {
    const { pool, finish } = pooled([`${HELLO}${overlappingToQuit("one")}`, `${HELLO}${QUIT}`]);
    const abort = new AbortController();
    const one = pool.sendMessage("one", FROM, TO);
    const two = failure(pool.sendMessage("two", FROM, TO, { signal: abort.signal }));
    const closed = pool.close();
    abort.abort();
    expect([told(await one), told(await two)]).toEqual(["b accepted 250", "b unsent"]);
    await closed;
    finish();
  });

  test("sends on another session what comes back from one that ended", async () => {
    const { pool, finish } = pooled(
      [
        `${HELLO}${ENVELOPE}
         C: one
         C: .
         C: MAIL FROM:<a@x.example>
         C: RCPT TO:<b@y.example>
         S: 250 one stored
         S: <close>`,
        `${HELLO}${overlappingToQuit("two")}`,
      ],
      { maxConnections: 1 },
    );
    const sent = ["one", "two"].map((text) => pool.sendMessage(text, FROM, TO));
    const closed = pool.close();
    expect((await Promise.all(sent)).map(told)).toEqual(["b accepted 250", "b accepted 250"]);
    await closed;
    finish();
  });

  test("waits for blocks, whose sessions are finished behind them", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("one")}${QUIT}`]);
    const block = pool.withConnection(async (smtp) => {
      await turns();
      return told(await smtp.sendMessage("one", FROM, TO));
    });
    await until(() => String(pool).includes("1 under way"));
    await pool.close();
    expect(await block).toBe("b accepted 250");
    finish();
  });

  test("await using closes", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("one")}${QUIT}`]);
    {
      await using used = pool;
      await used.sendMessage("one", FROM, TO);
    }
    finish();
  });

  test("refuses an option that is none", async () => {
    expect((await failure(pooled([]).pool.close({ forse: true } as never))).message).toContain('"forse" is unknown');
  });
});

describe("close({ force: true })", () => {
  test("drops connections: unknown what was handed over, unsent the rest, and says so", async () => {
    const { pool, finish } = pooled(
      [
        `${HELLO}${ENVELOPE}
         C: one
         C: .
         C: MAIL FROM:<a@x.example>
         C: RCPT TO:<b@y.example>
         C: <close>`,
      ],
      { maxConnections: 1 },
    );
    const sent = ["one", "two", "three", "four"].map((id) => failure(pool.sendMessage(id, FROM, TO, { id })));
    await until(() => String(pool).includes("1 waiting, 3 under way"));
    await turns();
    const { unsent } = await pool.close({ force: true });
    expect((await Promise.all(sent)).map(told)).toEqual(["b unknown", ...Array(3).fill("b unsent")]);
    expect(unsent.map((message) => `${message.id}: ${told(message)}`).sort()).toEqual([
      "four: b unsent",
      "three: b unsent",
      "two: b unsent",
    ]);
    expect(((await (sent[3] as Promise<never>)) as Error).message).toBe(
      "Pool was closed by force; the message was not sent: send it again at once, on a new session",
    );
    finish();
  });

  test("gives up sessions that are being opened", async () => {
    const { pool } = pooled(["C: <anything>"]);
    const one = failure(pool.sendMessage("one", FROM, TO));
    await turns();
    const { unsent } = await pool.close({ force: true });
    expect(unsent).toHaveLength(1);
    expect((await one).message).toContain("Pool was closed by force");
    await turns();
  });

  test("does not wait for a block that never ends", async () => {
    const { pool } = pooled([`${HELLO}\nC: <close>`]);
    void pool.withConnection(() => new Promise<void>(() => undefined));
    await until(() => String(pool).includes("1 under way"));
    expect(await pool.close({ force: true })).toEqual({ unsent: [] });
  });

  test("ends a close() that waits", async () => {
    const { pool } = pooled([`${HELLO}${ENVELOPE}\nC: <anything>`]);
    const one = failure(pool.sendMessage("one", FROM, TO));
    const closed = pool.close();
    await until(() => String(pool).includes("1 under way"));
    await turns();
    expect(await pool.close({ force: true })).toBe(await closed);
    expect(told(await one)).toBe("b unknown");
  });

  test("is what the signal of the options does", async () => {
    const abort = new AbortController();
    const { pool } = pooled([`${HELLO}${stored("one")}\nC: <close>`], { signal: abort.signal });
    await pool.sendMessage("one", FROM, TO);
    abort.abort(new Error("mine"));
    const late = await failure(pool.sendMessage("late", FROM, TO));
    expect(late.message).toContain("Pool is closed");
    await pool.close();
    expect(String(pool)).toContain("connections: 0 busy, 0 idle, 0 opening");
    const dead = pooled([], { signal: AbortSignal.abort() });
    expect(told(await failure(dead.pool.sendMessage("x", FROM, TO)))).toBe("b unsent");
  });
});

describe("drain(), idle(), isIdle(), pendingCount()", () => {
  test("tell when nothing is under way, and when there is room", async () => {
    const { pool, finish } = pooled([`${hello("PIPELINING")}${overlapping("one", "two", "three")}${QUIT}`], {
      maxConnections: 1,
    });
    expect([pool.isIdle(), pool.pendingCount()]).toEqual([true, 0]);
    await pool.idle();
    await pool.drain();
    const sent = ["one", "two", "three"].map((text) => pool.sendMessage(text, FROM, TO));
    expect([pool.isIdle(), pool.pendingCount()]).toEqual([false, 3]);
    const events: string[] = [];
    const waiting = [
      pool.idle().then(() => events.push(`idle with ${pool.pendingCount()} pending`)),
      pool.drain().then(() => events.push(`drained with ${pool.pendingCount()} pending`)),
    ];
    await Promise.all([...sent, ...waiting]);
    expect(events).toEqual(["idle with 2 pending", "drained with 0 pending"]);
    await pool.close();
    finish();
  });
});

describe("a message that waits", () => {
  test("leaves the queue when its signal aborts, unsent, and the session opened for it serves another", async () => {
    const { pool, network, finish } = pooled([`${HELLO}${stored("two")}${QUIT}`], { maxConnections: 1 });
    const abort = new AbortController();
    const one = failure(pool.sendMessage("one", FROM, TO, { signal: abort.signal }));
    const two = pool.sendMessage("two", FROM, TO);
    abort.abort(new Error("mine"));
    const error = await one;
    expect(pool.pendingCount()).toBe(1);
    expect([error.name, told(error), error.cause]).toEqual(["AbortError", "b unsent", new Error("mine")]);
    await two;
    expect(network.targets).toHaveLength(1);
    await pool.close();
    finish();
  });

  test("is not taken if its signal has aborted already", async () => {
    const { pool, network } = pooled([]);
    const error = await failure(pool.sendMessage("one", FROM, TO, { signal: AbortSignal.abort() }));
    expect(told(error)).toBe("b unsent");
    expect([pool.pendingCount(), network.targets.length]).toEqual([0, 0]);
  });

  test("that is cancelled on its session leaves the session to others", async () => {
    const { pool, finish } = pooled(
      [
        `${HELLO}
         C: MAIL FROM:<a@x.example>
         C: RCPT TO:<b@y.example>
         S: 250 ok
         S: 250 ok
         C: RSET
         C: MAIL FROM:<a@x.example>
         C: RCPT TO:<b@y.example>
         S: 250 reset
         S: 250 ok
         S: 250 ok
         C: DATA
         S: 354 go
         C: two
         C: .
         S: 250 two stored${QUIT}`,
      ],
      { maxConnections: 1 },
    );
    const abort = new AbortController();
    const one = failure(pool.sendMessage("one", FROM, TO, { signal: abort.signal }));
    await until(() => String(pool).includes("1 under way"));
    abort.abort();
    expect(told(await one)).toBe("b unsent");
    await pool.sendMessage("two", FROM, TO);
    await pool.close();
    finish();
  });

  test("in a pool of one message a session: what was being opened for it is given up", async () => {
    const { pool, servers } = pooled(["S: 220 ready\nC: EHLO localhost\nC: <close>"], { maxMessages: 1 });
    const abort = new AbortController();
    const one = failure(pool.sendMessage("one", FROM, TO, { signal: abort.signal }));
    await until(() => (servers[0]?.writes.length ?? 0) > 0);
    abort.abort();
    expect(told(await one)).toBe("b unsent");
    expect(String(pool)).toContain("connections: 0 busy, 0 idle, 0 opening");
    expect(servers[0]?.closed).toBe("destroy");
    await pool.close();
  });
});
