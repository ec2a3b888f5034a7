/**
 * What a dialogue looks like as text and as events, what is masked, and that no output can harm it.
 *
 * @module
 */

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../src/errors.ts";
import { SmtpResponse } from "../src/protocol/reply.ts";
import { type DebugOutput, type DialogueEvent, debugTranscript, Transcript } from "../src/transcript.ts";

/** What a transcript shows, on both kinds of output. */
function show(say: (transcript: Transcript) => void): { text: string; events: DialogueEvent[] } {
  let text = "";
  const events: DialogueEvent[] = [];
  say(new Transcript({ write: (piece: string) => (text += piece) }));
  say(new Transcript((event) => events.push(event), "one"));
  return { text, events };
}

describe("Transcript", () => {
  const lines: [
    title: string,
    say: (transcript: Transcript) => void,
    text: string,
    events: Omit<DialogueEvent, "connection">[],
  ][] = [
    [
      "a command",
      (t) => t.command("EHLO me", 9, false),
      "C: EHLO me\n",
      [{ side: "client", kind: "command", text: "EHLO me", octets: 9, masked: false }],
    ],
    [
      "a masked command",
      (t) => t.command("AUTH PLAIN ****", 42, true),
      "C: AUTH PLAIN ****\n",
      [{ side: "client", kind: "command", text: "AUTH PLAIN ****", octets: 42, masked: true }],
    ],
    [
      "a reply",
      (t) => t.reply(new SmtpResponse("250 2.0.0 Ok"), false),
      "S: 250 2.0.0 Ok\n",
      [{ side: "server", kind: "reply", text: "250 2.0.0 Ok", octets: 14, masked: false }],
    ],
    [
      "a reply of several lines",
      (t) => t.reply(new SmtpResponse("250-mail.example.com\n250-\n250 é"), false),
      "S: 250-mail.example.com\nS: 250-\nS: 250 é\n",
      [
        { side: "server", kind: "reply", text: "250-mail.example.com", octets: 22, masked: false },
        { side: "server", kind: "reply", text: "250-", octets: 6, masked: false },
        { side: "server", kind: "reply", text: "250 é", octets: 8, masked: false },
      ],
    ],
    [
      "a masked reply",
      (t) => t.reply(new SmtpResponse("334 PDE4OTYu"), true),
      "S: 334 ****\n",
      [{ side: "server", kind: "reply", text: "334 ****", octets: 14, masked: true }],
    ],
    [
      "a masked reply of several lines",
      (t) => t.reply(new SmtpResponse("334-PDE4\n334 OTYu"), true),
      "S: 334 ****\n",
      [{ side: "server", kind: "reply", text: "334 ****", octets: 20, masked: true }],
    ],
    [
      "content",
      (t) => t.content(1234),
      "C: (1234 octets of the message)\n",
      [{ side: "client", kind: "content", text: "(1234 octets of the message)", octets: 1234, masked: false }],
    ],
    [
      "a note",
      (t) => t.note("Connection closed"),
      "-- Connection closed\n",
      [{ side: "engine", kind: "note", text: "Connection closed", octets: 0, masked: false }],
    ],
  ];
  test.each(lines)("Transcript shows %s", (_title, say, text, events) => {
    const shown = show(say);
    expect(shown.text).toBe(text);
    expect(shown.events).toEqual(events.map((event) => ({ connection: "one", ...event })));
    for (const event of shown.events) expect(Object.isFrozen(event)).toBe(true);
  });

  const hostile: [title: string, raw: string, escaped: string][] = [
    ["a terminal's title", "\x1b]0;pwn\x07", "\\x1b]0;pwn\\x07"],
    ["a carriage return", "a\rC: QUIT", "a\\rC: QUIT"],
    ["a bidi override", "a\u202eb", "a\\u202eb"],
    ["a line separator", "a\u2028S: 250", "a\\u2028S: 250"],
    ["C1", "a\u009bb", "a\\x9bb"],
  ];
  test.each(hostile)("Transcript shows %s printable, whoever says it", (_title, raw, escaped) => {
    const { text, events } = show((t) => {
      t.reply(new SmtpResponse(`250 ${raw}`), false);
      t.command(`NOOP ${raw}`, 0, false);
      t.note(raw);
    });
    expect(text).toBe(`S: 250 ${escaped}\nC: NOOP ${escaped}\n-- ${escaped}\n`);
    expect(events.map((event) => event.text)).toEqual([`250 ${escaped}`, `NOOP ${escaped}`, escaped]);
  });

  test("Transcript writes a whole line at a time, as a method of its output", () => {
    const output = {
      pieces: [] as string[],
      write(text: string): void {
        this.pieces.push(text);
      },
    };
    new Transcript(output).reply(new SmtpResponse("250-a\n250 b"), false);
    expect(output.pieces).toEqual(["S: 250-a\n", "S: 250 b\n"]);
  });
});

describe("Transcript with an output that fails", () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => {
    unhandled.push(reason);
  };
  beforeEach(() => {
    unhandled.length = 0;
    process.on("unhandledRejection", note);
  });
  afterEach(() => {
    process.off("unhandledRejection", note);
  });

  const throwing = (): never => {
    throw new Error("Disk full");
  };
  const rejecting = (): Promise<never> => Promise.reject(new Error("Disk full"));
  const thenable = (): PromiseLike<never> => ({
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    then: (_done: unknown, failed?: ((reason: unknown) => unknown) | null) => failed?.(new Error("Disk full")) as never,
  });
  const failures: [title: string, fail: () => unknown][] = [
    ["throws", throwing],
    ["returns a promise that rejects", rejecting],
    ["returns a thenable that rejects", thenable],
    [
      "returns an object whose then throws",
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a hostile one
        get then(): never {
          return throwing();
        },
      }),
    ],
  ];
  test.each(failures)("Transcript goes on when its output %s", async (_title, fail) => {
    for (const kind of ["function", "object"]) {
      let calls = 0;
      const count = (): unknown => {
        calls++;
        return fail();
      };
      const transcript = new Transcript(kind === "function" ? count : { write: count });
      transcript.command("EHLO me", 9, false);
      transcript.reply(new SmtpResponse("250-a\n250 b"), false);
      transcript.note("Connection closed");
      expect(calls).toBe(4);
    }
    // Unhandled rejections are told when the microtasks have run out, before the next turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(unhandled).toEqual([]);
  });

  test("Transcript gives events that an output cannot change", () => {
    let failure: unknown;
    const transcript = new Transcript((event) => {
      try {
        (event as { text: string }).text = "other";
      } catch (error) {
        failure = error;
      }
    });
    transcript.note("x");
    expect(failure).toBeInstanceOf(TypeError);
  });
});

describe("debugTranscript()", () => {
  test("debugTranscript() is undefined without an output", () => {
    expect(debugTranscript(undefined)).toBeUndefined();
    expect(debugTranscript(null)).toBeUndefined();
  });

  test("debugTranscript() shows on the output given", () => {
    const shown: unknown[] = [];
    debugTranscript({ write: (text) => shown.push(text) })?.note("text");
    debugTranscript((event) => shown.push(event.text))?.note("event");
    expect(shown).toEqual(["-- text\n", "event"]);
  });

  test.each([[true], [false], [0], ["stderr"], [{}], [{ write: true }], [[]]])(
    "debugTranscript() refuses %j",
    (output) => {
      const make = (): unknown => debugTranscript(output as unknown as DebugOutput);
      expect(make).toThrow(SmtpArgumentError);
      expect(make).toThrow(/"debugOutput"/);
    },
  );
});
