/** The content of a message: ended only if all of it is there, stopped without a dot in every other case. */
import { describe, expect, test } from "vitest";
import { SmtpError, type SmtpOptions } from "../mod.ts";
import { type PlayedSession, session } from "./support/session.ts";
import { FROM, failure, told, turns } from "./support/told.ts";

const ENVELOPE = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok`;
const DATA = `${ENVELOPE}
      C: DATA
      S: 354 go`;
const TO = "b@y.example";

const open = (script: string, options?: SmtpOptions): Promise<PlayedSession> =>
  session(script, options ? { options } : {});

async function* chunks(...parts: (string | Error | "hang")[]): AsyncGenerator<string> {
  for (const part of parts) {
    if (part === "hang") await new Promise(() => undefined);
    if (part instanceof Error) throw part;
    yield part as string;
  }
}

/** A source that notes whether it was closed, and hangs behind its parts. */
function hanging(...parts: string[]): { source: AsyncIterable<string>; closed: () => boolean } {
  let closed = false;
  const left = [...parts];
  const iterator: AsyncIterator<string> = {
    next: () =>
      left.length > 0 ? Promise.resolve({ done: false, value: left.shift() as string }) : new Promise(() => undefined),
    return: () => {
      closed = true;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { source: { [Symbol.asyncIterator]: () => iterator }, closed: () => closed };
}

describe("a source that fails", () => {
  test("sendMessage() writes no dot when the source fails half-way, latches and closes", async () => {
    const { smtp, server } = await open(`${DATA}
      C: one
      C: <close>`);
    const cause = new Error("disk is gone");
    const error = await failure(smtp.sendMessage(chunks("one\n", cause), FROM, TO));
    expect(error).toMatchObject({ code: "SMTP_SOURCE", phase: "content", fate: "unsent", cause });
    expect(error.message).toBe("Source of the message failed before its end: disk is gone; the message was not sent");
    expect(smtp.errorOccurred).toBe(true);
    expect(server.closed).toBe("destroy");
    server.finish();
  });

  test("sendMessage() asks for no DATA when the source fails at once; RSET is owed, nothing latched", async () => {
    const { smtp, server } = await open(`${ENVELOPE}
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued`);
    const error = await failure(smtp.sendMessage(chunks(new Error("no")), FROM, TO));
    expect([error.code, told(error), smtp.errorOccurred]).toEqual(["SMTP_SOURCE", "b unsent", false]);
    await smtp.sendMessage("x", FROM, TO);
    server.finish();
  });

  test("sendMessage() does not mistake another message's error, thrown by the source, for its own fate", async () => {
    const foreign = new SmtpError("other", { recipients: [{ address: "z@z.example", fate: "accepted" }] });
    const { smtp } = await open(`${DATA}
      C: one
      C: <close>`);
    const error = await failure(smtp.sendMessage(chunks("one\n", foreign), FROM, TO));
    expect(told(error)).toBe("b unsent");
    expect(error).toMatchObject({ code: "SMTP_SOURCE", cause: foreign });
  });

  test("openMessageStream() whose block throws: what was written is on the wire, no dot, latched, finish() without QUIT (an error in a stream block)", async () => {
    const { smtp, server } = await open(`${DATA}
      C: one
      C: <close>`);
    const error = await failure(
      smtp.openMessageStream(FROM, TO, async (writer) => {
        await writer.puts("one");
        throw new Error("block failed");
      }),
    );
    expect(error).toMatchObject({ code: "SMTP_SOURCE", fate: "unsent" });
    expect(smtp.errorOccurred).toBe(true);
    await smtp.finish();
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test("sendMessage() closes a source whose DATA was refused", async () => {
    const { smtp, server } = await session(
      `${ENVELOPE}
      C: DATA
      S: 451 later`,
      { options: { recipientPolicy: "all-or-nothing" } },
    );
    const { source, closed } = hanging("one\n");
    expect(told(await failure(smtp.sendMessage(source, FROM, TO)))).toBe("b refused 451");
    await turns();
    expect(closed()).toBe(true);
    server.finish();
  });
});

describe("a source that hangs", () => {
  test.each([
    ["before DATA", `${ENVELOPE}\nS: <close>`, [], "SMTP_CONNECTION"],
    ["before DATA, 421", `${ENVELOPE}\n\nS: 421 bye`, [], "SMTP_SERVER_BUSY"],
    ["in the content", `${DATA}\nC: one\nS: <close>`, ["one\n"], "SMTP_CONNECTION"],
    ["when 421 came with 354", `${DATA}\nS: 421 bye`, ["one\n"], "SMTP_SERVER_BUSY"],
  ])("sendMessage() settles when the connection ends %s", async (_when, script, parts, code) => {
    const { smtp } = await open(script);
    const { source } = hanging(...parts);
    const error = await failure(smtp.sendMessage(source, FROM, TO));
    expect([error.code, told(error)]).toEqual([code, "b unsent"]);
  });

  test("sendMessage() settles when a function that makes the source never does and the connection ends", async () => {
    const { smtp } = await open(`${ENVELOPE}\nS: <close>`);
    const error = await failure(smtp.sendMessage(() => new Promise<string>(() => undefined), FROM, TO));
    expect([error.code, told(error)]).toEqual(["SMTP_CONNECTION", "b unsent"]);
  });

  test("critical() that fails stops a message that waits for its source", async () => {
    const { smtp } = await open(`${DATA}\nC: one\nC: <close>`);
    const { source } = hanging("one\n");
    const sent = failure(smtp.sendMessage(source, FROM, TO));
    await turns();
    const cause = new Error("stop");
    await expect(
      smtp.critical(() => {
        throw cause;
      }),
    ).rejects.toBe(cause);
    expect(await sent).toMatchObject({ code: "SMTP_LATCHED", fate: "unsent", cause });
  });
});

describe("replies before the end", () => {
  const cases: [said: string, fates: string, expected: object][] = [
    ["552 too big", "b refused 552", { name: "SmtpFatalError", phase: "content", retry: "never" }],
    ["452 full", "b refused 452", { name: "SmtpServerBusy", phase: "content", retry: "later" }],
    ["421 closing", "b refused 421", { name: "SmtpServerBusy", phase: "content", retry: "now" }],
    ["250 queued", "b unsent", { name: "SmtpProtocolError", phase: "content", retry: "later" }],
    ["354 go on", "b unsent", { name: "SmtpProtocolError", phase: "content" }],
  ];
  test.each(cases)("sendMessage() stops at an early %s: no dot, closed", async (said, fates, expected) => {
    const { smtp, server } = await open(`${DATA}
      C: one
      S: ${said}
      C: <close>`);
    const { source } = hanging("one\n");
    const error = await failure(smtp.sendMessage(source, FROM, TO));
    expect(told(error)).toBe(fates);
    expect(error).toMatchObject(expected);
    expect([smtp.errorOccurred, server.closed]).toEqual([true, "destroy"]);
    server.finish();
  });

  test("sendMessage() rejects a 250 glued to the 354", async () => {
    const { smtp, server } = await open(`${DATA}
      S: 250 queued before you said it
      C: <close>`);
    const error = await failure(smtp.sendMessage("x", FROM, TO));
    expect([error.name, told(error)]).toEqual(["SmtpProtocolError", "b unsent"]);
    server.finish();
  });
});

describe("beforeEnd", () => {
  const END = `
      C: one
      C: .
      S: 250 queued`;

  test("beforeEnd is told id and accepted recipients before a byte that can end the message", async () => {
    const { smtp, server } = await session(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 ok
      S: 250 ok
      S: 550 no
      S: 354 go${END}`,
      { options: { recipientPolicy: "collect" } },
    );
    const seen: unknown[] = [];
    const delivery = await smtp.sendMessage("one", FROM, [TO, "c@y.example"], {
      id: "m1",
      beforeEnd: async (message) => {
        await turns();
        seen.push(message, server.writes.join("").includes("\r\n.\r\n"));
      },
    });
    expect(seen).toEqual([{ id: "m1", recipients: [TO] }, false]);
    expect(told(delivery)).toBe("b accepted 250, c refused 550");
    server.finish();
  });

  test("beforeEnd makes an id of its own", async () => {
    const { smtp } = await open(`${DATA}${END}`);
    const ids: string[] = [];
    await smtp.sendMessage("one", FROM, TO, { beforeEnd: ({ id }) => ids.push(id) });
    expect(ids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  test("beforeEnd that rejects: no end, unsent, latched", async () => {
    const { smtp, server } = await open(`${DATA}\nC: <close>`);
    const cause = new Error("ledger is down");
    const error = await failure(smtp.sendMessage("one", FROM, TO, { beforeEnd: () => Promise.reject(cause) }));
    expect(error).toMatchObject({ name: "AbortError", phase: "content", fate: "unsent", cause });
    expect(server.writes.join("")).not.toContain("\r\n.\r\n");
    expect(smtp.errorOccurred).toBe(true);
    server.finish();
  });

  test("beforeEnd that hangs ends with the connection", async () => {
    const { smtp } = await open(`${DATA}\nS: <close>`);
    const error = await failure(smtp.sendMessage("one", FROM, TO, { beforeEnd: () => new Promise(() => undefined) }));
    expect([error.code, told(error)]).toEqual(["SMTP_CONNECTION", "b unsent"]);
  });

  test("an abort in the tick in which beforeEnd agreed tells what really happened", async () => {
    for (let ticks = 0; ticks < 12; ticks++) {
      const { smtp, server } = await open(`${DATA}\nC: <anything>\nS: 250 queued`);
      const controller = new AbortController();
      const sent = smtp.sendMessage("one", FROM, TO, {
        signal: controller.signal,
        beforeEnd: () => {
          let later = Promise.resolve();
          for (let tick = 0; tick < ticks; tick++) later = later.then(() => undefined);
          void later.then(() => controller.abort());
        },
      });
      const error = await failure(sent);
      await turns();
      const ended = server.writes.join("").includes("\r\n.\r\n");
      expect([ticks, error.fate]).toEqual([ticks, ended ? "unknown" : "unsent"]);
    }
  });
});

describe("long lines", () => {
  const long = "x".repeat(999);

  test("sendMessage() warns of a line over 998 octets", async () => {
    const { smtp } = await open(`${DATA}\nC: ${long}\nC: .\nS: 250 ok\n${DATA}\nC: ${long.slice(1)}\nC: .\nS: 250 ok`);
    const warnings = async (text: string): Promise<boolean> =>
      (await smtp.sendMessage(text, FROM, TO)).warnings.some((warning) => warning.includes("longer than 998 octets"));
    expect([await warnings(long), await warnings(long.slice(1))]).toEqual([true, false]);
  });

  test("sendMessage() with strict refuses a message in memory before MAIL", async () => {
    const { smtp, server } = await open("", { strict: true });
    const error = await failure(smtp.sendMessage(long, FROM, TO));
    expect(error).toMatchObject({ name: "SmtpArgumentError", phase: "content", fate: "unsent" });
    expect(told(error)).toBe("b unsent");
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test("sendMessage() with strict refuses what a function makes before DATA, and stops a stream without a dot", async () => {
    const made = await open(ENVELOPE, { strict: true });
    expect((await failure(made.smtp.sendMessage(() => long, FROM, TO))).name).toBe("SmtpArgumentError");
    expect(made.smtp.errorOccurred).toBe(false);
    made.server.finish();
    const streamed = await open(`${DATA}\nC: <close>`, { strict: true });
    const error = await failure(streamed.smtp.sendMessage(chunks(long), FROM, TO));
    expect([error.name, told(error), streamed.smtp.errorOccurred]).toEqual(["SmtpArgumentError", "b unsent", true]);
    expect(streamed.server.writes.join("")).not.toContain("\r\n.\r\n");
  });
});

describe("backpressure", () => {
  test("sendMessage() reads the source no faster than the stream takes it", async () => {
    const { smtp, server } = await session(`${DATA}\nC: <anything>\nC: .\nS: 250 ok`, {
      stream: { highWaterMark: 100_000 },
    });
    let made = 0;
    async function* lines(): AsyncGenerator<string> {
      for (; made < 64; made++) {
        // The stream takes nothing from the first chunk on.
        server.stalled ||= made === 1;
        yield `${"x".repeat(65)}\n`.repeat(1_000);
      }
    }
    const sent = smtp.sendMessage(lines(), FROM, TO);
    await turns(30);
    expect(made).toBeLessThan(8);
    server.stalled = false;
    const { size } = await sent;
    expect([made, size]).toEqual([64, 64 * 67_000 + 3]);
    server.finish();
  });

  test("sendMessage() writes a large message in memory in pieces, to the octet", async () => {
    const { smtp, server } = await session(`${DATA}\nC: <anything>\nC: .\nS: 250 ok`, {
      stream: { highWaterMark: 10_000 },
    });
    const text = `${"y".repeat(70)}\r\n`.repeat(5_000);
    await smtp.sendMessage(text, FROM, TO);
    expect(server.writes.slice(3).join("")).toBe(`${text}.\r\n`);
    expect(server.writes.length).toBeGreaterThan(7);
    server.finish();
  });
});
