/**
 * The judge: what the engine told, against what the server stored. Its law: it believes the server's book and the octets
 * that passed, never the engine, and says of each violation which rule was broken by which recipient.
 * Where a message uses DATA under policy "net-smtp", which never uses BDAT, its end is the dot, whatever is offered.
 *
 * @module
 */

import type { Fate, Retry } from "../../mod.ts";
import type { Dialogue, Planned } from "./dialogues.ts";
import type { Answer, Stored } from "./recorder.ts";

/** What a send gave or threw. */
export interface Told {
  readonly recipients: readonly { readonly address: string; readonly fate: Fate }[];
  /** Of the error, if it threw one. */
  readonly fate?: Fate | undefined;
  readonly retry?: Retry | undefined;
  readonly name?: string | undefined;
}

/** All that is known when a run is over. */
export interface Evidence {
  readonly dialogue: Dialogue;
  /** For each message. */
  readonly told: readonly Told[];
  readonly stored: readonly Stored[];
  readonly answers: readonly Answer[];
  /** What the engine gave to its stream. */
  readonly written: string;
  /** How many octets of the server's the engine was given. */
  readonly heard: number;
  /** Milliseconds from the start to the end of the session. */
  readonly waited: number;
  /** What is left when the session is finished, by kind. */
  readonly left: Readonly<Record<string, number>>;
}

/** What the judge finds. */
export interface Verdict {
  readonly violations: readonly string[];
  /** One of each recipient. */
  readonly facts: readonly Fact[];
}

/** A recipient's fate as it was told, and as it was. */
export interface Fact {
  readonly fate: Fate;
  readonly stored: boolean;
  /** The engine could know: it had not written the end, or had heard a whole answer that decides. */
  readonly knowable: boolean;
}

/** The longest that may be waited for: the reply to a message (10 minutes), and QUIT or the rest behind a 421. */
const LONGEST = 600_000 + 2 * 5_000;

const ORDER: readonly Fate[] = ["unknown", "accepted", "refused", "unsent"];

/** Judges a run. */
export function judge(evidence: Evidence): Verdict {
  const violations: string[] = [];
  const facts: Fact[] = [];
  evidence.dialogue.messages.forEach((message, index) => {
    const told = evidence.told[index] as Told;
    const [wrong, found] = judgeMessage(evidence, message, told);
    violations.push(...wrong.map((rule) => `message ${index + 1}: ${rule}`));
    facts.push(...found);
  });
  violations.push(...strangers(evidence));
  if (evidence.waited > LONGEST) violations.push(`settled after ${evidence.waited} ms`);
  for (const [kind, count] of Object.entries(evidence.left)) if (count > 0) violations.push(`left open: ${kind}`);
  return { violations, facts };
}

function judgeMessage(evidence: Evidence, message: Planned, told: Told): readonly [string[], Fact[]] {
  const told_ = told.recipients.map(({ address }) => address).join();
  if (told_ !== message.to.join()) return [[`tells of the recipients "${told_}"`], []];
  const violations = errorViolations(told);
  const ended = evidence.written.includes(endOf(message, evidence.dialogue));
  const facts = told.recipients.map(({ address, fate }) => {
    const count = evidence.stored.filter(({ from, to }) => from === message.from && to.includes(address)).length;
    const heard = heardOf(evidence, message, address);
    const rules = broken(fate, count, ended, heard);
    violations.push(...rules.map((rule) => `${address} ${fate}, ${rule}`));
    return { fate, stored: count > 0, knowable: !ended || heard.refused || heard.final };
  });
  return [violations, facts];
}

/** Under "net-smtp" nothing goes by BDAT. */
function endOf({ end }: Planned, { policy }: Dialogue): string {
  return policy === "net-smtp" && !end.endsWith(".\r\n") ? `${end}.\r\n` : end;
}

interface Heard {
  /** A whole answer to the message's end. */
  readonly final: boolean;
  /** A whole 2xx to it. */
  readonly accepted: boolean;
  /** A whole 4xx or 5xx to MAIL, to this recipient, to DATA, to a part of the message, or to its end. */
  readonly refused: boolean;
}

function heardOf({ answers, heard }: Evidence, { from }: Planned, address: string): Heard {
  const arrived = answers.filter(({ upTo }) => upTo <= heard);
  // What came in one with a reply that answers nothing is not believed either (design.md, law 3).
  const spoilt = new Set(arrived.filter(({ about }) => about === "early").map(({ segment }) => segment));
  const whole = arrived.filter((answer) => answer.from === from && !spoilt.has(answer.segment));
  const final = whole.filter(({ about, to }) => about === "end" && (to ?? address) === address);
  return {
    final: final.length > 0,
    accepted: final.some(({ code }) => code < 300),
    refused: whole.some(({ code, to }) => code >= 400 && (to ?? address) === address),
  };
}

function broken(fate: Fate, count: number, ended: boolean, heard: Heard): string[] {
  const rules: readonly (readonly [boolean, string])[] = [
    [count > 1, `stored ${count} times`],
    [fate === "accepted" && count === 0, "not stored"],
    [(fate === "unsent" || fate === "refused") && count > 0, "stored"],
    [fate === "unknown" && !ended, "its end was not handed over"],
    [fate === "unknown" && (heard.final || heard.refused), "its whole reply arrived"],
    [fate === "unsent" && ended, "its end was handed over"],
    [fate === "accepted" && !heard.accepted, "no 2xx to its end arrived"],
    [fate === "refused" && !heard.refused, "no refusal arrived"],
  ];
  return rules.filter(([isBroken]) => isBroken).map(([, rule]) => rule);
}

/** An error says the worst of its recipients' fates, and "ask" if one is in doubt. */
function errorViolations({ recipients, fate, retry }: Told): string[] {
  if (fate === undefined) return [];
  const worst = ORDER.find((candidate) => recipients.some((recipient) => recipient.fate === candidate));
  const violations: string[] = [];
  if (fate !== worst) violations.push(`error says ${fate}, its recipients ${worst}`);
  if ((retry === "ask") !== (worst === "unknown"))
    violations.push(`error says retry ${retry}, its recipients ${worst}`);
  return violations;
}

/** What is stored is one of the messages, whole, from its own sender to its own recipients. */
function strangers({ stored, dialogue }: Evidence): string[] {
  const known = stored.filter(({ from, to, content }) =>
    dialogue.messages.some(
      (message) =>
        message.from === from && message.content === content && to.every((address) => message.to.includes(address)),
    ),
  );
  return known.length === stored.length ? [] : ["stored what nobody sent"];
}
