/**
 * One message: take the turn, send the envelope, judge, write the content, pass the turn, await the reply to it.
 * The law here is design.md's first: however it ends, what is thrown or returned tells the fate of every recipient, and
 * the fate is read from the evidence (replies, and whether the end was handed over), never from the error.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { ContentWriter, checkLongLines } from "./content.ts";
import { type RecipientResult, SmtpAuthenticationError, type SmtpError } from "./errors.ts";
import type { Message } from "./message.ts";
import type { Owed } from "./owed.ts";
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

/** What a message became: at least one recipient accepted it. Anything else is thrown. */
export interface Delivery {
  /** Every recipient in the order given, duplicates kept; each `accepted` or `refused`. */
  recipients: RecipientResult[];
  /** Those that the server took the message for. */
  accepted: RecipientResult[];
  /** Those that it refused, each with its reply. */
  refused: RecipientResult[];
  /** The reply to the end of the message. */
  response: SmtpResponse;
  /** True if it went over TLS. */
  tls: boolean;
  /** What the caller should know although the message went: it went in clear, a line was too long. */
  warnings: string[];
  /** Octets of the content as it went over the wire, stuffed dots and the end of data included. */
  size: number;
}

/** What `beforeEnd` is told of a message. */
export interface MessageInDoubt {
  /** The message's `id` option, or one made for it. */
  readonly id: string;
  /** The recipients that the server has accepted, to whom the message may go from now on. */
  readonly recipients: readonly string[];
}

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
  readonly #writer: ContentWriter;
  #message: Message;
  #content: Owed | undefined;
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
    this.#writer = new ContentWriter(connection, options.strict);
    this.from = from.address;
    this.recipients = to.map(({ address }) => address);
  }

  /** True once the end of the message had been given to the socket. */
  get handedOver(): boolean {
    return this.#content?.handedOver ?? false;
  }

  /** The complete reply to the content, if it has come. */
  get final(): SmtpResponse | undefined {
    return this.#content?.replies[0];
  }

  /** Sends the message when it has the turn. Rejects with an error that tells every fate. */
  async run(turn: Turn): Promise<Delivery> {
    try {
      this.#mayBegin();
      await this.#sendEnvelope();
      await this.#judge();
      if (!dataReply(this)) await this.#sendData();
      await this.#writeContent(() => turn.pass());
      await this.#content?.promise;
      return this.#delivered();
    } catch (error) {
      this.#writer.close();
      throw this.#failed(error);
    }
  }

  /** Stops the message: what is handed over stays so, nothing more is written. Gives the error with the fates as they are known now. */
  abort(error: SmtpError): Error {
    this.#stopped = error;
    // An end that is in the cork leaves with it: only handed over can it be told from one that was never written.
    this.#connection.dialogue.flush();
    this.#writer.stop(error);
    return this.#failed(error);
  }

  #mayBegin(): void {
    const refusal = this.#stopped ?? this.#connection.abandoned ?? this.#connection.dialogue.refused();
    if (refusal) throw refusal;
    if (this.#options.strict && this.#message.bytes) checkLongLines(this.#message.bytes);
  }

  /** RSET if it is owed, MAIL, RCPT for each recipient, and DATA where nothing can stop the message between: in one flight, or one by one. */
  async #sendEnvelope(): Promise<void> {
    const connection = this.#connection;
    this.reset = connection.resetOwed;
    const lines = this.reset ? ["RSET"] : [];
    lines.push(mail(this.#envelope.from, this.#needsUtf8), ...this.#envelope.to.map(rcpt));
    const { recipientPolicy } = this.#options;
    const dataAlong = connection.pipelining && recipientPolicy === "collect" && this.#message.bytes !== undefined;
    if (dataAlong) lines.push("DATA");
    try {
      await connection.flights(
        lines,
        this.replies,
        () => this.#stopped !== undefined || refusal(this, recipientPolicy) !== undefined,
      );
    } finally {
      connection.resetOwed = mailReply(this)?.success ?? this.reset;
    }
  }

  get #needsUtf8(): boolean {
    return this.#envelope.from.utf8 || this.#envelope.to.some(({ utf8 }) => utf8);
  }

  /** May the content follow? If not, leaves the session fit for the next message, and throws why. */
  async #judge(): Promise<void> {
    const data = dataReply(this);
    const refused = refusal(this, this.#options.recipientPolicy);
    if (refused && data?.continue) await this.#withdraw(refused);
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

  /** DATA by itself: every recipient has been answered, and the source has shown its first chunk. */
  async #sendData(): Promise<void> {
    const { dialogue } = this.#connection;
    dialogue.onStop = (error) => this.#writer.stop(error);
    try {
      if (this.#message.prepare) this.#message = await this.#prepared(this.#message.prepare());
      if (!this.#message.afterData) await this.#writer.open(this.#message);
    } finally {
      dialogue.onStop = undefined;
    }
    await dialogue.flight(["DATA"], this.replies);
    await this.#judge();
  }

  async #prepared(message: Promise<Message>): Promise<Message> {
    const prepared = await this.#writer.awaited(message);
    if (this.#options.strict && prepared.bytes) checkLongLines(prepared.bytes);
    return prepared;
  }

  /** The content; with its end in the cork the turn passes, and what the next message says leaves in the same write (RFC 2920 3.1). */
  async #writeContent(pass: () => void): Promise<void> {
    this.#content = this.#connection.dialogue.contentBegin();
    await this.#writer.write(this.#message, this.#content, this.#beforeEnd(), () => {
      this.#connection.resetOwed = false;
      if (this.#connection.pipelining) pass();
    });
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
    const recipients = fates(this, "never");
    const delivery: Delivery = {
      recipients,
      accepted: recipients.filter(({ fate }) => fate === "accepted"),
      refused: recipients.filter(({ fate }) => fate === "refused"),
      response: this.final as SmtpResponse,
      tls: this.#connection.stream.tls,
      warnings: [...this.#options.warnings],
      size: this.#writer.size,
    };
    if (this.#writer.hasLongLine)
      delivery.warnings.push("A line of the message is longer than 998 octets (RFC 5321 4.5.3.1.6)");
    const collected = this.#options.recipientPolicy === "net-smtp" ? collectedRefusals(recipients) : undefined;
    if (!collected) return delivery;
    throw new SmtpAuthenticationError(collected.message, {
      phase: "rcpt",
      response: collected.response,
      recipients,
      delivery,
    });
  }

  #failed(error: unknown): Error {
    return toldOf(this, error, this.#options.recipientPolicy);
  }
}
