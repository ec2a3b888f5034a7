/**
 * Whose turn it is on the wire. The law here (design.md, Turns): entries start in the order in which they were asked for;
 * a message starts when the one before it has passed the turn on, a single exchange when everything before it has been
 * answered. Passing is synchronous, so that what the next one writes leaves with what the last one wrote.
 *
 * @module
 */

/** The right to write. It is given up by `pass`, at the latest when the entry is done. */
export interface Turn {
  /** The next entry may write; this one only reads. */
  pass(): void;
  /** The turn stays when the entry's function is done, until `done` is called: a manual transaction. */
  keep(): void;
  /** This entry has been answered. */
  done(): void;
}

interface Entry {
  readonly alone: boolean;
  /** True if `moveExchanges` moves it. */
  readonly movable: boolean;
  /** In the queue that it has come to, which need not be the one that it was put into. */
  start(queue: Turns): void;
}

/** A first-come queue for one wire. */
export class Turns {
  #waiting: Entry[] = [];
  #first = 0;
  #unanswered = 0;
  #held = false;

  /** How many entries have started and not been answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** True if nothing has been asked for that is not done. */
  get idle(): boolean {
    return this.#unanswered === 0 && this.#first === this.#waiting.length;
  }

  /** A message: starts when the entry before it has passed the turn. */
  overlapping<T>(run: (turn: Turn) => Promise<T>): Promise<T> {
    return this.#enter(run, false, false);
  }

  /** An exchange: starts when everything before it has been answered. */
  alone<T>(run: (turn: Turn) => Promise<T> | T): Promise<T> {
    return this.#enter(run, true, true);
  }

  /** The end of the session: as an exchange, but it stays where it was asked for. */
  last<T>(run: (turn: Turn) => Promise<T> | T): Promise<T> {
    return this.#enter(run, true, false);
  }

  /** The exchanges that wait are moved to another queue; messages stay. */
  moveExchanges(other: Turns): void {
    const waiting = this.#waiting.slice(this.#first);
    this.#waiting = waiting.filter(({ movable }) => !movable);
    this.#first = 0;
    for (const entry of waiting) if (entry.movable) other.#waiting.push(entry);
    other.#next();
  }

  /** What still waits here goes in front of what waits in another queue, which asks for it when its turn is given up. */
  giveBack(other: Turns): void {
    other.#waiting = [...this.#waiting.slice(this.#first), ...other.#waiting.slice(other.#first)];
    other.#first = 0;
    this.#waiting = [];
    this.#first = 0;
  }

  #enter<T>(run: (turn: Turn) => Promise<T> | T, alone: boolean, movable: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ alone, movable, start: (queue) => queue.#start(run, resolve, reject) });
      this.#next();
    });
  }

  #next(): void {
    while (!this.#held && this.#first < this.#waiting.length) {
      const entry = this.#waiting[this.#first] as Entry;
      if (entry.alone && this.#unanswered > 0) return;
      this.#first++;
      if (this.#first > 1_000 && this.#first * 2 > this.#waiting.length) this.#forget();
      this.#held = true;
      this.#unanswered++;
      entry.start(this);
    }
  }

  #forget(): void {
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }

  #start<T>(run: (turn: Turn) => Promise<T> | T, resolve: (value: T) => void, reject: (error: unknown) => void): void {
    const turn = new TurnHeld(
      () => {
        this.#held = false;
        this.#next();
      },
      () => {
        this.#unanswered--;
        this.#next();
      },
    );
    settle(run, turn).then(
      (value) => {
        turn.finished();
        resolve(value);
      },
      (error) => {
        turn.finished();
        reject(error);
      },
    );
  }
}

/** The function's first part runs at once, not a tick later. */
async function settle<T>(run: (turn: Turn) => Promise<T> | T, turn: Turn): Promise<T> {
  return run(turn);
}

class TurnHeld implements Turn {
  #passed = false;
  #answered = false;
  #kept = false;
  readonly #onPass: () => void;
  readonly #onDone: () => void;

  constructor(onPass: () => void, onDone: () => void) {
    this.#onPass = onPass;
    this.#onDone = onDone;
  }

  pass(): void {
    if (this.#passed) return;
    this.#passed = true;
    this.#onPass();
  }

  keep(): void {
    this.#kept = true;
  }

  done(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.pass();
    this.#onDone();
  }

  finished(): void {
    if (!this.#kept) this.done();
  }
}
