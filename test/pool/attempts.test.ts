/** A message is tried until it is settled: to whom, how often, how long it waits, and what ends a wait. */
import type { AddressInfo } from "node:net";
import { PassThrough, Readable } from "node:stream";
import fc from "fast-check";
import { SMTPServer } from "smtp-server";
import { describe, expect, test } from "vitest";
import {
  type Delivery,
  type Fate,
  NetSmtp,
  type RecipientPolicy,
  type RecipientResult,
  SmtpAbortError,
  SmtpAddress,
  SmtpAuthenticationError,
  type SmtpError,
  type SmtpOptions,
  SmtpServerBusy,
} from "../../mod.ts";
import { type DeliveryFacts, deliveryOf } from "../../src/delivery.ts";
import {
  type AttemptOptions,
  attempts,
  type Once,
  type Retrial,
  type TriedMessage,
  Waits,
} from "../../src/pool/attempts.ts";
import { RETRY_DEFAULTS } from "../../src/pool/retry.ts";
import { SmtpResponse } from "../../src/protocol/reply.ts";
import { network, type PlayedServer, play } from "../support/play.ts";
import { runs } from "../support/runs.ts";
import { hello } from "../support/session.ts";
import { FROM, failure, told, turns } from "../support/told.ts";
import { busy, FakeTime, result, results } from "./by_hand.ts";

const OPTIONS: AttemptOptions = { ...RETRY_DEFAULTS, attempts: 3, deadline: 0, recipientPolicy: "collect" };
const TO = ["b@y.example", "c@y.example"];
const TIMES = { envelope: 1, content: 2 };
const FACTS: DeliveryFacts = {
  response: new SmtpResponse("250 taken"),
  tls: true,
  warnings: [],
  size: 9,
  times: TIMES,
  capabilities: undefined,
};

function delivery(text: string): Delivery {
  return deliveryOf(results(text), FACTS);
}

/** Attempts by their results, an error each unless it is a delivery, and who each went to. */
function played(...given: readonly (string | Delivery | Error)[]): { once: Once; sent: string[] } {
  const sent: string[] = [];
  const once: Once = async (to, attempt) => {
    sent.push([to].flat(9).join(" ").replaceAll("@y.example", ""));
    const what = given[attempt - 1] ?? "b unsent never";
    if (typeof what === "string") throw busy(what);
    if (what instanceof Error) throw what;
    return what;
  };
  return { once, sent };
}

function tried(
  once: Once,
  options: Partial<AttemptOptions> = {},
  time = new FakeTime(),
  message: Partial<TriedMessage> = {},
) {
  return attempts({ source: "x", to: TO, ...message }, { ...OPTIONS, ...options }, once, time);
}

describe("attempts()", () => {
  test("attempts() sends again only to whom it is owed, and waits longer each time", async () => {
    const { once, sent } = played(delivery("b accepted, c 450"), "c unsent", delivery("c accepted"));
    const time = new FakeTime();
    expect(told(await tried(once, {}, time))).toBe("b accepted 250, c accepted 250");
    expect([sent, time.slept]).toEqual([
      ["b c", "c", "c"],
      [500, 1_000],
    ]);
  });

  test("attempts() has chance from the runtime where its clock has none", async () => {
    const slept: number[] = [];
    const sleep = async (ms: number): Promise<void> => void slept.push(ms);
    const { once } = played("b 450, c 450", "b 450, c 450");
    await failure(attempts({ source: "x", to: TO }, OPTIONS, once, { now: () => 0, sleep }));
    expect(slept.map((ms, index) => ms >= 500 * 2 ** index && ms <= 1_000 * 2 ** index)).toEqual([true, true]);
  });

  test("attempts() tells a TypeError of the caller's as it is", async () => {
    const mine = new TypeError("mine");
    const { once, sent } = played(mine);
    expect(await failure(tried(once, { retryUnknown: true }))).toBe(mine);
    expect(sent).toEqual(["b c"]);
  });

  test("attempts() ends with the last attempt, and says so", async () => {
    const { once, sent } = played("b 450, c 450", "b 450, c 450", "b 450, c 450");
    const error = await failure(tried(once));
    expect(error.message).toContain("after 3 attempts nobody got the message: send it again later");
    expect(sent).toEqual(["b c", "b c", "b c"]);
  });

  test("attempts() keeps duplicates apart, and the parameters of each", async () => {
    const [first, second] = [new SmtpAddress("b@y.example", { NOTIFY: "NEVER" }), new SmtpAddress("b@y.example")];
    const seen: unknown[] = [];
    const once: Once = async (to, attempt) => {
      seen.push(to);
      return attempt === 1 ? delivery("b accepted, b 450, c 450") : delivery("b accepted, c 550");
    };
    const to = [first, [second, ["c@y.example"]]];
    expect(told(await tried(once, {}, new FakeTime(), { to }))).toBe("b accepted 250, b accepted 250, c refused 550");
    expect(seen).toEqual([
      [first, second, "c@y.example"],
      [second, "c@y.example"],
    ]);
    expect((seen[1] as unknown[])[0]).toBe(second);
  });

  test("attempts() gives the promise of the attempt itself where there is one", async () => {
    const promise = Promise.resolve(delivery("b accepted"));
    const source = Readable.from(["x"]);
    const given: unknown[] = [];
    const once: Once = (...parameters) => {
      given.push(...parameters);
      return promise;
    };
    const to: string[] = [...TO];
    expect(attempts({ source, to }, { ...OPTIONS, attempts: 1, deadline: 7 }, once)).toBe(promise);
    expect(given).toEqual([to, 1, source, 7]);
    expect([given[0] === to, given[2] === source]).toEqual([true, true]);
  });

  test("attempts() gives what the first attempt gave where that settles it", async () => {
    const [delivered, error] = [delivery("b accepted, c 550"), busy("b 550, c unsent never")];
    expect(await tried(played(delivered).once)).toBe(delivered);
    expect(await failure(tried(played(error).once))).toBe(error);
  });

  test("attempts() has the attempt refuse what is no recipient, or too deep", async () => {
    const smtp = new NetSmtp("mx.example", 25, { network: network(play(`${hello()}\nC: QUIT\nS: 221 bye`)) });
    await smtp.start();
    const once: Once = (to, _attempt, source) => smtp.sendMessage(source, FROM, to);
    let deep: unknown = "b@y.example";
    for (let depth = 0; depth <= 100; depth++) deep = [deep];
    const endless: unknown[] = [];
    endless.push(endless, endless);
    for (const to of [[], [7], deep, endless]) {
      const error = await failure(tried(once, {}, new FakeTime(), { to: to as never }));
      expect(error).toMatchObject({ name: "SmtpArgumentError", message: expect.stringContaining('"to"') });
    }
    await smtp.finish();
  });

  test("attempts() tells of each further attempt before its wait", async () => {
    const heard: Retrial[] = [];
    const lost = busy("c unsent", "lost");
    const { once } = played(delivery("b accepted, c 450"), lost, delivery("c accepted"));
    await tried(once, { onRetry: (retry) => heard.push(retry) });
    expect(heard).toEqual([
      { attempt: 2, delay: 500, recipients: ["c@y.example"], error: undefined },
      { attempt: 3, delay: 1_000, recipients: ["c@y.example"], error: lost },
    ]);
  });

  test("attempts() throws Net::SMTP's error for the whole message", async () => {
    const { once, sent } = played("b 450, c 535", delivery("b accepted"));
    const error = await failure(tried(once, { recipientPolicy: "net-smtp" }));
    expect(error).toBeInstanceOf(SmtpAuthenticationError);
    expect([error.message, told(error.delivery as Delivery)]).toEqual([
      'failed to deliver for "c@y.example"',
      "b accepted 250, c refused 535",
    ]);
    expect(sent).toEqual(["b c", "b"]);
  });
});

describe("attempts() ends a wait", () => {
  test("when the signal aborts", async () => {
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const time = new FakeTime(() => controller.abort(reason));
    const { once, sent } = played("b 450, c unsent");
    const error = await failure(tried(once, { signal: controller.signal }, time));
    expect(error).toMatchObject({ name: "AbortError", cause: reason, fate: "refused", retry: "later" });
    expect(error.message).toBe("Message was aborted; nobody got the message: send it again later");
    expect([told(error), sent, time.at]).toEqual(["b refused 450, c unsent", ["b c"], 0]);
  });

  test("and does not begin one for a signal that aborted meanwhile", async () => {
    const controller = new AbortController();
    const time = new FakeTime();
    const once: Once = async () => {
      controller.abort();
      throw busy("b 450, c unsent");
    };
    expect(await failure(tried(once, { signal: controller.signal }, time))).toBeInstanceOf(SmtpAbortError);
    expect(time.slept).toEqual([]);
  });

  test("when the pool closes, and leaves what was delivered", async () => {
    const waits = new Waits();
    const time = new FakeTime(() => {
      expect([waits.size, waits.closed]).toEqual([1, false]);
      waits.close();
    });
    const { once, sent } = played(delivery("b accepted, c 450"));
    const delivered = await tried(once, { waits }, time);
    expect(told(delivered)).toBe("b accepted 250, c refused 450");
    expect(delivered.warnings).toEqual(["Message was not sent again to those refused, since the pool was closed"]);
    expect([sent, time.at, waits.size, waits.closed]).toEqual([["b c"], 0, 0, true]);
    const later = await failure(tried(played("b 450, c unsent").once, { waits }, time));
    expect(later).toBeInstanceOf(SmtpServerBusy);
    expect(later.message).toContain("; it was not tried again, since the pool was closed");
    expect(time.slept).toEqual([500]);
  });

  test("before one that the deadline leaves no time for", async () => {
    const time = new FakeTime();
    const { once, sent } = played("b 450, c 450", "b 450, c 450");
    const left: number[] = [];
    const timed: Once = (to, attempt, source, deadline) => {
      left.push(deadline);
      time.at += 100;
      return once(to, attempt, source, deadline);
    };
    const error = await failure(tried(timed, { deadline: 1_700 }, time));
    // 100 for each attempt, a wait of 500: 700 of them are over, and 1 000 more leave nothing.
    expect([sent, left, time.slept]).toEqual([["b c", "b c"], [1_700, 1_100], [500]]);
    expect(error).toBeInstanceOf(SmtpServerBusy);
    expect(error.message).toBe(
      "Server refused the message: 450 said; after 2 attempts nobody got the message: send it again later; it was not tried again, since its deadline of 1700 ms leaves no time for that",
    );
    expect(error.retry).toBe("later");
  });

  test("after one in which the deadline passed, in a process that stood still", async () => {
    const time: FakeTime = new FakeTime(() => {
      time.at += 3_600_000;
    });
    const { once, sent } = played("b 450, c 450", delivery("b accepted, c accepted"));
    const error = await failure(tried(once, { deadline: 5_000 }, time));
    expect(error.message).toContain("since its deadline of 5000 ms leaves no time for that");
    expect(sent).toEqual(["b c"]);
  });

  test("and leaves no listener behind", async () => {
    const { signal } = new AbortController();
    const listeners = new Set<unknown>();
    signal.addEventListener = ((_type: string, listener: unknown) => listeners.add(listener)) as never;
    signal.removeEventListener = ((_type: string, listener: unknown) => listeners.delete(listener)) as never;
    const during: number[] = [];
    const time = new FakeTime(() => during.push(listeners.size));
    await tried(played("b 450, c 450", "b 450, c 450", delivery("b accepted, c accepted")).once, { signal }, time);
    expect([during, listeners.size]).toEqual([[1, 1], 0]);
  });

  test("a clock whose sleep rejects when it is woken will do", async () => {
    const waits = new Waits();
    const time = new FakeTime(() => {
      waits.close();
      throw new DOMException("woken", "AbortError");
    });
    const error = await failure(tried(played("b 450, c 450").once, { waits }, time));
    expect(error.message).toContain("since the pool was closed");
  });
});

describe("attempts() and the source", () => {
  /** Reads all of it, and then has what is given. */
  function reading(...given: readonly (string | Delivery)[]): { once: Once; read: string[] } {
    const read: string[] = [];
    const { once } = played(...given);
    return {
      read,
      once: async (to, attempt, source, left) => {
        const made = await (source as () => Promise<AsyncIterable<Uint8Array>>)();
        const chunks: Uint8Array[] = [];
        for await (const chunk of made) chunks.push(chunk);
        read.push(Buffer.concat(chunks).toString());
        return await once(to, attempt, source, left);
      },
    };
  }

  test("a stream goes again, from its beginning", async () => {
    const { once, read } = reading("b unsent, c 450", delivery("b accepted, c accepted"));
    const source = Readable.from(["first ", "second"]);
    await tried(once, {}, new FakeTime(), { source });
    expect(read).toEqual(["first second", "first second"]);
    expect(source.destroyed).toBe(true);
  });

  test("a stream that was begun is kept open between attempts, and let go when the message is settled", async () => {
    const source = new PassThrough();
    source.write("first");
    const during: boolean[] = [];
    const once: Once = async (_to, _attempt, given) => {
      const made = await (given as () => Promise<AsyncIterable<Uint8Array>>)();
      for await (const chunk of made) if (chunk.length > 0) break;
      await turns();
      during.push(source.destroyed);
      throw busy("b unsent, c 450");
    };
    await failure(tried(once, {}, new FakeTime(), { source }));
    await turns();
    expect([during, source.destroyed]).toEqual([[false, false, false], true]);
  });

  test("a stream that fails during the wait is not tried again", async () => {
    const source = new PassThrough();
    source.write("first");
    let pending: Promise<unknown> | undefined;
    const { once, sent } = played("b unsent, c 450");
    const reading: Once = async (to, attempt, given, left) => {
      const made = await (given as () => Promise<AsyncIterable<Uint8Array>>)();
      const chunks = made[Symbol.asyncIterator]();
      await chunks.next();
      pending = chunks.next().catch(({ message }) => message);
      return await once(to, attempt, given, left);
    };
    const time = new FakeTime(async () => {
      source.destroy(new Error("disk"));
      await pending;
    });
    const error = await failure(tried(reading, {}, time, { source }));
    expect([error.name, sent, await pending]).toEqual(["SmtpServerBusy", ["b c"], "disk"]);
    expect(error.message).toContain("since its source failed: pass a function that makes the source anew");
  });

  test("a stream that was too long does not, and the error says what to do", async () => {
    const { once, read } = reading("b unsent, c 450");
    const time = new FakeTime();
    const error = await failure(tried(once, { replayLimit: 5 }, time, { source: Readable.from(["first ", "second"]) }));
    expect([read.length, time.slept]).toEqual([1, []]);
    expect(error).toMatchObject({ name: "SmtpServerBusy", retry: "later" });
    expect(error.message).toContain(
      "; it was not tried again, since its source can be read only once and was longer than replayLimit, 5 octets: pass a function that makes the source anew, or raise replayLimit",
    );
  });

  test("what was delivered is, though the rest cannot be tried again", async () => {
    const { once } = reading(delivery("b accepted, c 450"));
    const delivered = await tried(once, { replayLimit: 0 }, new FakeTime(), { source: Readable.from(["x"]) });
    expect(delivered.warnings).toEqual([expect.stringContaining("not sent again to those refused, since its source")]);
  });

  test("a stream that nobody began is no obstacle, however long", async () => {
    const { once, sent } = played("b unsent, c unsent", delivery("b accepted, c accepted"));
    await tried(once, { replayLimit: 0 }, new FakeTime(), { source: Readable.from(["first ", "second"]) });
    expect(sent).toEqual(["b c", "b c"]);
  });

  test("a message that is aborted says so, whatever its source", async () => {
    const controller = new AbortController();
    const { once } = reading("b unsent, c 450");
    const aborting: Once = (...given) => once(...given).finally(() => controller.abort());
    const options = { replayLimit: 0, signal: controller.signal };
    const error = await failure(tried(aborting, options, new FakeTime(), { source: Readable.from(["x"]) }));
    expect(error).toBeInstanceOf(SmtpAbortError);
  });

  test("what is no source rejects before an attempt", async () => {
    const { once, sent } = played();
    const error = await failure(tried(once, {}, new FakeTime(), { source: 7 as never }));
    expect([error.name, sent]).toEqual(["SmtpArgumentError", []]);
  });
});

describe("attempts(), whatever the server says", () => {
  const WORDS = [
    "accepted",
    "450",
    "421 now",
    "452",
    "550",
    "535",
    "552 later",
    "unsent now",
    "unsent later",
    "unsent never",
    "unknown",
  ];
  const POLICIES: readonly RecipientPolicy[] = ["net-smtp", "collect", "all-or-nothing"];
  const NAMES = ["b", "c", "b", "d"];

  const scenario = fc.record({
    count: fc.integer({ min: 1, max: 4 }),
    attempts: fc.integer({ min: 2, max: 5 }),
    retryUnknown: fc.boolean(),
    recipientPolicy: fc.constantFrom(...POLICIES),
    words: fc.array(fc.array(fc.constantFrom(...WORDS), { minLength: 4, maxLength: 4 }), {
      minLength: 5,
      maxLength: 5,
    }),
  });

  /** An attempt by its results: a delivery, Net::SMTP's error with one, or an error. */
  function settle(recipients: RecipientResult[], policy: RecipientPolicy): Delivery {
    const certain = recipients.every(({ fate }) => fate === "accepted" || fate === "refused");
    if (!certain || recipients.every(({ fate }) => fate !== "accepted"))
      throw new SmtpServerBusy("failed", { recipients });
    const given = deliveryOf(recipients, FACTS);
    if (policy !== "collect" && given.refused.length > 0)
      throw new SmtpAuthenticationError("failed to deliver", { recipients, delivery: given });
    return given;
  }

  const mayGo = ({ fate, retry, response }: RecipientResult, retryUnknown: boolean): boolean =>
    fate === "unknown"
      ? retryUnknown
      : retry !== "never" && (fate === "unsent" || (fate === "refused" && response?.code !== 552));

  test("each recipient is told as it last was, and is sent to again only where it is owed", async () => {
    const property = fc.asyncProperty(scenario, async ({ count, words, ...options }) => {
      const list = NAMES.slice(0, count).map((name) => new SmtpAddress(`${name}@y.example`));
      const history: RecipientResult[][] = list.map(() => []);
      const sent: number[][] = [];
      const once: Once = async (to, attempt) => {
        const places = (to as SmtpAddress[]).map((address) => list.indexOf(address));
        sent.push(places);
        const row = words[attempt - 1] as string[];
        const told = places.map((place) => result(`${NAMES[place]} ${row[place]}`));
        for (const [index, place] of places.entries()) history[place]?.push(told[index] as RecipientResult);
        return settle(told, options.recipientPolicy);
      };
      const outcome: Delivery | SmtpError = await tried(once, options, new FakeTime(), { to: list }).catch(
        (error) => error,
      );

      expect(sent.length).toBeLessThanOrEqual(options.attempts);
      expect(outcome.recipients.map(({ address }) => address)).toEqual(list.map(({ address }) => address));
      for (const [place, told] of history.entries()) {
        // All but the last time it was owed.
        for (const earlier of told.slice(0, -1)) expect(mayGo(earlier, options.retryUnknown)).toBe(true);
        const fates = told.map(({ fate }): Fate => fate);
        const fate = fates.includes("unknown") && fates.at(-1) !== "accepted" ? "unknown" : fates.at(-1);
        expect(outcome.recipients[place]).toMatchObject({ fate });
        if (fate === fates.at(-1)) expect(outcome.recipients[place]).toBe(told.at(-1));
      }
      // In order, each once.
      for (const places of sent) expect(places).toEqual([...new Set(places)].sort());
      const fates = outcome.recipients.map(({ fate }) => fate);
      const delivered = fates.includes("accepted") && !fates.includes("unsent") && !fates.includes("unknown");
      const whole = outcome instanceof Error ? outcome.delivery : outcome;
      expect(whole !== undefined).toBe(delivered);
      expect(outcome instanceof Error).toBe(
        !delivered || (options.recipientPolicy !== "collect" && fates.includes("refused")),
      );
      if (delivered) expect(whole?.recipients).toEqual(outcome.recipients);
      // Nobody is left out who is owed, as long as there are attempts and the policy lets it.
      const last = history.map((told) => told.at(-1) as RecipientResult);
      if (options.recipientPolicy === "collect" && sent.length < options.attempts)
        for (const each of last) expect(mayGo(each, options.retryUnknown)).toBe(false);
      const untaken = history.every(([first]) => first?.fate !== "accepted");
      if (options.recipientPolicy === "all-or-nothing" && untaken && sent.length > 1)
        for (const told of history) expect(told.length).toBeGreaterThan(1);
    });
    await fc.assert(property, { numRuns: runs(1_000) });
  });
});

describe("attempts() on sessions", () => {
  const MESSAGE = "Subject: hi\n\nhello\n";
  const LINES = "C: Subject: hi\nC:\nC: hello\nC: .\n";
  const BYE = "\nC: QUIT\nS: 221 bye";

  /** A connection that says the rest behind an envelope to these names. */
  function connection(names: string, rest: string, ending = BYE): PlayedServer {
    const rcpts = names.split("").map((name) => `C: RCPT TO:<${name}@y.example>`);
    return play(`${hello("PIPELINING")}\nC: MAIL FROM:<${FROM}>\n${rcpts.join("\n")}\n${rest}${ending}`);
  }

  /** A session for each attempt. */
  function sessions(options: SmtpOptions, ...servers: PlayedServer[]): Once {
    const smtp = new NetSmtp("mx.example", 25, { ...options, network: network(...servers) });
    return (to, _attempt, source) => smtp.start({}, () => smtp.sendMessage(source, FROM, to));
  }

  async function run(
    options: Partial<AttemptOptions>,
    message: Partial<TriedMessage>,
    ...servers: PlayedServer[]
  ): Promise<Delivery> {
    const { recipientPolicy = "collect" } = options;
    const delivered = tried(sessions({ recipientPolicy }, ...servers), options, new FakeTime(), {
      source: MESSAGE,
      ...message,
    });
    await delivered.catch(() => undefined);
    for (const server of servers) server.finish();
    return await delivered;
  }

  test("one of two is refused 450, then taken: only that one is sent to again", async () => {
    const delivered = await run(
      {},
      {},
      connection("bc", `C: DATA\nS: 250 ok\nS: 250 ok\nS: 450 busy\nS: 354 go\n${LINES}S: 250 first`),
      connection("c", `C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n${LINES}S: 250 second`),
    );
    expect(delivered.recipients.map(({ response }) => String(response))).toEqual(["250 first", "250 second"]);
    expect([told(delivered), String(delivered.response)]).toEqual(["b accepted 250, c accepted 250", "250 second"]);
  });

  test("a stream goes again as it was, after a connection that was lost half-way", async () => {
    const delivered = await run(
      {},
      { source: Readable.from(["Subject: hi\n\n", "hello\n"]) },
      connection("bc", "S: 250 ok\nS: 250 ok\nS: 250 ok\nC: DATA\nS: <close>", ""),
      connection("bc", `S: 250 ok\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go\n${LINES}S: 250 taken`),
    );
    expect(told(delivered)).toBe("b accepted 250, c accepted 250");
  });

  test("what may have arrived is not sent again, beside what is", async () => {
    const lost = connection("bc", `C: DATA\nS: 250 ok\nS: 250 ok\nS: 450 busy\nS: 354 go\n${LINES}S: <close>`, "");
    const second = connection("c", `C: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\n${LINES}S: 250 taken`);
    const error = await failure(run({}, {}, lost, second));
    expect([told(error), error.retry]).toEqual(["b unknown, c accepted 250", "ask"]);
    expect(error.message).toContain(
      "after 2 attempts it may have been delivered, so find out before you send it again, to <b@y.example>",
    );
  });

  test("all-or-nothing does not send to others whom a refusal for good left out, also behind one that is not", async () => {
    const refused = (replies: string): PlayedServer => connection("bc", `S: 250 ok\n${replies}`);
    const options = { recipientPolicy: "all-or-nothing" } as const;
    const bad = await failure(run(options, {}, refused("S: 250 ok\nS: 550 no")));
    expect([told(bad), bad.retry]).toEqual(["b unsent, c refused 550", "never"]);
    const worse = await failure(run(options, {}, refused("S: 450 busy\nS: 550 no")));
    expect(told(worse)).toBe("b refused 450, c refused 550");
    const then = await run(
      options,
      {},
      refused("S: 250 ok\nS: 450 busy"),
      connection("bc", `S: 250 ok\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go\n${LINES}S: 250 taken`),
    );
    expect(told(then)).toBe("b accepted 250, c accepted 250");
  });

  test("net-smtp sends again what one 450 stopped for all, and collects 53x", async () => {
    const error = await failure(
      run(
        { recipientPolicy: "net-smtp" },
        { to: [...TO, "d@y.example"] },
        connection("bcd", "S: 250 ok\nS: 250 ok\nS: 535 no\nS: 450 busy"),
        connection("bd", `S: 250 ok\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go\n${LINES}S: 250 taken`),
      ),
    );
    expect([error.name, error.message]).toEqual(["SmtpAuthenticationError", 'failed to deliver for "c@y.example"']);
    expect(told(error)).toBe("b accepted 250, c refused 535, d accepted 250");
    expect(error.delivery).toMatchObject({ size: 25, refused: [{ address: "c@y.example" }] });
  });

  test("a real server that is busy once gets the message once for each", async () => {
    const stored: string[] = [];
    let greylisted = false;
    const server = new SMTPServer({
      logger: false,
      disableReverseLookup: true,
      disabledCommands: ["AUTH", "STARTTLS"],
      onRcptTo({ address }, _session, callback) {
        const busyNow = address.startsWith("c@") && !greylisted;
        if (busyNow) greylisted = true;
        callback(busyNow ? Object.assign(new Error("Greylisted"), { responseCode: 450 }) : null);
      },
      async onData(stream, { envelope }, callback) {
        const chunks: Buffer[] = [];
        for await (const chunk of stream) chunks.push(chunk as Buffer);
        stored.push(`${envelope.rcptTo.map(({ address }) => address)}: ${Buffer.concat(chunks)}`);
        callback();
      },
    });
    const port = await new Promise<number>((resolve) => {
      const listener = server.listen(0, "127.0.0.1", () => resolve((listener.address() as AddressInfo).port));
    });
    try {
      const smtp = new NetSmtp("127.0.0.1", port, { recipientPolicy: "collect" });
      const once: Once = (to, _attempt, source) => smtp.start({}, () => smtp.sendMessage(source, FROM, to));
      const source = Readable.from(["Subject: hi\r\n\r\n", "hello\r\n"]);
      expect(told(await tried(once, {}, new FakeTime(), { source }))).toBe("b accepted 250, c accepted 250");
      const text = "Subject: hi\r\n\r\nhello\r\n";
      expect(stored).toEqual([`b@y.example: ${text}`, `c@y.example: ${text}`]);
    } finally {
      await new Promise<void>((resolve) => server.close(resolve));
    }
  });
});
