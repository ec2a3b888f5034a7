/**
 * How often a property is tried: in full, or as often as PROPERTY_RUNS says where the suite is run for every mutant.
 *
 * @module
 */

import process from "node:process";

/** `full`, or the limit if that is less. */
export function runs(full: number): number {
  return Math.min(full, Number(process.env.PROPERTY_RUNS ?? full));
}
