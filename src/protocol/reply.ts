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
    let start = 0;
    while (this.#violation === undefined && start < chunk.length) {
      const end = chunk.indexOf(LF, start) + 1 || chunk.length;
      this.#violation = this.#next(chunk, start, end, replies);
      start = end;
    }
    if (this.#violation !== undefined) this.#forget();
    return this.#violation;
  }

  /** A line, or the part of one that the chunk has, from `start` to `end`. */
  #next(chunk: Uint8Array, start: number, end: number, replies: SmtpResponse[]): SmtpProtocolError | undefined {
    const complete = chunk[end - 1] === LF;
    if (!this.#fits(end - start, complete)) return this.#excess(chunk.subarray(start, end));
    if (complete && this.#held === 0) return this.#read(chunk, start, end, replies);
    this.#hold(chunk.subarray(start, end));
    if (!complete) return undefined;
    const length = this.#held;
    this.#held = 0;
    return this.#read(this.#line, 0, length, replies);
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
  #read(from: Uint8Array, start: number, end: number, replies: SmtpResponse[]): SmtpProtocolError | undefined {
    // Only one CR belongs to the line end; any other is text.
    const text = from.subarray(start, from[end - 2] === CR && end - 2 >= start ? end - 2 : end - 1);
    const code = codeOf(text);
    if (code === 0) return violation("line that is no reply", text, "a reply code such as 250, then a space");
    if (this.#code !== 0 && code !== this.#code) {
      const first = String.fromCharCode(this.#code >> 16, (this.#code >> 8) & 0xff, this.#code & 0xff);
      return violation(`line of another code within a ${first} reply`, text, `${first} in each of its lines`);
    }
    if (text[3] === HYPHEN) return this.#readOn(end - start, text, code);
    const last = decoder.decode(text);
    if (this.#code === 0) {
      replies.push(new SmtpResponse(last));
      return undefined;
    }
    if (this.#lines.length >= this.#limits.lines) return this.#tooManyLines(text);
    this.#lines.push(last);
    replies.push(new SmtpResponse(this.#lines.join("\n")));
    this.#forget();
    return undefined;
  }

  /** Keeps a line behind which the reply goes on. */
  #readOn(octets: number, text: Uint8Array, code: number): SmtpProtocolError | undefined {
    if (this.#lines.length >= this.#limits.lines) return this.#tooManyLines(text);
    this.#code = code;
    this.#octets += octets;
    this.#lines.push(decoder.decode(text));
    return undefined;
  }

  #tooManyLines(text: Uint8Array): SmtpProtocolError {
    return violation(`reply of more than ${this.#limits.lines} lines, one too many`, text, "a shorter reply");
  }

  #forget(): void {
    this.#lines = [];
    this.#octets = 0;
    this.#code = 0;
    this.#held = 0;
  }
}

/** The three octets of a reply code in one number, or 0 if the line does not begin as a line of a reply does. */
function codeOf(line: Uint8Array): number {
  const first = line[0] ?? 0;
  const second = line[1] ?? 0;
  const third = line[2] ?? 0;
  if (first < DIGIT_2 || first > DIGIT_5 || second < DIGIT_0 || second > DIGIT_5) return 0;
  if (third < DIGIT_0 || third > DIGIT_9) return 0;
  const separator = line.length > 3 ? line[3] : SPACE;
  return separator === SPACE || separator === HYPHEN ? (first << 16) | (second << 8) | third : 0;
}

function violation(received: string, line: Uint8Array, expected: string): SmtpProtocolError {
  const excerpt = shown(decoder.decode(line.subarray(0, EXCERPT)));
  return new SmtpProtocolError(`Received a ${received}: ${excerpt}; expected ${expected}`);
}
