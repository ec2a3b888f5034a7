/**
 * A source that can be read once, made to be read again: what was read is remembered, and a later attempt is given that
 * and then the rest. The law here: an attempt is given all octets of the source in order, or an error; memory is bounded by
 * the limit; and nothing is read before somebody asks for it.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import { type Message, type MessageSource, message } from "../message.ts";

/** The first piece of memory for what is kept; it doubles. */
const FIRST = 8 * 1024;

type Chunk = IteratorResult<Uint8Array, unknown>;

/** What is worth another attempt of a source, and what is given to each. */
export interface Replayed {
  /** What each attempt is given. */
  readonly source: MessageSource;
  /** True if a function makes it anew for each attempt, so that one which failed is worth another. */
  readonly remade: boolean;
  /** Why another attempt cannot be given it, in words that follow "since", and what to do; undefined if it can. */
  readonly obstacle: string | undefined;
  /** The message is settled: a source that was opened is given up if it has not ended. */
  close(): void;
}

/** How a source is kept. */
export interface ReplayOptions {
  /** Octets that are kept at most. */
  readonly replayLimit: number;
  /** True if a function gives the same source each time, which can be read once: it is called once. */
  readonly singleUse?: boolean;
}

/**
 * The source, so that each attempt can be given it: as it is if it can be read again. Throws `SmtpArgumentError` that names
 * "message" if it is none.
 */
export function replayed(source: MessageSource, { replayLimit, singleUse = false }: ReplayOptions): Replayed {
  const made = message(source);
  if (made.replayable && !(singleUse && made.prepare))
    return { source, remade: made.prepare !== undefined, obstacle: undefined, close: () => undefined };
  return new Replay(made, replayLimit);
}

/** A source that is read once, for all attempts together. */
class Replay implements Replayed {
  readonly source: MessageSource;
  readonly remade = false;
  readonly #message: Message;
  readonly #limit: number;
  /** What was read, as far as it is kept; undefined once it was more than the limit. */
  #kept: Uint8Array | undefined = new Uint8Array(0);
  /** Octets read. */
  #read = 0;
  /** The message, made if a function makes it. */
  #made: Promise<Message> | undefined;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  /** The chunk that is being read, by one attempt or by one that was given up since. */
  #next: Promise<Chunk> | undefined;
  #ended = false;
  #failed = false;

  constructor(opened: Message, limit: number) {
    this.#message = opened;
    this.#limit = limit;
    this.source = async () => {
      const made = await this.#make();
      return made.bytes ?? { [Symbol.asyncIterator]: () => (made.replayable ? made.open() : this.#reader(made)) };
    };
  }

  get obstacle(): string | undefined {
    if (this.#failed) return "its source failed: pass a function that makes the source anew";
    if (this.#kept !== undefined) return undefined;
    return `its source can be read only once and was longer than replayLimit, ${this.#limit} octets: pass a function that makes the source anew, or raise replayLimit`;
  }

  close(): void {
    this.#kept = undefined;
    if (!this.#ended) this.#chunks?.return?.().catch(() => undefined);
  }

  /** A function that gives the same source each time is called once; if it fails, that is the failure of the source. */
  #make(): Promise<Message> {
    const { prepare } = this.#message;
    this.#made ??= prepare ? prepare() : Promise.resolve(this.#message);
    this.#made.catch(() => this.#fail());
    return this.#made;
  }

  #fail(): void {
    this.#failed = true;
    this.#kept = undefined;
  }

  /** What is kept, from the first octet on, and then what follows. To give a reader up leaves the source as it is. */
  #reader(made: Message): AsyncIterator<Uint8Array> {
    let at = 0;
    const next = async (): Promise<Chunk> => {
      if (at < this.#read) {
        const value = this.#from(at);
        at = this.#read;
        return { done: false, value };
      }
      const chunk = await this.#pulled(made);
      if (!chunk.done) at += chunk.value.length;
      return chunk;
    };
    return { next, return: () => Promise.resolve({ done: true, value: undefined }) };
  }

  #from(at: number): Uint8Array {
    if (this.#kept) return this.#kept.subarray(at, this.#read);
    throw new SmtpArgumentError(`Parameter "message" cannot be sent again, since ${this.obstacle}`, {
      phase: "content",
    });
  }

  #pulled(made: Message): Promise<Chunk> {
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    this.#next ??= this.#pull(made);
    return this.#next;
  }

  /** A source that failed fails every attempt: the promise of its failure is kept. */
  async #pull(made: Message): Promise<Chunk> {
    try {
      this.#chunks ??= made.open();
      const chunk = await this.#chunks.next();
      if (chunk.done) this.#ended = true;
      else this.#keep(chunk.value);
      this.#next = undefined;
      return chunk;
    } catch (error) {
      this.#fail();
      throw error;
    }
  }

  /** A copy, since a caller may fill the same memory again, and a small piece may hold much more of it. */
  #keep(chunk: Uint8Array): void {
    const from = this.#read;
    this.#read += chunk.length;
    if (this.#kept === undefined) return;
    if (this.#read > this.#limit) this.#kept = undefined;
    else this.#room(from).set(chunk, from);
  }

  /** The memory with room for all that was read, `used` octets of it in use; what a reader was given stays where it is. */
  #room(used: number): Uint8Array {
    const kept = this.#kept as Uint8Array;
    if (kept.length >= this.#read) return kept;
    const larger = new Uint8Array(Math.min(this.#limit, Math.max(FIRST, this.#read, 2 * kept.length)));
    larger.set(kept.subarray(0, used));
    this.#kept = larger;
    return larger;
  }
}
