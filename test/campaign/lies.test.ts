/**
 * The judge is judged: what the engine told is falsified before he sees it, and he must find out. Its law: each lie is a
 * consistent one, such as an engine with that fault would tell, and is caught by the rule that it breaks.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Fate } from "../../mod.ts";
import { type Cut, FAULTS } from "./cut.ts";
import { type Dialogue, dialogue, EARLY, MODES, SOME_REFUSED, TROUBLES } from "./dialogues.ts";
import { judge, type Told } from "./judge.ts";
import { runInMemory, stopClocks } from "./run.ts";

type Lie = (told: Told) => Told;

function retold(lie: (fate: Fate) => Fate, told: Told, retry = told.retry): Told {
  const recipients = told.recipients.map(({ address, fate }) => ({ address, fate: lie(fate) }));
  return { ...told, recipients, retry, fate: told.fate && lie(told.fate) };
}

const truth: Lie = (told) => told;
const doubtDenied: Lie = (told) =>
  retold((fate) => (fate === "unknown" ? "unsent" : fate), told, told.fate === "unknown" ? "later" : told.retry);
const doubtFeigned: Lie = (told) =>
  retold((fate) => (fate === "unsent" ? "unknown" : fate), told, told.fate === "unsent" ? "ask" : told.retry);
const earlyBelieved: Lie = (told) =>
  told.name === "SmtpProtocolError" ? { ...retold(() => "accepted", told), fate: undefined } : told;
const neighboursSwapped: Lie = (told) => {
  const [first, second, ...others] = told.recipients;
  if (!first || !second) return told;
  return { ...told, recipients: [{ ...first, fate: second.fate }, { ...second, fate: first.fate }, ...others] };
};

/** The rules that the lie breaks, when the dialogue is cut everywhere in one way after the other. */
async function found(dialogue: Dialogue, lie: Lie, every = 3): Promise<Set<string>> {
  const rules = new Set<string>();
  const [, { arrived }] = await runInMemory(dialogue);
  let candidate = 0;
  for (const direction of ["client", "server"] as const)
    for (let offset = 0; offset <= arrived[direction]; offset += every) {
      const cut: Cut = { direction, offset, fault: FAULTS[candidate++ % FAULTS.length] as Cut["fault"] };
      const [evidence] = await runInMemory(dialogue, cut);
      if (!evidence) throw new Error("A send never settled");
      const { violations } = judge({ ...evidence, told: evidence.told.map(lie) });
      for (const violation of violations) rules.add(violation.replace(/^.*@y /, ""));
    }
  return rules;
}

const overlap = MODES.find(({ name }) => name === "overlap") as (typeof MODES)[number];
const flight = dialogue(overlap, "collect", SOME_REFUSED);
const endRefused = dialogue(overlap, "collect", TROUBLES.find(({ name }) => name === "end refused") ?? SOME_REFUSED);

describe("judge()", () => {
  beforeAll(() => stopClocks());
  afterAll(() => void vi.useRealTimers());

  test.each([
    ["the truth", flight, truth, []],
    ["the truth of a server that accepts early", dialogue(overlap, "collect", EARLY), truth, []],
    ["unknown told as unsent", flight, doubtDenied, ["unsent, stored", "unsent, its end was handed over"]],
    ["an early 2xx believed", dialogue(overlap, "collect", EARLY), earlyBelieved, ["accepted, not stored"]],
    ["the fates of two neighbours swapped", flight, neighboursSwapped, ["accepted, not stored", "refused, stored"]],
    ["unsent told as unknown", flight, doubtFeigned, ["unknown, its end was not handed over"]],
    [
      "a refusal told as unknown",
      endRefused,
      (told: Told) => retold(() => "unknown", told, "ask"),
      ["unknown, its whole reply arrived"],
    ],
  ] as const)("finds out %s", async (_name, dialogue, lie, rules) => {
    const broken = await found(dialogue, lie);
    if (rules.length === 0) expect([...broken]).toEqual([]);
    for (const rule of rules) expect(broken).toContain(rule);
  });
});
