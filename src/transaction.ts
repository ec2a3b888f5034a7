/**
 * One message: take the turn, send the envelope, judge, write the content, pass the turn, await the reply to it.
 * The law here is design.md's first: however it ends, what is thrown or returned tells the fate of every recipient, and
 * the fate is read from the evidence (replies, and whether the end was handed over), never from the error.
 *
 * @module
 */

import { bdatUnknown } from "./breaks.ts";
import type { Connection } from "./connection.ts";
import { type ContentWriter, checkLongLines } from "./content.ts";
import { type Delivery, deliveryOf, type MessageInDoubt } from "./delivery.ts";
import { SmtpAuthenticationError, type SmtpError } from "./errors.ts";
import { ChunkWriter, DataWriter } from "./framing.ts";
import type { Message } from "./message.ts";
import type { Mailbox } from "./protocol/address.ts";
import { mail, rcpt } from "./protocol/command.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import {
  collectedRefusals,
  dataReply,
  type Evidence,
  everyRecipientRefused,
  fates,
  finalRefusal,
  mailReply,
  type RecipientPolicy,
  refusal,
  resetReply,
  transactionOpen,
} from "./protocol/verdict.ts";
import { toldOf } from "./told.ts";
import type { Turn } from "./turns.ts";

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

/** A message of at most this many octets goes with its envelope; a longer one waits for its recipients to be accepted. */
const ALONG_LIMIT = 64 * 1024;

/** A server that answers BDAT so does not know it, whatever it offered (hazard of RFC 3030). */
const BDAT_UNKNOWN: readonly string[] = ["500", "501", "502", "504"];

const LONE_DOT = new TextEncoder().encode(".\r\n");

/** One message on its way. */
export class Transaction implements Evidence {
  readonly from: string;
  readonly recipients: readonly string[];
  readonly replies: SmtpResponse[] = [];
  reset = false;
  readonly #connection: Connection;
  readonly #envelope: { readonly from: Mailbox; readonly to: readonly Mailbox[] };
  readonly #options: TransactionOptions;
  #writer: ContentWriter | undefined;
  #lastOwed = false;
  #message: Message;
  #stopped: SmtpError | undefined;

  /** A message for a connection; nothing happens before `run`. */
  constructor(
    connection: Connection,
    from: Mailbox,
    to: readonly Mailbox[],
    message: Message,
    options: TransactionOptions,
  ) {
    this.#connection = connection;
    this.#envelope = { from, to };
    this.#message = message;
    this.#options = options;
    this.from = from.address;
    this.recipients = to.map(({ address }) => address);
  }

  /** True once the end of the message had been given to the socket. */
  get handedOver(): boolean {
    return this.#writer?.owed?.handedOver ?? false;
  }

  /** The complete reply to the content, if it has come. */
  get final(): SmtpResponse | undefined {
    return this.#writer?.final;
  }

  /** Sends the message when it has the turn. Rejects with an error that tells every fate. */
  async run(turn: Turn): Promise<Delivery> {
    try {
      this.#mayBegin();
      const along = this.#goesAlong();
      await this.#sendEnvelope(along ? () => this.#writeAlong(turn) : undefined);
      if (along) await this.#writer?.owed?.promise;
      await this.#judge();
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
    this.#connection.checkUtf8([this.#envelope.from, ...this.#envelope.to]);
    if (this.#options.strict && this.#message.bytes) checkLongLines(this.#message.bytes);
  }

  /** True if the content leaves with the envelope: by BDAT, where nothing may stop it and the message is short. */
  #goesAlong(): boolean {
    const { recipientPolicy, beforeEnd } = this.#options;
    const { chunking, resetOwed, lastUnanswered } = this.#connection;
    const { bytes } = this.#message;
    if (!chunking || recipientPolicy !== "collect" || beforeEnd || bytes === undefined) return false;
    // Behind a transaction that is known to stand open the RSET is answered first: refused, it would give that one this text.
    return bytes.length <= ALONG_LIMIT && (!resetOwed || lastUnanswered);
  }

  /** RSET if it is owed, MAIL, RCPT for each recipient, and DATA where nothing can stop the message between: in one flight, or one by one. */
  async #sendEnvelope(behind?: () => void): Promise<void> {
    const connection = this.#connection;
    const { recipientPolicy } = this.#options;
    this.reset = connection.resetOwed;
    const lines = this.reset ? ["RSET"] : [];
    lines.push(mail(this.#envelope.from, this.#needsUtf8), ...this.#envelope.to.map(rcpt));
    const inMemory = connection.pipelining && this.#message.bytes !== undefined;
    if (inMemory && recipientPolicy === "collect" && !connection.chunking) lines.push("DATA");
    const enough = (): boolean => this.#stopped !== undefined || refusal(this, recipientPolicy) !== undefined;
    connection.latest = this;
    try {
      await connection.flights(lines, this.replies, enough, behind);
    } finally {
      this.#owesReset(mailReply(this)?.success ?? this.reset);
    }
  }

  /** Only the latest transaction knows in which state the server is. */
  #owesReset(owed: boolean): void {
    if (this.#connection.latest === this) this.#connection.resetOwed = owed;
  }

  /** All of the content, in the tick and the write of the envelope. */
  #writeAlong(turn: Turn): void {
    this.#writer = new ChunkWriter(this.#connection, this.#options.strict);
    this.#writer.writeWhole(this.#message.bytes as Uint8Array);
    this.#lastWritten(turn);
  }

  /** Until it is answered its transaction may stand open on the server: a MAIL needs an RSET in front of it (RFC 3030 2). */
  #lastWritten(turn: Turn): void {
    this.#lastOwed = true;
    this.#connection.resetOwed = true;
    this.#connection.lastWritten(() => turn.pass());
  }

  get #needsUtf8(): boolean {
    return this.#envelope.from.utf8 || this.#envelope.to.some(({ utf8 }) => utf8);
  }

  /** May the content follow? If not, leaves the session fit for the next message, and throws why. */
  async #judge(): Promise<void> {
    const data = dataReply(this);
    const refused = refusal(this, this.#options.recipientPolicy);
    if (refused && data?.status === "354") await this.#withdraw(refused);
    if (refused && data?.continue && data.status !== "354") throw this.#broken(refused);
    if (refused && (data?.success || resetReply(this)?.success === false)) throw this.#broken(refused);
    if (refused?.phase === "data" && this.#options.recipientPolicy === "net-smtp")
      this.#connection.dialogue.halt(refused);
    if (refused) throw refused;
    if (!this.#stopped) return;
    if (data) this.#connection.dialogue.closeWhenAnswered(this.#stopped);
    throw this.#stopped;
  }

  /** DATA was taken although nothing may be sent: the lone dot if all recipients were refused (RFC 2920 3.1), else nothing but the end of the connection. */
  async #withdraw(refused: SmtpError): Promise<void> {
    if (!transactionOpen(this) || !everyRecipientRefused(this)) throw this.#broken(refused);
    const { dialogue } = this.#connection;
    const owed = dialogue.contentBegin();
    dialogue.contentEnd(owed, [LONE_DOT], 0);
    await owed.promise;
  }

  #broken(error: SmtpError): SmtpError {
    this.#connection.dialogue.fail(error);
    return error;
  }

  /** DATA if it was not said yet, or BDAT; the content; and the reply to it. */
  async #sendContent(turn: Turn): Promise<void> {
    const connection = this.#connection;
    const chunked = connection.chunking && this.#options.recipientPolicy !== "net-smtp";
    const writer = new (chunked ? ChunkWriter : DataWriter)(connection, this.#options.strict);
    this.#writer = writer;
    if (!dataReply(this)) await this.#openSource(writer);
    if (!dataReply(this) && !chunked) {
      await connection.dialogue.flight(["DATA"], this.replies);
      await this.#judge();
    }
    await writer.write(this.#message, this.#beforeEnd(), () =>
      chunked ? this.#lastWritten(turn) : this.#dotWritten(turn),
    );
    await writer.owed?.promise;
  }

  /** With the dot in the cork the turn passes: what the next message says leaves in the same write (RFC 2920 3.1). */
  #dotWritten(turn: Turn): void {
    this.#owesReset(false);
    if (this.#connection.pipelining) turn.pass();
  }

  /** Every recipient has been answered; the source shows its first chunk before DATA is said, or fails at no cost. */
  async #openSource(writer: ContentWriter): Promise<void> {
    const { dialogue } = this.#connection;
    dialogue.onStop = (error) => writer.stop(error);
    try {
      if (this.#message.prepare) this.#message = await this.#prepared(writer, this.#message.prepare());
      if (!this.#message.afterData) await writer.open(this.#message);
    } finally {
      dialogue.onStop = undefined;
    }
  }

  async #prepared(writer: ContentWriter, message: Promise<Message>): Promise<Message> {
    const prepared = await writer.awaited(message);
    if (this.#options.strict && prepared.bytes) checkLongLines(prepared.bytes);
    return prepared;
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
    if (refused && this.final?.continue) throw this.#broken(refused);
    if (refused) throw refused;
    const warnings = [...this.#options.warnings];
    if (this.#writer?.hasLongLine)
      warnings.push("A line of the message is longer than 998 octets (RFC 5321 4.5.3.1.6)");
    const recipients = fates(this, "never");
    const { tls } = this.#connection.stream;
    const delivery = deliveryOf(recipients, {
      response: this.final as SmtpResponse,
      tls,
      warnings,
      size: this.#writer?.size ?? 0,
    });
    const collected = this.#options.recipientPolicy === "net-smtp" ? collectedRefusals(recipients) : undefined;
    if (!collected) return delivery;
    throw new SmtpAuthenticationError(collected.message, {
      phase: "rcpt",
      response: collected.response,
      recipients,
      delivery,
    });
  }

  /** The end of the message was answered, or will not be. */
  #settled(): void {
    if (!this.#lastOwed) return;
    this.#owesReset(!(this.final?.success && transactionOpen(this)));
    this.#connection.lastAnswered();
    if (BDAT_UNKNOWN.includes(this.final?.status ?? ""))
      this.#connection.refuseBdat(bdatUnknown(this.final as SmtpResponse));
  }

  #failed(error: unknown): Error {
    return toldOf(this, error, this.#options.recipientPolicy);
  }
}
