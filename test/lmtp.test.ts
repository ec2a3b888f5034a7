/** LMTP (RFC 2033): each way that a message travels, each way that it ends, with a fate of its own for each recipient. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Answers, type Became, MODES, type Mode, overlaps, sendBoth } from "./support/lmtp.ts";
import { runs } from "./support/runs.ts";

const ALL = ["250 ok", "250 ok", "250 ok"];
const NEXT = "z accepted 250";
const UNSENT = "z unsent";

interface Outcome extends Answers {
  readonly name: string;
  readonly first: string;
  readonly second?: string;
  /** What the first message's promise rejects with; left out: a delivery. */
  readonly error?: string;
  readonly modes?: readonly Mode[];
}

/** What is said behind a reply too many, or behind a refused BDAT, is not the same in every mode. */
const NO_OVERLAP = MODES.filter((mode) => !overlaps(mode));
const BY_DATA = MODES.filter((mode) => !mode.startsWith("BDAT"));

const OUTCOMES: readonly Outcome[] = [
  {
    name: "all accepted",
    rcpt: ALL,
    end: ["250 for b", "251 for c", "250 for d"],
    first: "b accepted 250, c accepted 251, d accepted 250",
  },
  {
    name: "one refused at RCPT",
    rcpt: ["250 ok", "550 no such user", "250 ok"],
    end: ["250 for b", "250 for d"],
    first: "b accepted 250, c refused 550, d accepted 250",
  },
  {
    name: "one refused at the end",
    rcpt: ALL,
    end: ["250 for b", "452 4.2.2 c is over quota", "250 for d"],
    first: "b accepted 250, c refused 452, d accepted 250",
  },
  {
    name: "the first refused at the end, the second at RCPT",
    rcpt: ["250 ok", "550 no such user", "250 ok"],
    end: ["552 b is over quota", "250 for d"],
    first: "b refused 552, c refused 550, d accepted 250",
  },
  {
    name: "all refused at the end",
    rcpt: ALL,
    end: ["554 not b", "452 not c", "554 not d"],
    first: "b refused 554, c refused 452, d refused 554",
    error:
      "Server refused the message for all 3 recipients: <b@y.example>: 554 not b; <c@y.example>: 452 not c; <d@y.example>: 554 not d; nobody got the message: send it again later",
  },
  {
    name: "replies in a chunk each",
    rcpt: ALL,
    end: ["250 for b", "", "554 not c", "", "250 for d"],
    first: "b accepted 250, c refused 554, d accepted 250",
  },
  {
    name: "lost before the first reply",
    rcpt: ALL,
    end: ["<close>"],
    over: true,
    first: "b unknown, c unknown, d unknown",
    second: UNSENT,
    error:
      "Server closed the connection while waiting for the reply to the message; it may have been delivered, so find out before you send it again, to <b@y.example>, <c@y.example>, <d@y.example>",
  },
  {
    name: "lost after one reply of three",
    rcpt: ALL,
    end: ["250 for b", "<close>"],
    over: true,
    first: "b accepted 250, c unknown, d unknown",
    second: UNSENT,
    error:
      "Server closed the connection while waiting for the reply to the message; it may have been delivered, so find out before you send it again, to <c@y.example>, <d@y.example>, it was accepted for <b@y.example>",
  },
  {
    name: "lost after one that refuses",
    rcpt: ALL,
    end: ["554 not b", "<close>"],
    over: true,
    first: "b refused 554, c unknown, d unknown",
    second: UNSENT,
    error:
      "Server closed the connection while waiting for the reply to the message; it may have been delivered, so find out before you send it again, to <c@y.example>, <d@y.example>, it was refused for <b@y.example>",
  },
  {
    name: "501 to the first is its own",
    rcpt: ALL,
    end: ["501 5.1.3 not b", "250 for c", "250 for d"],
    first: "b refused 501, c accepted 250, d accepted 250",
  },
  {
    name: "lost after two replies of three",
    rcpt: ALL,
    end: ["554 not b", "250 for c", "<close>"],
    over: true,
    first: "b refused 554, c accepted 250, d unknown",
    second: UNSENT,
    error:
      "Server closed the connection while waiting for the reply to the message; it may have been delivered, so find out before you send it again, to <d@y.example>, it was accepted for <c@y.example>, it was refused for <b@y.example>",
  },
  {
    name: "421 to the second, and no more",
    rcpt: ALL,
    end: ["250 for b", "421 going", "<close>"],
    over: true,
    first: "b accepted 250, c refused 421, d unknown",
    second: UNSENT,
    error:
      "Server ended the session: 421 going; it may have been delivered, so find out before you send it again, to <d@y.example>, it was accepted for <b@y.example>, it was refused for <c@y.example>",
  },
  {
    name: "421 to the second, and the third is answered behind it",
    rcpt: ALL,
    end: ["250 for b", "421 going", "", "250 for d", "<close>"],
    over: true,
    first: "b accepted 250, c refused 421, d accepted 250",
    second: UNSENT,
  },
  {
    name: "3xx to the second",
    rcpt: ALL,
    end: ["250 for b", "354 more", "250 for d"],
    over: true,
    modes: NO_OVERLAP,
    first: "b accepted 250, c unknown, d accepted 250",
    second: UNSENT,
    error: "Server asked for more when the message had ended: 354 more",
  },
  {
    name: "a reply too many with the others",
    rcpt: ALL,
    end: ["250 for b", "250 for c", "250 for d", "250 for whom"],
    over: true,
    modes: NO_OVERLAP,
    first: "b unknown, c unknown, d unknown",
    second: UNSENT,
    error:
      "Server sent a reply that nothing asked for: 250 for whom; the session cannot be trusted any more and was closed; it may have been delivered, so find out before you send it again, to <b@y.example>, <c@y.example>, <d@y.example>",
  },
  {
    name: "a reply too many with the last",
    rcpt: ALL,
    end: ["250 for b", "", "250 for c", "250 for d", "250 for whom"],
    over: true,
    modes: NO_OVERLAP,
    first: "b accepted 250, c unknown, d unknown",
    second: UNSENT,
    error:
      "Server sent a reply that nothing asked for: 250 for whom; the session cannot be trusted any more and was closed; it may have been delivered, so find out before you send it again, to <c@y.example>, <d@y.example>, it was accepted for <b@y.example>",
  },
  {
    name: "DATA refused",
    rcpt: ["250 ok", "550 no such user", "250 ok"],
    data: "451 not now",
    modes: BY_DATA,
    first: "b refused 451, c refused 550, d refused 451",
    error: "Server refused to take the message: 451 not now; nobody got the message: send it again later",
  },
  {
    name: "all refused at RCPT",
    rcpt: ["550 no", "452 not now"],
    data: "503 no valid recipients",
    first: "b refused 550, c refused 452",
    error:
      "Server refused all 2 recipients: <b@y.example>: 550 no; <c@y.example>: 452 not now; nobody got the message: send it again later",
  },
  {
    name: "all refused at RCPT, and DATA taken: nothing more is written",
    rcpt: ["550 no", "452 not now"],
    data: "354 go",
    over: true,
    modes: ["flights", "overlap"],
    first: "b refused 550, c refused 452",
    second: UNSENT,
    error:
      "Server refused all 2 recipients: <b@y.example>: 550 no; <c@y.example>: 452 not now; nobody got the message: send it again later",
  },
];

function check([first, second]: readonly [Became, Became], outcome: Outcome): void {
  expect([first.fates, second.fates]).toEqual([outcome.first, outcome.second ?? NEXT]);
  expect(first.error?.message).toBe(outcome.error);
}

describe.each(MODES)("%s", (mode) => {
  test.each(OUTCOMES.filter(({ modes = MODES }) => modes.includes(mode)))("$name", async (outcome) => {
    check(await sendBoth(mode, outcome), outcome);
  });

  test("a recipient named twice keeps both replies, and nothing is said before both have come", async () => {
    const answers = { rcpt: ["250 ok", "250 ok"], end: ["250 for b", "", "452 not twice"] };
    // The turn stays: the second message does not leave with the end of the first.
    const like = { overlap: "flights", "BDAT in flight": "BDAT" } as const;
    const played = mode in like ? like[mode as keyof typeof like] : mode;
    const to = ["b@y.example", "B@Y.example"];
    const [first, second] = await sendBoth(played, answers, { to, asked: mode });
    expect(first.fates).toBe("b accepted 250, B@Y.example refused 452");
    expect(second.fates).toBe(NEXT);
  });
});

/** What each recipient must be told, from the replies alone. */
function model({ rcpt, data = "354" }: Answers, replies: readonly string[], byData: boolean): string[] {
  let next = 0;
  const nobody = !rcpt.some((reply) => reply.startsWith("2"));
  return rcpt.map((reply) => {
    if (!reply.startsWith("2")) return `refused ${reply}`;
    if (byData && data !== "354") return `refused ${data}`;
    const own = nobody ? undefined : replies[next++];
    if (own === undefined) return "unknown";
    return `${own.startsWith("2") ? "accepted" : "refused"} ${own}`;
  });
}

test("whatever is answered, and wherever the connection is lost, each recipient has the fate of its own reply", async () => {
  const reply = fc.constantFrom("250", "251", "450", "452", "530", "550", "554");
  // 452 to RCPT begins another transaction, which test/parts.test.ts is about.
  const toRcpt = reply.map((code) => (code === "452" ? "451" : code));
  const pair = fc.record({
    rcpt: fc.oneof({ weight: 3, arbitrary: fc.constant("250") }, { arbitrary: toRcpt, weight: 1 }),
    end: reply,
  });
  const dialogue = fc.record({
    mode: fc.constantFrom(...MODES),
    pairs: fc.array(pair, { minLength: 1, maxLength: 7 }),
    data: fc.constantFrom("354", "354", "354", "451", "554"),
    lost: fc.option(fc.nat({ max: 7 }), { nil: undefined }),
    chunks: fc.nat({ max: 127 }),
    bytewise: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(dialogue, async ({ mode, pairs, data, lost, chunks, bytewise }) => {
      const rcpt = pairs.map((each) => each.rcpt);
      const replies = pairs.filter((each) => each.rcpt === "250" || each.rcpt === "251").map(({ end }) => end);
      const nobody = replies.length === 0;
      const [dataless, cut] = [mode.startsWith("BDAT"), lost !== undefined && lost < replies.length];
      const heard = cut ? replies.slice(0, lost) : replies;
      const goes = !nobody && (dataless || data === "354");
      const said = heard.flatMap((each, index) => ((chunks >> index) & 1 ? [each, ""] : [each]));
      const answers: Answers = {
        rcpt,
        data: nobody ? "503" : data,
        end: cut ? [...said, "<close>"] : said,
        over: cut && goes,
      };
      const [first, second] = await sendBoth(mode, answers, { bytewise });
      const expected = model({ ...answers, data }, heard, !dataless);
      const fates = first.fates.split(", ").map((each) => each.slice(2));
      expect(fates).toEqual(expected);
      expect(second.fates).toBe(cut && goes ? UNSENT : NEXT);
      const delivered =
        expected.every((fate) => !fate.startsWith("unknown")) && expected.some((fate) => fate.startsWith("acc"));
      expect(first.error === undefined).toBe(delivered);
    }),
    { numRuns: runs(400) },
  );
});
