/** examples/express.ts and examples/hono.ts: a receipt is sent once, however often it is asked for, and the answer follows its fate. */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { app as expressApp } from "../../examples/express.ts";
import { app as honoApp } from "../../examples/hono.ts";
import { MemoryLedger, type Order, Receipts } from "../../examples/support/receipts.ts";
import { NetSmtpPool } from "../../mod.ts";
import { network, type PlayedServer, play } from "../support/play.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";
import { hello } from "../support/session.ts";

const ORDERS: Readonly<Record<string, Order>> = Object.fromEntries(
  ["you@example.com", "refuse-550@example.com", "busy-450@example.com"].map((email, at) => {
    const id = `${17 + at}`;
    return [id, { id, email, total: "12.00" }];
  }),
);
const orders = (id: string): Order | undefined => ORDERS[id];
const FROM = "shop@example.com";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Ask = (id: string) => Promise<[status: number, body: unknown, retryAfter: string | null]>;

/** Asks by HTTP, as a client does. */
const FRAMEWORKS: readonly (readonly [string, (receipts: Receipts) => Promise<Ask>])[] = [
  [
    "express",
    async (receipts) => {
      const server: Server = createServer(expressApp(receipts, orders));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      closing.push(() => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
      });
      const { port } = server.address() as AddressInfo;
      return (id) => told(fetch(`http://127.0.0.1:${port}/orders/${id}/receipt`, { method: "POST" }));
    },
  ],
  [
    "hono",
    async (receipts) => {
      const app = honoApp(receipts, orders);
      return (id) => told(Promise.resolve(app.request(`/orders/${id}/receipt`, { method: "POST" })));
    },
  ],
];

async function told(answer: Promise<Response>): Promise<[number, unknown, string | null]> {
  const response = await answer;
  return [
    response.status,
    ((await response.json()) as { receipt: unknown }).receipt,
    response.headers.get("retry-after"),
  ];
}

async function started(): Promise<{ server: RunningServer; pool: NetSmtpPool }> {
  const server = await startSmtpServer();
  const pool = new NetSmtpPool("127.0.0.1", server.port);
  closing.push(
    () => server.close(),
    () => pool.close({ force: true }),
  );
  return { server, pool };
}

/** A pool whose connections are these transcripts. */
function played(...servers: PlayedServer[]): NetSmtpPool {
  return new NetSmtpPool("mx.example", 25, { network: network(...servers) });
}

const MAIL = `${hello()}
C: MAIL FROM:<${FROM}>
S: 250 ok
C: RCPT TO:<you@example.com>
S: 250 ok
C: DATA
S: 354 go
C: From: ${FROM}
C: To: you@example.com
C: Subject: Your receipt
C: Message-ID: <receipt-17@example.com>
C: 
C: Order 17: 12.00
C: .`;

describe.each(FRAMEWORKS)("examples/%s.ts", (_, start) => {
  test("sends once: asked again, one after the other or at once, the answer is the same and nothing is sent", async () => {
    const { server, pool } = await started();
    const ask = await start(new Receipts(pool, new MemoryLedger(), FROM));
    const answers = [...(await Promise.all([ask("17"), ask("17"), ask("17")])), await ask("17")];
    expect(answers).toEqual(Array(4).fill([200, "sent", null]));
    expect(server.messages.map(({ from, to }) => [from, to])).toEqual([[FROM, ["you@example.com"]]]);
  });

  test("refused for good is 422, also when asked again; refused for now is 503, and is tried again", async () => {
    const { server, pool } = await started();
    const ask = await start(new Receipts(pool, new MemoryLedger(), FROM));
    expect([await ask("18"), await ask("18")]).toEqual(Array(2).fill([422, "refused", null]));
    expect([await ask("19"), await ask("19")]).toEqual(Array(2).fill([503, "try again", "30"]));
    expect([await ask("20"), server.messages.length]).toEqual([[404, "no such order", null], 0]);
  });

  test("a connection lost after the end is 202, and is never sent again: not by a new process with the same ledger either", async () => {
    const server = play(`${MAIL}\nS: <close>`);
    const ledger = new MemoryLedger();
    const ask = await start(new Receipts(played(server), ledger, FROM));
    expect([await ask("17"), await ask("17")]).toEqual(Array(2).fill([202, "in doubt", null]));
    const anew = await start(new Receipts(played(), ledger, FROM));
    expect(await anew("17")).toEqual([202, "in doubt", null]);
    server.finish();
  });

  test("nothing was handed over: 503, and the next attempt sends it", async () => {
    const { server, pool } = await started();
    const ledger = new MemoryLedger();
    const refusing = await start(new Receipts(played(play("S: 421 closing\nC: <close>")), ledger, FROM));
    expect(await refusing("17")).toEqual([503, "try again", "30"]);
    const ask = await start(new Receipts(pool, ledger, FROM));
    expect([await ask("17"), server.messages.length]).toEqual([[200, "sent", null], 1]);
  });
});

test("Receipts: of two processes that send the same at once, the one that claims it first sends it", async () => {
  const { server, pool } = await started();
  const ledger = new MemoryLedger();
  // Both have looked into the ledger before either writes: that is what two processes can do.
  let looked = 0;
  let both: () => void = () => undefined;
  const bothLooked = new Promise<void>((resolve) => {
    both = resolve;
  });
  const shared = {
    get: async (id: string) => {
      const entry = ledger.get(id);
      if (++looked === 2) both();
      if (looked <= 2) await bothLooked;
      return entry;
    },
    claim: (id: string) => ledger.claim(id),
    set: (id: string, entry: "in doubt" | "sent" | "refused") => ledger.set(id, entry),
    delete: (id: string) => ledger.delete(id),
  };
  const order = ORDERS["17"] as Order;
  const answers = await Promise.all([1, 2].map(() => new Receipts(pool, shared, FROM).send(order)));
  expect(answers.map(({ status }) => status).filter((status) => status !== 202)).toEqual(expect.arrayContaining([200]));
  expect(server.messages).toHaveLength(1);
  expect(ledger.get("17")).toBe("sent");
});
