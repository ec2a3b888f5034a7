/**
 * What a played session tells, as lines that a test can list.
 *
 * @module
 */

import type { SmtpEvent } from "../../mod.ts";

/** Collects events; `lines()` says of each what does not depend on the clock. */
export class Observed {
  /** Each event as it was told. */
  readonly events: SmtpEvent[] = [];
  /** To be given to `observe`. */
  readonly observer = (event: SmtpEvent): void => {
    this.events.push(event);
  };

  /** A line an event, in order; of replies only if asked for. */
  lines({ replies = false }: { replies?: boolean } = {}): string[] {
    return this.events.filter(({ type }) => replies || type !== "reply").map(line);
  }
}

function line(event: SmtpEvent): string {
  const { type } = event;
  if (type === "reply") return `reply ${event.response.string.split("\n").at(-1)}`;
  const said = [type as string];
  if ("attempt" in event) said.push(`${event.id}/${event.attempt}`);
  if ("to" in event) said.push(`<${event.from}> -> ${event.to.join(", ")}`);
  if ("recipients" in event && type !== "retry")
    said.push(
      event.recipients.map(({ address, fate, retry }) => [address, fate, retry].join(" ").trimEnd()).join(", "),
    );
  if ("size" in event) said.push(`${event.size} octets`);
  if ("tls" in event && event.tls) said.push("tls");
  if ("response" in event && event.response) said.push(`"${event.response}"`);
  if ("error" in event && event.error) said.push(`${event.error.name}/${event.error.phase}`);
  return said.join(" | ");
}
