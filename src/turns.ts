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

/** A first-come queue for one wire. */
export class Turns {
  #first: Entry | undefined;
  #last: Entry | undefined;
  #unanswered = 0;
  #held = false;

  /** How many entries have started and not been answered. */
  get unanswered(): number {
    return this.#unanswered;
  }

  /** True if nothing has been asked for that is not done. */
  get idle(): boolean {
    return this.#unanswered === 0 && this.#first === undefined;
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
    for (const entry of this.#takeAll()) (entry.movable ? other : this).#append(entry);
    other.#next();
  }

  /** What still waits here goes in front of what waits in another queue, which asks for it when its turn is given up. */
  giveBack(other: Turns): void {
    for (const entry of [...this.#takeAll(), ...other.#takeAll()]) other.#append(entry);
  }

  /** @ignore The entry that holds the turn gives it up. */
  passed(): void {
    this.#held = false;
    this.#next();
  }

  /** @ignore An entry that has started is done. */
  answered(): void {
    this.#unanswered--;
    this.#next();
  }

  #enter<T>(run: (turn: Turn) => Promise<T> | T, alone: boolean, movable: boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#append(new Entry(run, alone, movable, resolve as (value: unknown) => void, reject));
      this.#next();
    });
  }

  #append(entry: Entry): void {
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
  }

  #takeAll(): Entry[] {
    const entries: Entry[] = [];
    for (let entry = this.#first; entry; entry = entry.next) entries.push(entry);
    for (const entry of entries) entry.next = undefined;
    this.#first = undefined;
    this.#last = undefined;
    return entries;
  }

  #next(): void {
    while (!this.#held && this.#first) {
      const entry = this.#first;
      if (entry.alone && this.#unanswered > 0) return;
      this.#first = entry.next;
      if (!this.#first) this.#last = undefined;
      entry.next = undefined;
      this.#held = true;
      this.#unanswered++;
      entry.start(this);
    }
  }
}

/** One that waits, and then its turn; linked, so that nothing holds on to those that are done. */
class Entry implements Turn {
  readonly alone: boolean;
  readonly movable: boolean;
  next: Entry | undefined;
  readonly #run: (turn: Turn) => unknown;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  /** The queue that it has started in, which need not be the one that it was put into. */
  #queue: Turns | undefined;
  #passed = false;
  #answered = false;
  #kept = false;

  constructor(
    run: (turn: Turn) => unknown,
    alone: boolean,
    movable: boolean,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#run = run;
    this.alone = alone;
    this.movable = movable;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** The function's first part runs at once, not a tick later. */
  start(queue: Turns): void {
    this.#queue = queue;
    this.#started().then(
      (value) => {
        this.#finished();
        this.#resolve(value);
      },
      (error) => {
        this.#finished();
        this.#reject(error);
      },
    );
  }

  #started(): Promise<unknown> {
    try {
      const value = this.#run(this);
      return value instanceof Promise ? value : Promise.resolve(value);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  pass(): void {
    if (this.#passed) return;
    this.#passed = true;
    this.#queue?.passed();
  }

  keep(): void {
    this.#kept = true;
  }

  done(): void {
    if (this.#answered) return;
    this.#answered = true;
    this.pass();
    this.#queue?.answered();
  }

  #finished(): void {
    if (!this.#kept) this.done();
  }
}
