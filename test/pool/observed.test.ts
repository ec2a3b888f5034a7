/**
 * What a pool tells and counts: the events of a message that is tried twice, figures without any observer, the delivery log.
 */

import { expect, test } from "vitest";
import { type DeliveryRecord, NetSmtpPool, type PoolOptions, type SmtpEvent, SmtpStats } from "../../mod.ts";
import { network, play } from "../support/play.ts";
import { hello } from "../support/session.ts";
import { FROM, failure } from "../support/told.ts";

const TO = ["b@y.example", "c@y.example"];
const QUICK = { retryDelay: 1, maxRetryDelay: 1, recipientPolicy: "collect" } as const;

const ONE_LATER = `${hello("PIPELINING")}
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  C: RCPT TO:<c@y.example>
  C: DATA
  S: 250 ok
  S: 250 ok
  S: 450 4.2.0 later
  S: 354 go
  C: hi
  C: .
  S: 250 taken
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<c@y.example>
  C: DATA
  S: 250 ok
  S: 250 ok
  S: 354 go
  C: hi
  C: .
  S: 250 taken too
  C: QUIT
  S: 221 bye
  C: <close>`;

function pooled(script: string, options: PoolOptions): NetSmtpPool {
  const server = play(
    script
      .split("\n")
      .map((line) => line.trimStart())
      .join("\n"),
  );
  return new NetSmtpPool("mx.example", 25, { network: network(server), ...QUICK, ...options });
}

/** An event in short. */
function short(event: SmtpEvent): string {
  const fates =
    "recipients" in event && event.type !== "retry" ? event.recipients.map(({ fate }) => fate).join(",") : "";
  if (event.type === "retry") return `retry ${event.attempt} to ${event.recipients}`;
  if (event.type === "sendEnd") return `sendEnd ${event.attempt} ${fates}`;
  if (event.type === "messageEnd") return `messageEnd after ${event.attempts} ${fates}`;
  return event.type;
}

test("a message that is tried again is told of once, and each of its attempts", async () => {
  const events: SmtpEvent[] = [];
  const log: DeliveryRecord[] = [];
  const pool = pooled(ONE_LATER, {
    attempts: 3,
    observe: (event) => event.type !== "reply" && events.push(event),
    deliveryLog: (record) => log.push(record),
  });
  const sent = pool.sendMessage("hi", FROM, TO, { id: "m1" });
  expect(events.map(short)).toEqual(["messageStart", "connectStart"]);
  const { recipients, response } = await sent;
  expect(recipients.map(({ fate }) => fate)).toEqual(["accepted", "accepted"]);
  expect(String(response)).toBe("250 taken too");
  await pool.close();
  expect(events.map(short)).toEqual([
    "messageStart",
    "connectStart",
    "connectEnd",
    "sendStart",
    "sendEnd 1 accepted,refused",
    "retry 2 to c@y.example",
    "sendStart",
    "sendEnd 2 accepted",
    "messageEnd after 2 accepted,accepted",
    "disconnect",
  ]);
  expect(new Set(events.flatMap((event) => ("id" in event ? [event.id] : [])))).toEqual(new Set(["m1"]));
  expect(log.map(({ id, attempt, recipient, fate }) => `${id} ${attempt} ${recipient} ${fate}`)).toEqual([
    "m1 1 b@y.example accepted",
    "m1 1 c@y.example refused",
    "m1 2 c@y.example accepted",
  ]);
});

test("figures are counted with and without an observer, and are the same as an observer's", async () => {
  const watcher = new SmtpStats();
  const stats = new SmtpStats();
  const watched = pooled(ONE_LATER, { attempts: 3, observe: watcher.observer });
  const plain = pooled(ONE_LATER, { attempts: 3, stats });
  for (const pool of [watched, plain]) {
    await pool.sendMessage("hi", FROM, TO);
    expect(pool.stats()).toMatchObject({ totalSent: 1, totalFailed: 0, totalRetries: 1, connections: { open: 1 } });
    await pool.close();
  }
  const counted = ({ totalSent, totalFailed, totalRetries, fates, connections }: ReturnType<SmtpStats["stats"]>) => ({
    totalSent,
    totalFailed,
    totalRetries,
    fates,
    connections,
  });
  expect(counted(watched.stats())).toEqual(counted(watcher.stats()));
  expect(counted(plain.stats())).toEqual(counted(watcher.stats()));
  expect(plain.stats()).toEqual(stats.stats());
  expect(plain.stats().averageResponseTime).toBeGreaterThan(0);
});

test("a message that fails is the last error, and health says so", async () => {
  const pool = pooled("S: 554 no service\nC: <close>", {});
  const error = await failure(pool.sendMessage("hi", FROM, TO));
  expect(pool.stats()).toMatchObject({ totalFailed: 1, successRate: 0, fates: { unsent: 2 } });
  expect(pool.stats().connections).toEqual({ open: 0, opened: 0, failed: 1 });
  expect(pool.stats().lastError).toMatchObject({ code: error.code, message: error.message });
  expect(pool.healthCheck({ minMessages: 1 })).toMatchObject({ healthy: false });
  expect(pool.healthCheck().healthy).toBe(true);
  await pool.close();
});

test("what is wrong in the options of a message is told before anything is", async () => {
  const events: SmtpEvent[] = [];
  const pool = pooled("", { observe: (event) => events.push(event) });
  const wrong = [{ attempts: 0 }, { retryDelay: -1 }, { replayLimit: 1.5 }, { retryUnknown: "yes" }, { attemps: 2 }];
  for (const options of wrong)
    expect((await failure(pool.sendMessage("hi", FROM, TO, options as never))).name).toBe("SmtpArgumentError");
  for (const [source, login] of [
    [5, undefined],
    ["hi", { user: "me" }],
  ] as const)
    expect((await failure(pool.sendMessage(source as never, FROM, TO, { login: login as never }))).name).toBe(
      "SmtpArgumentError",
    );
  expect(events).toEqual([]);
  expect(pool.pendingCount()).toBe(0);
  expect(() => new NetSmtpPool("mx.example", 25, { stats: {} as never })).toThrow(/"stats"/);
  expect(() => new NetSmtpPool("mx.example", 25, { deliveryLog: 1 as never })).toThrow(/"deliveryLog"/);
});

test("a message that waits to be tried again ends with the pool, and its end says so", async () => {
  const pool = pooled(
    `${hello("PIPELINING")}
     C: MAIL FROM:<a@x.example>
     C: RCPT TO:<b@y.example>
     C: DATA
     S: 451 later
     S: 503 no
     S: 503 no
     C: QUIT
     S: 221 bye
     C: <close>`,
    { attempts: 3, retryDelay: 1_000_000, maxRetryDelay: 1_000_000 },
  );
  const waits = new Promise<void>((resolve) => {
    const look = (): void => void (pool.stats().totalRetries === 1 ? resolve() : setImmediate(look));
    look();
  });
  const sent = failure(pool.sendMessage("hi", FROM, "b@y.example"));
  await waits;
  expect(pool.pendingCount()).toBe(1);
  await pool.close();
  expect((await sent).message).toContain("it was not tried again, since the pool was closed");
});
