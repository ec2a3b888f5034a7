/**
 * The content of one message goes out: encoded, with backpressure, and ended only if all of it is there.
 * The law here: the end is written when the source has ended well and `beforeEnd` agreed, and in no other case; what
 * stops it before that leaves a message without an end, which no server stores. How the octets are framed, by DATA's dot
 * or in BDAT's chunks, is the only difference between its two kinds.
 *
 * @module
 */

import type { Dialogue } from "./dialogue.ts";
import { SmtpAbortError, SmtpArgumentError, type SmtpError, SmtpSourceError } from "./errors.ts";
import type { Message } from "./message.ts";
import type { Owed } from "./owed.ts";
import { BodyEncoder, type BodyEncoderOptions } from "./protocol/body.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/** A text line may have this many octets before CRLF (RFC 5321 4.5.3.1.6). */
const LINE_LIMIT = 998;

/** A message in memory is encoded and written in pieces of this many octets. */
const PIECE = 64 * 1024;

const NO_REPLIES: readonly SmtpResponse[] = [];

/** What a writer needs of the connection. */
export interface Wire {
  /** The dialogue of the moment. */
  readonly dialogue: Dialogue;
}

/** Writes one message's content. */
export abstract class ContentWriter {
  /** What is owed for the end of the message, once that is under way. */
  owed: Owed | undefined;
  readonly #wire: Wire;
  readonly #framing: BodyEncoderOptions;
  readonly #encoder: BodyEncoder;
  readonly #strict: boolean;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #first: Promise<IteratorResult<Uint8Array>> | undefined;
  #stopped: SmtpError | undefined;
  #wake: ((error: SmtpError) => void) | undefined;

  /** `strict` makes a line over 998 octets an error. */
  constructor(wire: Wire, strict: boolean, framing: BodyEncoderOptions) {
    this.#wire = wire;
    this.#strict = strict;
    this.#framing = framing;
    this.#encoder = new BodyEncoder(framing);
  }

  /** The replies to the content that are complete. */
  get finals(): readonly SmtpResponse[] {
    return this.owed?.replies ?? NO_REPLIES;
  }

  /** Octets put out, dots and the end included. */
  get size(): number {
    return this.#encoder.size;
  }

  /** True if a line was longer than RFC 5321 allows. */
  get hasLongLine(): boolean {
    return this.#encoder.longestLine > LINE_LIMIT;
  }

  /** Why nothing more is written, if so. */
  get stopped(): SmtpError | undefined {
    return this.#stopped;
  }

  /** @ignore The dialogue of the moment. */
  protected get dialogue(): Dialogue {
    return this.#wire.dialogue;
  }

  /** @ignore Before the first octet. */
  protected abstract begin(): void;
  /** @ignore Octets that are not the last. */
  protected abstract put(pieces: readonly Uint8Array[]): Promise<void> | undefined;
  /** @ignore The last octets, and the end: all that was put before is out. */
  protected abstract end(pieces: readonly Uint8Array[]): void;
  /** @ignore Before the end is written: what has to be answered first. */
  protected abstract settle(): Promise<void> | undefined;
  /** @ignore The content was left without its end. */
  protected abstract torn(error: SmtpError): void;

  /** Nothing more is written; a wait for the source, for the stream or for `beforeEnd` ends with the error. */
  stop(error: SmtpError): void {
    this.#stopped ??= error;
    this.#wake?.(this.#stopped);
  }

  /** The message as it is once it is made, its first chunk there; a source that fails until then costs no content. */
  async prepared(message: Message): Promise<Message> {
    const { dialogue } = this.#wire;
    dialogue.onStop = (error) => this.stop(error);
    try {
      const made = message.prepare ? await this.awaited(message.prepare()) : message;
      if (made !== message && made.bytes && this.#strict) checkLongLines(made.bytes, this.#framing);
      if (!made.afterData) await this.#open(made);
      return made;
    } finally {
      dialogue.onStop = undefined;
    }
  }

  async #open(message: Message): Promise<void> {
    if (message.bytes) return;
    this.#chunks = message.open();
    this.#first = this.#chunks.next();
    await this.awaited(this.#first).catch((error) => {
      this.close();
      throw error;
    });
  }

  /** The promise's value, unless the message is stopped first. */
  async awaited<T>(promise: Promise<T>): Promise<T> {
    try {
      return await this.unlessStopped(promise);
    } catch (error) {
      throw error === this.#stopped ? error : sourceError(error);
    }
  }

  /** The source is not read any further. */
  close(): void {
    this.#chunks?.return?.().catch(() => undefined);
  }

  /**
   * Writes the content and its end. Calls `ended` in the tick in which the end goes into the cork, so that what follows
   * leaves with it; rejects with the cause, no end written, if the source fails, `beforeEnd` rejects, or the dialogue stops.
   */
  async write(message: Message, beforeEnd?: () => unknown, ended?: () => void): Promise<void> {
    this.begin();
    try {
      const last = message.bytes ? await this.#writeBytes(message.bytes) : await this.#writeChunks(message);
      this.#encoder.end(last);
      this.#checkLines();
      const settled = this.settle();
      if (settled !== undefined) await this.unlessStopped(settled);
      if (beforeEnd) await this.unlessStopped(agree(beforeEnd));
      if (this.#stopped) throw this.#stopped;
      this.end(last);
      ended?.();
    } catch (error) {
      this.close();
      this.torn(error as SmtpError);
      throw error;
    }
  }

  /** All of a message in memory, and its end, in this tick. */
  writeWhole(bytes: Uint8Array): void {
    this.begin();
    const pieces: Uint8Array[] = [];
    this.#encoder.push(bytes, pieces);
    this.#encoder.end(pieces);
    this.end(pieces);
  }

  /** All but the last piece is written; the last, which is all of a small message, leaves together with the end. */
  async #writeBytes(bytes: Uint8Array): Promise<Uint8Array[]> {
    let at = 0;
    for (; bytes.length - at > PIECE; at += PIECE) await this.#encode(bytes.subarray(at, at + PIECE));
    const last: Uint8Array[] = [];
    this.#encoder.push(at === 0 ? bytes : bytes.subarray(at), last);
    return last;
  }

  async #writeChunks(message: Message): Promise<Uint8Array[]> {
    this.#chunks ??= message.open();
    for (;;) {
      const result = await this.awaited(this.#first ?? this.#chunks.next());
      this.#first = undefined;
      if (result.done) return [];
      await this.#encode(result.value);
    }
  }

  async #encode(chunk: Uint8Array): Promise<void> {
    const pieces: Uint8Array[] = [];
    this.#encoder.push(chunk, pieces);
    this.#checkLines();
    if (this.#stopped) throw this.#stopped;
    const full = this.put(pieces);
    if (full !== undefined) await this.unlessStopped(full);
    if (this.#stopped) throw this.#stopped;
  }

  #checkLines(): void {
    if (this.#strict && this.hasLongLine) throw longLine(this.#encoder.longestLine);
  }

  /** @ignore A promise of somebody else's, which may never settle; `stop` ends the wait. */
  protected unlessStopped<T>(promise: Promise<T>): Promise<T> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    return new Promise((resolve, reject) => {
      this.#wake = reject;
      promise.then(resolve, reject);
    });
  }
}

/** Throws if a message in memory has a line over 998 octets: for `strict`, before MAIL. */
export function checkLongLines(bytes: Uint8Array, framing?: BodyEncoderOptions): void {
  const encoder = new BodyEncoder(framing);
  encoder.push(bytes, []);
  encoder.end([]);
  if (encoder.longestLine > LINE_LIMIT) throw longLine(encoder.longestLine);
}

function longLine(octets: number): SmtpArgumentError {
  return new SmtpArgumentError(
    `Parameter "message" has a line of ${octets} octets, expected at most ${LINE_LIMIT} (RFC 5321 4.5.3.1.6): encode it, or leave "strict" off`,
    { phase: "content" },
  );
}

/** A source's own failure as one of the family: another message's error must not look like this one's. */
function sourceError(error: unknown): Error {
  if (error instanceof SmtpArgumentError) return error;
  const told = error instanceof Error ? error.message : String(error);
  return new SmtpSourceError(`Source of the message failed before its end: ${told}`, { cause: error });
}

async function agree(beforeEnd: () => unknown): Promise<void> {
  try {
    await beforeEnd();
  } catch (error) {
    throw new SmtpAbortError("Option beforeEnd rejected, so the message was not ended and not sent", {
      phase: "content",
      cause: error,
    });
  }
}
