/**
 * The two ways in which content is framed: DATA, with dots and a dot alone at the end (RFC 5321 4.5.2), and BDAT, in chunks
 * whose octets are counted (RFC 3030 2). The law here: under DATA a torn message is the end of the connection; under BDAT
 * every chunk is whole, so the session is reset and goes on.
 *
 * @module
 */

import { ContentWriter, type Wire } from "./content.ts";
import { errorClass, type SmtpError } from "./errors.ts";
import type { Owed } from "./owed.ts";
import type { BodyEncoderOptions } from "./protocol/body.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/** A chunk has at least this many octets, unless it is the last. */
const CHUNK = 256 * 1024;

/** How many chunks may be unanswered: enough to keep a long line busy. */
const UNANSWERED = 4;

const DOTS: BodyEncoderOptions = { dots: true };
const LINES: BodyEncoderOptions = { dots: false };
const BINARY: BodyEncoderOptions = { dots: false, binary: true };

/** Content after a 354. */
export class DataWriter extends ContentWriter {
  readonly #count: number;

  /** For a message on this wire, whose end is owed `count` replies. */
  constructor(wire: Wire, strict: boolean, count: number) {
    super(wire, strict, DOTS);
    this.#count = count;
  }

  /** @ignore */
  protected override begin(): void {
    this.owed = this.dialogue.contentBegin(this.#count);
    this.owed.onStop = (error) => this.stop(error);
  }

  /** @ignore */
  protected override put(pieces: readonly Uint8Array[]): Promise<void> | undefined {
    for (const piece of pieces) this.dialogue.content(piece);
    return this.dialogue.backpressure();
  }

  /** @ignore */
  protected override settle(): undefined {}

  /** @ignore */
  protected override end(pieces: readonly Uint8Array[]): void {
    this.dialogue.contentEnd(this.owed as Owed, pieces, this.size);
  }

  /** @ignore A command would become the message's text, a dot would deliver it. */
  protected override torn(error: SmtpError): void {
    this.dialogue.closeWhenAnswered(error);
  }
}

/** Content in chunks. */
export class ChunkWriter extends ContentWriter {
  #pieces: Uint8Array[] = [];
  #octets = 0;
  #unanswered: Owed[] = [];
  #refused: readonly SmtpResponse[] | undefined;
  readonly #count: number;

  /** For a message on this wire, whose last chunk is owed `count` replies; `binary` touches no octet of it (RFC 3030 3). */
  constructor(wire: Wire, strict: boolean, count: number, binary: boolean) {
    super(wire, strict, binary ? BINARY : LINES);
    this.#count = count;
  }

  /** The replies to the last chunk, or the refusal of one before it. */
  override get finals(): readonly SmtpResponse[] {
    return this.#refused ?? super.finals;
  }

  /** @ignore */
  protected override begin(): void {
    this.dialogue.onStop = (error) => this.stop(error);
  }

  /** @ignore */
  protected override put(pieces: readonly Uint8Array[]): Promise<void> | undefined {
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#octets += piece.length;
    }
    return this.#octets < CHUNK ? undefined : this.#send();
  }

  async #send(): Promise<void> {
    const chunk = this.dialogue.chunk(this.#pieces, this.#octets, false);
    this.#unanswered.push(chunk);
    this.#pieces = [];
    this.#octets = 0;
    await this.dialogue.backpressure();
    while (this.#unanswered.length >= UNANSWERED) await this.#answered();
  }

  /** The oldest chunk's reply; a refusal stops the rest, since no chunk may follow (RFC 3030 2). */
  async #answered(): Promise<void> {
    const [reply] = (await (this.#unanswered.shift() as Owed).promise) as [SmtpResponse];
    if (reply.success) return;
    this.#refused = [reply];
    const message = `Server refused a part of the message: ${reply}`;
    throw new (errorClass(reply.status))(message, { phase: "content", command: "BDAT", response: reply });
  }

  /** @ignore Every chunk before the last is answered before it. */
  protected override settle(): Promise<void> | undefined {
    return this.#unanswered.length === 0 ? undefined : this.#allAnswered();
  }

  async #allAnswered(): Promise<void> {
    while (this.#unanswered.length > 0) await this.#answered();
  }

  /** @ignore */
  protected override end(pieces: readonly Uint8Array[]): void {
    this.dialogue.onStop = undefined;
    const octets = pieces.reduce((sum, piece) => sum + piece.length, this.#octets);
    this.owed = this.dialogue.chunk([...this.#pieces, ...pieces], octets, true, this.#count);
  }

  /** @ignore What was written are whole chunks without a LAST: an RSET takes them back. */
  protected override torn(): void {
    this.dialogue.onStop = undefined;
  }
}
