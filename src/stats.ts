/**
 * Figures of what was sent, and whether that is well: a fold of events. The law here: a message counts once, however often it
 * was tried, and as sent only if somebody accepted it; what is not known yet is undefined, not 0.
 *
 * @module
 */

import { type Check, COUNT, MILLISECONDS, PART } from "./checks.ts";
import type { MessageEndEvent, SendEndEvent, SmtpEvent, SmtpObserver } from "./events.ts";
import type { Fate, Phase, RecipientResult, SmtpFailure } from "./fate.ts";
import { checkNames, checkOption } from "./options.ts";

/** How many of the latest are looked at for means, percentiles and health: as monitoring of Net::SMTP does. */
const WINDOW = 100;

/** What was sent since when. All of it is plain data. */
export interface SmtpFigures {
  /** Since when it is counted: milliseconds since 1970. */
  readonly since: number;
  /** Messages that at least one recipient accepted. */
  readonly totalSent: number;
  /** Messages that nobody is known to have accepted: refused, unsent, or unknown (`fates` tells them apart). */
  readonly totalFailed: number;
  /** Attempts beyond the first of their message. */
  readonly totalRetries: number;
  /** `totalSent` of all messages that ended, from 0 to 1; undefined before the first. */
  readonly successRate: number | undefined;
  /** The same of the last 100 messages. */
  readonly recentSuccessRate: number | undefined;
  /** Mean milliseconds from giving a message to a session to its acceptance, of the last 100 accepted; undefined before the first. */
  readonly averageResponseTime: number | undefined;
  /** Of the same 100, in milliseconds (nearest rank). */
  readonly percentiles: SmtpPercentiles | undefined;
  /** The last thing that failed: a message's last attempt, or a start. */
  readonly lastError: SmtpLastError | undefined;
  /** How many recipients had which fate, duplicates counted. */
  readonly fates: Readonly<Record<Fate, number>>;
  /** Sessions, by what became of their start. */
  readonly connections: {
    /** Sessions that are open now. */
    readonly open: number;
    /** Sessions ever started. */
    readonly opened: number;
    /** Starts that failed. */
    readonly failed: number;
  };
}

/** Milliseconds within which a part of the messages were accepted. */
export interface SmtpPercentiles {
  /** Half of them. */
  readonly p50: number;
  /** 90 of 100. */
  readonly p90: number;
  /** 99 of 100. */
  readonly p99: number;
}

/** What failed last, as plain data. The message may name addresses. */
export interface SmtpLastError {
  /** When: milliseconds since 1970. */
  readonly time: number;
  /** The error's stable code, `SMTP_…`. */
  readonly code: string;
  /** The step of the dialogue. */
  readonly phase: Phase;
  /** In words. */
  readonly message: string;
}

/** What counts as well. */
export interface SmtpHealthLimits {
  /** The least `recentSuccessRate`, from 0 to 1. Default 0.95. */
  minSuccessRate?: number | undefined;
  /** How many messages must have ended before their rate says anything. Default 10. */
  minMessages?: number | undefined;
  /** The greatest `averageResponseTime` in milliseconds. Default 10 000. */
  maxAverageResponseTime?: number | undefined;
  /** How many starts may fail one after the other. Default 2. */
  maxFailedConnections?: number | undefined;
}

/** Whether it is well, why not, and the figures. */
export interface SmtpHealth extends SmtpFigures {
  /** True if no limit is broken. */
  readonly healthy: boolean;
  /** A sentence for each limit that is. */
  readonly reasons: readonly string[];
}

const LIMITS: Readonly<Required<Record<keyof SmtpHealthLimits, number>>> = {
  minSuccessRate: 0.95,
  minMessages: 10,
  maxAverageResponseTime: 10_000,
  maxFailedConnections: 2,
};

const CHECKS: Readonly<Record<keyof SmtpHealthLimits, Check>> = {
  minSuccessRate: PART,
  minMessages: COUNT,
  maxAverageResponseTime: MILLISECONDS,
  maxFailedConnections: COUNT,
};

/**
 * Counts what events tell. Give its `observer` to the option `observe` of one session or of many.
 *
 * ```ts
 * const figures = new SmtpStats();
 * const smtp = new NetSmtp("smtp.example.com", 587, { observe: figures.observer });
 * ```
 */
export class SmtpStats {
  readonly #since: number;
  #sent = 0;
  #failed = 0;
  #retries = 0;
  #lastError: SmtpLastError | undefined;
  readonly #fates: Record<Fate, number> = { accepted: 0, refused: 0, unsent: 0, unknown: 0 };
  readonly #connections = { open: 0, opened: 0, failed: 0 };
  #failedInARow = 0;
  readonly #times = new Latest<number>();
  readonly #outcomes = new Latest<boolean>();
  /** Messages of a pool that are under way, by id: their attempts are not messages. */
  readonly #pooled = new Map<string, number>();

  /** Counts from now on, or from the time given. */
  constructor(since: number = Date.now()) {
    this.#since = since;
  }

  /** To be told of events. */
  readonly observer: SmtpObserver = (event) => this.#take(event);

  #take(event: SmtpEvent): void {
    if (event.type === "connectEnd") this.connection(event.error, event.time);
    else if (event.type === "disconnect") this.disconnected();
    else if (event.type === "messageStart") this.#pooled.set(event.id, (this.#pooled.get(event.id) ?? 0) + 1);
    else if (event.type === "messageEnd") this.#pooledEnded(event);
    else if (event.type === "retry") this.retry();
    else if (event.type === "sendStart" && event.attempt > 1 && !this.#pooled.has(event.id)) this.retry();
    else if (event.type === "sendEnd") this.#sendEnded(event);
  }

  #sendEnded({ id, recipients, duration, error, time }: SendEndEvent): void {
    if (recipients.some(({ fate }) => fate === "accepted")) this.answered(duration);
    if (!this.#pooled.has(id)) this.message(recipients, error, time);
    else if (error) this.#erred(error, time);
  }

  /** @ignore A session was started, or failed to start. */
  connection(error?: Error & SmtpFailure, time?: number): void {
    this.#failedInARow = error ? this.#failedInARow + 1 : 0;
    this.#connections[error ? "failed" : "opened"]++;
    if (error) this.#erred(error, time);
    else this.#connections.open++;
  }

  /** @ignore A session is over. */
  disconnected(): void {
    this.#connections.open--;
  }

  /** @ignore Another attempt is made. */
  retry(): void {
    this.#retries++;
  }

  /** @ignore A message was accepted, so many milliseconds after it was given to its session. */
  answered(duration: number): void {
    this.#times.keep(duration);
  }

  /** @ignore A message ended, all its attempts with it. */
  message(recipients: readonly RecipientResult[], error?: Error & SmtpFailure, time?: number): void {
    for (const { fate } of recipients) this.#fates[fate]++;
    const sent = recipients.some(({ fate }) => fate === "accepted");
    if (sent) this.#sent++;
    else this.#failed++;
    this.#outcomes.keep(sent);
    if (error) this.#erred(error, time);
  }

  #pooledEnded({ id, recipients, error, time }: MessageEndEvent): void {
    const others = (this.#pooled.get(id) ?? 1) - 1;
    if (others > 0) this.#pooled.set(id, others);
    else this.#pooled.delete(id);
    this.message(recipients, error, time);
  }

  #erred({ code, phase, message }: Error & SmtpFailure, time: number = Date.now()): void {
    this.#lastError = { time, code, phase, message };
  }

  /** The figures as they are now: a copy. */
  stats(): SmtpFigures {
    const outcomes = this.#outcomes.values;
    const times = [...this.#times.values].sort((a, b) => a - b);
    return {
      since: this.#since,
      totalSent: this.#sent,
      totalFailed: this.#failed,
      totalRetries: this.#retries,
      successRate: part(this.#sent, this.#sent + this.#failed),
      recentSuccessRate: part(outcomes.filter(Boolean).length, outcomes.length),
      averageResponseTime: part(
        times.reduce((sum, time) => sum + time, 0),
        times.length,
      ),
      percentiles: times.length === 0 ? undefined : percentiles(times),
      lastError: this.#lastError,
      fates: { ...this.#fates },
      connections: { ...this.#connections },
    };
  }

  /** Whether it is well. Throws `SmtpArgumentError` for a limit that is unknown or out of its range. */
  healthCheck(limits: SmtpHealthLimits = {}): SmtpHealth {
    checkNames(limits, Object.keys(CHECKS));
    for (const [name, value] of Object.entries(limits)) checkOption(name, value, CHECKS[name as keyof typeof CHECKS]);
    const given = Object.entries(limits).filter(([, value]) => value !== undefined);
    const figures = this.stats();
    const reasons = this.#reasons({ ...LIMITS, ...Object.fromEntries(given) }, figures);
    return { healthy: reasons.length === 0, reasons, ...figures };
  }

  #reasons(limits: typeof LIMITS, { recentSuccessRate: rate, averageResponseTime: mean }: SmtpFigures): string[] {
    const reasons: string[] = [];
    const ended = this.#outcomes.values.length;
    if (rate !== undefined && ended >= limits.minMessages && rate < limits.minSuccessRate)
      reasons.push(`Success rate of the last ${ended} messages is ${rate}, expected at least ${limits.minSuccessRate}`);
    if (mean !== undefined && mean > limits.maxAverageResponseTime)
      reasons.push(
        `Average response time is ${Math.round(mean)} ms, expected at most ${limits.maxAverageResponseTime} ms`,
      );
    if (this.#failedInARow > limits.maxFailedConnections)
      reasons.push(`Last ${this.#failedInARow} connections failed, expected at most ${limits.maxFailedConnections}`);
    return reasons;
  }
}

/** The latest values, no more than are looked at, in no order. */
class Latest<T> {
  readonly values: T[] = [];
  #oldest = 0;

  keep(value: T): void {
    this.values[this.#oldest] = value;
    this.#oldest = (this.#oldest + 1) % WINDOW;
  }
}

function part(of: number, all: number): number | undefined {
  return all === 0 ? undefined : of / all;
}

/** Of numbers in order: the least of which so many of 100 are not greater. */
function percentiles(sorted: readonly number[]): SmtpPercentiles {
  const rank = (percent: number): number => sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
  return { p50: rank(50), p90: rank(90), p99: rank(99) };
}
