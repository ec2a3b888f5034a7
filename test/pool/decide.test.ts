/** What a pool decides, as tables: states in, the next step out. */
import { describe, expect, test } from "vitest";
import {
  decide,
  hasRoom,
  type IdentityState,
  isOver,
  overAt,
  type PoolState,
  type SessionState,
} from "../../src/pool/decide.ts";

interface Person extends IdentityState {
  readonly name: string;
}

interface Session extends SessionState {
  readonly name: string;
}

function person(name: string, changes: Partial<IdentityState> = {}): Person {
  const breaker = { tripped: false, refusal: () => undefined };
  return {
    name,
    waiting: 1,
    claimed: 0,
    opening: 0,
    ready: 0,
    yielding: 0,
    openings: { until: -1 },
    breaker,
    ...changes,
  };
}

const NOW = { wall: 1_000, steady: 50 };
const me = person("me");
const you = person("you");
const idle: Session = { name: "idle", identity: me, load: 0, depth: 2, since: 900, born: 0 };
const busy: Session = { ...idle, name: "busy", load: 1, since: 950 };
const full: Session = { ...idle, name: "full", load: 2 };
const yours: Session = { ...idle, name: "yours", identity: you };
const mine = { identity: me, exclusive: false };
const block = { identity: me, exclusive: true };
const refused = new Error("refused");

type State = PoolState<typeof mine, Session>;

function state(changes: Partial<State> = {}): State {
  return {
    queue: { head: mine, unclaimed: mine, claimed: 0 },
    sessions: [],
    connections: changes.sessions?.length ?? 0,
    opening: 0,
    rate: { room: () => Number.POSITIVE_INFINITY, next: Number.POSITIVE_INFINITY },
    throttle: { until: -1, slowed: false },
    probing: false,
    settings: { maxConnections: 5, idleTimeout: 500, maxAge: 0 },
    ...changes,
  };
}

/** Of the head, with changes to what is known of its identity. */
function known(changes: Partial<IdentityState>, rest: Partial<State> = {}): State {
  const head = { identity: person("me", changes), exclusive: false };
  return state({ queue: { head, unclaimed: head, claimed: 0 }, ...rest });
}

function shown(decision: ReturnType<typeof decide<typeof mine, Session>>): string {
  if (decision.to === "give") return `give ${decision.session.name}`;
  if (decision.to === "finish") return `finish ${decision.session.name}${decision.forWhom ? " for the head" : ""}`;
  if (decision.to === "wait")
    return decision.until < Number.POSITIVE_INFINITY ? `wait until ${decision.until}` : "wait";
  return decision.to;
}

const many = { head: mine, unclaimed: mine, claimed: 2 };
const claimed = { head: mine, unclaimed: undefined, claimed: 1 };
const atLimit = { maxConnections: 1, idleTimeout: 500, maxAge: 0 };

describe("decide()", () => {
  test.each<[string, State, string]>([
    [
      "nothing waits",
      state({ queue: { head: undefined, unclaimed: undefined, claimed: 0 }, sessions: [idle] }),
      "wait",
    ],
    ["no session", state(), "open"],
    ["an idle session", state({ sessions: [full, idle] }), "give idle"],
    [
      "an idle session, one last used later",
      state({ sessions: [idle, { ...idle, name: "later", since: 901 }, idle] }),
      "give later",
    ],
    ["an idle session before one with room that was used later", state({ sessions: [busy, idle, busy] }), "give idle"],
    ["a busy session, and connections are left", state({ sessions: [busy] }), "open"],
    ["a busy session, none left", state({ sessions: [busy], settings: atLimit }), "give busy"],
    [
      "the least loaded",
      state({ sessions: [{ ...full, depth: 3 }, busy], settings: { ...atLimit, maxConnections: 2 } }),
      "give busy",
    ],
    ["all are full", state({ sessions: [full], settings: atLimit }), "wait"],
    [
      "one is being opened for the head",
      state({ queue: claimed, sessions: [busy], opening: 1, connections: 2 }),
      "wait",
    ],
    [
      "as many are being opened as wait, none left",
      state({ queue: claimed, sessions: [busy], settings: atLimit }),
      "wait",
    ],
    [
      "more wait than are being opened, none left",
      state({ queue: { ...many, unclaimed: { ...mine } }, sessions: [busy], settings: atLimit }),
      "give busy",
    ],
    [
      "more wait than are being opened, some left",
      state({ queue: { ...many, unclaimed: { ...mine } }, sessions: [busy] }),
      "open",
    ],
    ["sessions being closed count", state({ connections: 1, settings: atLimit }), "wait"],
    [
      "a block, a busy session, none left",
      state({ queue: { head: block, unclaimed: block, claimed: 0 }, sessions: [busy], settings: atLimit }),
      "wait",
    ],
    [
      "a block, an idle session",
      state({ queue: { head: block, unclaimed: block, claimed: 0 }, sessions: [busy, idle] }),
      "give idle",
    ],
    ["an idle session of somebody else", state({ sessions: [yours] }), "open"],
    [
      "an idle session of somebody else, none left",
      state({ sessions: [yours], settings: atLimit }),
      "finish yours for the head",
    ],
    [
      "the one of somebody else that was idle the longest",
      state({
        sessions: [yours, { ...yours, name: "longest", since: 800 }],
        settings: { ...atLimit, maxConnections: 2 },
      }),
      "finish longest for the head",
    ],
    [
      "a busy session of somebody else, none left",
      state({ sessions: [{ ...yours, load: 1 }], settings: atLimit }),
      "wait",
    ],
    ["room is being made already", known({ yielding: 1 }, { sessions: [yours], settings: atLimit }), "wait"],
    [
      "room is being made for one of two",
      known({ yielding: 1, waiting: 2 }, { sessions: [yours], settings: atLimit }),
      "finish yours for the head",
    ],
    ["an idle session whose time is over", state({ sessions: [{ ...idle, since: 500 }] }), "finish idle"],
    ["one of somebody else whose time is over", state({ sessions: [{ ...yours, since: 500 }] }), "finish yours"],
    [
      "one that is too old",
      state({ sessions: [idle], settings: { maxConnections: 5, idleTimeout: 0, maxAge: 1_000 } }),
      "finish idle",
    ],
    [
      "a busy one that has been silent for so long",
      state({ sessions: [{ ...busy, since: 500 }], settings: atLimit }),
      "wait",
    ],
    ["a pause of the throttle", state({ sessions: [idle], throttle: { until: 70, slowed: true } }), "wait until 70"],
    ["after the pause", state({ sessions: [idle], throttle: { until: 50, slowed: true } }), "give idle"],
    [
      "after the pause, a probe is under way",
      state({ sessions: [idle], throttle: { until: 50, slowed: true }, probing: true }),
      "wait",
    ],
    ["after the pause, no session", state({ throttle: { until: 50, slowed: true } }), "open"],
    [
      "after the pause, one is being opened",
      state({ throttle: { until: 50, slowed: true }, opening: 1, connections: 1 }),
      "wait",
    ],
    ["the window is full", state({ sessions: [idle], rate: { room: () => 0, next: 60 } }), "wait until 60"],
    [
      "the window is full and unanswered",
      state({ sessions: [idle], rate: { room: () => 0, next: Number.POSITIVE_INFINITY } }),
      "wait",
    ],
    [
      "the window has room for those with a session to come",
      state({ queue: { head: { ...mine }, unclaimed: mine, claimed: 2 }, rate: { room: () => 2, next: 60 } }),
      "wait",
    ],
    [
      "the window has room for one more",
      state({ queue: { head: { ...mine }, unclaimed: mine, claimed: 2 }, rate: { room: () => 3, next: 60 } }),
      "open",
    ],
    ["the login was refused", known({ breaker: { tripped: true, refusal: () => refused } }), "refuse"],
    [
      "the login was refused, but a session is there",
      known({ ready: 1, breaker: { tripped: true, refusal: () => refused } }),
      "wait",
    ],
    ["the login was refused a while ago", known({ breaker: { tripped: true, refusal: () => undefined } }), "open"],
    [
      "the login was refused a while ago, one tries",
      known({ opening: 1, breaker: { tripped: true, refusal: () => undefined } }),
      "wait",
    ],
    ["others could not be opened", known({ ready: 1, openings: { until: 90 } }), "wait until 90"],
    ["others could not be opened, and none is left", known({ ready: 0, openings: { until: 90 } }), "open"],
    [
      "others could not be opened, none left",
      known({ ready: 1, openings: { until: 90 } }, { sessions: [yours], settings: atLimit }),
      "wait until 90",
    ],
  ])("%s", (_, given, expected) => {
    expect(shown(decide(given, NOW))).toBe(expected);
  });

  test("refuses with the error of the login", () => {
    const given = known({ breaker: { tripped: true, refusal: () => refused } });
    expect(decide(given, NOW)).toEqual({ to: "refuse", error: refused });
  });
});

describe("hasRoom()", () => {
  const none = { head: undefined, unclaimed: undefined, claimed: 0 };
  test.each<[string, State, boolean]>([
    ["something waits", state({ sessions: [idle] }), false],
    ["connections are left", state({ queue: none }), true],
    ["none left, one is idle", state({ queue: none, sessions: [idle], settings: atLimit }), true],
    ["none left, one has room", state({ queue: none, sessions: [busy], settings: atLimit }), true],
    ["none left, all full", state({ queue: none, sessions: [full], settings: atLimit }), false],
    ["a pause", state({ queue: none, throttle: { until: 51, slowed: true } }), false],
    ["the window is full", state({ queue: none, rate: { room: () => 0, next: 60 } }), false],
  ])("%s", (_, given, expected) => {
    expect(hasRoom(given, NOW)).toBe(expected);
  });
});

test("isOver() and overAt() are by the wall clock, and 0 is no limit", () => {
  const forever = { idleTimeout: 0, maxAge: 0 };
  expect([isOver(idle, forever, 1e15), overAt(idle, forever)]).toEqual([false, Number.POSITIVE_INFINITY]);
  const limits = { idleTimeout: 100, maxAge: 950 };
  expect([949, 950].map((wall) => isOver(idle, limits, wall))).toEqual([false, true]);
  expect(overAt(idle, limits)).toBe(950);
  expect(overAt(idle, { ...limits, maxAge: 5_000 })).toBe(1_000);
});
