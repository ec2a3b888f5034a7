/** withConnection(): a session for a block, and what comes back to the pool. */
import { describe, expect, test } from "vitest";
import { type NetSmtp, type NetSmtpPool, SmtpArgumentError, SmtpSessionError } from "../../mod.ts";
import { hello } from "../support/session.ts";
import { FROM, failure, told, turns } from "../support/told.ts";
import { HELLO, pooled, QUIT, stored, TO, until } from "./support.ts";

const RSET = `
  C: RSET
  S: 250 reset`;
const SECOND = `${HELLO}${stored("after")}${QUIT}`;

describe("withConnection()", () => {
  test("gives the block's value, and the session back to the pool", async () => {
    const { pool, network, finish } = pooled([`${HELLO}${stored("one")}${stored("after")}${QUIT}`]);
    const value = await pool.withConnection(async (smtp) => {
      expect(String(pool)).toContain("0 waiting, 1 under way; connections: 1 busy");
      return told(await smtp.sendMessage("one", FROM, TO));
    });
    expect(value).toBe("b accepted 250");
    await pool.sendMessage("after", FROM, TO);
    expect(network.targets).toHaveLength(1);
    await pool.close();
    finish();
  });

  test("gives the session back after its block threw too", async () => {
    const { pool, network, finish } = pooled([`${HELLO}${RSET}${stored("after")}${QUIT}`]);
    const thrown = new Error("mine");
    const block = pool.withConnection(async (smtp) => {
      await smtp.rset();
      throw thrown;
    });
    expect(await failure(block)).toBe(thrown);
    await pool.sendMessage("after", FROM, TO);
    expect(network.targets).toHaveLength(1);
    await pool.close();
    finish();
  });

  test.each([
    [
      "is in an open transaction",
      (smtp: NetSmtp) => smtp.mailFrom(FROM),
      `${HELLO}
       C: MAIL FROM:<a@x.example>
       S: 250 ok${QUIT}`,
    ],
    [
      "is latched",
      (smtp: NetSmtp) => smtp.critical(() => Promise.reject(new Error("mine"))).catch(() => undefined),
      `${HELLO}
       C: <close>`,
    ],
    ["was finished", (smtp: NetSmtp) => smtp.finish(), `${HELLO}${QUIT}`],
    [
      "said QUIT",
      (smtp: NetSmtp) => smtp.quit(),
      `${HELLO}
       C: QUIT
       S: 221 bye
       C: <close>`,
    ],
    [
      "said EHLO again",
      (smtp: NetSmtp) => smtp.ehlo("again"),
      `${HELLO}
       C: EHLO again
       S: 250 mx.example${QUIT}`,
    ],
    [
      "has work that nobody awaited",
      (smtp: NetSmtp) => void smtp.sendMessage("one", FROM, TO),
      `${HELLO}${stored("one")}${QUIT}`
        .replace("S: 250 one stored\n", "C: QUIT\nS: 250 one stored\n")
        .replace("\n  C: QUIT\n  S: 221", "\n  S: 221"),
    ],
  ])("does not use the session again if it %s", async (_, block, script) => {
    const { pool, network, finish } = pooled([script, SECOND]);
    await pool.withConnection(async (smtp) => {
      await block(smtp);
    });
    await pool.sendMessage("after", FROM, TO);
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("does not use the session again if somebody else logged in on it", async () => {
    const server = `${hello("PIPELINING", "AUTH PLAIN")}
      C: AUTH PLAIN AG1lAHNlc2FtZQ==
      S: 235 welcome${QUIT}`;
    const { pool, network, finish } = pooled([server, SECOND], { allowInsecureAuth: true });
    await pool.withConnection((smtp) => smtp.authenticate("me", "sesame"));
    await pool.sendMessage("after", FROM, TO);
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("leaves nothing in the hands of whoever keeps the session after the block", async () => {
    const { pool, finish } = pooled([`${HELLO}${stored("after")}${QUIT}`]);
    const kept = await pool.withConnection((smtp) => smtp);
    expect(kept.started).toBe(false);
    expect(await failure(kept.mailFrom(FROM))).toBeInstanceOf(SmtpSessionError);
    expect(await failure(kept.finish())).toBeInstanceOf(SmtpSessionError);
    await pool.sendMessage("after", FROM, TO);
    await pool.close();
    finish();
  });

  test("counts what the block has sent", async () => {
    const two = `${HELLO}${stored("one")}${stored("two")}${QUIT}`;
    const { pool, network, finish } = pooled([two, SECOND], { maxMessages: 2 });
    await pool.withConnection(async (smtp) => {
      await smtp.sendMessage("one", FROM, TO);
      await smtp.sendMessage("two", FROM, TO);
    });
    await pool.sendMessage("after", FROM, TO);
    expect(network.targets).toHaveLength(2);
    await pool.close();
    finish();
  });

  test("takes back what the block has set", async () => {
    const { pool, finish } = pooled([`${HELLO}${QUIT}`], { readTimeout: 5_000 });
    await pool.withConnection((smtp) => {
      smtp.readTimeout = 1;
    });
    expect(await pool.withConnection((smtp) => smtp.readTimeout)).toBe(5_000);
    await pool.close();
    finish();
  });

  test("shares its session with nobody: a message waits, in its order", async () => {
    const { pool, finish } = pooled([`${HELLO}${RSET}${stored("one")}${RSET}${QUIT}`], { maxConnections: 1 });
    const order: string[] = [];
    let go: () => void = () => undefined;
    const first = pool.withConnection(async (smtp) => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      await smtp.rset();
      order.push("first block");
    });
    const message = pool.sendMessage("one", FROM, TO).then(() => order.push("message"));
    const second = pool.withConnection(async (smtp) => {
      order.push("second block");
      await smtp.rset();
    });
    await until(() => String(pool).includes("2 waiting, 1 under way"));
    await turns();
    expect(order).toEqual([]);
    go();
    await Promise.all([first, message, second]);
    expect(order).toEqual(["first block", "message", "second block"]);
    await pool.close();
    finish();
  });

  test("tells its block's commands when the server ends the session, and uses it no more", async () => {
    const { pool, network } = pooled([`${HELLO}\nS: <close>`, SECOND]);
    const error = await failure(
      pool.withConnection(async (smtp) => {
        await turns();
        await smtp.sendMessage("one", FROM, TO);
      }),
    );
    expect(error.message).toMatch(/^Server closed the connection while nothing was under way/);
    await pool.sendMessage("after", FROM, TO);
    expect(network.targets).toHaveLength(2);
    await pool.close();
  });

  test("rejects when no session can be opened, when the pool is closed, and when its signal aborts", async () => {
    const { pool } = pooled([new Error("no")]);
    const never = (): void => expect.unreachable();
    expect((await failure(pool.withConnection(never))).message).toContain("Connection failed");
    const waits = failure(pool.withConnection(never, { signal: AbortSignal.abort(new Error("mine")) }));
    expect([(await waits).name, (await waits).cause]).toEqual(["AbortError", new Error("mine")]);
    await pool.close();
    expect((await failure(pool.withConnection(never))).message).toBe("Pool is closed");
  });

  test.each([
    ["a block", (pool: NetSmtpPool) => pool.withConnection(5 as never)],
    ["an option", (pool: NetSmtpPool) => pool.withConnection(() => 1, { sgnal: 1 } as never)],
    ["a signal", (pool: NetSmtpPool) => pool.withConnection(() => 1, { signal: 1 } as never)],
    ["a login", (pool: NetSmtpPool) => pool.withConnection(() => 1, { login: { user: "", secret: "x" } })],
  ])("refuses bad input: %s", async (_, call) => {
    expect(await failure(call(pooled([]).pool))).toBeInstanceOf(SmtpArgumentError);
  });
});
