/** Any sequence of calls against any server: the laws of the pool hold. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { NetSmtpPool, SmtpError } from "../../mod.ts";
import { runs } from "../support/runs.ts";
import { turns } from "../support/told.ts";
import { randomServer, type Whim } from "./random_server.ts";

type Step =
  | { readonly do: "send"; readonly user: string; readonly abortAfter: number | undefined }
  | {
      readonly do: "lend";
      readonly user: string;
      readonly how: "sends" | "throws" | "leaves open" | "finishes" | "nothing";
    }
  | { readonly do: "wait"; readonly turns: number };

const user = fc.constantFrom("", "one", "two");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.record({
      do: fc.constant("send" as const),
      user,
      abortAfter: fc.option(fc.nat(12), { nil: undefined, freq: 5 }),
    }),
    weight: 6,
  },
  {
    arbitrary: fc.record({
      do: fc.constant("lend" as const),
      user,
      how: fc.constantFrom(
        "sends" as const,
        "throws" as const,
        "leaves open" as const,
        "finishes" as const,
        "nothing" as const,
      ),
    }),
    weight: 1,
  },
  { arbitrary: fc.record({ do: fc.constant("wait" as const), turns: fc.nat(20) }), weight: 2 },
);
const whim: fc.Arbitrary<Whim> = fc.oneof(
  { arbitrary: fc.constant<Whim>("ok"), weight: 30 },
  { arbitrary: fc.constantFrom<Whim>("4xx", "5xx", "421", "drop", "lose"), weight: 3 },
);
const settings = fc.record({
  maxConnections: fc.integer({ min: 1, max: 4 }),
  maxMessages: fc.integer({ min: 1, max: 5 }),
  throttleDelay: fc.constantFrom(0, 1),
  maxThrottleDelay: fc.constant(2),
  maxRequeues: fc.integer({ min: 0, max: 5 }),
});

interface Outcome {
  readonly id: string;
  readonly fate: string;
  readonly times: number;
}

function login(name: string): { login: { user: string; secret: string } } | Record<string, never> {
  return name === "" ? {} : { login: { user: name, secret: "x" } };
}

test("each message settles once and is stored at most once, as its fate says; no limit is passed, no login mixed up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.array(whim, { minLength: 1, maxLength: 60 }),
      settings,
      fc.boolean(),
      fc.constantFrom("drain", "close", "force"),
      async (steps, whims, options, pipelining, ending) => {
        let at = 0;
        const server = randomServer(() => whims[at++ % whims.length] as Whim, options, pipelining);
        const pool = new NetSmtpPool("mx.example", 25, { ...options, network: server, starttls: false });
        const outcomes: Promise<Outcome>[] = [];
        const blocks: Promise<unknown>[] = [];
        const lent: string[] = [];
        let number = 0;
        for (const step of steps) {
          if (step.do === "wait") await turns(step.turns);
          if (step.do === "send") {
            const id = `${number++}`;
            const abort = new AbortController();
            const sent = pool.sendMessage(id, `${id}.${step.user}@x.example`, "b@y.example", {
              ...login(step.user),
              signal: abort.signal,
            });
            if (step.abortAfter !== undefined) void turns(step.abortAfter).then(() => abort.abort());
            let times = 0;
            const settled = (fate: string) => ({ id, fate, times: ++times });
            outcomes.push(
              sent.then(
                () => settled("accepted"),
                (error) => settled(error instanceof SmtpError ? error.fate : String(error)),
              ),
            );
          }
          if (step.do === "lend") {
            const id = `l${number++}`;
            const block = pool.withConnection(async (smtp) => {
              const from = `${id}.${step.user}@x.example`;
              if (step.how === "sends") {
                await smtp.sendMessage(id, from, "b@y.example");
                lent.push(id);
              }
              if (step.how === "throws") throw new Error("mine");
              if (step.how === "leaves open") await smtp.mailFrom(from);
              if (step.how === "finishes") await smtp.finish();
            }, login(step.user));
            blocks.push(block.catch(() => undefined));
          }
        }
        if (ending === "drain") await pool.drain();
        if (ending === "drain") expect(pool.pendingCount()).toBe(0);
        const { unsent } = await pool.close({ force: ending === "force" });
        const { stored, faults, open } = server.record;
        await Promise.all(blocks);
        expect(faults).toEqual([]);
        for (const { id, fate, times } of await Promise.all(outcomes)) {
          const copies = stored.filter((one) => one === id).length;
          expect(times).toBe(1);
          if (fate === "accepted") expect([id, copies]).toEqual([id, 1]);
          else if (fate === "unknown") expect(copies).toBeLessThanOrEqual(1);
          else expect([id, fate, copies]).toEqual([id, expect.stringMatching(/^(refused|unsent)$/), 0]);
        }
        for (const id of lent) expect(stored).toContain(id);
        for (const { recipients } of unsent) expect(recipients.map(({ fate }) => fate)).toEqual(["unsent"]);
        if (ending === "drain") expect(unsent).toEqual([]);
        expect([open, pool.pendingCount(), pool.isIdle()]).toEqual([0, 0, false]);
      },
    ),
    { numRuns: runs(300) },
  );
}, 60_000);

test("messages begin in the order of the calls, where one session does it all", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(6), { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (pauses, maxMessages, pipelining) => {
        const server = randomServer(() => "ok", { maxConnections: 1, maxMessages }, pipelining);
        const pool = new NetSmtpPool("mx.example", 25, { network: server, maxConnections: 1, maxMessages });
        const sent: Promise<unknown>[] = [];
        for (const [id, pause] of pauses.entries()) {
          sent.push(
            pool.sendMessage(
              `${id}`,
              `${id}.${id % 3 === 0 ? "" : "one"}@x.example`,
              "b@y.example",
              login(id % 3 === 0 ? "" : "one"),
            ),
          );
          await turns(pause);
        }
        await Promise.all(sent);
        await pool.close();
        expect(server.record.begun).toEqual(pauses.map((_, id) => `${id}`));
        expect(server.record.faults).toEqual([]);
      },
    ),
    { numRuns: runs(100) },
  );
}, 60_000);
