/** A message with every kind of line end, dots, NUL and UTF-8, cut at every octet, from each kind of source: one golden file. */
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { type MessageSource, NetSmtp } from "../mod.ts";
import { network } from "./support/play.ts";
import { sink } from "./support/sink.ts";

const message = readFileSync(new URL("./golden/message.in", import.meta.url));
const golden = readFileSync(new URL("./golden/message.out", import.meta.url));

/** Both parts of the message, as octets and, where the cut leaves characters whole, as text. */
function parts(at: number): [Buffer, Buffer] {
  return [message.subarray(0, at), message.subarray(at)];
}

/** One character is one octet; the engine is given what that text says in UTF-8, so it must be decoded first. */
const TEXT = message.toString("utf8");

const SOURCES: Readonly<Record<string, (at: number) => MessageSource>> = {
  bytes: () => new Uint8Array(message),
  "a view into a larger buffer": (at) =>
    Buffer.concat([Buffer.alloc(at, "x"), message, Buffer.alloc(3, ".")]).subarray(at, at + message.length),
  "an ArrayBuffer": () => new Uint8Array(message).buffer,
  "a Blob": (at) => new Blob(parts(at).map((part) => new Uint8Array(part))),
  "an array": (at) => parts(at),
  "a generator": (at) =>
    (function* () {
      yield* parts(at);
    })(),
  "an async generator": (at) =>
    (async function* () {
      yield* parts(at);
    })(),
  "a Node stream": (at) => Readable.from(parts(at)),
  "a web stream": (at) =>
    new ReadableStream({
      start(controller) {
        for (const part of parts(at)) controller.enqueue(part);
        controller.close();
      },
    }),
  "a function of bytes": () => () => message,
  "a function of a stream": (at) => async () => Readable.from(parts(at)),
  "a string": () => TEXT,
  "an array of strings": (at) => [TEXT.slice(0, at), TEXT.slice(at)],
};

test("the message holds what is difficult", () => {
  const text = message.toString("latin1");
  for (const part of [/[^\r]\n/, /\r[^\n]/, /\r\n/, /(^|\n)\.\r?\n/, /\n\.\./, /\0/, /[\x80-\xff]{2}/])
    expect(text).toMatch(part);
  expect(Buffer.from(TEXT)).toEqual(message);
  expect(message.length).toBeGreaterThan(2_000);
});

async function contentsOf(send: (smtp: NetSmtp) => Promise<unknown>): Promise<Buffer[]> {
  const stream = sink();
  const smtp = await NetSmtp.start("sink", { network: network(stream), recipientPolicy: "collect" });
  await send(smtp);
  return stream.contents;
}

function expectGolden(contents: readonly Buffer[], count: number): void {
  expect(contents).toHaveLength(count);
  expect(contents.findIndex((content) => !content.equals(golden))).toBe(-1);
}

describe("sendMessage() sends the same octets from", () => {
  test.each(Object.entries(SOURCES))("%s, cut anywhere", async (_name, source) => {
    const contents = await contentsOf(async (smtp) => {
      for (let at = 0; at <= message.length; at++) await smtp.sendMessage(source(at), "a@x.example", "b@y.example");
    });
    expectGolden(contents, message.length + 1);
  });

  test("chunks of one octet", async () => {
    const octets = Array.from(message, (octet) => Uint8Array.of(octet));
    expectGolden(await contentsOf((smtp) => smtp.sendMessage(octets, "a@x.example", "b@y.example")), 1);
  });
});

describe("openMessageStream() sends the same octets from", () => {
  test.each([true, false])("writes cut anywhere, awaited: %s", async (awaited) => {
    const contents = await contentsOf(async (smtp) => {
      for (let at = 0; at <= message.length; at += 7) {
        await smtp.openMessageStream("a@x.example", "b@y.example", async (writer) => {
          for (const part of parts(at)) {
            const written = writer.write(part);
            if (awaited) await written;
          }
        });
      }
    });
    expectGolden(contents, Math.floor(message.length / 7) + 1);
  });
});

test("data() sends the same octets", async () => {
  const contents = await contentsOf(async (smtp) => {
    await smtp.mailFrom("a@x.example");
    await smtp.rcptToList(["b@y.example"], () => smtp.data(message));
    await smtp.mailFrom("a@x.example");
    await smtp.rcptTo("b@y.example");
    await smtp.data((writer) => void writer.append(message.subarray(0, 100)).append(message.subarray(100)));
  });
  expectGolden(contents, 2);
});
