/** The pool, sections 2 and 4.2 of the contract. How messages are shared out among connections is each one's own affair. */

import { once } from "node:events";
import { Readable } from "node:stream";
import type { Transporter } from "nodemailer";
import { type Answers, answering, type ContractServer, type SeenConnection } from "../answering.ts";
import { type Case, plainError, plainInfo, usual } from "../harness.ts";

const pool = { pool: true };
const one = { pool: true, maxConnections: 1 };

function answers(given: Answers = {}): () => Promise<ContractServer> {
  return () => answering(given);
}

function connections(saw: readonly SeenConnection[]): number {
  return saw.length;
}

/** The messages of each connection. */
function messages(saw: readonly SeenConnection[]): number[] {
  return saw.map(({ lines }) => lines.filter((line) => line === "DATA").length);
}

function total(saw: readonly SeenConnection[]): number {
  return messages(saw).reduce((sum, count) => sum + count, 0);
}

/** Several at once, and what came of each. */
async function several(transporter: Transporter, count: number, data?: object): Promise<unknown[]> {
  return await Promise.all(Array.from({ length: count }, () => told(transporter.sendMail(usual(data)))));
}

function pendingOf(transporter: Transporter): unknown {
  return (transporter.transporter as { pendingCount?: () => number }).pendingCount?.();
}

async function told(sent: Promise<unknown>): Promise<unknown> {
  return await sent.then(
    (info) => (plainInfo(info as Record<string, unknown>) as { accepted: string[] }).accepted,
    plainError,
  );
}

const TAKEN = ["b@y.example"];

export const poolCases: readonly Case[] = [
  { name: "option: pool", server: answers(), options: pool, outcome: { info: { accepted: TAKEN } } },
  {
    name: "option: pool, in a url",
    server: answers(),
    options: ({ port }) => ({ url: `smtp://127.0.0.1:${port}?pool=true&maxConnections=1` }),
    run: (transporter) => several(transporter, 3),
    outcome: { value: [TAKEN, TAKEN, TAKEN], saw: [3] },
    see: messages,
  },
  {
    name: "option: maxConnections",
    server: answers({ end: "250 Ok<late>" }),
    options: { pool: true, maxConnections: 2 },
    run: (transporter) => several(transporter, 4),
    outcome: { value: [TAKEN, TAKEN, TAKEN, TAKEN], saw: 2 },
    see: connections,
  },
  {
    name: "option: maxMessages",
    server: answers(),
    options: { ...one, maxMessages: 2 },
    run: (transporter) => several(transporter, 4),
    outcome: { value: [TAKEN, TAKEN, TAKEN, TAKEN], saw: [2, 2] },
    see: messages,
  },
  {
    name: "option: idleTimeout, and the event clear",
    server: () => answering({}, { keepQuit: true }),
    options: { ...one, idleTimeout: 50 },
    run: async (transporter) => {
      const clear = once(transporter, "clear");
      await several(transporter, 1);
      await clear;
      return "clear";
    },
    outcome: { value: "clear" },
    see: ([first]: readonly SeenConnection[]) => first?.lines.at(-1),
  },
  {
    name: "option: idleTimeout 0",
    server: answers(),
    options: { ...one, idleTimeout: 0 },
    outcome: { info: { accepted: TAKEN } },
  },
  {
    name: "options: rateLimit and rateDelta",
    server: answers(),
    options: { ...one, rateLimit: 1, rateDelta: 200 },
    run: async (transporter) => {
      const begun = performance.now();
      const sent = await several(transporter, 2);
      return [sent, performance.now() - begun > 150];
    },
    outcome: { value: [[TAKEN, TAKEN], true] },
  },
  {
    name: "the events idle, before and after a message",
    server: answers(),
    options: one,
    run: async (transporter) => {
      await once(transporter, "idle");
      const idle = once(transporter, "idle");
      await several(transporter, 1);
      await idle;
      return transporter.isIdle();
    },
    outcome: { value: true },
  },
  {
    name: "isIdle() and pendingCount()",
    server: answers(),
    options: one,
    run: async (transporter) => {
      const state = (): unknown[] => [transporter.isIdle(), pendingOf(transporter)];
      const before = state();
      const sent = several(transporter, 3);
      const during = state();
      await sent;
      return [before, during, pendingOf(transporter)];
    },
    outcome: { value: [[true, 0], [false, 3], 0] },
  },
  {
    name: "verify(), pool",
    server: answers(),
    options: pool,
    run: (transporter) => transporter.verify(),
    outcome: { value: true },
  },
  {
    name: "a message after close()",
    server: answers(),
    options: pool,
    run: (transporter) => {
      transporter.close();
      return told(transporter.sendMail(usual()));
    },
    outcome: { value: { code: "ECONNECTION" } },
    differs: { row: "more-keys", here: { value: { command: "API" } } },
  },
  {
    name: "close() while messages wait",
    server: answers({ end: "250 Ok<late>" }),
    options: one,
    run: async (transporter) => {
      const sent = several(transporter, 2);
      transporter.close();
      return await sent;
    },
    outcome: { value: [{}, {}] },
    differs: { row: "pool-close", here: { value: () => [TAKEN, TAKEN], saw: () => 2 } },
    see: total,
  },
  {
    name: "e1, the server ends an idle connection",
    server: answers({ end: "250 Ok<close>" }),
    options: one,
    run: async (transporter) => {
      const clear = once(transporter, "clear");
      const first = await several(transporter, 1);
      await clear;
      return [...first, ...(await several(transporter, 1))];
    },
    outcome: { value: [TAKEN, TAKEN], saw: [1, 1] },
    see: messages,
  },
  {
    name: "e3, a connection that was lost under the next message",
    server: answers({ MAIL: ["250 Ok", "<reset>", "250 Ok"] }),
    options: one,
    run: async (transporter) => [...(await several(transporter, 1)), ...(await several(transporter, 1))],
    outcome: { value: [TAKEN, TAKEN], saw: 2 },
    see: total,
  },
  {
    name: "e4, the same with the content from a stream",
    server: answers({ MAIL: ["250 Ok", "<reset>", "250 Ok"] }),
    options: one,
    run: async (transporter) => {
      const first = await several(transporter, 1);
      return [...first, ...(await several(transporter, 1, { raw: Readable.from(["Subject: hi\r\n\r\n"]) }))];
    },
    outcome: { value: [TAKEN, { code: "ESTREAM" }], saw: 1 },
    differs: { row: "replay", here: { value: () => [TAKEN, TAKEN], saw: () => 2 } },
    see: total,
  },
  {
    name: "c2, 421 to MAIL on a connection that was used before",
    server: answers({ MAIL: ["250 Ok", "421 Bye<close>", "250 Ok"] }),
    options: one,
    run: async (transporter) => [...(await several(transporter, 1)), ...(await several(transporter, 1))],
    outcome: { value: [TAKEN, { code: "EENVELOPE", responseCode: 421 }], saw: 1 },
    differs: { row: "pool-421", here: { value: () => [TAKEN, TAKEN], saw: () => 2 } },
    see: total,
  },
  {
    name: "a, closed after the message: not sent again",
    server: answers({ end: "<close>" }),
    options: pool,
    run: (transporter) => several(transporter, 1),
    outcome: { value: [{ code: "ECONNECTION", command: "CONN" }], saw: 1 },
    see: total,
  },
  {
    name: "option: maxRequeues",
    server: answers({ greeting: "<close>" }),
    options: { ...pool, maxRequeues: 1 },
    run: (transporter) => several(transporter, 1),
    outcome: { value: [{ code: "ECONNECTION" }], saw: 2 },
    differs: { row: "max-requeues", here: { value: () => [{ code: "ECONNECTION", command: "CONN" }], saw: () => 1 } },
    see: connections,
  },
  {
    name: "option: maxRequeues 0",
    server: answers({ greeting: "<close>" }),
    options: { ...pool, maxRequeues: 0 },
    run: (transporter) => several(transporter, 1),
    outcome: { value: [{ code: "ECONNECTION" }], saw: 1 },
    differs: { row: "more-keys", here: { value: () => [{ code: "ECONNECTION", command: "CONN" }] } },
    see: connections,
  },
  {
    name: "d3, a message after one that was refused",
    server: answers({ RCPT: ["550 No", "250 Ok"] }),
    options: one,
    run: async (transporter) => [...(await several(transporter, 1)), ...(await several(transporter, 1))],
    outcome: { value: [{ code: "EENVELOPE", rejected: TAKEN }, TAKEN] },
    see: (saw: readonly SeenConnection[]) => [saw.length, saw[0]?.lines.includes("RSET")],
  },
  {
    name: "code: EPROTOCOL, RSET refused: the connection is not used again",
    server: answers({ RCPT: ["550 No", "250 Ok"], RSET: "500 What" }),
    options: one,
    run: async (transporter) => [...(await several(transporter, 1)), ...(await several(transporter, 1))],
    outcome: { value: [{ code: "EENVELOPE" }, TAKEN], saw: 2 },
    see: connections,
  },
  {
    name: "auth of a message, pool",
    server: answers({ EHLO: "250-mx.example\n250 AUTH PLAIN" }),
    options: { ...pool, auth: { user: "me", pass: "secret" } },
    mail: { auth: { user: "you", pass: "other" } },
    outcome: { info: { accepted: TAKEN } },
    see: ([first]: readonly SeenConnection[]) => first?.lines.find((line) => line.startsWith("AUTH")),
    differs: { row: "pool-auth", here: { saw: () => `AUTH PLAIN ${btoa("\0you\0other")}` } },
  },
  {
    name: "m, a wrong password with several waiting",
    server: answers({ EHLO: "250-mx.example\n250 AUTH PLAIN", AUTH: "535 5.7.8 No" }),
    options: { ...one, auth: { user: "me", pass: "wrong" } },
    run: async (transporter) => (await several(transporter, 3)).map((error) => (error as { code: string }).code),
    outcome: { value: ["EAUTH", "EAUTH", "EAUTH"], saw: 3 },
    see: connections,
    differs: { row: "pool-login", here: { saw: () => 1 } },
  },
  {
    name: "code: EABORT, a message that waits",
    server: answers({ end: "250 Ok<late>" }),
    options: one,
    run: async (transporter) => {
      const controller = new AbortController();
      const first = several(transporter, 1);
      const second = told(transporter.sendMail(usual({ signal: controller.signal })));
      setImmediate(() => controller.abort());
      return [await second, ...(await first)];
    },
    outcome: { value: [{ code: "EABORT", name: "AbortError" }, TAKEN], saw: 1 },
    see: total,
  },
  {
    name: "l, close({ force }) in the middle of a message",
    server: answers({ end: "<silence>" }),
    options: one,
    run: async (transporter) => {
      const sent = several(transporter, 1);
      setTimeout(() => (transporter.close as (options: object) => void)({ force: true }), 400);
      return await sent;
    },
    outcome: { value: [{ code: "ECONNECTION" }] },
    differs: { row: "more-keys", here: { value: () => [{ code: "ECONNECTION", command: "API" }] } },
    see: total,
  },
];
