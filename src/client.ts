/**
 * Whole messages on a session (Net::SMTP#send_message, #open_message_stream). The law here is design.md's first: what a call
 * gives or throws tells the fate of every recipient. Which runtime dials is said by who extends it: `smtp.ts` for Node, Deno
 * and Bun, `workers/mod.ts` for Cloudflare Workers.
 *
 * @module
 */

import { now } from "./alarms.ts";
import { BOOLEAN, type Check, COUNT, FUNCTION, MILLISECONDS, OBJECT, SIGNAL, TEXT } from "./checks.ts";
import { SmtpCommands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import type { Delivery, MessageInDoubt } from "./delivery.ts";
import { type Envelope, envelopeOf } from "./envelope.ts";
import { SmtpAbortError, SmtpArgumentError, SmtpSessionError, shown } from "./errors.ts";
import { asked, MAIL_OPTIONS, type MailOptions, NOTHING_ASKED } from "./extensions.ts";
import {
  type Message,
  type MessageSource,
  type MessageWriter,
  message,
  openedAhead,
  writerMessage,
} from "./message.ts";
import { checkNames, checkOption, type SmtpOptions } from "./options.ts";
import { Parts } from "./parts.ts";
import type { RecipientList, SmtpAddress } from "./protocol/address.ts";
import type { Evidence, RecipientPolicy } from "./protocol/verdict.ts";
import { Transaction, type TransactionOptions } from "./transaction.ts";

/** How one message is sent, and what it asks of the server's extensions. */
export interface SendOptions extends MailOptions {
  /** What happens when a recipient is refused. Default: the session's. */
  recipientPolicy?: RecipientPolicy | undefined;
  /** Cancels the message when it aborts; the error says what became of it until then. */
  signal?: AbortSignal | undefined;
  /** Milliseconds from the call after which the message is cancelled. Default: none. */
  deadline?: number | undefined;
  /** Awaited before the bytes that can end the message are handed over; if it rejects, the message is not ended and not sent. */
  beforeEnd?: ((message: MessageInDoubt) => unknown) | undefined;
  /** What `beforeEnd` and events are told as the message's id. Default: a random UUID. */
  id?: string | undefined;
  /** What events tell as the number of the attempt: who sends a message again counts. Default 1. */
  attempt?: number | undefined;
  /**
   * True: a function that makes the message is called at once, not at its turn, so that what it makes can leave without
   * waiting. Default false: a queue of messages holds no bodies.
   */
  openAhead?: boolean | undefined;
}

const SEND_CHECKS: Readonly<Record<Exclude<keyof SendOptions, keyof MailOptions>, Check | undefined>> = {
  recipientPolicy: undefined,
  signal: SIGNAL,
  deadline: MILLISECONDS,
  beforeEnd: FUNCTION,
  id: TEXT,
  attempt: COUNT,
  openAhead: BOOLEAN,
};

const SEND_OPTIONS: readonly string[] = [...Object.keys(SEND_CHECKS), ...MAIL_OPTIONS];
const NO_OPTIONS: SendOptions = {};

/** @ignore What tells whether the server has said something of a message. */
export type Begun = Pick<Evidence, "reset" | "replies">;

/** @ignore A message whose input was checked before, on a session that was lent out; its evidence is put into `told` before it begins. */
export let sendChecked: (
  smtp: SmtpClient,
  content: Message,
  envelope: Envelope,
  options: SendOptions,
  told: Teller,
) => Promise<Delivery>;

/** Who tells of a message that is sent. */
interface Teller {
  /** What is known of it. */
  evidence: Begun | undefined;
  /** The time that it was given in all, of which `deadline` is what is left. */
  readonly deadline?: number | undefined;
}

const CLEAR = "Message went in clear, since the server did not offer STARTTLS and TLS was not demanded";

/** An SMTP session with the semantics of Net::SMTP; `NetSmtp` is one of a runtime. */
export abstract class SmtpClient extends SmtpCommands {
  static {
    sendChecked = (smtp, content, envelope, options, told) => smtp.#deliver(content, envelope, options, told);
  }

  /** Starts a session; port and options may be left out. With a block: runs it, finishes, gives its value (Net::SMTP.start). */
  static start(address: string, port?: number, options?: SmtpOptions): Promise<SmtpClient>;
  /** Starts a session on port 25. */
  static start(address: string, options: SmtpOptions): Promise<SmtpClient>;
  /** Runs the block in a session. */
  static start<T>(
    address: string,
    port: number | undefined,
    options: SmtpOptions | undefined,
    block: Block<T>,
  ): Promise<T>;
  /** Runs the block in a session with the default options. */
  static start<T>(address: string, port: number, block: Block<T>): Promise<T>;
  /** Runs the block in a session on port 25. */
  static start<T>(address: string, options: SmtpOptions, block: Block<T>): Promise<T>;
  /** Runs the block in a session on port 25 with the default options. */
  static start<T>(address: string, block: Block<T>): Promise<T>;
  static async start<T>(address: string, ...rest: unknown[]): Promise<SmtpClient | T> {
    const port = typeof rest[0] === "number" || rest[0] === undefined ? rest.shift() : undefined;
    const options = typeof rest[0] === "function" ? undefined : rest.shift();
    const [block, ...more] = rest;
    if ((block !== undefined && typeof block !== "function") || more.length > 0) {
      throw new SmtpArgumentError(`Parameter "block" is ${shown(block)}, expected a function`, { phase: "connect" });
    }
    // biome-ignore lint/complexity/noThisInStatic: the session of a runtime is what extends this class
    const smtp = new (this as unknown as OfRuntime)(address, port as number | undefined, options as SmtpOptions);
    return block ? await smtp.start(undefined, block as Block<T>) : await smtp.start();
  }

  /**
   * Sends a message. Gives its delivery, at least one recipient accepted; else rejects with an error that carries the fate
   * of every recipient. Calls need not wait for each other. Bad input is an `SmtpArgumentError` before a byte is written
   * (Net::SMTP#send_message).
   */
  sendMessage(
    source: MessageSource,
    from: string | SmtpAddress,
    to: RecipientList,
    options?: SendOptions,
  ): Promise<Delivery> {
    try {
      return this.#send(message(source), from, to, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The same as `sendMessage` (Net::SMTP#send_mail, #sendmail). */
  sendMail(
    source: MessageSource,
    from: string | SmtpAddress,
    to: RecipientList,
    options?: SendOptions,
  ): Promise<Delivery> {
    return this.sendMessage(source, from, to, options);
  }

  /**
   * Sends what the block writes. The block is called when the server waits for the message; if it throws, the message is
   * not ended and not sent, and the session is latched (Net::SMTP#open_message_stream).
   */
  async openMessageStream(
    from: string | SmtpAddress,
    to: RecipientList,
    block: (writer: MessageWriter) => unknown,
    options?: SendOptions,
  ): Promise<Delivery> {
    if (typeof block !== "function")
      throw new SmtpArgumentError(`Parameter "block" is ${shown(block)}, expected a function`, { phase: "mail" });
    return await this.#send(writerMessage(block), from, to, options);
  }

  /** The same as `openMessageStream` (Net::SMTP#ready). */
  ready(
    from: string | SmtpAddress,
    to: RecipientList,
    block: (writer: MessageWriter) => unknown,
    options?: SendOptions,
  ): Promise<Delivery> {
    return this.openMessageStream(from, to, block, options);
  }

  #send(
    content: Message,
    from: string | SmtpAddress,
    to: RecipientList,
    options: SendOptions = NO_OPTIONS,
  ): Promise<Delivery> {
    if (options !== NO_OPTIONS) checkSendOptions(options);
    const wished = options === NO_OPTIONS ? NOTHING_ASKED : asked(options);
    const envelope = envelopeOf(from, to, wished, this.live().offers("SMTPUTF8"));
    return this.#deliver(content, envelope, options);
  }

  #deliver(content: Message, envelope: Envelope, options: SendOptions, told?: Teller): Promise<Delivery> {
    const connection = this.live();
    if (connection.manual) throw manualOpen();
    const mode = this.starttlsMode;
    const inClear = !connection.stream.tls && (mode === "auto" || mode === "opportunistic");
    const opened = options.openAhead && !content.discard ? openedAhead(content) : content;
    const watch = connection.watch?.listens ? connection.watch : undefined;
    const id = options.id ?? (watch && crypto.randomUUID());
    const how: TransactionOptions = {
      recipientPolicy: options.recipientPolicy ?? this.settings.recipientPolicy,
      strict: this.settings.strict,
      warnings: connection.warnings.length > 0 ? [...connection.warnings] : inClear ? [CLEAR] : [],
      beforeEnd: options.beforeEnd,
      id,
    };
    const one = envelope.to.length === 1 && !connection.limits;
    const sending = one
      ? new Transaction(connection, envelope, opened, how)
      : new Parts(connection, envelope, opened.origin ?? content, opened, how);
    if (told) told.evidence = sending;
    const run = (): Promise<Delivery> => sending.send();
    const cancels = options.signal || options.deadline;
    const send = cancels ? () => cancellable(connection, sending, run, options, told?.deadline) : run;
    const { attempt = 1 } = options;
    const sent = watch ? watch.send({ id: id as string, attempt }, sending, connection.stream, send) : send();
    if (opened.discard) sent.catch(() => opened.discard?.());
    return sent;
  }
}

/** What `NetSmtp` of a runtime is made by. */
type OfRuntime = new (address: string, port: number | undefined, options: SmtpOptions | undefined) => SmtpClient;

/** What is run in a started session. */
export type Block<T> = (smtp: SmtpClient) => T | Promise<T>;

/** @ignore Throws `SmtpArgumentError` unless these are options of a message, or of the names that are given besides. */
export function checkSendOptions(options: SendOptions, more: readonly string[] = []): void {
  // One pass, without lists of its own: it is done for each message.
  for (const name in options) {
    if (Object.hasOwn(SEND_CHECKS, name)) {
      checkOption(name, options[name as keyof SendOptions], SEND_CHECKS[name as keyof typeof SEND_CHECKS]);
    } else if (!(MAIL_OPTIONS.includes(name) || more.includes(name))) checkNames(options, [...SEND_OPTIONS, ...more]);
  }
  if (!OBJECT.holds(options)) checkNames(options, SEND_OPTIONS);
}

function manualOpen(): SmtpSessionError {
  const message =
    "Session is inside a transaction that mailFrom() opened, so the message would wait for ever: end it with data(), rset() or finish()";
  return new SmtpSessionError(message, { phase: "mail" });
}

/** The caller hears of an abort at once; the transaction goes on behind to leave the session in order. One listener, gone when the message settles. */
function cancellable(
  connection: Connection,
  sending: Transaction | Parts,
  send: () => Promise<Delivery>,
  options: SendOptions,
  given: number | undefined = options.deadline,
): Promise<Delivery> {
  const { signal, deadline } = options;
  const { alarms } = connection.dialogue;
  return new Promise((resolve, reject) => {
    const stop = (message: string, cause: unknown): void =>
      reject(sending.abort(new SmtpAbortError(message, { cause })));
    const onAbort = (): void => stop("Message was aborted", signal?.reason);
    const onDeadline = (): void =>
      stop(`Message was not done within ${given} ms`, new DOMException("The deadline passed", "TimeoutError"));
    const alarm = deadline === undefined ? undefined : alarms.set(now() + deadline, onDeadline);
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    const settled = (): void => {
      signal?.removeEventListener("abort", onAbort);
      if (alarm) alarms.drop(alarm);
    };
    send().then(resolve, reject).finally(settled);
  });
}
