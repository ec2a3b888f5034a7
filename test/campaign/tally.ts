/**
 * Counts what the judge found, and prints it. The law of its figures, where one fate is one recipient after one cut:
 *
 * - *certain*: the engine could know, since it had not written the end of the message, or had heard a whole answer that
 *   decides. `unknown` among these is what the engine could have told and did not; any is a violation.
 * - *in doubt*: all that were told `unknown`, and how many of these messages the server had stored: where both figures
 *   are far from 0, nobody on the engine's side of the cut can know.
 *
 * @module
 */

import type { Fate } from "../../mod.ts";
import type { Cut } from "./cut.ts";
import type { Verdict } from "./judge.ts";

class Row {
  cuts = 0;
  readonly faults: Record<Cut["fault"], number> = { fin: 0, rst: 0, silence: 0 };
  violations = 0;
  readonly fates: Record<Fate, number> = { accepted: 0, refused: 0, unsent: 0, unknown: 0 };
  certain = 0;
  certainUnknown = 0;
  unknownStored = 0;
}

const COLUMNS =
  "mode, policy|cuts|FIN|RST|silence|violations|accepted|refused|unsent|unknown|of these stored|certain|unknown of these";

/** Counts by name. */
export class Tally {
  readonly #rows = new Map<string, Row>();
  /** The first violations, with what was cut. */
  readonly examples: string[] = [];

  add(name: string, what: string, fault: Cut["fault"], { violations, facts }: Verdict): void {
    for (const row of [this.#row(name), this.#row(ALL)]) {
      row.cuts++;
      row.faults[fault]++;
      row.violations += violations.length;
      for (const { fate, stored, knowable } of facts) {
        row.fates[fate]++;
        if (fate === "unknown" && stored) row.unknownStored++;
        if (knowable) row.certain++;
        if (knowable && fate === "unknown") row.certainUnknown++;
      }
    }
    if (this.examples.length < 20) this.examples.push(...violations.map((violation) => `${what}: ${violation}`));
  }

  #row(name: string): Row {
    const row = this.#rows.get(name) ?? new Row();
    this.#rows.set(name, row);
    return row;
  }

  /** All cuts. */
  get cuts(): number {
    return this.#row(ALL).cuts;
  }

  /** Cuts by name, in the order in which they came. */
  get cutsByName(): ReadonlyMap<string, number> {
    return new Map([...this.#rows].filter(([name]) => name !== ALL).map(([name, { cuts }]) => [name, cuts]));
  }

  /** A table, and the tightness in words. */
  toString(): string {
    const names = [...this.#rows.keys()].filter((name) => name !== ALL);
    const cells = [COLUMNS.split("|"), ...[...names, ALL].map((name) => line(name, this.#row(name)))];
    const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
    const pad = (cell: string, column: number): string =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
    return `${cells.map((row) => row.map(pad).join("  ")).join("\n")}\n${tightness(this.#row(ALL))}`;
  }
}

const ALL = "all";

function line(name: string, row: Row): string[] {
  const { fin, rst, silence } = row.faults;
  const { accepted, refused, unsent, unknown } = row.fates;
  const figures = [row.cuts, fin, rst, silence, row.violations, accepted, refused, unsent, unknown];
  return [name, ...[...figures, row.unknownStored, row.certain, row.certainUnknown].map(String)];
}

function tightness({ fates, certain, certainUnknown, unknownStored, cuts, violations }: Row): string {
  const told = Object.values(fates).reduce((sum, count) => sum + count, 0);
  const share = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(2)} %`;
  const { unknown } = fates;
  return [
    `${cuts} cuts, ${violations} violations`,
    `tightness: ${certainUnknown} of ${certain} fates that were certain are told unknown (${share(certainUnknown, certain)})`,
    `in doubt: ${unknown} of ${told} fates (${share(unknown, told)}); of these ${unknownStored} stored, ${unknown - unknownStored} not`,
  ].join("\n");
}
