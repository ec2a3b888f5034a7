/**
 * A chunk with octets put in here and there -> few pieces. The law here: what is unchanged over a long stretch goes out as
 * a view of the chunk, never copied; what is changed again and again is copied into one buffer, for thousands of small
 * pieces would cost more than the copy.
 *
 * @module
 */

/** An unchanged stretch of so many octets goes out as a view. */
const VIEW_LIMIT = 4096;

/** From so many octets on, the runtime's copy is faster than the loop below, which costs no call (measured: bench/body.mjs). */
const NATIVE_COPY = 512;

/** What is changed goes out in buffers of at most so many octets: they stay in the processor's nearest cache. */
const BUFFER_SIZE = 16 * 1024;

/** Shared, for to make an array costs as much as to scan a short message. */
const EMPTY = new Uint8Array(0);

/** Puts out chunks with octets put in. One at a time: `begin`, any number of `insert`, `end`. */
export class Splice {
  #chunk: Uint8Array = EMPTY;
  #view: DataView | undefined;
  #out: Uint8Array[] = [];
  /** The place in the chunk up to which all is put out. */
  #at = 0;
  /** What goes out changed, filled up to `#filled`; up to `#taken` it has been put out. What is left serves the next chunk. */
  #buffer: Uint8Array = EMPTY;
  #target: DataView | undefined;
  #filled = 0;
  #taken = 0;

  /** Takes up a chunk, seen through `view`, from its octet `at` on; what it becomes is appended to `out`. */
  begin(chunk: Uint8Array, view: DataView, at: number, out: Uint8Array[]): void {
    this.#chunk = chunk;
    this.#view = view;
    this.#at = at;
    this.#out = out;
  }

  /** Puts in an octet in front of the chunk's octet at `at`. */
  insert(octet: number, at: number): void {
    const run = at - this.#at;
    const long = run >= VIEW_LIMIT;
    if (long) this.#putView(at);
    const target = this.#room(long ? 1 : run + 1);
    if (!long) this.#copy(at, target);
    target.setUint8(this.#filled, octet);
    this.#filled += 1;
  }

  /** Puts out the rest of the chunk. */
  end(): void {
    const at = this.#chunk.length;
    const run = at - this.#at;
    // With nothing waiting to go out a view is cheaper than a copy, however short.
    if (run >= VIEW_LIMIT || this.#filled === this.#taken) this.#putView(at);
    else this.#copy(at, this.#room(run));
    this.#flush();
  }

  /** Goes on to `at` with a view of the chunk. */
  #putView(at: number): void {
    this.#flush();
    if (at - this.#at === this.#chunk.length) this.#out.push(this.#chunk);
    else if (at > this.#at) this.#out.push(this.#chunk.subarray(this.#at, at));
    this.#at = at;
  }

  /** Goes on to `at` with a copy, for which there is room. */
  #copy(at: number, target: DataView): void {
    const run = at - this.#at;
    if (run >= NATIVE_COPY) this.#buffer.set(this.#chunk.subarray(this.#at, at), this.#filled);
    else if (this.#view) copyWords(this.#view, this.#at, at, target, this.#filled);
    this.#filled += run;
    this.#at = at;
  }

  /** Room for `octets`, at most `VIEW_LIMIT`. A new buffer is no larger than the rest of the chunk can need: it can double. */
  #room(octets: number): DataView {
    if (this.#target && this.#filled + octets <= this.#buffer.length) return this.#target;
    this.#flush();
    this.#buffer = new Uint8Array(Math.min(BUFFER_SIZE, 2 * (this.#chunk.length - this.#at) + 1));
    this.#target = new DataView(this.#buffer.buffer);
    this.#filled = 0;
    this.#taken = 0;
    return this.#target;
  }

  #flush(): void {
    if (this.#filled > this.#taken) this.#out.push(this.#buffer.subarray(this.#taken, this.#filled));
    this.#taken = this.#filled;
  }
}

/** Copies the octets from `start` to `end` to the place `to`, four words in one step. */
function copyWords(source: DataView, start: number, end: number, target: DataView, to: number): void {
  const shift = to - start;
  let at = start;
  for (; at <= end - 16; at += 16) {
    const a = source.getInt32(at, true);
    const b = source.getInt32(at + 4, true);
    const c = source.getInt32(at + 8, true);
    const d = source.getInt32(at + 12, true);
    target.setInt32(at + shift, a, true);
    target.setInt32(at + shift + 4, b, true);
    target.setInt32(at + shift + 8, c, true);
    target.setInt32(at + shift + 12, d, true);
  }
  for (; at <= end - 4; at += 4) target.setInt32(at + shift, source.getInt32(at, true), true);
  for (; at < end; at++) target.setUint8(at + shift, source.getUint8(at));
}
