/**
 * The campaign in memory: every dialogue, cut after every octet of either direction by FIN, RST and silence. Its law: not
 * one violation. How much of it is run is in size.ts.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Cut, FAULTS } from "./cut.ts";
import { type Dialogue, dialogue, EARLY, MODES, POLICIES, TROUBLES } from "./dialogues.ts";
import { judge, type Verdict } from "./judge.ts";
import { runInMemory, stopClocks } from "./run.ts";
import { size } from "./size.ts";
import { Tally } from "./tally.ts";

const tally = new Tally();
const wanted = size();
const dialogues = MODES.flatMap((mode) =>
  POLICIES.flatMap((policy) => [...TROUBLES, EARLY].map((trouble) => dialogue(mode, policy, trouble))),
);
/** The octets of each dialogue when nobody cuts it. */
const lengths = new Map<Dialogue, Record<Cut["direction"], number>>();
let every = 1;
/** Counts on from mode to mode, so that a sample falls on other octets in each. */
let candidate = 0;

async function verdictOf(dialogue: Dialogue, cut?: Cut): Promise<Verdict> {
  const [evidence] = await runInMemory(dialogue, cut);
  return evidence ? judge(evidence) : { violations: ["a send never settled"], facts: [] };
}

function* cutsOf(dialogue: Dialogue): Generator<Cut> {
  for (const [direction, octets] of Object.entries(lengths.get(dialogue) ?? {})) {
    for (let offset = 0; offset <= octets; offset++)
      for (const fault of FAULTS) yield { direction: direction as Cut["direction"], offset, fault };
  }
}

async function cutAll(dialogue: Dialogue): Promise<void> {
  const name = `${dialogue.mode.name}, ${dialogue.policy}`;
  const step = wanted.sample === undefined ? wanted.every(dialogue.trouble) : every;
  for (const cut of cutsOf(dialogue)) {
    if (candidate++ % step !== 0) continue;
    const what = `${dialogue.name}, ${cut.direction} ${cut.offset} ${cut.fault}`;
    tally.add(name, what, cut.fault, await verdictOf(dialogue, cut));
  }
}

/** By the server, or by Net::SMTP's rule: what is behind it is not sent then. */
function losesItsSession({ trouble, policy }: Dialogue): boolean {
  return (
    trouble === EARLY || trouble.name.startsWith("421") || (policy === "net-smtp" && trouble.name === "DATA refused")
  );
}

describe("the campaign", () => {
  beforeAll(async () => {
    stopClocks();
    for (const dialogue of dialogues) {
      const [, wire] = await runInMemory(dialogue);
      lengths.set(dialogue, { ...wire.arrived });
    }
    const all = [...lengths.values()].reduce((sum, { client, server }) => sum + 3 * (client + server + 2), 0);
    every = Math.max(1, Math.floor(all / (wanted.sample ?? all)));
  });

  afterAll(() => {
    vi.useRealTimers();
    console.log(`The campaign in memory, one line a mode and policy\n${tally}`);
  });

  test("without a cut nobody is in doubt, and the messages beside the one in trouble are accepted", async () => {
    for (const dialogue of dialogues.filter((dialogue) => !losesItsSession(dialogue))) {
      const { violations, facts } = await verdictOf(dialogue);
      expect(violations, dialogue.name).toEqual([]);
      const fates = facts.map(({ fate }) => fate);
      expect(fates, dialogue.name).not.toContain("unknown");
      expect([fates[0], fates.at(-1)], dialogue.name).toEqual(["accepted", "accepted"]);
    }
  });

  test.each(MODES.map(({ name }) => name))("%s", { timeout: 3_600_000 }, async (name) => {
    for (const dialogue of dialogues.filter(({ mode }) => mode.name === name)) await cutAll(dialogue);
    expect(tally.examples).toEqual([]);
  });

  test("is large enough", () => {
    expect(tally.cuts).toBeGreaterThanOrEqual(wanted.sample ?? 20_000);
    expect(tally.cutsByName.size).toBe(MODES.length * POLICIES.length);
  });
});
