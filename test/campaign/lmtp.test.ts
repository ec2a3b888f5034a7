/**
 * The campaign in memory for LMTP: a connection cut between the replies of several recipients. Its law is the campaign's,
 * each recipient judged by its own reply. How much of it is run is in size.ts.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Cut, FAULTS } from "./cut.ts";
import { dialogue, EARLY, LATE, LMTP_MODES, POLICIES, TROUBLES } from "./dialogues.ts";
import { judge } from "./judge.ts";
import { runInMemory, stopClocks } from "./run.ts";
import { size } from "./size.ts";
import { Tally } from "./tally.ts";

const tally = new Tally();
/** One cut in so many is made; a prime, so that each direction and fault has its part. */
const step = size().sample !== undefined ? 397 : process.env.CAMPAIGN === "full" ? 1 : 61;
let candidate = 0;

async function cutAll(name: string): Promise<void> {
  const mode = LMTP_MODES.find((mode) => mode.name === name) as (typeof LMTP_MODES)[number];
  for (const policy of POLICIES)
    for (const trouble of [LATE, ...TROUBLES, EARLY]) {
      const cutting = dialogue(mode, policy, trouble);
      const [, { arrived }] = await runInMemory(cutting);
      const octets = { ...arrived };
      for (const direction of ["client", "server"] as const)
        for (let at = 0; at < FAULTS.length * (octets[direction] + 1); at++) {
          if (candidate++ % step !== 0) continue;
          const fault = FAULTS[at % FAULTS.length] as Cut["fault"];
          const offset = Math.floor(at / FAULTS.length);
          const [evidence] = await runInMemory(cutting, { direction, offset, fault });
          const verdict = evidence ? judge(evidence) : { violations: ["a send never settled"], facts: [] };
          tally.add(`${name}, ${policy}`, `${cutting.name}, ${direction} ${offset} ${fault}`, fault, verdict);
        }
    }
}

describe("the campaign for LMTP", () => {
  beforeAll(stopClocks);

  afterAll(() => {
    vi.useRealTimers();
    console.log(`The campaign for LMTP, one line a mode and policy\n${tally}`);
  });

  test("without a cut each recipient has the fate of its own reply", async () => {
    for (const mode of LMTP_MODES) {
      const [evidence] = await runInMemory(dialogue(mode, "collect", LATE));
      if (!evidence) throw new Error("A send never settled");
      const { violations, facts } = judge(evidence);
      expect(violations, mode.name).toEqual([]);
      const [first, ...rest] = facts.map(({ fate }) => fate);
      expect([first, ...rest], mode.name).toEqual([
        "accepted",
        "accepted",
        "refused",
        "refused",
        "refused",
        "accepted",
        "accepted",
      ]);
    }
  });

  test.each(LMTP_MODES.map(({ name }) => name))("%s", { timeout: 3_600_000 }, async (name) => {
    await cutAll(name);
    expect(tally.examples).toEqual([]);
    expect(tally.cuts).toBeGreaterThan(50);
  });
});
