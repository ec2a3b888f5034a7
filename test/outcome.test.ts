/** One result of several attempts: the last known of each recipient, and a delivery or an error with all of them. */
import { describe, expect, test } from "vitest";
import {
  type Delivery,
  isSmtpError,
  type RecipientPolicy,
  SmtpAbortError,
  SmtpArgumentError,
  SmtpAuthenticationError,
  SmtpConnectionError,
  SmtpError,
  SmtpFatalError,
  SmtpServerBusy,
} from "../mod.ts";
import { type DeliveryFacts, deliveryOf } from "../src/delivery.ts";
import { deliveredRound, type Ending, failedRound, outcomeOf, type Round } from "../src/outcome.ts";
import { SmtpResponse } from "../src/protocol/reply.ts";
import { toldOf } from "../src/told.ts";
import { busy, results } from "./pool/by_hand.ts";
import { told } from "./support/told.ts";

const NAMES = ["b", "c", "d"];
const TIMES = { envelope: 1, content: 2 };
const FACTS: DeliveryFacts = {
  response: new SmtpResponse("250 taken"),
  tls: true,
  warnings: [],
  size: 9,
  times: TIMES,
  capabilities: undefined,
};
const POLICIES: readonly RecipientPolicy[] = ["net-smtp", "collect", "all-or-nothing"];

function delivery(text: string, facts: Partial<typeof FACTS> = {}): Delivery {
  return deliveryOf(results(text), { ...FACTS, ...facts });
}

function addresses(places: readonly number[]): string[] {
  return places.map((place) => `${NAMES[place]}@y.example`);
}

/** Attempts by their results: to all, then to the places named in front. A text is an error that tells it. */
function rounds(...attempts: readonly (readonly [places: string, what: Delivery | Error | string])[]): Round[] {
  return attempts.map(([names, what]) => {
    const places = [...names].map(Number);
    if (what instanceof Error) return failedRound(places, addresses(places), what);
    if (typeof what === "string") return failedRound(places, addresses(places), busy(what));
    return deliveredRound(places, addresses(places), what);
  });
}

const ALL = "01";

function outcome(given: readonly Round[], policy: RecipientPolicy = "collect", ending?: Ending): Delivery & SmtpError {
  return outcomeOf(given, policy, ending) as Delivery & SmtpError;
}

/** What became of each, whether it is a delivery or an error. */
function end(given: readonly Round[], policy?: RecipientPolicy, ending?: Ending): string {
  const result = outcome(given, policy, ending);
  return `${result instanceof Error ? result.name : "Delivery"}: ${told(result)}`;
}

describe("outcomeOf() tells each recipient", () => {
  test.each([
    // what it was, what it became at the next attempt, and what is told of it beside one that was accepted
    ["450", "accepted", "Delivery: b accepted 250, c accepted 250"],
    ["450", "451", "Delivery: b accepted 250, c refused 451"],
    ["450", "550", "Delivery: b accepted 250, c refused 550"],
    ["450", "unsent", "SmtpServerBusy: b accepted 250, c unsent"],
    ["450", "unknown", "SmtpServerBusy: b accepted 250, c unknown"],
    ["unsent", "accepted", "Delivery: b accepted 250, c accepted 250"],
    ["unsent", "450", "Delivery: b accepted 250, c refused 450"],
    ["unsent", "unsent never", "SmtpServerBusy: b accepted 250, c unsent"],
    ["unsent", "unknown", "SmtpServerBusy: b accepted 250, c unknown"],
    // Sent again (retryUnknown), what may have arrived is not unsent or refused: only accepted says more.
    ["unknown", "accepted", "Delivery: b accepted 250, c accepted 250"],
    ["unknown", "450", "SmtpServerBusy: b accepted 250, c unknown"],
    ["unknown", "550", "SmtpServerBusy: b accepted 250, c unknown"],
    ["unknown", "unsent", "SmtpServerBusy: b accepted 250, c unknown"],
    ["unknown", "unknown", "SmtpServerBusy: b accepted 250, c unknown"],
  ])("%s, then %s: %s", (before, after, expected) => {
    const first = before === "450" ? delivery(`b accepted, c ${before}`) : `b accepted, c ${before}`;
    const second = after === "accepted" ? delivery("c accepted") : `c ${after}`;
    expect(end(rounds([ALL, first], ["1", second]))).toBe(expected);
    const strict = expected.includes("refused") ? expected.replace("Delivery", "SmtpServerBusy") : expected;
    expect(end(rounds([ALL, first], ["1", second]), "all-or-nothing")).toBe(strict);
  });

  test("outcomeOf() keeps the order given, and the same address twice", () => {
    const given = [0, 1, 2];
    const list = ["b@y.example", "c@y.example", "b@y.example"];
    const first = failedRound(given, list, busy("b 450, c 550, b 451"));
    const second = deliveredRound([0, 2], ["b@y.example", "b@y.example"], delivery("b 452, b accepted"));
    expect(end([first, second])).toBe("Delivery: b refused 452, c refused 550, b accepted 250");
    const third = deliveredRound([0], ["b@y.example"], delivery("b accepted"));
    expect(end([first, second, third])).toBe("Delivery: b accepted 250, c refused 550, b accepted 250");
  });
});

describe("outcomeOf() delivers", () => {
  test("outcomeOf() gives what one attempt gave", () => {
    const [one, error] = [delivery("b accepted"), busy("b 450")];
    for (const policy of POLICIES) {
      expect(outcome(rounds(["0", one]), policy)).toBe(one);
      expect(outcome(rounds(["0", error]), policy)).toBe(error);
    }
  });

  test("outcomeOf() has the last reply and size, all warnings once, and TLS if each delivery had it", () => {
    const response = new SmtpResponse("250 second");
    const first = delivery("b accepted, c 450", { warnings: ["long", "clear"] as never, size: 7 });
    const merged = outcome(
      rounds([ALL, first], ["1", delivery("c accepted", { response, warnings: ["long"] as never })]),
    );
    expect(merged).toMatchObject({ response, tls: true, warnings: ["long", "clear"], size: 9 });
    expect([told({ recipients: merged.accepted }), merged.refused]).toEqual(["b accepted 250, c accepted 250", []]);
    expect(first.warnings).toEqual(["long", "clear"]);
    const inClear = rounds([ALL, delivery("b accepted, c 450", { tls: false })], ["1", delivery("c accepted")]);
    expect(outcome(inClear).tls).toBe(false);
    // An attempt that reached nobody is not asked.
    expect(outcome(rounds([ALL, "b 450, c 450"], [ALL, delivery("b accepted, c accepted")])).tls).toBe(true);
  });

  test("outcomeOf() delivers what an attempt delivered that failed for others, and says what it cannot know", () => {
    const merged = outcome(rounds([ALL, "b accepted, c unsent"], ["1", "c 550"]));
    expect(merged).toMatchObject({ tls: false, size: 0, response: { status: "250" } });
    expect(merged.warnings).toEqual([expect.stringContaining("not known of every attempt whether it went over TLS")]);
    const silent = new SmtpServerBusy("failed", {
      recipients: [{ address: "b@y.example", fate: "accepted" }, ...results("c unsent")],
    });
    expect(end(rounds([ALL, silent], ["1", "c 550"]))).toBe("SmtpServerBusy: b accepted, c refused 550");
    const both = outcome(rounds([ALL, "b accepted, c unsent"], ["1", delivery("c accepted")]));
    expect(both).toMatchObject({ tls: false, size: 9, warnings: [expect.any(String)] });
  });

  test("outcomeOf() warns of recipients who might have been sent to again, and were not", () => {
    const merged = outcome(rounds([ALL, delivery("b accepted, c 450")]), "collect", "the pool was closed");
    expect(merged.warnings).toEqual(["Message was not sent again to those refused, since the pool was closed"]);
    expect(told(merged)).toBe("b accepted 250, c refused 450");
  });
});

describe("outcomeOf() under net-smtp", () => {
  test("outcomeOf() throws Net::SMTP's error with the whole delivery where 53x was collected", () => {
    const given = rounds(["012", "b 450, c 535, d unsent"], ["02", delivery("b accepted, d accepted")]);
    const error = outcome(given, "net-smtp");
    expect(error).toBeInstanceOf(SmtpAuthenticationError);
    expect(error).toMatchObject({
      message: 'failed to deliver for "c@y.example"',
      phase: "rcpt",
      fate: "accepted",
      retry: "never",
      response: { status: "535" },
    });
    expect(told(error)).toBe("b accepted 250, c refused 535, d accepted 250");
    expect(told(error.delivery as Delivery)).toBe(told(error));
    expect(error.delivery).toMatchObject({ tls: true, size: 9, accepted: [{}, {}], refused: [{}] });
    expect(end(given, "collect")).toBe("Delivery: b accepted 250, c refused 535, d accepted 250");
  });

  test("outcomeOf() takes the delivery out of an error that carries one", () => {
    const carried = (text: string): SmtpError =>
      new SmtpAuthenticationError("failed", { recipients: results(text), delivery: delivery(text, { size: 8 }) });
    const error = outcome(rounds(["012", "b 450, c 450, d 535"], [ALL, carried("b accepted, c 530")]), "net-smtp");
    expect(error.message).toBe('failed to deliver for "c@y.example", "d@y.example"');
    expect(error.delivery).toMatchObject({ size: 8, tls: true, warnings: [] });
    const all = rounds([ALL, carried("b accepted, c 450")], ["1", delivery("c accepted")]);
    expect(end(all, "net-smtp")).toBe("Delivery: b accepted 250, c accepted 250");
  });

  test("outcomeOf() has no delivery in an error where one is unsent", () => {
    const first = new SmtpAuthenticationError("failed", {
      recipients: results("b accepted, c 450"),
      delivery: delivery("b accepted, c 450"),
    });
    const error = outcome(rounds([ALL, first], ["1", "c unsent"]), "net-smtp");
    expect(error).toMatchObject({ name: "SmtpServerBusy", fate: "accepted", retry: "later" });
    expect(error.delivery).toBeUndefined();
  });
});

describe("outcomeOf() of LMTP, where some are refused behind the end", () => {
  const late = (text: string): SmtpError =>
    new SmtpServerBusy("failed", { recipients: results(text), delivery: delivery(text) });

  test.each(["net-smtp", "all-or-nothing"] as const)(
    "outcomeOf() throws what %s does not collect, the delivery with it",
    (policy) => {
      const error = outcome(
        rounds(["012", late("b accepted, c late 450, d late 451")], ["12", late("c accepted, d late 550")]),
        policy,
      );
      expect(error).toBeInstanceOf(SmtpFatalError);
      expect(error).toMatchObject({
        message: "Server refused the message for <d@y.example>: 550 said",
        phase: "final",
        fate: "accepted",
        retry: "never",
      });
      expect([told(error), told(error.delivery as Delivery)]).toEqual([
        told(error),
        "b accepted 250, c accepted 250, d refused 550",
      ]);
      const all = rounds([ALL, late("b accepted, c late 450")], ["1", delivery("c accepted")]);
      expect(end(all, policy)).toBe("Delivery: b accepted 250, c accepted 250");
    },
  );

  test("outcomeOf() tells a refusal in front of the next end by its own error, the delivery with it", () => {
    const given = rounds([ALL, late("b accepted, c late 450")], ["1", "c 550"]);
    const error = outcome(given, "net-smtp");
    expect(error.message).toContain(
      "after 2 attempts it was accepted for <b@y.example>, it was refused for <c@y.example>",
    );
    expect(told(error.delivery as Delivery)).toBe("b accepted 250, c refused 550");
    expect(end(given, "collect")).toBe("Delivery: b accepted 250, c refused 550");
    const refused = rounds([ALL, delivery("b accepted, c 450")]);
    expect(end(refused, "all-or-nothing", "it was late")).toBe(
      "SmtpAuthenticationError: b accepted 250, c refused 450",
    );
  });
});

describe("outcomeOf() fails", () => {
  const evidence = (replies: string[], recipients: string[], handedOver = false) => ({
    from: "a@x.example",
    recipients: recipients.map((name) => `${name}@y.example`),
    reset: false,
    replies: replies.map((code) => new SmtpResponse(`${code} said`)),
    handedOver,
    finals: [],
  });
  const LOST = new SmtpConnectionError("Server closed the connection", { cause: new Error("ECONNRESET") });

  test("outcomeOf() says once what happened, how often it was tried, and what to do", () => {
    const refusal = (): Error => toldOf(evidence(["250", "450", "451"], ["b", "c"]), LOST, "collect");
    expect(refusal().message).toContain("; nobody got the message: send it again later");
    const error = outcome(rounds([ALL, refusal()], [ALL, refusal()], [ALL, refusal()]));
    expect(error).toBeInstanceOf(SmtpServerBusy);
    expect(error.message).toBe(
      "Server refused all 2 recipients: <b@y.example>: 450 said; <c@y.example>: 451 said; after 3 attempts nobody got the message: send it again later",
    );
    expect(error).toMatchObject({ phase: "rcpt", fate: "refused", retry: "later", response: { status: "450" } });
    expect(error.cause).toBe(LOST);
  });

  test("outcomeOf() tells the last error of all recipients, not only of those that it was about", () => {
    const lost = (...names: string[]): Error => toldOf(evidence([], names), LOST, "collect");
    expect(outcome(rounds([ALL, lost("b", "c")], [ALL, lost("b", "c")])).message).toBe(
      "Server closed the connection; after 2 attempts the message was not sent: send it again later",
    );
    const partly = outcome(rounds([ALL, delivery("b accepted, c 450")], ["1", lost("c")]));
    expect(partly.message).toBe(
      "Server closed the connection; after 2 attempts it was accepted for <b@y.example>, it was not sent to <c@y.example>",
    );
    expect(partly).toMatchObject({ name: "SmtpConnectionError", fate: "accepted", retry: "later" });
    const doubt = toldOf(evidence(["250", "250", "354"], ["c"], true), LOST, "collect");
    expect(outcome(rounds([ALL, delivery("b accepted, c 450")], ["1", doubt]))).toMatchObject({
      fate: "unknown",
      retry: "ask",
      message:
        "Server closed the connection; after 2 attempts it may have been delivered, so find out before you send it again, to <c@y.example>, it was accepted for <b@y.example>",
    });
  });

  test("outcomeOf() has the error of an earlier attempt where the last delivered to others", () => {
    const first = busy("b unknown, c unsent", "Server closed the connection");
    const error = outcome(rounds([ALL, first], ["1", delivery("c accepted")]));
    expect(error).toMatchObject({ name: "SmtpServerBusy", fate: "unknown", retry: "ask" });
    expect(error.message).toContain("after 2 attempts it may have been delivered");
  });

  test("outcomeOf() says why it was not tried again", () => {
    const once = outcome(rounds([ALL, toldOf(evidence([], ["b", "c"]), LOST, "collect")]), "collect", "it was late");
    expect(once.message).toBe(
      "Server closed the connection; the message was not sent: send it again later; it was not tried again, since it was late",
    );
    expect(once).toMatchObject({ name: "SmtpConnectionError", retry: "later", cause: { message: "ECONNRESET" } });
  });

  test("outcomeOf() lets an abort be an abort, with what is known", () => {
    const reason = new Error("changed my mind");
    const aborted = new SmtpAbortError("Message was aborted", { cause: reason });
    const error = outcome(rounds([ALL, delivery("b accepted, c 450")]), "collect", aborted);
    expect(end(rounds([ALL, delivery("b accepted, c 450")]), "collect", aborted)).toBe(
      "AbortError: b accepted 250, c refused 450",
    );
    expect(error).toMatchObject({ cause: reason, fate: "accepted", retry: "later" });
    expect(error.message).toBe(
      "Message was aborted; it was accepted for <b@y.example>, it was refused for <c@y.example>",
    );
    expect(outcome(rounds([ALL, "b 450, c unsent"]), "collect", aborted).message).toBe(
      "Message was aborted; nobody got the message: send it again later",
    );
  });

  test("outcomeOf() keeps the class of bad input and wraps what is foreign", () => {
    const bad = new SmtpArgumentError("bad", { phase: "content", cause: LOST });
    const argument = outcome(rounds([ALL, delivery("b accepted, c 450")], ["1", bad]));
    expect(argument).toBeInstanceOf(SmtpArgumentError);
    expect(argument).toMatchObject({ phase: "content", cause: LOST, fate: "accepted" });
    const foreign = new RangeError("mine");
    const wrapped = outcome(rounds([ALL, delivery("b accepted, c 450")], ["1", foreign]));
    expect(wrapped).toBeInstanceOf(SmtpError);
    expect(wrapped).toMatchObject({ cause: foreign, fate: "unknown" });
    expect(told(wrapped)).toBe("b accepted 250, c unknown");
  });
});

describe("failedRound()", () => {
  const round = (reason: unknown): string => told(failedRound([0, 1], addresses([0, 1]), reason));

  test("failedRound() takes an error without recipients for all: the message had not begun", () => {
    const { recipients } = failedRound([0, 1], addresses([0, 1]), new SmtpConnectionError("no route"));
    expect(told({ recipients })).toBe("b unsent, c unsent");
    expect(recipients[1]).toMatchObject({ retry: "later" });
    expect(failedRound([0], addresses([0]), new SmtpFatalError("no")).recipients[0]).toMatchObject({ retry: "never" });
    expect(round(new SmtpError("raw", { fate: "unknown" }))).toBe("b unknown, c unknown");
  });

  test("failedRound() claims nothing of what is foreign, or does not tell everybody", () => {
    expect(round(new RangeError("mine"))).toBe("b unknown, c unknown");
    expect(round(busy("b 450"))).toBe("b unknown, c unknown");
    const thrown = failedRound([0], addresses([0]), "text");
    expect([thrown.error?.message, isSmtpError(thrown.error)]).toEqual(["text", false]);
  });
});
