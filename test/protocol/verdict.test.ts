/** The fates table of design.md, every line of it, and what each policy makes of a refusal. */
import { describe, expect, test } from "vitest";
import {
  SmtpAuthenticationError,
  type SmtpErrorClass,
  SmtpFatalError,
  SmtpProtocolError,
  SmtpServerBusy,
  SmtpSyntaxError,
  SmtpUnknownError,
} from "../../src/errors.ts";
import { SmtpResponse } from "../../src/protocol/reply.ts";
import {
  collectedRefusals,
  type Evidence,
  everyRecipientRefused,
  fates,
  finalRefusal,
  type RecipientPolicy,
  refusal,
  transactionOpen,
} from "../../src/protocol/verdict.ts";

/** `"250 250 550 354"`: the replies to MAIL, RCPT b, RCPT c, DATA as far as they came; `R` in front: RSET was owed. */
function evidence(replies: string, final?: string, handedOver = false): Evidence {
  const codes = replies.split(" ").filter((code) => code !== "" && code !== "R");
  return {
    from: "a@x.example",
    recipients: ["b", "c"],
    reset: replies.startsWith("R"),
    replies: codes.map((code) => new SmtpResponse(`${code} said`)),
    handedOver,
    finals: final === undefined ? [] : [new SmtpResponse(`${final} end`)],
  };
}

const HANDED_OVER = true;

describe("fates()", () => {
  const lines: [line: string, replies: string, final: string | undefined, handedOver: boolean, fates: string][] = [
    ["nothing was written", "", undefined, false, "unsent now, unsent now"],
    ["the group was written and not answered", "", undefined, false, "unsent now, unsent now"],
    ["MAIL 4xx", "451", undefined, false, "refused 451 later, refused 451 later"],
    ["MAIL 5xx", "550", undefined, false, "refused 550 never, refused 550 never"],
    ["MAIL 421", "421", undefined, false, "refused 421 now, refused 421 now"],
    ["MAIL 5xx before RCPT 4xx", "550 450 450", undefined, false, "refused 550 never, refused 550 never"],
    ["own RCPT 4xx", "250 450 250", undefined, false, "refused 450 later, unsent now"],
    ["own RCPT 5xx", "250 250 550", undefined, false, "unsent now, refused 550 never"],
    ["own RCPT 552 is too many", "250 250 552", undefined, false, "unsent now, refused 552 later"],
    ["own RCPT 421", "250 250 421", undefined, false, "unsent now, refused 421 now"],
    ["DATA 4xx", "250 250 250 451", undefined, false, "refused 451 later, refused 451 later"],
    ["DATA 552 is final", "250 250 250 552", undefined, false, "refused 552 never, refused 552 never"],
    ["DATA 5xx, own RCPT first", "250 450 250 554", undefined, false, "refused 450 later, refused 554 never"],
    ["RCPT 2xx or unanswered, stopped", "250 250", undefined, false, "unsent now, unsent now"],
    ["354, stopped before the end", "250 250 250 354", undefined, false, "unsent now, unsent now"],
    ["a too early 2xx", "250 250 250 354", "250", false, "unsent now, unsent now"],
    ["DATA 250", "250 250 250 250", undefined, false, "unsent now, unsent now"],
    ["an early 4xx", "250 250 250 354", "452", false, "refused 452 later, refused 452 later"],
    ["an early 5xx, own RCPT first", "250 550 250 354", "554", false, "refused 550 never, refused 554 never"],
    ["end, 2xx", "250 250 251 354", "250", HANDED_OVER, "accepted 250, accepted 250"],
    ["end, 2xx, one refused", "250 250 550 354", "250", HANDED_OVER, "accepted 250, refused 550 never"],
    ["end, 4xx", "250 250 250 354", "451", HANDED_OVER, "refused 451 later, refused 451 later"],
    ["end, 421", "250 250 250 354", "421", HANDED_OVER, "refused 421 now, refused 421 now"],
    ["end, 5xx", "250 250 250 354", "554", HANDED_OVER, "refused 554 never, refused 554 never"],
    ["end, no reply", "250 250 250 354", undefined, HANDED_OVER, "unknown ask, unknown ask"],
    ["end, no reply, one refused", "250 250 550 354", undefined, HANDED_OVER, "unknown ask, refused 550 never"],
    ["end, 3xx is no reply to it", "250 250 250 354", "354", HANDED_OVER, "unknown ask, unknown ask"],
    ["MAIL refused, yet 2xx", "550 250 250 354", "250", HANDED_OVER, "unknown 250 ask, unknown 250 ask"],
    ["RSET refused, yet 2xx", "R 500 250 250 250 354", "250", HANDED_OVER, "unknown 250 ask, unknown 250 ask"],
    ["every RCPT refused, yet 2xx", "250 550 450 354", "250", HANDED_OVER, "unknown 250 ask, unknown 250 ask"],
    ["RCPT 3xx, yet 2xx", "250 250 354 354", "250", HANDED_OVER, "accepted 250, unknown ask"],
    [
      "RSET in front shifts the replies",
      "R 250 250 550 250 354",
      "250",
      HANDED_OVER,
      "refused 550 never, accepted 250",
    ],
    ["RSET 4xx is no refusal of the message", "R 450 250 250 250", undefined, false, "unsent now, unsent now"],
  ];
  test.each(lines)("fates() %s", (_line, replies, final, handedOver, expected) => {
    const told = fates(evidence(replies, final, handedOver), "now").map(({ fate, response, retry }) =>
      [fate, response?.status, retry].filter(Boolean).join(" "),
    );
    expect(told.join(", ")).toBe(expected);
  });

  test("fates() keeps the order and the duplicates", () => {
    const twice = { ...evidence("250 250 550 354", "250", true), recipients: ["b", "b"] };
    expect(fates(twice, "now").map(({ address, fate }) => `${address} ${fate}`)).toEqual(["b accepted", "b refused"]);
  });
});

describe("refusal()", () => {
  type Outcome = readonly [class_: SmtpErrorClass, message: string] | undefined;
  const every = (outcome: Outcome): Record<RecipientPolicy, Outcome> => ({
    "net-smtp": outcome,
    collect: outcome,
    "all-or-nothing": outcome,
  });
  const stopped = (class_: SmtpErrorClass, who: string, status: string): Outcome => [
    class_,
    `Server refused recipient <${who}>: ${status} said`,
  ];
  const cases: [replies: string, outcomes: Record<RecipientPolicy, Outcome>][] = [
    ["", every(undefined)],
    ["250 250 250 354", every(undefined)],
    ["R 500 250", every([SmtpSyntaxError, "Server refused to reset the transaction before it: 500 said"])],
    ["550", every([SmtpFatalError, "Server refused sender <a@x.example>: 550 said"])],
    ["354", every([SmtpUnknownError, "Server refused sender <a@x.example>: 354 said"])],
    ["250 450 250", { ...every(stopped(SmtpServerBusy, "b", "450")), collect: undefined }],
    ["250 250 550", { ...every(stopped(SmtpFatalError, "c", "550")), collect: undefined }],
    ["250 535 250", { ...every(undefined), "all-or-nothing": stopped(SmtpAuthenticationError, "b", "535") }],
    [
      "250 535 550",
      {
        "net-smtp": stopped(SmtpFatalError, "c", "550"),
        collect: [SmtpAuthenticationError, "Server refused all 2 recipients: <b>: 535 said; <c>: 550 said"],
        "all-or-nothing": stopped(SmtpAuthenticationError, "b", "535"),
      },
    ],
    [
      "250 530 535",
      {
        "net-smtp": [SmtpAuthenticationError, "mail destination not given"],
        collect: [SmtpAuthenticationError, "Server refused all 2 recipients: <b>: 530 said; <c>: 535 said"],
        "all-or-nothing": stopped(SmtpAuthenticationError, "b", "530"),
      },
    ],
    [
      "250 550 450",
      {
        ...every(stopped(SmtpFatalError, "b", "550")),
        collect: [SmtpServerBusy, "Server refused all 2 recipients: <b>: 550 said; <c>: 450 said"],
      },
    ],
    ["250 250 354", every(stopped(SmtpUnknownError, "c", "354"))],
    [
      "250 250 250 451",
      {
        ...every([SmtpServerBusy, "Server refused to take the message: 451 said"]),
        "net-smtp": [SmtpUnknownError, "could not get 3xx (451: 451 said)"],
      },
    ],
    [
      "250 250 250 554",
      {
        ...every([SmtpFatalError, "Server refused to take the message: 554 said"]),
        "net-smtp": [SmtpUnknownError, "could not get 3xx (554: 554 said)"],
      },
    ],
    [
      "250 250 250 334",
      {
        ...every([SmtpUnknownError, "Server refused to take the message: 334 said"]),
        "net-smtp": [SmtpUnknownError, "could not get 3xx (334: 334 said)"],
      },
    ],
    [
      "250 250 250 250",
      every([
        SmtpProtocolError,
        "Server accepted a message before its text: 250 said; the session cannot be trusted any more and was closed",
      ]),
    ],
  ];
  for (const [replies, outcomes] of cases) {
    for (const policy of ["net-smtp", "collect", "all-or-nothing"] as const) {
      test(`refusal() of "${replies}" under ${policy}`, () => {
        const error = refusal(evidence(replies), policy);
        expect(error && [error.constructor, error.message]).toEqual(outcomes[policy]);
      });
    }
  }

  test("refusal() says phase, command, temporary and retry", () => {
    expect(refusal(evidence("451"), "collect")).toMatchObject({
      phase: "mail",
      command: "MAIL FROM",
      temporary: true,
      retry: "later",
    });
    expect(refusal(evidence("250 550"), "net-smtp")).toMatchObject({
      phase: "rcpt",
      command: "RCPT TO:<b>",
      temporary: false,
      retry: "never",
    });
    expect(refusal(evidence("R 500 250"), "net-smtp")).toMatchObject({ phase: "mail", command: "RSET", retry: "now" });
    expect(refusal(evidence("250 250 250 451"), "net-smtp")).toMatchObject({ phase: "data", temporary: true });
  });

  test("refusal() names three of many recipients", () => {
    const many = { ...evidence("250 550 551 552 553"), recipients: ["b", "c", "d", "e"] };
    expect(refusal(many, "collect")?.message).toBe(
      "Server refused all 4 recipients: <b>: 550 said; <c>: 551 said; <d>: 552 said; and 1 more",
    );
  });
});

describe("finalRefusal()", () => {
  const cases: [what: string, evidence: Evidence, class_: SmtpErrorClass | undefined, message: string | undefined][] = [
    ["no reply", evidence("250 250 250 354", undefined, true), undefined, undefined],
    ["2xx", evidence("250 250 250 354", "250", true), undefined, undefined],
    ["4xx", evidence("250 250 250 354", "451", true), SmtpServerBusy, "Server refused the message: 451 end"],
    ["5xx", evidence("250 250 250 354", "554", true), SmtpFatalError, "Server refused the message: 554 end"],
    [
      "3xx",
      evidence("250 250 250 354", "354", true),
      SmtpUnknownError,
      "Server asked for more when the message had ended: 354 end",
    ],
    [
      "a contradiction",
      evidence("250 550 550 354", "250", true),
      SmtpUnknownError,
      "Server took a message that it had refused: 250 end",
    ],
  ];
  test.each(cases)("finalRefusal() of %s", (_what, given, class_, message) => {
    const error = finalRefusal(given);
    expect(error?.constructor).toBe(class_);
    expect(error?.message).toBe(message);
  });

  test("finalRefusal() of an early reply says content, of a late one final", () => {
    expect(finalRefusal(evidence("250 250 250 354", "552"))?.phase).toBe("content");
    expect(finalRefusal(evidence("250 250 250 354", "552", true))?.phase).toBe("final");
  });
});

test("transactionOpen() needs MAIL, and an RSET in front of it, answered 2xx", () => {
  expect(
    ["", "250", "550", "R 250", "R 250 250", "R 500 250", "R 250 550"].map((r) => transactionOpen(evidence(r))),
  ).toEqual([false, true, false, false, true, false, false]);
});

test("everyRecipientRefused() counts 4xx and 5xx alone", () => {
  expect(
    ["250 550", "250 550 450", "250 550 354", "250 550 250"].map((r) => everyRecipientRefused(evidence(r))),
  ).toEqual([false, true, false, false]);
  expect(everyRecipientRefused({ ...evidence("250"), recipients: [] })).toBe(false);
});

test("collectedRefusals() is worded as Net::SMTP's, and undefined when nobody was refused", () => {
  const told = collectedRefusals(fates(evidence("250 535 530 354"), "now"));
  expect(told?.message).toBe('failed to deliver for "b", "c"');
  expect(told?.response.status).toBe("535");
  expect(collectedRefusals(fates(evidence("250 250 250 354", "250", true), "now"))).toBeUndefined();
});
