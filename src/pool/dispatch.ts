/**
 * The shell around `decide`: it opens sessions, gives them what waits, and closes them. The law here: whatever happens
 * changes what is known and then asks `decide` until there is nothing to do; a message that finds a session goes in the
 * same tick; a session that has ended never comes back.
 *
 * @module
 */

import { Alarms, now } from "../alarms.ts";
import type { SmtpClient } from "../client.ts";
import type { Delivery } from "../delivery.ts";
import type { SmtpError } from "../errors.ts";
import { type Asked, type BlockAsk, MessageAsk, openAhead } from "./ask.ts";
import { moment, Wake } from "./clock.ts";
import { type Decision, decide, hasRoom, type Moment, type PoolState } from "./decide.ts";
import type { Listener } from "./listener.ts";
import { type Opening, Openings, type Opens } from "./openings.ts";
import type { PoolSettings } from "./options.ts";
import { Queue } from "./queue.ts";
import { RateLimit } from "./rate.ts";
import { mayGoAgain } from "./requeue.ts";
import type { PooledSession } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { asksToSlowDown, Throttle } from "./throttle.ts";

/** How many sources are open ahead for each session. */
const AHEAD_EACH = 4;

/** The sessions of a pool, and what waits for them. */
export class Dispatch implements PoolState<Asked, PooledSession> {
  readonly queue: Queue<Asked> = new Queue();
  readonly settings: PoolSettings;
  readonly rate: RateLimit;
  readonly throttle: Throttle;
  probing = false;
  /** How many messages are on sessions. */
  messages = 0;
  /** How many blocks have one. */
  blocks = 0;
  readonly #listener: Listener;
  readonly #openings: Openings;
  readonly #sessions: Sessions;
  readonly #alarms = new Alarms();
  readonly #pause = new Wake(() => this.pump(), true);
  #pumping = false;
  #closing = false;
  #forced: SmtpError | undefined;

  /** `opens` makes sessions. */
  constructor(settings: PoolSettings, opens: Opens, listener: Listener) {
    this.settings = settings;
    this.#listener = listener;
    this.rate = new RateLimit(settings.rateLimit, settings.rateDelta);
    this.throttle = new Throttle(settings.throttleDelay, settings.maxThrottleDelay, listener.throttled);
    this.#sessions = new Sessions(
      { ...settings, quitTimeout: opens.limits.quitTimeout },
      {
        left: ({ identity }) => this.queue.recover(identity),
        gone: (session) => this.#gone(session),
      },
    );
    this.#openings = new Openings(opens, {
      opened: (session) => this.#opened(session),
      failed: (opening, error) => this.#notOpened(opening, error),
    });
  }

  /** Sessions that may take a message, or are lent. */
  get sessions(): readonly PooledSession[] {
    return this.#sessions.ready;
  }

  /** Connections: being opened, open, and being closed. */
  get connections(): number {
    return this.#openings.size + this.#sessions.count;
  }

  /** How many sessions are being opened. */
  get opening(): number {
    return this.#openings.size;
  }

  /** True if one more would be taken at once. */
  get hasRoom(): boolean {
    return hasRoom(this, moment());
  }

  /** True once everything has ended; blocks that go on after their session was dropped have nothing to end. */
  get isClosed(): boolean {
    return this.connections + this.queue.size + this.messages + (this.#forced ? 0 : this.blocks) === 0;
  }

  /** It waits, or goes at once. */
  enter(ask: Asked): void {
    this.queue.add(ask);
    ask.watch(this.#alarms, (error) => this.#givesUp(ask, error));
    this.pump();
  }

  #givesUp(ask: Asked, error: SmtpError): void {
    this.#leaves(ask);
    ask.fail(error);
    this.queue.cover();
    if (this.settings.maxMessages === 1) this.#openings.giveUp(ask.identity, error);
    this.pump();
    for (const session of this.sessions.filter(({ identity }) => identity === ask.identity)) this.#rest(session);
  }

  #leaves(ask: Asked): void {
    this.queue.remove(ask);
    ask.unwatch();
  }

  /** Does what there is to do. */
  pump(time: Moment = moment()): void {
    if (this.#pumping) return;
    this.#pumping = true;
    for (;;) {
      this.queue.cover();
      const decision = decide<Asked, PooledSession>(this, time);
      if (decision.to !== "wait") this.#follow(decision, time);
      else if (decision.until < Number.POSITIVE_INFINITY) this.#pause.at(decision.until, time.steady);
      else this.#pause.clear();
      if (decision.to === "wait") break;
    }
    openAhead(this.queue.head, AHEAD_EACH * this.sessions.length);
    if (this.#closing && !this.queue.head) this.#sessions.retireAll();
    this.#pumping = false;
    this.#listener.changed();
  }

  #follow(decision: Exclude<Decision<Asked, PooledSession>, { to: "wait" }>, time: Moment): void {
    const { head } = this.queue;
    if (decision.to === "open") {
      this.#openings.open((this.queue.unclaimed as Asked).identity, this.throttle.round);
    } else if (decision.to === "finish") {
      if (decision.forWhom) this.#sessions.makeRoom(decision.session, decision.forWhom.identity);
      else this.#sessions.expire(decision.session, time.wall);
    } else if (head && decision.to === "refuse") {
      this.#leaves(head);
      head.fail(decision.error);
    } else if (head && decision.to === "give") this.#give(head, decision.session, time);
  }

  #give(ask: Asked, session: PooledSession, time: Moment): void {
    if (!session.connection.usable) {
      this.#sessions.retire(session);
      return;
    }
    this.#leaves(ask);
    session.take(time.wall, ask.exclusive);
    this.rate.take();
    ask.since = time.steady;
    ask.round = this.throttle.round;
    ask.probe = this.throttle.slowed;
    this.probing ||= ask.probe;
    if (ask instanceof MessageAsk) this.#send(ask, session);
    else {
      this.blocks++;
      ask.resolve(session);
    }
  }

  #send(ask: MessageAsk, session: PooledSession): void {
    const first = session.given === 1;
    this.messages++;
    try {
      ask.send(session.smtp).then(
        (delivery) => this.#sent(ask, session, delivery),
        (error: SmtpError) => this.#failed(ask, session, first, error),
      );
    } catch (error) {
      queueMicrotask(() => this.#failed(ask, session, first, error as SmtpError));
    }
    // What was given goes before QUIT, which may leave with the end of the last message (RFC 2920 3.1).
    if (session.spent) this.#sessions.retire(session);
  }

  #sent(ask: MessageAsk, session: PooledSession, delivery: Delivery): void {
    const time = moment();
    this.throttle.succeeded(ask.round);
    this.#listener.stats.answered(time.steady - ask.since);
    this.messages--;
    session.answered(time.wall);
    ask.resolve(delivery);
    this.#answered(ask, session, time);
  }

  #failed(ask: MessageAsk, session: PooledSession, first: boolean, error: SmtpError): void {
    const time = moment();
    const { response, phase } = error;
    if (asksToSlowDown(response, phase, session.served > 0)) this.throttle.slowDown(time.steady, ask.round, response);
    else if (response) this.throttle.succeeded(ask.round);
    this.messages--;
    session.answered(time.wall);
    if (session.deserted(error)) session.connection.drop(error);
    if (session.over && this.#goesAgain(ask, first, error)) this.#comesBack(ask);
    else ask.fail(error);
    this.#answered(ask, session, time);
  }

  #goesAgain(ask: MessageAsk, first: boolean, error: SmtpError): boolean {
    if (this.#forced || ask.requeues >= this.settings.maxRequeues) return false;
    return mayGoAgain(error, { begun: ask.begun, readable: ask.readable, first });
  }

  #comesBack(ask: MessageAsk): void {
    ask.requeues++;
    this.queue.add(ask);
    ask.watch(this.#alarms, (error) => this.#givesUp(ask, error));
  }

  /** What was on the session is done, one way or the other. */
  #answered(ask: Asked, session: PooledSession, time: Moment): void {
    this.rate.answered(time.steady);
    if (ask.probe) this.probing = false;
    if (!session.connection.usable || session.spent) this.#sessions.retire(session);
    this.pump(time);
    this.#rest(session);
  }

  /** A block is done with its session. */
  returned(ask: BlockAsk, session: PooledSession, fresh: SmtpClient, failure: { error: unknown } | undefined): void {
    this.blocks--;
    this.throttle.succeeded(ask.round);
    const time = moment();
    const same = session.comesBack(fresh, time.wall, failure !== undefined, failure?.error);
    if (!same) this.#sessions.retire(session);
    this.#answered(ask, session, time);
  }

  /** A session with nothing to do keeps nothing alive, and is closed when its time comes. */
  #rest(session: PooledSession): void {
    if (!session.joined || session.load > 0) return;
    const { claimed, supply } = session.identity;
    // A session that carries one message is of use to nobody who comes later.
    if (this.settings.maxMessages === 1 && supply > claimed) this.#sessions.retire(session);
    else this.#sessions.rest(session);
  }

  #opened(session: PooledSession): void {
    session.connection.onOver = () => {
      // What a block does with it stays the block's: it hears from its own commands what happened.
      if (!session.lent) this.#sessions.retire(session);
      this.pump();
    };
    this.#sessions.add(session);
    this.#listener.stats.connection();
    this.pump();
    this.#rest(session);
  }

  /** The head of its identity's queue hears of it, unless other sessions do the work: then it is tried again later. */
  #notOpened({ identity, rounds }: Opening, error: SmtpError): void {
    const time = now();
    this.#listener.stats.connection(error);
    const refused = error.phase === "auth" && error.response?.statusTypeChar === "5";
    if (refused) identity.breaker.refused(error, time, rounds.login);
    if (identity.ready > 0 && this.settings.throttleDelay > 0) {
      identity.openings.slowDown(time, rounds.opening);
    } else {
      const { response, phase } = error;
      if (asksToSlowDown(response, phase, false)) this.throttle.slowDown(time, rounds.throttle, response);
      const head = this.queue.firstOf(identity);
      const hear = refused && identity.ready === 0 ? this.queue.all(identity) : head ? [head] : [];
      for (const ask of hear) this.#leaves(ask);
      for (const ask of hear) ask.fail(error);
    }
    this.queue.recover(identity);
    this.#listener.forget(identity);
    this.pump();
  }

  #gone({ identity, yieldsTo }: PooledSession): void {
    if (yieldsTo) yieldsTo.yielding--;
    this.#listener.stats.disconnected();
    this.#listener.forget(identity);
    this.pump();
  }

  /** Every session is closed when nothing is asked of it any more. */
  close(): void {
    this.#closing = true;
    this.pump();
  }

  /** At once: what waits is told so, connections are dropped. */
  force(error: SmtpError): void {
    this.#forced = error;
    this.#closing = true;
    for (const ask of this.queue.all()) {
      this.#leaves(ask);
      ask.fail(error);
    }
    this.#openings.giveUpAll(error);
    this.#sessions.drop(error);
    this.pump();
  }
}
