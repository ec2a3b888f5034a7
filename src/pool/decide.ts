/**
 * What a pool does next, from what it knows. Pure: no clock, no socket, nothing is changed. The law here: the head of the
 * queue is passed by nobody. It gets an idle session of its identity; else one is opened if the limit allows it, not more
 * than are waited for; else, if there is more mail than connections, the least loaded session that has room; else an idle
 * session of somebody else makes room; else it waits.
 *
 * @module
 */

/** The moment, by two clocks. */
export interface Moment {
  /** The wall clock: it goes on while the process is frozen. */
  readonly wall: number;
  /** The clock that never goes back. */
  readonly steady: number;
}

/** What is asked of an identity. */
export interface IdentityState {
  /** How many of it wait. */
  readonly waiting: number;
  /** How many of them have a session being opened for them. */
  readonly claimed: number;
  /** How many sessions of it are being opened. */
  readonly opening: number;
  /** How many take messages. */
  readonly ready: number;
  /** How many of others are being closed for it. */
  readonly yielding: number;
  /** The pause after a session could not be opened although others work. */
  readonly openings: { readonly until: number };
  /** The pause after its login was refused. */
  readonly breaker: { readonly tripped: boolean; refusal(now: number): Error | undefined };
}

/** One that waits for a session. */
export interface WaitingState {
  /** Whose session it needs. */
  readonly identity: IdentityState;
  /** True if it needs one for itself. */
  readonly exclusive: boolean;
}

/** A session that is open and may take a message. */
export interface SessionState {
  /** Whose it is. */
  readonly identity: IdentityState;
  /** How many messages are on it. */
  readonly load: number;
  /** How many may be. */
  readonly depth: number;
  /** When it was last given a message or answered one, by the wall clock. */
  readonly since: number;
  /** When it was opened, by the wall clock. */
  readonly born: number;
}

/** What a pool knows. */
export interface PoolState<W extends WaitingState, S extends SessionState> {
  /** What waits. */
  readonly queue: { readonly head: W | undefined; readonly unclaimed: W | undefined; readonly claimed: number };
  /** Sessions that may take a message. */
  readonly sessions: readonly S[];
  /** Connections: being opened, open, and being closed. */
  readonly connections: number;
  /** How many of them are being opened. */
  readonly opening: number;
  /** Messages per window. */
  readonly rate: { room(now: number): number; readonly next: number };
  /** The server's wish to slow down, and whether one goes ahead as a probe. */
  readonly throttle: { readonly until: number; readonly slowed: boolean };
  /** True while a probe is under way. */
  readonly probing: boolean;
  /** The options. */
  readonly settings: Lifetimes & { readonly maxConnections: number };
}

/** How long a session lives; 0: no limit. */
export interface Lifetimes {
  /** With nothing to do. */
  readonly idleTimeout: number;
  /** At all. */
  readonly maxAge: number;
}

/** What to do next. */
export type Decision<W, S> =
  | { readonly to: "wait"; readonly until: number }
  | { readonly to: "give"; readonly session: S }
  | { readonly to: "open" }
  | { readonly to: "finish"; readonly session: S; readonly forWhom: W | undefined }
  | { readonly to: "refuse"; readonly error: Error };

const WAIT = { to: "wait", until: Number.POSITIVE_INFINITY } as const;
const OPEN = { to: "open" } as const;

/** The next thing to do; `wait` says until when, by the steady clock, unless something happens before. */
export function decide<W extends WaitingState, S extends SessionState>(
  state: PoolState<W, S>,
  now: Moment,
): Decision<W, S> {
  const { queue, sessions, settings } = state;
  const { head } = queue;
  if (!head) return WAIT;
  const paused = pausedUntil(state, now.steady);
  if (paused > now.steady) return { to: "wait", until: paused };
  const stale = sessions.find((session) => session.load === 0 && isOver(session, settings, now.wall));
  if (stale) return { to: "finish", session: stale, forWhom: undefined };
  const best = leastLoaded(head, state, now);
  if (best?.load === 0) return { to: "give", session: best };
  const barred = head.identity.breaker.refusal(now.steady);
  if (barred && head.identity.ready + head.identity.opening === 0) return { to: "refuse", error: barred };
  const opens = openableAt(state, now.steady);
  if (opens <= now.steady && state.connections < settings.maxConnections) return OPEN;
  // No session of its own is to come: none may be opened for it, or more wait than there can be sessions.
  const crowded = queue.unclaimed && (queue.unclaimed === head || state.connections >= settings.maxConnections);
  if (best && crowded) return { to: "give", session: best };
  const stranger = opens <= now.steady && queue.unclaimed === head ? longestIdle(head, sessions) : undefined;
  const { waiting, claimed, yielding } = head.identity;
  if (stranger && yielding < waiting - claimed) return { to: "finish", session: stranger, forWhom: head };
  return opens > now.steady ? { to: "wait", until: opens } : WAIT;
}

/** True if one more would be taken at once. */
export function hasRoom<W extends WaitingState, S extends SessionState>(state: PoolState<W, S>, now: Moment): boolean {
  const { queue, sessions, connections, settings } = state;
  if (queue.head || pausedUntil(state, now.steady) > now.steady) return false;
  return connections < settings.maxConnections || sessions.some(({ load, depth }) => load < depth);
}

/** Until when nothing is given at all. */
function pausedUntil<W extends WaitingState, S extends SessionState>(
  { rate, throttle, probing }: PoolState<W, S>,
  now: number,
): number {
  if (throttle.until > now) return throttle.until;
  if (probing && throttle.slowed) return Number.POSITIVE_INFINITY;
  return rate.room(now) > 0 ? now : rate.next;
}

/** From when on a session may be opened for the first that has none: not more than may send, and one at a time where it is a trial. */
function openableAt<W extends WaitingState, S extends SessionState>(state: PoolState<W, S>, now: number): number {
  const { queue, opening, rate, throttle } = state;
  const identity = queue.unclaimed?.identity;
  if (!identity || queue.claimed >= rate.room(now) || (throttle.slowed && opening > 0)) return Number.POSITIVE_INFINITY;
  if (identity.breaker.tripped && (identity.opening > 0 || identity.breaker.refusal(now)))
    return Number.POSITIVE_INFINITY;
  return identity.ready > 0 ? Math.max(identity.openings.until, now) : now;
}

/** True of a session that is not used any more, by the wall clock: a process may have been frozen in between. */
export function isOver({ since, born }: SessionState, { idleTimeout, maxAge }: Lifetimes, wall: number): boolean {
  return (idleTimeout > 0 && since + idleTimeout <= wall) || (maxAge > 0 && born + maxAge <= wall);
}

/** When it will be over if nothing happens. */
export function overAt({ since, born }: SessionState, { idleTimeout, maxAge }: Lifetimes): number {
  const idle = idleTimeout > 0 ? since + idleTimeout : Number.POSITIVE_INFINITY;
  return maxAge > 0 ? Math.min(idle, born + maxAge) : idle;
}

/** Of those with room the least loaded; of idle ones the last used, so that the others can go. */
function leastLoaded<W extends WaitingState, S extends SessionState>(
  head: W,
  { sessions, settings }: PoolState<W, S>,
  now: Moment,
): S | undefined {
  let best: S | undefined;
  for (const session of sessions) {
    if (session.identity !== head.identity || session.load >= (head.exclusive ? 1 : session.depth)) continue;
    if (best && (session.load > best.load || (session.load === best.load && session.since <= best.since))) continue;
    if (!isOver(session, settings, now.wall)) best = session;
  }
  return best;
}

/** An idle session of another identity, the one that has been idle the longest. */
function longestIdle<W extends WaitingState, S extends SessionState>(head: W, sessions: readonly S[]): S | undefined {
  let longest: S | undefined;
  for (const session of sessions) {
    if (session.load > 0 || session.identity === head.identity) continue;
    if (!longest || session.since < longest.since) longest = session;
  }
  return longest;
}
