/**
 * How much of the campaign is run: all of it by hand, a part that fills CI's time, or a sample. Its law: whatever the
 * size, each mode, policy, trouble, direction and fault has its part, and the same size makes the same cuts.
 *
 * ```text
 * CAMPAIGN=full        every cut                                             (by hand, some minutes)
 * CAMPAIGN=ci          every cut of the main dialogue, a part of the others  (npm run campaign)
 * CAMPAIGN_SAMPLE=n    n cuts, evenly spread                 (npm test: 500; where the suite is sampled 1 000)
 * ```
 *
 * @module
 */

import { SAMPLED } from "../support/runs.ts";
import { SOME_REFUSED, type Trouble } from "./dialogues.ts";

/** Of the other dialogues CI makes one cut in so many. */
const CI_SHARE = 4;

/** What is to be run. */
export interface Size {
  /** So many cuts in all; undefined: a share. */
  readonly sample: number | undefined;
  /** One cut in so many. */
  every(trouble: Trouble): number;
}

/** What the environment asks for. */
export function size(): Size {
  const { CAMPAIGN, CAMPAIGN_SAMPLE } = process.env;
  const every = (trouble: Trouble): number => (CAMPAIGN === "full" || trouble === SOME_REFUSED ? 1 : CI_SHARE);
  if (CAMPAIGN_SAMPLE) return { sample: Number(CAMPAIGN_SAMPLE), every };
  if (SAMPLED) return { sample: 1_000, every };
  return { sample: CAMPAIGN ? undefined : 500, every };
}
