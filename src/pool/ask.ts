/**
 * What is asked of a pool and waits: a message, or a session for a block. The law here: whoever waits may give up at any
 * time and hears of it at once; nothing of a message is touched before its turn.
 *
 * @module
 */

import { type Alarm, type Alarms, now } from "../alarms.ts";
import { type Begun, type SendOptions, type SmtpClient, sendChecked } from "../client.ts";
import type { Delivery } from "../delivery.ts";
import { type Envelope, envelopeOf } from "../envelope.ts";
import { SmtpAbortError } from "../errors.ts";
import { asked, type Asked as Wished } from "../extensions.ts";
import { type Message, openedAhead } from "../message.ts";
import type { RecipientList, SmtpAddress } from "../protocol/address.ts";
import { toldOf } from "../told.ts";
import type { WaitingState } from "./decide.ts";
import type { Identity } from "./identity.ts";
import { Waiting } from "./queue.ts";
import type { PooledSession } from "./session.ts";

/** What limits the waiting. */
export interface Patience {
  /** Ends it. */
  readonly signal: AbortSignal | undefined;
  /** Until when, by the steady clock; undefined: for ever. */
  readonly until: number | undefined;
  /** How many ms that was from the call. */
  readonly deadline: number | undefined;
}

/** One that waits for a session. */
abstract class Ask<T> extends Waiting implements WaitingState {
  readonly identity: Identity;
  readonly order: number;
  abstract readonly exclusive: boolean;
  /** What becomes of it. */
  readonly promise: Promise<T>;
  /** It is done. */
  resolve!: (value: T) => void;
  /** In which pause of the throttle's it was given. */
  round = 0;
  /** When it was given to a session, by the steady clock. */
  since = 0;
  /** True if it goes ahead alone, to see whether the server takes messages again. */
  probe = false;
  protected readonly patience: Patience;
  #reject!: (error: unknown) => void;
  #unwatch: (() => void) | undefined;

  constructor(identity: Identity, order: number, patience: Patience) {
    super();
    this.identity = identity;
    this.order = order;
    this.patience = patience;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.#reject = reject;
    });
  }

  /** It will not be done. */
  fail(error: unknown): void {
    this.#reject(this.told(error));
  }

  /** Its turn comes soon. */
  openAhead(): void {}

  /** True if its source was opened ahead. */
  get isOpen(): boolean {
    return false;
  }

  /** The error as it is told of this one. */
  told(error: unknown): unknown {
    return error;
  }

  /** Calls `gone` when its signal aborts or its time is over. One listener, and one alarm on a timer that all share. */
  watch(alarms: Alarms, gone: (error: SmtpAbortError) => void): void {
    const { signal, until, deadline } = this.patience;
    if (!signal && until === undefined) return;
    const aborted = (): void => gone(new SmtpAbortError("Message was aborted", { cause: signal?.reason }));
    const late = (): void => gone(overdue(deadline));
    const alarm: Alarm | undefined = until === undefined ? undefined : alarms.set(until, late);
    signal?.addEventListener("abort", aborted);
    this.#unwatch = () => {
      signal?.removeEventListener("abort", aborted);
      if (alarm) alarms.drop(alarm);
    };
    if (signal?.aborted) aborted();
  }

  /** It does not wait any more. */
  unwatch(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
  }
}

function overdue(deadline: number | undefined): SmtpAbortError {
  const cause = new DOMException("The deadline passed", "TimeoutError");
  return new SmtpAbortError(`Message was not done within ${deadline} ms`, { cause });
}

/** A session for a block. */
export class BlockAsk extends Ask<PooledSession> {
  readonly exclusive = true;
}

/** What a message is made of. */
export interface Parcel {
  /** Its content. */
  readonly content: Message;
  /** Its sender. */
  readonly from: string | SmtpAddress;
  /** Its recipients. */
  readonly to: RecipientList;
  /** How it is sent. */
  readonly options: SendOptions;
}

/** A message. */
export class MessageAsk extends Ask<Delivery> {
  readonly exclusive = false;
  /** What it is made of. */
  readonly parcel: Parcel;
  /** What is known of it on the session that it was last given to. */
  evidence: Begun | undefined;
  /** How often it came back to the queue. */
  requeues = 0;
  #opened: Message | undefined;
  readonly #wished: Wished;
  readonly #envelope: Envelope;

  /** Throws `SmtpArgumentError` if an address is none that any server could take. */
  constructor(identity: Identity, order: number, patience: Patience, parcel: Parcel) {
    super(identity, order, patience);
    this.parcel = parcel;
    this.#wished = asked(parcel.options);
    this.#envelope = envelopeOf(parcel.from, parcel.to, this.#wished, true);
  }

  /** True once the server has said something of it, on the session that it was last given to. */
  get begun(): boolean {
    return this.evidence !== undefined && this.evidence.replies.length > (this.evidence.reset ? 1 : 0);
  }

  /** How many ms it was given from the call. */
  get deadline(): number | undefined {
    return this.patience.deadline;
  }

  /** True if its source can be read from its beginning. */
  get readable(): boolean {
    const { replayable, opened } = this.parcel.content;
    return replayable || !opened;
  }

  /** Its source is opened, if it wishes that. */
  override openAhead(): void {
    if (this.#opened || !this.parcel.options.openAhead) return;
    this.#opened = openedAhead(this.parcel.content);
  }

  override get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** It will not be sent: what was opened is let go. */
  override fail(error: unknown): void {
    this.#opened?.discard?.();
    super.fail(error);
  }

  /** Sends it. Throws or rejects with an error that tells the fate of every recipient. */
  send(smtp: SmtpClient): Promise<Delivery> {
    this.evidence = undefined;
    const { parcel } = this;
    const { options } = parcel;
    const content = this.#opened ?? parcel.content;
    this.#opened = undefined;
    // What is ASCII is written the same with SMTPUTF8 and without it.
    const envelope = this.#envelope.utf8
      ? envelopeOf(parcel.from, parcel.to, this.#wished, smtp.capable("SMTPUTF8") ?? false)
      : this.#envelope;
    const { until, deadline } = this.patience;
    if (until === undefined) return sendChecked(smtp, content, envelope, options, this);
    const left = until - now();
    if (left <= 0) throw this.told(overdue(deadline));
    return sendChecked(smtp, content, envelope, { ...options, deadline: left }, this);
  }

  /** With the fate of every recipient: of a message that was not given, `unsent`. */
  override told(error: unknown): unknown {
    const recipients = this.#envelope.to.map(({ address }) => address);
    return toldOf({ from: "", recipients, reset: false, replies: [], handedOver: false, finals: [] }, error);
  }
}

/** What waits. */
export type Asked = MessageAsk | BlockAsk;

/** How many sources of messages that wait may be open. */
const AHEAD = 16;

/**
 * Those that are next have their sources opened, where they wish it: what is there when its turn comes leaves at once.
 * Several at a time, when half of them have gone: what makes messages takes turns of the event loop, and they share them.
 */
export function openAhead(first: Asked | undefined, count: number): void {
  const most = Math.min(count, AHEAD);
  let middle = first;
  for (let place = 0; middle && place < most >> 1; place++) middle = middle.after;
  if (middle?.isOpen) return;
  let left = most;
  for (let ask = first; ask && left > 0; ask = ask.after) {
    ask.openAhead();
    left--;
  }
}
