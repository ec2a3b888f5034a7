/**
 * A message -> the octets that go over the wire (RFC 5321 4.5.2, Net::SMTP's `data`). CRLF, bare LF and bare CR each end
 * a line and become CRLF; a line that begins with a dot gets another; an unfinished last line is ended; the empty message
 * is one empty line. The law here: no bare CR or LF leaves, the end of data stands once and last, and how the message is
 * cut into chunks never changes an octet. What needs no change is not copied.
 *
 * @module
 */

import { SmtpArgumentError } from "../errors.ts";
import { Splice } from "./splice.ts";

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;

/** The end of the last line where it is missing, and the end of data. */
const END_OF_LINE = Uint8Array.of(CR, LF);
const END_OF_DATA = Uint8Array.of(DOT, CR, LF);
const END_OF_BOTH = Uint8Array.of(CR, LF, DOT, CR, LF);

/** How a message is encoded. */
export interface BodyEncoderOptions {
  /** True (the default) for DATA; false for BDAT, where the octets are counted: no dots are added, and no end of data. */
  readonly dots?: boolean;
  /** True for BINARYMIME (RFC 3030 3): not an octet is touched, lines are the message's own affair. Default false. */
  readonly binary?: boolean;
}

/** Encodes one message, chunk by chunk. */
export class BodyEncoder {
  readonly #dots: boolean;
  readonly #binary: boolean;
  readonly #splice = new Splice();
  /** Octets of the line that has not ended yet. */
  #line = 0;
  /** True if the chunk before ended with a CR: its LF is put out already, and one that follows belongs to it. */
  #afterCr = false;
  #longestLine = 0;
  #messageSize = 0;
  #addedSize = 0;
  #ended = false;

  /** Makes an encoder for one message. */
  constructor(options: BodyEncoderOptions = {}) {
    this.#binary = options.binary ?? false;
    this.#dots = !this.#binary && (options.dots ?? true);
  }

  /** Octets put out so far, dots and the end of data included. */
  get size(): number {
    return this.#messageSize + this.#addedSize;
  }

  /** Octets of the message so far as SIZE counts them: line ends as CRLF, without the added dots and the end of data (RFC 1870). */
  get messageSize(): number {
    return this.#messageSize;
  }

  /** Octets of the longest line so far, without its CRLF and added dot: RFC 5321 4.5.3.1.6 allows 998. */
  get longestLine(): number {
    return Math.max(this.#longestLine, this.#line);
  }

  /**
   * Appends to `out` what the chunk becomes. That can be the chunk itself, or views of it: it must not change until they have left.
   * After `end`: SmtpArgumentError.
   */
  push(chunk: Uint8Array, out: Uint8Array[]): void {
    if (this.#ended)
      throw new SmtpArgumentError("The message has ended: encode the next one with an encoder of its own");
    if (chunk.length === 0) return;
    if (this.#binary) this.#pushBinary(chunk, out);
    else this.#pushLines(chunk, out);
  }

  #pushBinary(chunk: Uint8Array, out: Uint8Array[]): void {
    this.#messageSize += chunk.length;
    out.push(chunk);
  }

  #pushLines(chunk: Uint8Array, out: Uint8Array[]): void {
    const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    const start = this.#afterCr && view.getUint8(0) === LF ? 1 : 0;
    this.#splice.begin(chunk, view, start, out);
    this.#messageSize += chunk.length - start;
    this.#encodeLines(view, start, chunk.length);
    this.#afterCr = view.getUint8(chunk.length - 1) === CR;
    this.#splice.end();
  }

  /** Appends to `out` the end: of the last line if it is missing, and of data. After `end`: SmtpArgumentError. */
  end(out: Uint8Array[]): void {
    if (this.#ended)
      throw new SmtpArgumentError("The message has ended: encode the next one with an encoder of its own");
    this.#ended = true;
    if (this.#binary) return;
    const unfinished = this.#line > 0 || this.#messageSize === 0;
    if (unfinished) this.#messageSize += END_OF_LINE.length;
    if (this.#dots) this.#addedSize += END_OF_DATA.length;
    if (this.#dots) out.push(unfinished ? END_OF_BOTH : END_OF_DATA);
    else if (unfinished) out.push(END_OF_LINE);
  }

  #encodeLines(view: DataView, start: number, length: number): void {
    let lineStart = start - this.#line;
    let longest = this.#longestLine;
    let at = start;
    while (at < length) {
      if (at === lineStart && this.#dots && view.getUint8(at) === DOT) {
        this.#splice.insert(DOT, at);
        this.#addedSize += 1;
      }
      at = lineEnd(view, at, length);
      if (at === length) break;
      if (at - lineStart > longest) longest = at - lineStart;
      const whole = at + 1 < length && view.getUint8(at) === CR && view.getUint8(at + 1) === LF;
      at = whole ? at + 2 : this.#encodeLineEnd(view, at);
      lineStart = at;
    }
    this.#longestLine = longest;
    this.#line = length - lineStart;
  }

  /** Makes CRLF of the half of one at `at`; returns where the next line begins. */
  #encodeLineEnd(view: DataView, at: number): number {
    const lf = view.getUint8(at) === LF;
    this.#messageSize += 1;
    this.#splice.insert(lf ? CR : LF, lf ? at : at + 1);
    return at + 1;
  }
}

/**
 * The place of the first CR or LF at or after `from`, or the length. Four octets are looked at in one step: that finds
 * both at once, in any runtime and in any kind of byte array, nearly as fast as a native search finds one of them.
 * The length is handed down, since `view.byteLength` is a slow getter.
 */
export function lineEnd(view: DataView, from: number, length: number): number {
  let at = from;
  while (at < length) {
    at = skipText(view, at, length);
    const stop = Math.min(at + 4, length);
    for (; at < stop; at++) {
      const octet = view.getUint8(at);
      if (octet === LF || octet === CR) return at;
    }
  }
  return length;
}

/** Passes over words without an octet of CR or less. Stops at the first word that has one, or where less than a word is left. */
function skipText(view: DataView, from: number, length: number): number {
  let at = from;
  for (; at <= length - 16; at += 16) {
    const first = upToCr(view.getInt32(at, true)) | upToCr(view.getInt32(at + 4, true));
    const second = upToCr(view.getInt32(at + 8, true)) | upToCr(view.getInt32(at + 12, true));
    if (((first | second) & 0x80808080) !== 0) break;
  }
  for (; at <= length - 4; at += 4) {
    if ((upToCr(view.getInt32(at, true)) & 0x80808080) !== 0) break;
  }
  return at;
}

/**
 * The top bit of some octet is set if the word has an octet of CR or less: taking CR + 1 from it borrows from its top bit,
 * and `~word` leaves out the octets that had theirs set before. A borrow can mark the octet above too, and hides none.
 */
function upToCr(word: number): number {
  return (word - 0x0e0e0e0e) & ~word;
}
