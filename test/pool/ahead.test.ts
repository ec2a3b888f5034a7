/**
 * Sources of messages that wait for the pool: with `openAhead` the next few are opened, and no others; what was opened for a
 * message that does not go is let go.
 */

import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { NetSmtpPool } from "../../mod.ts";
import { type Asked, openAhead } from "../../src/pool/ask.ts";
import { network, play } from "../support/play.ts";
import { hello } from "../support/session.ts";
import { FROM, failure, turns } from "../support/told.ts";

const TO = "b@y.example";

function pooled(...scripts: readonly string[]): NetSmtpPool {
  const servers = scripts.map((text) =>
    play(
      text
        .split("\n")
        .map((line) => line.trimStart())
        .join("\n"),
    ),
  );
  return new NetSmtpPool("mx.example", 25, {
    network: network(...servers),
    maxConnections: 1,
    recipientPolicy: "collect",
  });
}

const STALLED = `${hello("PIPELINING")}
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  C: DATA
  S: 250 ok
  S: 250 ok
  S: 354 go
  C: 0
  C: .
  C: <anything>`;

test("no source is opened before there is a session; then those on it, and four more for it", async () => {
  const opened: number[] = [];
  const pool = pooled(STALLED);
  const sent = Array.from({ length: 20 }, (_, index) => {
    const source = (): string => {
      opened.push(index);
      return String(index);
    };
    return failure(pool.sendMessage(index === 0 ? "0" : source, FROM, TO, { openAhead: true }));
  });
  expect(opened).toEqual([]);
  await turns();
  expect(opened).toEqual([1, 2, 3, 4, 5, 6]);
  await pool.close({ force: true });
  expect((await Promise.all(sent)).map(({ fate }) => fate)).toEqual(["unknown", ...Array(19).fill("unsent")]);
  expect(opened).toEqual([1, 2, 3, 4, 5, 6]);
});

test("what was opened for a message that is given up while it waits is closed", async () => {
  const pool = pooled(STALLED);
  const streams = Array.from({ length: 5 }, (_, index) => Readable.from([String(index)]));
  const closed = streams.slice(1).map((stream) => new Promise((resolve) => stream.once("close", resolve)));
  const sent = streams.map((stream, index) =>
    failure(pool.sendMessage(index === 0 ? "0" : () => stream, FROM, TO, { openAhead: true })),
  );
  await turns();
  await pool.close({ force: true });
  await Promise.all([...sent, ...closed]);
});

test("without openAhead nothing is opened before its turn on the wire", async () => {
  let opened = 0;
  const pool = pooled(STALLED);
  const sent = Array.from({ length: 5 }, (_, index) =>
    failure(pool.sendMessage(index === 0 ? "0" : () => String(opened++), FROM, TO)),
  );
  await turns();
  expect(opened).toBe(0);
  await pool.close({ force: true });
  await Promise.all(sent);
});

interface Waiter {
  readonly name: number;
  isOpen: boolean;
  after: Waiter | undefined;
  openAhead(): void;
}

/** So many that wait, first to last. */
function waiting(count: number): Waiter[] {
  const all: Waiter[] = Array.from({ length: count }, (_, name) => ({
    name,
    isOpen: false,
    after: undefined,
    openAhead(this: Waiter) {
      this.isOpen = true;
    },
  }));
  for (const [index, one] of all.entries()) one.after = all[index + 1];
  return all;
}

test.each([
  { gone: 0, open: [0, 1, 2, 3] },
  { gone: 1, open: [1, 2, 3] },
  { gone: 2, open: [2, 3, 4, 5] },
  { gone: 4, open: [4, 5, 6, 7] },
  { gone: 19, open: [19] },
  { gone: 20, open: [] },
])("of four that may be open, with the first $gone gone: $open", ({ gone, open }) => {
  const all = waiting(20);
  openAhead(all[0] as object as Asked, 4);
  const left = all.slice(gone);
  openAhead(left[0] as object as Asked | undefined, 4);
  expect(left.filter(({ isOpen }) => isOpen).map(({ name }) => name)).toEqual(open);
});

test("never more than sixteen, however many sessions there are", () => {
  const all = waiting(20);
  openAhead(all[0] as object as Asked, 200);
  expect(all.filter(({ isOpen }) => isOpen)).toHaveLength(16);
});
