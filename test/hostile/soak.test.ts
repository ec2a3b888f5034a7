/**
 * "10 000 sends with random faults in one process": what the engine holds when they are over is what it held before.
 * The law here: no socket, timer or listener is left behind, and the heap after a collection is within 2 MB of its start.
 */
import { getEventListeners } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { isSmtpError, NetSmtp, type SmtpOptions } from "../../mod.ts";
import { differs } from "../support/differences.ts";
import { turns } from "../support/told.ts";
import { Peer } from "./peer.ts";

/** Numbers that look random and are the same each time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const FAULTS: readonly (string | undefined)[] = [
  undefined, // the connection is closed
  "421 4.3.2 closing\r\n",
  "450 4.2.0 later\r\n",
  "554 5.0.0 no\r\n",
  "250 2.0.0 ok\r\n250 extra\r\n",
  "354 go\r\n",
  "250-ok\r\n550 no\r\n",
  "garbage\r\n",
  "250-",
  "x".repeat(20_000),
];
const EXTENSIONS = [[], ["PIPELINING"], ["PIPELINING", "CHUNKING"], ["PIPELINING", "STARTTLS", "AUTH LOGIN"]];

const shared = new AbortController();

/** One message: sound, or with a source, a signal or a `beforeEnd` that fails. */
function sendOne(smtp: NetSmtp, pick: (below: number) => number): Promise<unknown> {
  const own = new AbortController();
  const kind = pick(8);
  async function* broken() {
    yield "half";
    throw new Error("source broke");
  }
  const options = {
    signal: kind === 1 ? own.signal : shared.signal,
    ...(kind === 2 ? { deadline: 1_000_000 } : {}),
    ...(kind === 3 ? { beforeEnd: () => Promise.reject(new Error("not now")) } : {}),
  };
  const to = kind === 4 ? ["b@y.example", "no@y.example"] : "b@y.example";
  const sent = smtp.sendMessage(kind === 5 ? broken() : kind === 6 ? "X-Refuse: 1" : "x", "a@x.example", to, options);
  if (kind === 1) queueMicrotask(() => own.abort());
  return sent;
}

/** A session with four overlapping messages and one fault somewhere; gives how many sends settled as they may. */
async function sessionOf(smtp: NetSmtp, pick: (below: number) => number): Promise<number> {
  const family = (error: unknown): false => {
    expect(isSmtpError(error), String(error)).toBe(true);
    return false;
  };
  const started = await smtp.start({ signal: shared.signal }).then(() => true, family);
  if (!started) return 0;
  const outcomes = await Promise.allSettled([
    sendOne(smtp, pick),
    sendOne(smtp, pick),
    sendOne(smtp, pick),
    sendOne(smtp, pick),
  ]);
  for (const outcome of outcomes) if (outcome.status === "rejected") family(outcome.reason);
  await smtp.finish();
  return outcomes.length;
}

async function manySends(count: number, seed: number): Promise<void> {
  const pick = random(seed);
  for (let sends = 0; sends < count; ) {
    const point = pick(20);
    const fault = FAULTS[pick(FAULTS.length)];
    let said = 0;
    const say = (_verb: string, reply: string): string | undefined => (said++ === point ? fault : reply);
    const peer = new Peer({ extensions: EXTENSIONS[pick(EXTENSIONS.length)] as string[], say });
    const options: SmtpOptions = {
      network: peer,
      recipientPolicy: pick(2) === 0 ? "collect" : "net-smtp",
      inFlight: 1 + pick(4),
    };
    sends += await sessionOf(new NetSmtp("mx.example", 25, options), pick);
    expect(peer.open).toBe(0);
  }
}

/** A real server that takes what comes, and after some writes drops the connection by FIN or RST. */
function faulty(pick: (below: number) => number): Server {
  return createServer((socket: Socket) => {
    const peer = new Peer();
    const stream = peer.wrap();
    let left = 1 + pick(8);
    socket.on("error", () => {}).on("close", () => stream.destroy());
    socket.on("data", (bytes) => {
      if (left-- === 0) pick(2) === 0 ? socket.resetAndDestroy() : socket.end();
      else stream.write(bytes);
    });
    stream.open({ data: (bytes) => socket.write(bytes), drain() {}, close: () => socket.end() });
  });
}

async function manySocketSends(count: number, seed: number): Promise<void> {
  const pick = random(seed);
  const server = faulty(pick);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  for (let sends = 0; sends < count; ) {
    sends += await sessionOf(new NetSmtp("127.0.0.1", port, { recipientPolicy: "collect" }), pick);
  }
  await new Promise((resolve) => server.close(resolve));
}

/** What keeps the process alive; a runtime that does not say says nothing. */
function resources(): string[] {
  const { getActiveResourcesInfo } = process as { getActiveResourcesInfo?: () => string[] };
  return (getActiveResourcesInfo?.call(process) ?? []).filter((name) => name !== "Immediate").sort();
}

/** Collects what it can: on Node by V8's own function, on Bun by its; elsewhere what there is. */
const collect: () => void = (() => {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun) return () => Bun.gc(true);
  try {
    setFlagsFromString("--expose-gc");
    return runInNewContext("gc") as () => void;
  } catch {
    return (globalThis as { gc?: () => void }).gc ?? (() => undefined);
  }
})();

async function heap(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await turns();
    collect();
  }
  return process.memoryUsage().heapUsed;
}

/** How the heap may have grown. */
const GROWTH = (differs("a heap that does not fall at once") ? 10 : 2) * 1024 * 1024;

test("10 000 sends with random faults leave no resource, no listener, and the heap within 2 MB", async () => {
  await manySends(1_000, 1);
  await manySocketSends(40, 2);
  await turns(20);
  const before = { resources: resources(), heap: await heap() };
  await manySends(9_600, 3);
  await manySocketSends(400, 4);
  for (let round = 0; round < 500 && `${resources()}` !== `${before.resources}`; round++) await turns(1);
  expect(resources()).toEqual(before.resources);
  expect(getEventListeners(shared.signal, "abort")).toEqual([]);
  expect((await heap()) - before.heap).toBeLessThan(GROWTH);
}, 60_000);

test("what is counted is seen: a listener, a timer and a leak", async () => {
  const own = new AbortController();
  own.signal.addEventListener("abort", () => undefined);
  expect(getEventListeners(own.signal, "abort")).toHaveLength(1);
  const peer = new Peer();
  const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start({ signal: own.signal });
  expect(getEventListeners(own.signal, "abort")).toHaveLength(2);
  await smtp.finish();
  expect(getEventListeners(own.signal, "abort")).toHaveLength(1);
});
