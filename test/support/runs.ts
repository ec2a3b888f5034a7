/**
 * How much is tried: all of it, or the part that `SUITE_SIZE=sample` asks for, as test/runtimes/run.mjs does everywhere but
 * on Node 20. Its law: a part has every case that the whole has, only less often.
 *
 * @module
 */

import process from "node:process";

/** How often a property is tried where the suite is sampled. */
const SAMPLED_RUNS = 100;

/** Whether this is the sample. */
export const SAMPLED: boolean = process.env.SUITE_SIZE === "sample";

/** How often a property is tried: `full`, or the limit if that is less (PROPERTY_RUNS, where the suite is run for every mutant). */
export function runs(full: number): number {
  return Math.min(full, Number(process.env.PROPERTY_RUNS ?? (SAMPLED ? SAMPLED_RUNS : full)));
}

/** How many there are of what is tried in bulk. */
export function many(full: number, sample: number): number {
  return SAMPLED ? sample : full;
}
