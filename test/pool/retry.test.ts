/** What may be sent again, to whom, and when: each fate, each reply, each policy; the waits; the options. */
import { describe, expect, test } from "vitest";
import {
  type RecipientPolicy,
  SmtpAbortError,
  SmtpArgumentError,
  SmtpAuthenticationError,
  SmtpConnectionError,
  SmtpLatchedError,
  SmtpSourceError,
} from "../../mod.ts";
import {
  type NextAttempt,
  nextAttempt,
  RETRY_CHECKS,
  RETRY_DEFAULTS,
  type RetryRules,
  resolveRetry,
} from "../../src/pool/retry.ts";
import { SmtpResponse } from "../../src/protocol/reply.ts";
import { busy, results } from "./by_hand.ts";

const RULES: RetryRules = { ...RETRY_DEFAULTS, attempts: 3, recipientPolicy: "collect", remade: false };
const POLICIES: readonly RecipientPolicy[] = ["net-smtp", "collect", "all-or-nothing"];

function next(text: string, rules: Partial<RetryRules> = {}, error?: Error): NextAttempt | undefined {
  return nextAttempt({ recipients: results(text), error }, { ...RULES, ...rules }, 1, 0);
}

/** The places that are sent to again, as text; "-" is a message that is settled. */
function again(text: string, rules: Partial<RetryRules> = {}, error?: Error): string {
  return next(text, rules, error)?.again.join("") ?? "-";
}

describe("nextAttempt() of one recipient, under each policy", () => {
  test.each([
    ["b accepted", "-"],
    ["b 450", "0"],
    ["b 421 now", "0"],
    ["b 451", "0"],
    ["b 452", "0"],
    ["b 454", "0"],
    ["b 432 never", "-"],
    ["b 550", "-"],
    ["b 552 later", "-"],
    ["b 535", "-"],
    ["b 501", "-"],
    ["b 354", "-"],
    ["b unsent now", "0"],
    ["b unsent later", "0"],
    ["b unsent never", "-"],
    ["b unsent ask", "-"],
    ["b unknown", "-"],
  ])("%s: %s", (text, places) => {
    for (const recipientPolicy of POLICIES)
      expect([recipientPolicy, again(text, { recipientPolicy })]).toEqual([recipientPolicy, places]);
  });

  test("nextAttempt() sends to whoever may have got it only if that was asked for", () => {
    expect(again("b unknown, c 450", { retryUnknown: true })).toBe("01");
    expect(again("b unknown, c 450")).toBe("1");
    expect(again("b accepted, c 550", { retryUnknown: true })).toBe("-");
  });
});

describe("nextAttempt() of one that is owed, beside another", () => {
  test.each([
    ["b 450, c accepted", "0", "0", "0"],
    ["b 450, c 451", "01", "01", "01"],
    ["b 450, c unsent later", "01", "01", "01"],
    ["c unsent now, b 450", "01", "01", "01"],
    // Refused for good: `net-smtp` throws that and sends nothing, but for a 53x, which it collects.
    ["b 450, c 550", "-", "0", "-"],
    ["b unsent later, c 550", "-", "0", "-"],
    ["b 450, c 501", "-", "0", "-"],
    ["b 450, c 552 later", "-", "0", "-"],
    ["b 450, c 535", "0", "0", "-"],
    ["b 450, c 530", "0", "0", "-"],
    // Whoever is not sent to again is nobody's obstacle, except where all are to get it or none.
    ["b 450, c unsent never", "0", "0", "-"],
    ["b 450, c unknown", "0", "0", "-"],
    ["b 450, c accepted, d unsent", "02", "02", "02"],
    // Under LMTP some may have it already, and policies hold back nothing any more; unless nobody has.
    ["b late 450, c late 550, d accepted", "0", "0", "0"],
    ["b late 450, c late 550", "-", "0", "-"],
    ["b late 450, c late 535", "0", "0", "-"],
    // The same address twice is two recipients.
    ["b 450, b accepted, b 450", "02", "02", "02"],
  ])("%s: net-smtp %s, collect %s, all-or-nothing %s", (text, ...places) => {
    expect(POLICIES.map((recipientPolicy) => again(text, { recipientPolicy }))).toEqual(places);
  });

  test("nextAttempt() under all-or-nothing goes on with retryUnknown, which leaves nobody out", () => {
    expect(again("b 450, c unknown", { recipientPolicy: "all-or-nothing", retryUnknown: true })).toBe("01");
  });
});

describe("nextAttempt() after an error", () => {
  test.each([
    ["a refusal", busy("b 450"), "0"],
    ["a lost connection", new SmtpConnectionError("lost"), "0"],
    ["bad input", new SmtpArgumentError("bad"), "-"],
    ["an abort", new SmtpAbortError("aborted"), "-"],
    ["the latch", new SmtpLatchedError("latched"), "-"],
    ["a source that failed", new SmtpSourceError("failed"), "-"],
    ["what is foreign", new RangeError("mine"), "-"],
  ])("%s: b 450, c unsent now: %s", (_what, error, place) => {
    expect(again("b 450", {}, error)).toBe(place);
    expect(again("b 450", { retryUnknown: true }, error)).toBe(place);
  });

  test("nextAttempt() tries a source again that a function makes anew", () => {
    const error = new SmtpSourceError("failed");
    expect(again("b unsent never, c 450, d 550", { remade: true }, error)).toBe("01");
    expect(again("b unsent never", { remade: true }, new SmtpConnectionError("lost"))).toBe("-");
  });

  test("nextAttempt() leaves bad credentials alone", () => {
    const response = new SmtpResponse("535 5.7.8 no");
    expect(again("b unsent never", {}, new SmtpAuthenticationError("no", { response }))).toBe("-");
  });

  test("nextAttempt() ends with the last attempt", () => {
    const attempted = { recipients: results("b 450"), error: busy("b 450") };
    expect([1, 2, 3, 4].map((attempt) => nextAttempt(attempted, RULES, attempt, 0)?.again)).toEqual([
      [0],
      [0],
      undefined,
      undefined,
    ]);
    expect(again("b 450", { attempts: 1 })).toBe("-");
  });
});

describe("nextAttempt() waits", () => {
  const delays = (random: number, rules: Partial<RetryRules> = {}, text = "b 450"): (number | undefined)[] =>
    [1, 2, 3, 4].map(
      (attempt) =>
        nextAttempt(
          { recipients: results(text), error: undefined },
          { ...RULES, attempts: 9, ...rules },
          attempt,
          random,
        )?.delay,
    );

  test.each([
    [0, [500, 1_000, 2_000, 4_000]],
    [0.5, [750, 1_500, 3_000, 6_000]],
    [0.999_999, [1_000, 2_000, 4_000, 8_000]],
  ])("twice as long each time, half of it by chance: %d", (random, expected) => {
    expect(delays(random)).toEqual(expected);
  });

  test("never longer than maxRetryDelay, however many attempts", () => {
    expect(delays(0.999_999, { maxRetryDelay: 3_000 })).toEqual([1_000, 2_000, 3_000, 3_000]);
    const last = nextAttempt({ recipients: results("b 450"), error: undefined }, { ...RULES, attempts: 1_000 }, 999, 0);
    expect(last?.delay).toBe(30_000);
  });

  test("not at all with a retryDelay of 0", () => {
    expect(delays(0.9, { retryDelay: 0 })).toEqual([0, 0, 0, 0]);
  });

  test.each([
    "421 4.3.2 closing",
    "421 bye",
    "454 4.7.0 temporary",
    "432 4.3.2 concurrent",
    "451 4.7.1 greylisted",
    "450 4.7.28 rate",
  ])("not shorter than the first where the server is busy with us: %s", (reply) => {
    const response = new SmtpResponse(reply);
    const refused = { address: "b", fate: "refused", retry: "later", response } as const;
    const rules = { ...RULES, attempts: 9 };
    expect(nextAttempt({ recipients: [refused], error: undefined }, rules, 1, 0)?.delay).toBe(1_000);
    expect(nextAttempt({ recipients: [refused], error: undefined }, rules, 3, 0)?.delay).toBe(2_000);
    const unsent = { address: "b", fate: "unsent", retry: "later" } as const;
    const error = new SmtpConnectionError("closing", { response });
    expect(nextAttempt({ recipients: [unsent], error }, rules, 1, 0)?.delay).toBe(1_000);
  });

  test.each(["450 4.2.1 full", "451 4.3.0 again", "432 4.7 x", "451 5.7.1 odd"])("as always after %s", (reply) => {
    const refused = { address: "b", fate: "refused", retry: "later", response: new SmtpResponse(reply) } as const;
    expect(nextAttempt({ recipients: [refused], error: undefined }, RULES, 1, 0)?.delay).toBe(500);
  });
});

describe("resolveRetry()", () => {
  test("resolveRetry() has defaults, and leaves what holds where nothing is given", () => {
    expect(resolveRetry({})).toEqual({
      attempts: 1,
      retryDelay: 1_000,
      maxRetryDelay: 60_000,
      retryUnknown: false,
      replayLimit: 1_048_576,
    });
    const base = resolveRetry({ attempts: 4, retryDelay: 5 });
    expect(resolveRetry({ attempts: undefined, retryUnknown: true }, base)).toEqual({ ...base, retryUnknown: true });
  });

  test.each(Object.entries(RETRY_CHECKS))("resolveRetry() refuses a %s that is none", (name, { expected }) => {
    expect(() => resolveRetry({ [name]: "1" })).toThrow(`Option "${name}" is "1", expected ${expected}`);
  });

  test.each([
    ["attempts", 0, 1],
    ["attempts", 1_001, 1_000],
    ["retryDelay", -1, 0],
    ["maxRetryDelay", Number.NaN, 60_000],
    ["replayLimit", 0.5, 0],
    ["replayLimit", -1, 2 ** 40],
    ["retryDelay", Number.POSITIVE_INFINITY, 0.5],
  ])("resolveRetry() takes a %s not of %d, but of %d", (name, bad, good) => {
    expect(() => resolveRetry({ [name]: bad })).toThrow(`Option "${name}" is ${bad}, expected`);
    expect(resolveRetry({ [name]: good })).toMatchObject({ [name]: good });
  });

  test("resolveRetry() keeps the two delays in order", () => {
    expect(resolveRetry({ retryDelay: 90_000 })).toMatchObject({ retryDelay: 90_000, maxRetryDelay: 90_000 });
    const words = 'Option "maxRetryDelay" is 500, expected at least retryDelay, which is 1000';
    expect(() => resolveRetry({ maxRetryDelay: 500 })).toThrow(words);
    expect(() => resolveRetry({ retryDelay: 1_000 }, resolveRetry({ retryDelay: 1, maxRetryDelay: 500 }))).toThrow(
      words,
    );
  });
});
