/**
 * Octets -> replies (RFC 5321 section 4.2).
 * The law here: what a server sends is either a reply of the grammar or a violation, and which of them never depends on
 * how the octets were cut into chunks. The work is linear in the octets, and what is held is bounded by `ReplyLimits`.
 *
 * @module
 */

import { SmtpProtocolError, shown } from "../errors.ts";
import { SmtpResponse } from "./response.ts";

export { DUMMY_RESPONSE, SmtpResponse } from "./response.ts";

/** How much of one reply is taken before it counts as an attack. Positive whole numbers. */
export interface ReplyLimits {
  /** Octets of one line, its line end included. */
  line: number;
  /** Lines of one reply. */
  lines: number;
  /** Octets of one reply, all its line ends included. */
  bytes: number;
}

/**
 * RFC 5321 section 4.5.3.1.5 says 512 octets a line; RFC 4954 section 4 says 12 288, for challenges. Real EHLO replies
 * have some 30 lines, the longest HELP seen about 100; 64 KiB hold them all, and are what one connection can make us keep.
 */
const DEFAULTS: ReplyLimits = { line: 12_288, lines: 1_000, bytes: 65_536 };

/** The limits where a caller names the octets of a reply: then they alone count. */
export function replyLimits(bytes: number | undefined): ReplyLimits {
  return bytes === undefined ? DEFAULTS : { line: bytes, lines: bytes, bytes };
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const HYPHEN = 0x2d;
const DIGIT_0 = 0x30;
const DIGIT_2 = 0x32;
const DIGIT_5 = 0x35;
const DIGIT_9 = 0x39;

/** Octets of a bad line that its error is given to show; some more than it does, so that a cut shows as "…". */
const EXCERPT = 64;

/** A chunk of so many octets is read as one text; a reply that is kept keeps it. */
const SHORT = 4_096;

const NO_BYTES: Uint8Array = new Uint8Array(0);

// Not fatal: what a server says need not be UTF-8. A line is decoded whole, so no character is ever cut.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Octets in chunks -> replies. The same octets give the same replies and the same violation however they are cut. Lines
 * are judged when they end, or when they can no longer end within the limits.
 */
export class ReplyParser {
  #limits: ReplyLimits;
  /** The lines of the incomplete reply, and their octets. */
  #lines: string[] = [];
  #octets = 0;
  /** The code of those lines as a number of three octets; 0 before the first. */
  #code = 0;
  /** The incomplete line: a copy, because a chunk belongs to its giver. `#held` octets of it are in use. */
  #line: Uint8Array = NO_BYTES;
  #held = 0;
  #violation: SmtpProtocolError | undefined;

  /** Makes a parser; limits left out are 12 288 octets a line, 1 000 lines and 65 536 octets a reply. */
  constructor(limits: Partial<ReplyLimits> = {}) {
    const { line = DEFAULTS.line, lines = DEFAULTS.lines, bytes = DEFAULTS.bytes } = limits;
    this.#limits = { line, lines, bytes };
  }

  /** Octets held of a reply that is not complete; 0 on a boundary between replies, and after a violation. */
  get buffered(): number {
    return this.#octets + this.#held;
  }

  /**
   * Reads a chunk to its end and appends the replies that it completes. Returns the violation if there is one; the replies
   * before it are appended, nothing behind it is read, and every later call returns it again. The chunk is not kept.
   */
  push(chunk: Uint8Array, replies: SmtpResponse[]): SmtpProtocolError | undefined {
    const text = asciiOf(chunk);
    let start = 0;
    while (this.#violation === undefined && start < chunk.length) {
      const end = chunk.indexOf(LF, start) + 1 || chunk.length;
      this.#violation = this.#next({ octets: chunk, text }, start, end, replies);
      start = end;
    }
    if (this.#violation !== undefined) this.#forget();
    return this.#violation;
  }

  /** A line, or the part of one that the chunk has, from `start` to `end`. */
  #next(chunk: Octets, start: number, end: number, replies: SmtpResponse[]): SmtpProtocolError | undefined {
    const { octets } = chunk;
    const complete = octets[end - 1] === LF;
    if (!this.#fits(end - start, complete)) return this.#excess(octets.subarray(start, end));
    if (complete && this.#held === 0) return this.#read(chunk, start, end, replies);
    this.#hold(octets.subarray(start, end));
    if (!complete) return undefined;
    const length = this.#held;
    this.#held = 0;
    return this.#read({ octets: this.#line, text: undefined }, 0, length, replies);
  }

  /** False if the line cannot end within the limits any more: it is over, or at the limit without its end. */
  #fits(length: number, complete: boolean): boolean {
    const allowed = Math.min(this.#limits.line, this.#limits.bytes - this.#octets);
    const octets = this.#held + length;
    return octets < allowed || (complete && octets === allowed);
  }

  #excess(piece: Uint8Array): SmtpProtocolError {
    const { line, bytes } = this.#limits;
    const allowed = Math.min(line, bytes - this.#octets);
    const what =
      allowed === line ? `line of more than ${line} octets` : `reply of more than ${bytes} octets, at the line`;
    this.#hold(piece.subarray(0, EXCERPT));
    // Cut at `allowed`, which is what has been seen of the line whatever the chunks were.
    return violation(what, this.#line.subarray(0, Math.min(this.#held, EXCERPT, allowed)), "a shorter reply");
  }

  /** Keeps a copy of a piece of a line. The room doubles, so that a line that comes octet by octet costs no more than its length. */
  #hold(piece: Uint8Array): void {
    const held = this.#held + piece.length;
    if (held > this.#line.length) {
      const room = new Uint8Array(Math.max(held, 2 * this.#line.length, 128));
      room.set(this.#line.subarray(0, this.#held));
      this.#line = room;
    }
    this.#line.set(piece, this.#held);
    this.#held = held;
  }

  /** Reads one whole line, from `start` to behind its line end: the last line of a reply, or one before it. */
  #read(from: Octets, start: number, end: number, replies: SmtpResponse[]): SmtpProtocolError | undefined {
    const { octets } = from;
    // Only one CR belongs to the line end; any other is text.
    const stop = end - start > 1 && octets[end - 2] === CR ? end - 2 : end - 1;
    const code = codeOf(octets, start, stop);
    if (code === 0 || (this.#code !== 0 && code !== this.#code))
      return this.#misplaced(octets.subarray(start, stop), code);
    const line = from.text?.slice(start, stop) ?? decoder.decode(octets.subarray(start, stop));
    if (stop - start > 3 && octets[start + 3] === HYPHEN) return this.#readOn(end - start, line, code);
    if (this.#code === 0) {
      replies.push(new SmtpResponse(line));
      return undefined;
    }
    if (this.#lines.length >= this.#limits.lines) return this.#tooManyLines(line);
    this.#lines.push(line);
    replies.push(new SmtpResponse(this.#lines.join("\n")));
    this.#forget();
    return undefined;
  }

  #misplaced(line: Uint8Array, code: number): SmtpProtocolError {
    if (code === 0) return violation("line that is no reply", line, "a reply code such as 250, then a space");
    const first = String.fromCharCode(this.#code >> 16, (this.#code >> 8) & 0xff, this.#code & 0xff);
    return violation(`line of another code within a ${first} reply`, line, `${first} in each of its lines`);
  }

  /** Keeps a line behind which the reply goes on. */
  #readOn(octets: number, line: string, code: number): SmtpProtocolError | undefined {
    if (this.#lines.length >= this.#limits.lines) return this.#tooManyLines(line);
    this.#code = code;
    this.#octets += octets;
    this.#lines.push(line);
    return undefined;
  }

  #tooManyLines(line: string): SmtpProtocolError {
    return violation(`reply of more than ${this.#limits.lines} lines, one too many`, line, "a shorter reply");
  }

  #forget(): void {
    this.#lines = [];
    this.#octets = 0;
    this.#code = 0;
    this.#held = 0;
  }
}

/** Octets, and the same as text where each octet is one character of it. */
interface Octets {
  readonly octets: Uint8Array;
  readonly text: string | undefined;
}

/** A short chunk as text at once, which costs as much as one of its lines; undefined if it is long, or not one character an octet. */
function asciiOf(chunk: Uint8Array): string | undefined {
  if (chunk.length > SHORT) return undefined;
  const text = decoder.decode(chunk);
  return text.length === chunk.length ? text : undefined;
}

/** The three octets of a reply code in one number, or 0 if the line does not begin as a line of a reply does. */
function codeOf(line: Uint8Array, start: number, stop: number): number {
  if (stop - start < 3) return 0;
  const [first, second, third] = [line[start], line[start + 1], line[start + 2]] as [number, number, number];
  if (first < DIGIT_2 || first > DIGIT_5 || second < DIGIT_0 || second > DIGIT_5) return 0;
  if (third < DIGIT_0 || third > DIGIT_9) return 0;
  const separator = stop - start > 3 ? line[start + 3] : SPACE;
  return separator === SPACE || separator === HYPHEN ? (first << 16) | (second << 8) | third : 0;
}

function violation(received: string, line: Uint8Array | string, expected: string): SmtpProtocolError {
  const excerpt = shown(typeof line === "string" ? line : decoder.decode(line.subarray(0, EXCERPT)));
  return new SmtpProtocolError(`Received a ${received}: ${excerpt}; expected ${expected}`);
}
