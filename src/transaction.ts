/**
 * One message: take the turn, send the envelope, judge, write the content, pass the turn, await the reply to it.
 * The law here is design.md's first: however it ends, what is thrown or returned tells the fate of every recipient, and
 * the fate is read from the evidence (replies, and whether the end was handed over), never from the error.
 *
 * @module
 */

import { now } from "./alarms.ts";
import { bdatUnknown } from "./breaks.ts";
import type { Connection } from "./connection.ts";
import { type ContentWriter, checkLongLines } from "./content.ts";
import { deliveredOf } from "./delivered.ts";
import type { Delivery, MessageInDoubt } from "./delivery.ts";
import { agreed, type Envelope } from "./envelope.ts";
import type { SmtpError } from "./errors.ts";
import { ChunkWriter, DataWriter } from "./framing.ts";
import type { Message } from "./message.ts";
import { isOutOfSequence, mayOverlap, refuseOverlap } from "./overlap.ts";
import { mail, rcpt } from "./protocol/command.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import {
  acceptance,
  acceptedForAll,
  dataReply,
  type Evidence,
  finalRefusal,
  finalsOwed,
  mailReply,
  namedTwice,
  type RecipientPolicy,
  refusal,
  transactionOpen,
} from "./protocol/verdict.ts";
import { toldOf } from "./told.ts";
import type { Turn } from "./turns.ts";
import { broken, withdraw } from "./withdraw.ts";

/** How a message is sent. */
export interface TransactionOptions {
  /** What happens when a recipient is refused. */
  readonly recipientPolicy: RecipientPolicy;
  /** Whether a line over 998 octets is an error. */
  readonly strict: boolean;
  /** Warnings that hold for the session. */
  readonly warnings: readonly string[];
  /** Awaited before the bytes that can end the message are handed over. */
  readonly beforeEnd: ((message: MessageInDoubt) => unknown) | undefined;
  /** What `beforeEnd` is told as the message's id. */
  readonly id: string | undefined;
}

/** A message of at most this many octets is written at once, under BDAT with its envelope; a longer one waits for its recipients to be accepted. */
const SHORT = 64 * 1024;

/** A server that answers BDAT so does not know it, whatever it offered (hazard of RFC 3030). */
const BDAT_UNKNOWN: readonly string[] = ["500", "501", "502", "504"];

const NO_REPLIES: readonly SmtpResponse[] = [];

/** One message on its way. */
export class Transaction implements Evidence {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly replies: SmtpResponse[] = [];
  readonly each: boolean;
  reset = false;
  readonly #connection: Connection;
  readonly #options: TransactionOptions;
  #envelope: Envelope;
  #writer: ContentWriter | undefined;
  #endOut = false;
  #lastOwed = false;
  #message: Message;
  #stopped: SmtpError | undefined;
  #begun = 0;
  #envelopeAnswered = 0;

  /** A message for a connection; nothing happens before `run`. */
  constructor(connection: Connection, envelope: Envelope, message: Message, options: TransactionOptions) {
    this.#connection = connection;
    this.each = connection.lmtp;
    this.#envelope = envelope;
    this.#message = message;
    this.#options = options;
    this.from = envelope.from.address;
    this.recipients = envelope.to.map(({ address }) => address);
  }

  /** True once the end of the message had been given to the socket. */
  get handedOver(): boolean {
    return this.#writer?.owed?.handedOver ?? false;
  }

  /** The complete replies to the content. */
  get finals(): readonly SmtpResponse[] {
    return this.#writer?.finals ?? NO_REPLIES;
  }

  /** Waits for the turn, and sends the message. Rejects with an error that tells every fate. */
  send(): Promise<Delivery> {
    return this.#connection.turns.overlapping((turn) => this.run(turn));
  }

  /** Sends the message, having the turn. Rejects with an error that tells every fate. */
  async run(turn: Turn): Promise<Delivery> {
    try {
      this.#mayBegin();
      this.#begun = now();
      const along = this.#goesAlong();
      const behind = this.#connection.endsUnanswered > 0;
      const envelope = this.#sendEnvelope();
      if (along) this.#writeWhole(this.#chunkWriter(), turn);
      await envelope;
      if (behind && !along && !this.#stopped && isOutOfSequence(this)) await this.#sendInOrder();
      this.#envelopeAnswered = now();
      this.#owesReset(mailReply(this)?.success ?? this.reset);
      if (along) await this.#writer?.owed?.promise;
      if (!this.#mayGoOn) await this.#refuse();
      if (!along) await this.#sendContent(turn);
      return this.#delivered();
    } catch (error) {
      this.#writer?.close();
      throw this.#failed(error);
    } finally {
      this.#settled();
    }
  }

  /** Stops the message: what is handed over stays so, nothing more is written. Gives the error with the fates as they are known now. */
  abort(error: SmtpError): Error {
    this.#stopped = error;
    // An end that is in the cork leaves with it: only handed over can it be told from one that was never written.
    this.#connection.dialogue.flush();
    this.#writer?.stop(error);
    return this.#failed(error);
  }

  #mayBegin(): void {
    const refusal = this.#stopped ?? this.#connection.abandoned ?? this.#connection.dialogue.refused();
    if (refusal) throw refusal;
    this.#envelope = agreed(this.#envelope, this.#message, this.#connection);
    if (!this.#envelope.binary && this.#options.strict && this.#message.bytes) checkLongLines(this.#message.bytes);
  }

  /** True if the content leaves with the envelope: by BDAT, where nothing may stop it and the message is short. */
  #goesAlong(): boolean {
    const { recipientPolicy, beforeEnd } = this.#options;
    const { chunking, resetOwed, lastUnanswered } = this.#connection;
    if (!chunking || recipientPolicy !== "collect" || beforeEnd || !this.#isShort) return false;
    // How many replies the LAST is owed must be known when it is written (RFC 2033 4.3).
    if (this.each) return false;
    // Behind a transaction that is known to stand open the RSET is answered first: refused, it would give that one this text.
    return !resetOwed || lastUnanswered;
  }

  /** True of a message in memory that leaves in one write. */
  get #isShort(): boolean {
    const { bytes } = this.#message;
    return bytes !== undefined && bytes.length <= SHORT;
  }

  /** RSET if it is owed, MAIL, RCPT for each recipient, and DATA where nothing can stop the message between: in one flight, or one by one. */
  #sendEnvelope(): Promise<unknown> {
    const connection = this.#connection;
    const { recipientPolicy } = this.#options;
    const { from, to, utf8 } = this.#envelope;
    this.reset = connection.resetOwed;
    const lines = this.reset ? ["RSET", mail(from, utf8)] : [mail(from, utf8)];
    for (const recipient of to) lines.push(rcpt(recipient));
    const inMemory = connection.pipelining && this.#message.bytes !== undefined;
    if (inMemory && recipientPolicy === "collect" && !connection.chunking) lines.push("DATA");
    connection.begins(this);
    return connection.flights(lines, this.replies, () => !this.#mayGoOn);
  }

  /** Refused for standing behind an end, which is answered by now: sent again. */
  #sendInOrder(): Promise<unknown> {
    refuseOverlap(this.#connection.host);
    this.replies.length = 0;
    return this.#sendEnvelope();
  }

  /** Only the latest transaction knows in which state the server is. */
  #owesReset(owed: boolean): void {
    if (this.#connection.latest === this) this.#connection.resetOwed = owed;
  }

  #chunkWriter(): ChunkWriter {
    return new ChunkWriter(this.#connection, this.#options.strict, finalsOwed(this), this.#envelope.binary);
  }

  #dataWriter(): DataWriter {
    return new DataWriter(this.#connection, this.#options.strict, finalsOwed(this));
  }

  /** All of the content in one tick. */
  #writeWhole(writer: ContentWriter, turn: Turn): void {
    this.#writer = writer;
    writer.writeWhole(this.#message.bytes as Uint8Array);
    this.#endWritten(turn);
  }

  /** With the end in the cork the turn may pass: what the next message says leaves in the same write (RFC 2920 3.1). */
  #endWritten(turn: Turn): void {
    // A server that merges who is named twice answers once for both; what follows must not be taken for the other answer.
    const next = this.each && namedTwice(this.recipients) ? undefined : turn;
    this.#endOut = true;
    this.#connection.endsUnanswered++;
    if (dataReply(this)) this.#dotWritten(next);
    else this.#lastWritten(next);
  }

  #dotWritten(turn: Turn | undefined): void {
    this.#owesReset(false);
    if (this.#connection.pipelining && mayOverlap(this.#connection.host)) turn?.pass();
  }

  /** Until it is answered its transaction may stand open on the server: a MAIL needs an RSET in front of it (RFC 3030 2). */
  #lastWritten(turn: Turn | undefined): void {
    this.#lastOwed = true;
    this.#connection.resetOwed = true;
    this.#connection.lastWritten(turn);
  }

  /** True while nothing says that the message ends here. */
  get #mayGoOn(): boolean {
    return this.#stopped === undefined && refusal(this, this.#options.recipientPolicy) === undefined;
  }

  /** Leaves the session fit for the next message, and throws why the content may not follow. */
  #refuse(): Promise<never> {
    return withdraw(this, this.#connection.dialogue, this.#options.recipientPolicy, this.#stopped);
  }

  /** The content and the reply to it: at once where the server waits for all of it, else as it comes. */
  #sendContent(turn: Turn): Promise<unknown> | undefined {
    if (!dataReply(this) || !this.#isShort || this.#options.beforeEnd) return this.#sendAsItComes(turn);
    this.#writeWhole(this.#dataWriter(), turn);
    return this.#writer?.owed?.promise;
  }

  /** DATA if it was not said yet, or BDAT; the content; and the reply to it. */
  async #sendAsItComes(turn: Turn): Promise<void> {
    const connection = this.#connection;
    const chunked = connection.chunking && (this.#envelope.binary || this.#options.recipientPolicy !== "net-smtp");
    const writer = chunked ? this.#chunkWriter() : this.#dataWriter();
    this.#writer = writer;
    // Every recipient has been answered; the source shows its first chunk before DATA is said, or fails at no cost.
    if (!dataReply(this)) this.#message = await writer.prepared(this.#message);
    if (!dataReply(this) && !chunked) {
      await connection.dialogue.flight(["DATA"], this.replies);
      if (!this.#mayGoOn) await this.#refuse();
    }
    await writer.write(this.#message, this.#beforeEnd(), () => this.#endWritten(turn));
    await writer.owed?.promise;
  }

  #beforeEnd(): (() => unknown) | undefined {
    const { beforeEnd, id } = this.#options;
    if (!beforeEnd) return undefined;
    const recipients = this.recipients.filter((_, index) => this.replies[(this.reset ? 2 : 1) + index]?.success);
    return () => beforeEnd({ id: id ?? crypto.randomUUID(), recipients });
  }

  #delivered(): Delivery {
    const refused = finalRefusal(this);
    // Asked for more, the server would take the next command as text.
    if (refused && this.finals.some((reply) => reply.continue)) throw broken(this.#connection.dialogue, refused);
    if (refused) throw refused;
    const warnings = [...this.#options.warnings, ...this.#envelope.warnings];
    if (this.#writer?.hasLongLine)
      warnings.push("A line of the message is longer than 998 octets (RFC 5321 4.5.3.1.6)");
    const { stream, capabilities } = this.#connection;
    const size = this.#writer?.size ?? 0;
    const response = acceptance(this) as SmtpResponse;
    const times = { envelope: this.#envelopeAnswered - this.#begun, content: now() - this.#envelopeAnswered };
    const facts = { response, tls: stream.tls, warnings, size, times, capabilities };
    return deliveredOf(this, this.#options.recipientPolicy, facts);
  }

  /** The end of the message was answered, or will not be. */
  #settled(): void {
    if (this.#endOut) this.#connection.endsUnanswered--;
    if (!this.#lastOwed) return;
    this.#owesReset(!(acceptedForAll(this) && transactionOpen(this)));
    this.#connection.lastAnswered();
    const first = acceptance(this) ? undefined : this.finals[0];
    if (first && BDAT_UNKNOWN.includes(first.status)) this.#connection.refuseBdat(bdatUnknown(first));
  }

  #failed(error: unknown): Error {
    return toldOf(this, error, this.#options.recipientPolicy);
  }
}
