/** What Dialogue does with a stream that the test leads by hand: when it writes, and what it does not do when all is over. */

import { describe, expect, test, vi } from "vitest";
import type { Timeouts } from "../src/deadlines.ts";
import { Dialogue } from "../src/dialogue.ts";
import { SmtpConnectionError, SmtpLatchedError, SmtpServerBusy } from "../src/errors.ts";
import type { SmtpStream, StreamSink } from "../src/net/stream.ts";
import { failure } from "./support/told.ts";

const SECOND = 1_000;
const timeouts: Timeouts = {
  openTimeout: SECOND,
  readTimeout: SECOND,
  finalTimeout: SECOND,
  writeTimeout: SECOND,
  quitTimeout: SECOND,
};

class HandLed implements SmtpStream {
  readonly tls = false;
  readonly loopback = true;
  readonly remote = "by hand";
  readonly written: number[] = [];
  destroyed = 0;
  sink!: StreamSink;
  open(sink: StreamSink): void {
    this.sink = sink;
  }
  write(bytes: Uint8Array): boolean {
    this.written.push(bytes.length);
    return true;
  }
  startTls(): Promise<SmtpStream> {
    return Promise.reject(new Error("not here"));
  }
  end(): void {}
  destroy(): void {
    this.destroyed++;
  }
  says(text: string): void {
    this.sink.data(new TextEncoder().encode(text));
  }
}

function talk(): { stream: HandLed; dialogue: Dialogue } {
  const stream = new HandLed();
  return { stream, dialogue: new Dialogue(stream, timeouts) };
}

const LOST = new SmtpConnectionError("Lost");
const tick = (): Promise<void> => Promise.resolve();

describe("what is written", () => {
  test("content waits for the end of the tick until there are 64 KiB of it", async () => {
    const { stream, dialogue } = talk();
    dialogue.contentBegin();
    dialogue.content(new Uint8Array(65_535));
    expect(stream.written).toEqual([]);
    dialogue.content(new Uint8Array(1));
    expect(stream.written).not.toEqual([]);
    const before = stream.written.length;
    dialogue.content(new Uint8Array(1));
    expect(stream.written).toHaveLength(before);
    await tick();
    expect(stream.written.reduce((sum, octets) => sum + octets, 0)).toBe(65_537);
  });

  test("a chunk waits for the end of the tick unless it has 64 KiB with its command", () => {
    const { stream, dialogue } = talk();
    const line = "BDAT 60000\r\n".length;
    dialogue.chunk([new Uint8Array(60_000)], 60_000, false);
    expect(stream.written).toEqual([]);
    dialogue.flush();
    stream.written.length = 0;
    dialogue.chunk([new Uint8Array(65_536 - line)], 65_536 - line, false);
    expect(stream.written.reduce((sum, octets) => sum + octets, 0)).toBe(65_536);
  });

  test("nothing that waits for the end of the tick leaves when the connection is lost, or ended by 421, in that tick", async () => {
    for (const over of [(stream: HandLed) => stream.sink.close(), (stream: HandLed) => stream.says("421 going\r\n")]) {
      const { stream, dialogue } = talk();
      const asked = failure(dialogue.flight(["NOOP"]));
      over(stream);
      await asked;
      await tick();
      expect(stream.written).toEqual([]);
    }
  });

  test("after a failure commands, chunks and the end of a content are refused, and write nothing", async () => {
    const { stream, dialogue } = talk();
    const owed = dialogue.contentBegin();
    dialogue.halt(LOST);
    dialogue.contentEnd(owed, [new Uint8Array(3)], 3);
    expect(() => dialogue.chunk([], 0, true)).toThrow(SmtpLatchedError);
    expect(() => dialogue.contentBegin()).toThrow(SmtpLatchedError);
    await expect(dialogue.command("NOOP")).rejects.toBeInstanceOf(SmtpLatchedError);
    await tick();
    expect(stream.written).toEqual([]);
  });
});

describe("garbage in place of a reply", () => {
  test.each([
    ["garbage\r\n", "command", "NOOP"],
    ["250 ok\r\ngarbage\r\n", "mail", "MAIL FROM:<>"],
    ["250 ok\r\n250 ok\r\ngarbage\r\n", "rcpt", "RCPT TO:<b>"],
    ["250 ok\r\n250 ok\r\n250 ok\r\ngarbage\r\n", "command", undefined],
  ])("%j is told of the step in which it came: %s", (said, phase, command) => {
    const { stream, dialogue } = talk();
    for (const lines of [["NOOP"], ["MAIL FROM:<>", "RCPT TO:<b>"]]) dialogue.flight(lines).catch(() => undefined);
    dialogue.flush();
    stream.says(said);
    expect(dialogue.failure).toMatchObject({ name: "SmtpProtocolError", phase });
    expect(dialogue.failure?.command).toBe(command);
  });
});

describe("when it is over", () => {
  test("a connection lost while idle refuses, and does not latch until somebody wants to write", () => {
    const { stream, dialogue } = talk();
    stream.sink.close();
    expect(dialogue.halted).toBeUndefined();
    expect(dialogue.refusal()).toBeInstanceOf(SmtpConnectionError);
    expect(dialogue.refused()).toBeInstanceOf(SmtpConnectionError);
    expect(dialogue.halted).toBe(dialogue.failure);
  });

  test("the greeting of a lost connection is not waited for", async () => {
    const { stream, dialogue } = talk();
    stream.sink.close();
    await expect(dialogue.greeting(SECOND)).rejects.toBe(dialogue.failure);
  });

  test("a 421 while idle ends the session at once, without a latch", () => {
    const { stream, dialogue } = talk();
    stream.says("421 going\r\n");
    expect(stream.destroyed).toBe(1);
    expect(dialogue.halted).toBeUndefined();
    expect(dialogue.refusal()).toBeInstanceOf(SmtpServerBusy);
  });

  test("the first failure stays, and what is heard behind it is nobody's", async () => {
    const { stream, dialogue } = talk();
    const asked = failure(dialogue.flight(["NOOP"]));
    dialogue.flush();
    dialogue.destroy(LOST);
    dialogue.destroy(new SmtpConnectionError("Another"));
    stream.says("250 late\r\n");
    stream.says("garbage\r\n");
    expect(await asked).toBe(LOST);
    expect([dialogue.failure, dialogue.halted, stream.destroyed]).toEqual([LOST, LOST, 1]);
  });

  test("end() and leave() leave nothing to write on", async () => {
    const ended = talk().dialogue;
    ended.end();
    expect(ended.refusal()).toBeInstanceOf(SmtpConnectionError);
    const left = talk().dialogue;
    left.leave();
    await expect(left.flight(["NOOP"])).rejects.toMatchObject({ phase: "tls" });
  });

  test("a stream that takes more again wakes who waits, and stops nobody", () => {
    const { stream, dialogue } = talk();
    const [stop, over] = [vi.fn(), vi.fn()];
    dialogue.onStop = stop;
    dialogue.onOver = over;
    stream.sink.drain();
    expect([stop, over].map(({ mock }) => mock.calls.length)).toEqual([0, 0]);
    dialogue.destroy(LOST);
    expect([stop, over].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  });
});
