/**
 * How a dialogue went, read from its lines: what shows that a mode was what its name says.
 *
 * @module
 */

import type { DialogueEvent } from "../../../mod.ts";

type Line = Pick<DialogueEvent, "side" | "kind" | "text">;

const said = (lines: readonly Line[]): Line[] => lines.filter(({ kind }) => kind !== "note");

/** The commands that begin so. */
export function commands(lines: readonly Line[], verb: string): string[] {
  return lines.filter(({ kind, text }) => kind === "command" && text.startsWith(verb)).map(({ text }) => text);
}

/** The most commands that were unanswered at one time; the dot that ends a message is one. */
export function deepest(lines: readonly Line[]): number {
  let [owed, most] = [0, 0];
  for (const { kind, text } of said(lines)) {
    if (kind === "command") most = Math.max(most, ++owed);
    else if (kind === "reply" && /^\d{3}( |$)/.test(text)) owed = Math.max(0, owed - 1);
  }
  return most;
}

/** How often MAIL was said before the message in front of it was answered; RSET may stand between. */
export function overlaps(lines: readonly Line[]): number {
  const spoken = said(lines).filter(({ text }) => text !== "RSET");
  const ends = ({ kind, text }: Line) => kind === "content" || text === ".";
  return spoken.filter(({ text }, at) => text.startsWith("MAIL FROM") && at > 0 && ends(spoken[at - 1]!)).length;
}
