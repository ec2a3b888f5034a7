/** The pool's pure parts: the window, the growing pause, the queue, what goes again. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  SmtpAbortError,
  SmtpArgumentError,
  SmtpConnectionError,
  SmtpError,
  SmtpResponse,
  SmtpServerBusy,
} from "../../mod.ts";
import type { RecipientResult, SmtpFailure } from "../../src/errors.ts";
import { Identities, Identity, LoginBreaker } from "../../src/pool/identity.ts";
import { Queue, Waiting } from "../../src/pool/queue.ts";
import { RateLimit } from "../../src/pool/rate.ts";
import { mayGoAgain } from "../../src/pool/requeue.ts";
import { asksToSlowDown, Throttle } from "../../src/pool/throttle.ts";
import { runs } from "../support/runs.ts";

describe("RateLimit", () => {
  test("0 is no limit", () => {
    const rate = new RateLimit(0, 1_000);
    for (let count = 0; count < 10; count++) rate.take();
    rate.answered(5);
    expect([rate.room(5), rate.next]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  test("a slot is free a window after its answer", () => {
    const rate = new RateLimit(2, 100);
    rate.take();
    rate.take();
    expect([rate.room(1_000), rate.next]).toEqual([0, Number.POSITIVE_INFINITY]);
    rate.answered(1_000);
    rate.answered(1_050);
    expect([rate.room(1_099), rate.next]).toEqual([0, 1_100]);
    expect([rate.room(1_100), rate.next]).toEqual([1, 1_150]);
    expect([rate.room(1_150), rate.next]).toEqual([2, Number.POSITIVE_INFINITY]);
  });

  test("never lets more than the limit through in any window of the server's, whatever the latency", () => {
    const latencies = fc.array(fc.tuple(fc.nat(300), fc.nat(300)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), latencies, (limit, messages) => {
        const rate = new RateLimit(limit, 100);
        const [seen, answers]: [number[], number[]] = [[], []];
        let now = 0;
        for (const [there, back] of messages) {
          while (rate.room(now) === 0) {
            now = Math.min(rate.next, answers[0] ?? Number.POSITIVE_INFINITY);
            while (answers[0] !== undefined && answers[0] <= now) rate.answered(answers.shift() as number);
          }
          rate.take();
          seen.push(now + there);
          answers.push(now + there + back);
          answers.sort((one, other) => one - other);
        }
        seen.sort((one, other) => one - other);
        for (let index = limit; index < seen.length; index++)
          expect((seen[index] as number) - (seen[index - limit] as number)).toBeGreaterThanOrEqual(100);
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("Throttle", () => {
  test("doubles up to its limit, once for all that was under way, and is over with a success", () => {
    const throttle = new Throttle(100, 300);
    expect([throttle.slowed, throttle.until]).toEqual([false, Number.NEGATIVE_INFINITY]);
    expect(throttle.slowDown(0, 0)).toBe(100);
    expect(throttle.slowDown(1, 0)).toBeUndefined();
    expect([throttle.slowed, throttle.until, throttle.round]).toEqual([true, 100, 1]);
    expect([throttle.slowDown(100, 1), throttle.slowDown(400, 2)]).toEqual([200, 300]);
    throttle.succeeded(2);
    expect(throttle.slowed).toBe(true);
    throttle.succeeded(3);
    expect([throttle.slowed, throttle.until]).toEqual([false, Number.NEGATIVE_INFINITY]);
    expect(throttle.slowDown(1_000, 3)).toBe(100);
  });

  test("of 0 is none; a limit below the first pause is the first pause", () => {
    expect(new Throttle(0, 300).slowDown(0, 0)).toBeUndefined();
    const throttle = new Throttle(100, 50);
    expect([throttle.slowDown(0, 0), throttle.slowDown(0, 1)]).toEqual([100, 100]);
  });

  test.each([
    ["421 4.4.2 bye", "greeting", false, true],
    ["421 4.4.2 bye", "mail", true, false],
    ["421 4.7.0 too many", "mail", true, true],
    ["421 4.3.2 going down", "final", true, true],
    ["421 bye", "rcpt", false, true],
    ["454 Throttling failure", "data", true, true],
    ["432 4.3.2 limit", "mail", true, true],
    ["450 4.7.1 too fast", "mail", true, true],
    ["450 4.7.1 greylisted", "rcpt", true, false],
    ["450 4.2.0 mailbox busy", "mail", true, false],
    ["550 5.7.1 spam", "final", true, false],
    ["451 try later", "final", true, false],
  ] as const)("asksToSlowDown(): %s to %s, served before: %s", (reply, phase, served, expected) => {
    expect(asksToSlowDown(SmtpResponse.parse(reply), phase, served)).toBe(expected);
    expect(asksToSlowDown(undefined, phase, served)).toBe(false);
  });
});

describe("LoginBreaker", () => {
  test("keeps the refusal for a growing while, once for all that tried at the same time", () => {
    const breaker = new LoginBreaker(100, 1_000);
    const error = new SmtpError("no");
    breaker.refused(error, 0, 0);
    breaker.refused(new SmtpError("other"), 1, 0);
    expect([breaker.refusal(99), breaker.refusal(100), breaker.tripped]).toEqual([error, undefined, true]);
    breaker.refused(error, 100, breaker.round);
    expect([breaker.refusal(299), breaker.refusal(300)]).toEqual([error, undefined]);
    breaker.accepted();
    expect([breaker.tripped, breaker.refusal(0)]).toEqual([false, undefined]);
  });
});

test("Identities remembers who is needed, and forgets the others", () => {
  const identities = new Identities({ user: "me", secret: "a" }, 1, 1);
  expect(identities.of(undefined)).toBe(identities.own);
  expect(identities.of({ user: "me", secret: "a" })).toBe(identities.own);
  const [one, two] = [identities.of({ user: "you", secret: "a" }), identities.of({ user: "you", secret: "b" })];
  expect(two).not.toBe(one);
  expect(identities.of({ user: "you", secret: "a", authType: undefined })).toBe(one);
  one.ready = 1;
  identities.forget(two);
  expect(identities.of({ user: "you", secret: "a" })).toBe(one);
  expect(identities.of({ user: "you", secret: "b" })).not.toBe(two);
  expect(identities.of({ user: "you", secret: "a", authType: "cram_md5" })).toBe(
    identities.of({ user: "you", secret: "a", authType: "CRAM-MD5" }),
  );
});

class Customer extends Waiting {
  readonly identity: Identity;
  readonly order: number;

  constructor(identity: Identity, order: number) {
    super();
    this.identity = identity;
    this.order = order;
  }
}

describe("Queue", () => {
  const made = (): { queue: Queue<Customer>; me: Identity; you: Identity } => ({
    queue: new Queue<Customer>(),
    me: new Identity(undefined, 1, 1),
    you: new Identity(undefined, 1, 1),
  });

  test("claims one after the other, and passes those for whom sessions are being opened", () => {
    const { queue, me, you } = made();
    const [one, two, three] = [new Customer(me, 1), new Customer(you, 2), new Customer(me, 3)];
    for (const customer of [one, two, three]) queue.add(customer);
    expect([queue.head, queue.unclaimed, queue.size]).toEqual([one, one, 3]);
    queue.claim();
    me.opening = 2;
    queue.cover();
    expect([queue.unclaimed, queue.claimed]).toEqual([two, 1]);
    queue.claim();
    you.opening = 1;
    queue.cover();
    expect([queue.unclaimed, queue.claimed, me.claimed, you.claimed]).toEqual([undefined, 3, 2, 1]);
    queue.remove(one);
    queue.remove(one);
    expect([queue.size, queue.claimed, me.claimed, queue.firstOf(me)]).toEqual([2, 2, 1, three]);
    queue.rewind();
    expect([queue.unclaimed, queue.claimed]).toEqual([two, 0]);
  });

  test("takes back who comes back in front of who came later", () => {
    const { queue, me } = made();
    const customers = [1, 2, 3, 4].map((order) => new Customer(me, order));
    const [one, two, three, four] = customers as [Customer, Customer, Customer, Customer];
    queue.add(three);
    queue.add(four);
    queue.claim();
    queue.add(two);
    queue.add(one);
    expect(queue.all()).toEqual(customers);
    expect([queue.unclaimed, queue.claimed]).toEqual([one, 0]);
  });

  test("is what a list is, for any sequence of joining, leaving and claiming", () => {
    const steps = fc.array(
      fc.tuple(fc.constantFrom("add", "back", "remove", "claim", "rewind"), fc.nat(9), fc.boolean()),
    );
    fc.assert(
      fc.property(steps, (taken) => {
        const { queue, me, you } = made();
        let list: Customer[] = [];
        let next = 100;
        let back = 100;
        for (const [step, index, mine] of taken) {
          const chosen = list[index % Math.max(list.length, 1)];
          if (step === "add" || step === "back") {
            const customer = new Customer(mine ? me : you, step === "add" ? next++ : --back);
            queue.add(customer);
            list = [...list, customer].sort((one, other) => one.order - other.order);
          } else if (step === "remove" && chosen) {
            queue.remove(chosen);
            list = list.filter((customer) => customer !== chosen);
          } else if (step === "claim" && queue.unclaimed) queue.claim();
          else if (step === "rewind") queue.rewind();
          expect(queue.all()).toEqual(list);
          expect(queue.head).toBe(list[0]);
          expect(queue.size).toBe(list.length);
          expect(queue.unclaimed).toBe(list.find((customer) => !customer.claimed));
          expect(queue.claimed).toBe(list.filter((customer) => customer.claimed).length);
          for (const identity of [me, you]) {
            const own = list.filter((customer) => customer.identity === identity);
            expect([identity.waiting, identity.claimed]).toEqual([
              own.length,
              own.filter(({ claimed }) => claimed).length,
            ]);
            expect(queue.firstOf(identity)).toBe(own[0]);
            expect(queue.all(identity)).toEqual(own);
          }
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("mayGoAgain()", () => {
  const unsent = (retry: "now" | "later"): RecipientResult[] => [{ address: "b", fate: "unsent", retry }];
  const lost = (retry: "now" | "later"): SmtpFailure => new SmtpConnectionError("lost", { recipients: unsent(retry) });
  const response = SmtpResponse.parse("421 bye");
  const by421 = (phase: "mail" | "final"): SmtpFailure =>
    new SmtpServerBusy("bye", {
      phase,
      response,
      recipients: [{ address: "b", fate: "refused", response, retry: "now" }],
    });
  const fresh = { begun: false, readable: true, first: false };
  test.each([
    ["lost before a word was said of it", lost("later"), fresh, true],
    ["lost after a word was said of it", lost("later"), { ...fresh, begun: true }, false],
    ["lost under the first of its session", lost("later"), { ...fresh, first: true }, false],
    ["never begun", lost("now"), { begun: true, readable: true, first: true }, true],
    ["its source was read", lost("now"), { ...fresh, readable: false }, false],
    ["421 to MAIL", by421("mail"), fresh, true],
    ["421 to MAIL of the first", by421("mail"), { ...fresh, first: true }, false],
    ["421 to the message", by421("final"), fresh, false],
    ["in doubt", new SmtpConnectionError("lost", { recipients: [{ address: "b", fate: "unknown" }] }), fresh, false],
    [
      "one accepted",
      new SmtpConnectionError("lost", { recipients: [...unsent("now"), { address: "c", fate: "accepted" }] }),
      fresh,
      false,
    ],
    ["no recipients known", new SmtpConnectionError("lost"), fresh, false],
    ["aborted", new SmtpAbortError("stop", { recipients: unsent("now") }), fresh, false],
    ["bad input", new SmtpArgumentError("bad", { recipients: unsent("now") }), fresh, false],
    ["no error of the engine", new Error("x"), fresh, false],
  ] as const)("%s", (_, error, standing, expected) => {
    expect(mayGoAgain(error, standing)).toBe(expected);
  });
});
