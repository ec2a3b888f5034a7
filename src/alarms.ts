/**
 * The session's one timer. The law here: setting and dropping an alarm costs no timer of the runtime; one is armed for
 * the earliest alarm and looks, when it rings, what is due by then.
 *
 * @module
 */

/** One thing to do at a time. */
export interface Alarm {
  /** When, by `now()`. */
  readonly at: number;
  /** What. It does not throw. */
  readonly ring: () => void;
}

/** Milliseconds on a clock that never goes back. */
export function now(): number {
  return performance.now();
}

/** A runtime's timer counts at most this many ms. */
export const LONGEST = 0x7fffffff;

/** A timer keeps the process alive or does not: Node and Bun ask the timer, Deno the runtime. */
export function holdTimer(timer: ReturnType<typeof setTimeout> | number | undefined, held: boolean): void {
  if (typeof timer === "object") timer[held ? "ref" : "unref"]?.();
  if (typeof timer !== "number") return;
  const { Deno } = globalThis as { Deno?: { refTimer?: (id: number) => void; unrefTimer?: (id: number) => void } };
  Deno?.[held ? "refTimer" : "unrefTimer"]?.(timer);
}

/** Alarms on one timer of the runtime. */
export class Alarms {
  #alarms = new Set<Alarm>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armedFor = Number.POSITIVE_INFINITY;
  #held = true;

  /** Whether the timer keeps the process alive, where the runtime lets choose. */
  hold(held: boolean): void {
    this.#held = held;
    holdTimer(this.#timer, held);
  }

  /** Rings at the time given; the timer is touched only if nothing rings earlier. */
  set(at: number, ring: () => void): Alarm {
    const alarm = { at, ring };
    this.#alarms.add(alarm);
    if (at < this.#armedFor) this.#arm(at);
    return alarm;
  }

  /** Drops an alarm. The timer is left, since it finds nothing due when it rings, unless this was the last alarm. */
  drop(alarm: Alarm): void {
    if (this.#alarms.delete(alarm) && this.#alarms.size === 0) this.clear();
  }

  /** Drops all alarms and the timer, so that nothing keeps the process alive. */
  clear(): void {
    this.#alarms.clear();
    clearTimeout(this.#timer);
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#armedFor = at;
    // An alarm beyond that rings after another look.
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(at - now(), 0), LONGEST));
    if (!this.#held) holdTimer(this.#timer, false);
  }

  #look(): void {
    this.#armedFor = Number.POSITIVE_INFINITY;
    const time = now();
    for (const alarm of [...this.#alarms]) {
      if (alarm.at <= time && this.#alarms.delete(alarm)) alarm.ring();
    }
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.#alarms) next = Math.min(next, at);
    if (next < this.#armedFor) this.#arm(next);
  }
}
