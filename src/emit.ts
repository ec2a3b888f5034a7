/**
 * Tells observers of events. The law here: an observer that fails changes nothing, neither what is observed nor what the
 * others are told.
 *
 * @module
 */

import type { SmtpEvent, SmtpObserver } from "./events.ts";
import type { RecipientResult } from "./fate.ts";

/** Tells an event to whoever observes. Never throws. */
export type Emit = (event: SmtpEvent) => void;

/** Tells all of the observers, those of now; undefined if there is none, so that asking whether somebody listens is one check. */
export function emitter(observe: SmtpObserver | readonly SmtpObserver[] | undefined): Emit | undefined {
  const observers = observe === undefined ? [] : typeof observe === "function" ? [observe] : [...observe];
  if (observers.length === 0) return undefined;
  return (event) => {
    Object.freeze(event);
    for (const observer of observers) tell(observer, event);
  };
}

/** Calls it; whatever goes wrong there, at once or later, is ignored. */
export function tell<T>(listener: (value: T) => unknown, value: T): void {
  try {
    const result = listener(value);
    if (typeof result === "object" && result !== null) Promise.resolve(result).catch(ignore);
  } catch {
    // The law: what is observed goes on.
  }
}

/** The recipients as an event tells them: the caller's own are not shared. */
export function told(recipients: readonly RecipientResult[]): readonly RecipientResult[] {
  return Object.freeze(recipients.map((recipient) => Object.freeze({ ...recipient })));
}

function ignore(): void {}
