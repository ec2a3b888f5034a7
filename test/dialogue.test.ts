import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Timeouts } from "../src/deadlines.ts";
import { Dialogue } from "../src/dialogue.ts";
import { SmtpConnectionError, SmtpLatchedError, SmtpProtocolError, SmtpServerBusy } from "../src/errors.ts";
import { play } from "./support/play.ts";
import { failure, turns } from "./support/told.ts";

const timeouts: Timeouts = {
  openTimeout: 1_000,
  readTimeout: 1_000,
  finalTimeout: 1_000,
  writeTimeout: 1_000,
  quitTimeout: 1_000,
};

function codes(replies: readonly { status: string }[]): string[] {
  return replies.map(({ status }) => status);
}

describe("flight()", () => {
  test("flight() writes its lines at once and gives the replies in order", async () => {
    const server = play(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 550-5.1.1 no
      S: 550 5.1.1 such user`);
    const dialogue = new Dialogue(server, timeouts);
    const replies = await dialogue.flight(["MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>"]);
    expect(codes(replies)).toEqual(["250", "550"]);
    expect(server.writes).toEqual(["MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n"]);
    server.finish();
  });

  test("flight() rejects with SmtpConnectionError when the connection is lost, and tells what came before", async () => {
    const server = play(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: <close>`);
    const dialogue = new Dialogue(server, timeouts);
    const replies: { status: string }[] = [];
    const flight = dialogue.flight(["MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>"], replies as never);
    await expect(flight).rejects.toBeInstanceOf(SmtpConnectionError);
    await expect(flight).rejects.toMatchObject({ phase: "rcpt", command: "RCPT TO:<b@y.example>" });
    expect(codes(replies)).toEqual(["250"]);
  });

  test("flight() takes no reply that came before its command was written", async () => {
    const server = play(`
      S: 220 ready
      S: 250 too early`);
    const dialogue = new Dialogue(server, timeouts);
    await expect(dialogue.greeting(1_000)).rejects.toBeInstanceOf(SmtpProtocolError);
    await expect(dialogue.flight(["NOOP"])).rejects.toBeInstanceOf(SmtpLatchedError);
  });

  test("flight() ends with a 421 and writes nothing more", async () => {
    const server = play(`
      C: MAIL FROM:<a@x.example>
      S: 421 4.3.2 closing`);
    const dialogue = new Dialogue(server, timeouts);
    expect(codes(await dialogue.flight(["MAIL FROM:<a@x.example>"]))).toEqual(["421"]);
    await expect(dialogue.flight(["NOOP"])).rejects.toBeInstanceOf(SmtpServerBusy);
    expect(server.writes).toHaveLength(1);
  });
});

describe("deadlines", () => {
  const slow: Timeouts = { ...timeouts, finalTimeout: 10_000, writeTimeout: 3_000 };

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("a reply that does not come in time is SmtpReadTimeout, latched, no timer left", async () => {
    const server = play("C: NOOP\nC: <close>");
    const dialogue = new Dialogue(server, slow);
    const flight = failure(dialogue.flight(["NOOP"]));
    await turns();
    await vi.advanceTimersByTimeAsync(999);
    expect(dialogue.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await flight).toMatchObject({ name: "SmtpReadTimeout", command: "NOOP", temporary: true });
    expect(dialogue.halted).toBe(dialogue.failure);
    expect(vi.getTimerCount()).toBe(0);
    server.finish();
  });

  test("a trickle does not extend the deadline", async () => {
    const pieces = Array.from({ length: 40 }, (_, at) => (at % 2 ? "S: 250-wait" : "S| 250-")).join("\n\n");
    const dialogue = new Dialogue(play(`C: NOOP\n${pieces}`), slow);
    const flight = failure(dialogue.flight(["NOOP"]));
    for (let after = 0; after < 10; after++) {
      await turns(2);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect((await flight).name).toBe("SmtpReadTimeout");
  });

  test("each reply of a flight has its own time, from the reply before it", async () => {
    const server = play("C: A\nC: B\nS: 250 a\n\nS: 250 b");
    server.stalled = true;
    const dialogue = new Dialogue(server, slow);
    const flight = dialogue.flight(["A", "B"]);
    await turns();
    await vi.advanceTimersByTimeAsync(900);
    server.stalled = false;
    expect(codes(await flight)).toEqual(["250", "250"]);
    const second = play("C: A\nC: B\nS: 250 a");
    second.stalled = true;
    const waiting = new Dialogue(second, slow);
    const failed = failure(waiting.flight(["A", "B"]));
    await turns();
    await vi.advanceTimersByTimeAsync(900);
    second.stalled = false;
    await turns();
    await vi.advanceTimersByTimeAsync(999);
    expect(waiting.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await failed).toMatchObject({ name: "SmtpReadTimeout", command: "B" });
  });

  test("behind a message the next command has its own, shorter time", async () => {
    const dialogue = new Dialogue(play("C: x\nC: .\nC: NOOP\nS: 250 queued"), slow);
    const owed = dialogue.contentBegin();
    dialogue.contentEnd(owed, [new TextEncoder().encode("x\r\n.\r\n")], 6);
    const flight = failure(dialogue.flight(["NOOP"]));
    expect(codes(await owed.promise)).toEqual(["250"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(dialogue.failure?.name).toBe("SmtpReadTimeout");
    expect((await flight).name).toBe("SmtpReadTimeout");
  });

  test("the reply to a message has finalTimeout, from its end", async () => {
    const dialogue = new Dialogue(play("C: x\nC: ."), slow);
    const owed = dialogue.contentBegin();
    await vi.advanceTimersByTimeAsync(60_000);
    dialogue.contentEnd(owed, [new TextEncoder().encode("x\r\n.\r\n")], 6);
    await turns();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(dialogue.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await failure(owed.promise)).toMatchObject({ name: "SmtpReadTimeout", phase: "final" });
  });

  test("a stream that takes nothing for writeTimeout is SmtpWriteTimeout; one that drains is not", async () => {
    const server = play("C: <anything>", { highWaterMark: 10 });
    server.stalled = true;
    const dialogue = new Dialogue(server, slow);
    const owed = dialogue.contentBegin();
    dialogue.content(new Uint8Array(100_000));
    const full = dialogue.backpressure();
    expect(full).toBeInstanceOf(Promise);
    await vi.advanceTimersByTimeAsync(2_999);
    expect(dialogue.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await full;
    expect((await failure(owed.promise)).name).toBe("SmtpWriteTimeout");
  });

  test("after a 421 reading goes on for 5 s, then what is owed fails", async () => {
    const dialogue = new Dialogue(play("C: A\nC: B\nS: 421 bye"), { ...slow, readTimeout: 60_000 });
    const flight = failure(dialogue.flight(["A", "B"]));
    await turns();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(dialogue.failure).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await flight).toMatchObject({ name: "SmtpServerBusy", retry: "now" });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("replies are counted, never matched", () => {
  test.each([
    ["one too many, glued", "S: 250 a\nS: 250 b"],
    ["garbage behind it", "S: 250 a\nS: hello"],
    ["a code out of range", "S: 650 a"],
    ["codes that differ within one", "S: 250-a\nS: 550 b"],
  ])("flight() is given nothing of a chunk that breaks the law: %s", async (_what, said) => {
    const dialogue = new Dialogue(play(`C: NOOP\n${said}`), timeouts);
    const replies: never[] = [];
    expect((await failure(dialogue.flight(["NOOP"], replies))).name).toBe("SmtpProtocolError");
    expect(replies).toEqual([]);
    await expect(dialogue.flight(["NOOP"])).rejects.toBeInstanceOf(SmtpLatchedError);
  });

  test("an unsolicited reply breaks an idle dialogue, a 421 only ends it", async () => {
    const broken = new Dialogue(play("S: 250 hello"), timeouts);
    const ended = new Dialogue(play("S: 421 bye"), timeouts);
    await turns();
    expect([broken.halted?.name, ended.halted, ended.failure?.name]).toEqual([
      "SmtpProtocolError",
      undefined,
      "SmtpServerBusy",
    ]);
  });

  test("halt() lets out what was asked for, then writes nothing", async () => {
    const server = play("C: NOOP\nS: 250 ok");
    const dialogue = new Dialogue(server, timeouts);
    const flight = dialogue.flight(["NOOP"]);
    dialogue.halt(new Error("stop"));
    expect(codes(await flight)).toEqual(["250"]);
    expect(() => dialogue.contentBegin()).toThrow(SmtpLatchedError);
    dialogue.content(new Uint8Array(5));
    await turns();
    server.finish();
  });
});
