/**
 * What a session knows of its one connection: the dialogue, what the server offers, whose turn it is, and whether an
 * RSET is owed. The law here: all of it is gone with the connection; a new start begins with a new one.
 *
 * @module
 */

import type { Dialogue } from "./dialogue.ts";
import {
  errorClass,
  SmtpAbortError,
  SmtpArgumentError,
  type SmtpError,
  SmtpSessionError,
  SmtpUnsupportedCommand,
  shown,
} from "./errors.ts";
import { type Limits, limitsOf } from "./limits.ts";
import type { ManualTransaction } from "./manual.ts";
import type { SmtpStream } from "./net/stream.ts";
import { mayOverlap } from "./overlap.ts";
import type { Mailbox } from "./protocol/address.ts";
import type { Capabilities } from "./protocol/capabilities.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import { type Turn, Turns } from "./turns.ts";
import type { Watch } from "./watch.ts";

/** What a connection needs to know of the options. */
export interface ConnectionSettings {
  /** Whether commands may go in groups where the server offers it. */
  readonly pipelining: boolean;
  /** Whether content may go in chunks where the server offers it. */
  readonly chunking: boolean;
  /** How many messages may be unanswered under CHUNKING. */
  readonly inFlight: number;
  /** Whether LMTP is spoken. */
  readonly lmtp: boolean;
  /** Drops the connection when it aborts. */
  readonly signal: AbortSignal | undefined;
  /** Whether TLS checks the certificate. */
  readonly tlsVerify: boolean;
  /** What the runtime is told of TLS, which goes before that. */
  readonly tlsOptions: Readonly<Record<string, unknown>>;
  /** The caller's own socket, if it is one. */
  readonly socket: unknown;
}

/** Hosts that offered CHUNKING and did not know BDAT: they may have run the octets as commands, so they see none again. */
const withoutBdat: Set<string> = new Set();

/** One connection of a session. */
export class Connection {
  /** The stream as it is now: another one after STARTTLS. */
  stream: SmtpStream;
  /** What the server says that it takes at most, if it does (RFC 9422). */
  limits: Limits | undefined;
  /** True if the next MAIL needs an RSET in front of it (design.md, Recipients). */
  resetOwed = false;
  /** The message whose MAIL was written last: it says whether an RSET is owed. */
  latest: object | undefined;
  /** The transaction that the caller leads command by command, if one is open. */
  manual: ManualTransaction | undefined;
  /** True once QUIT was said: nothing is said after it. */
  quitSaid = false;
  /** How many transactions were begun, whatever became of them (RFC 9422 4.1). */
  mails = 0;
  /** The domains of recipients so far, where the server limits them. */
  readonly domains: Set<string> = new Set();
  /** True once a message needed another session, since the server's limits leave no room on this one. */
  full = false;
  /** How many logins were tried. */
  logins = 0;
  /** Told that nothing is written any more, for whoever lends the session out. */
  onOver: (() => void) | undefined;
  /** What its messages should say of it in their deliveries. */
  readonly warnings: string[] = [];
  /** Why messages that have not begun will not begin any more, if so. */
  abandoned: SmtpError | undefined;
  /** Who tells of what happens on it. */
  watch: Watch | undefined;
  /** Who writes. */
  readonly turns: Turns = new Turns();
  #capabilities: Capabilities | undefined;
  #dialogue!: Dialogue;
  readonly #settings: ConnectionSettings;
  /** Ends of messages that are written and not answered. */
  endsUnanswered = 0;
  /** The host, as it was given. */
  readonly host: string;
  #unanswered = 0;
  #heldBack: Turn | undefined;
  readonly #foreignTls: boolean;
  #finishing = false;
  readonly #onAbort = (): void =>
    this.drop(new SmtpAbortError("Session was aborted", { cause: this.#settings.signal?.reason }));

  /** A connection just made to a host; the settings' signal drops it. */
  constructor(stream: SmtpStream, dialogue: Dialogue, settings: ConnectionSettings, host: string) {
    this.host = host;
    this.stream = stream;
    this.dialogue = dialogue;
    this.#settings = settings;
    this.#foreignTls = stream.tls && settings.socket !== undefined;
    settings.signal?.addEventListener("abort", this.#onAbort);
    if (settings.signal?.aborted) this.#onAbort();
  }

  /** What the last EHLO offered in the current state of TLS; undefined before EHLO and after HELO. */
  get capabilities(): Capabilities | undefined {
    return this.#capabilities;
  }

  set capabilities(capabilities: Capabilities | undefined) {
    this.#capabilities = capabilities;
    this.limits = limitsOf(capabilities);
  }

  /** The conversation as it is now: another one after STARTTLS. */
  get dialogue(): Dialogue {
    return this.#dialogue;
  }

  /** What is over cannot be led on: a transaction of the caller's gives the wire back, so that whoever waits hears of it. */
  set dialogue(dialogue: Dialogue) {
    this.#dialogue = dialogue;
    dialogue.onOver = () => {
      this.closeManual();
      this.onOver?.();
    };
  }

  /** True if a message may begin: not lost, latched or said good-bye to, and the wire is not the caller's. */
  get usable(): boolean {
    return !this.quitSaid && !this.manual && !this.abandoned && this.dialogue.refusal() === undefined;
  }

  /** True if each accepted recipient has a reply of its own to the end of a message (RFC 2033 4.2). */
  get lmtp(): boolean {
    return this.#settings.lmtp;
  }

  /** True if commands may go in groups (RFC 2920). */
  get pipelining(): boolean {
    return this.#settings.pipelining && this.offers("PIPELINING");
  }

  /** True if content may go in chunks (RFC 3030). */
  get chunking(): boolean {
    return this.#settings.chunking && this.pipelining && this.offers("CHUNKING") && !withoutBdat.has(this.host);
  }

  /** True while a BDAT LAST is unanswered. */
  get lastUnanswered(): boolean {
    return this.#unanswered > 0;
  }

  /** A message's MAIL is about to be written. */
  begins(message: object): void {
    this.latest = message;
    this.mails++;
  }

  /** While nothing is asked of the session, its socket and its timer do not keep the process alive. */
  hold(held: boolean): void {
    if (held) this.stream.ref?.();
    else this.stream.unref?.();
    this.dialogue.alarms.hold(held);
  }

  /** A BDAT LAST is written; the turn, if it is given, passes when the next message may begin, `inFlight` at a time. */
  lastWritten(turn: Turn | undefined): void {
    this.#unanswered++;
    if (this.#unanswered < this.#settings.inFlight && mayOverlap(this.host)) turn?.pass();
    else this.#heldBack = turn;
  }

  /** A BDAT LAST was answered, or will not be. */
  lastAnswered(): void {
    this.#unanswered--;
    const turn = this.#heldBack;
    this.#heldBack = undefined;
    turn?.pass();
  }

  /** BDAT was answered as a command that the server does not know: it may take the octets for commands. */
  refuseBdat(error: SmtpError): void {
    withoutBdat.add(this.host);
    this.dialogue.fail(error);
  }

  /** True inside TLS whose certificate this engine has verified; not of a socket that the caller secured. */
  get verified(): boolean {
    const { tlsVerify, tlsOptions } = this.#settings;
    const given = tlsOptions.rejectUnauthorized;
    return this.stream.tls && !this.#foreignTls && (given === undefined ? tlsVerify : given === true);
  }

  /** True if the server offered the extension in its last EHLO. */
  offers(keyword: string): boolean {
    return this.capabilities?.has(keyword) ?? false;
  }

  /**
   * Writes the lines, in one flight where the server takes it, else one by one until there is `enough`. The replies are put
   * into `replies` as they come.
   */
  flights(lines: readonly string[], replies: SmtpResponse[], enough: () => boolean): Promise<unknown> {
    return this.pipelining ? this.dialogue.flight(lines, replies) : this.#inTurn(lines, replies, enough);
  }

  async #inTurn(lines: readonly string[], replies: SmtpResponse[], enough: () => boolean): Promise<void> {
    for (const line of lines) {
      await this.dialogue.flight([line], replies);
      if (enough()) return;
    }
  }

  /** The RSET that was owed has been answered; throws if it was refused, which leaves a transaction that nobody knows the end of. */
  resetPaid(reply: SmtpResponse): void {
    this.resetOwed = false;
    if (reply.success) return;
    const error = new (errorClass(reply.status))(`Server refused RSET: ${reply}`, {
      phase: "mail",
      command: "RSET",
      response: reply,
      retry: "now",
    });
    this.dialogue.fail(error);
    throw error;
  }

  /** Throws if the server stands in a transaction that was given up: RCPT or DATA now would go to its recipients. */
  refuseStale(): void {
    if (!this.resetOwed || this.manual) return;
    const message =
      "Transaction before was given up and not reset, so this would join it: call mailFrom() or rset() first";
    throw new SmtpSessionError(message, { phase: "rcpt" });
  }

  /** Throws if an address needs SMTPUTF8 and the server, asked again since, does not offer it. */
  checkUtf8(mailboxes: readonly Mailbox[]): void {
    const mailbox = this.offers("SMTPUTF8") ? undefined : mailboxes.find(({ utf8 }) => utf8);
    if (!mailbox) return;
    const message = `Address ${shown(mailbox.address)} needs SMTPUTF8, which the server does not offer any more, expected ASCII`;
    throw new SmtpArgumentError(message, { phase: "mail" });
  }

  /** Throws if content cannot go as it is (RFC 3030 3): that takes BINARYMIME, and BDAT, since DATA knows lines only. */
  checkBinary(): void {
    if (this.chunking && this.offers("BINARYMIME")) return;
    const missing = this.offers("BINARYMIME")
      ? "CHUNKING is not offered, or turned off"
      : "the server does not offer it";
    throw new SmtpUnsupportedCommand(`Message asks for BINARYMIME and ${missing}, so nothing was sent: encode it`, {
      phase: "mail",
      command: "MAIL FROM",
    });
  }

  /** The wire is the caller's; the commands already asked for are his. */
  openManual(manual: ManualTransaction): void {
    this.manual = manual;
    this.turns.moveExchanges(manual.turns);
    if (this.#finishing) this.#giveUp(manual);
  }

  /** The caller's own transaction is over. */
  closeManual(): void {
    const { manual } = this;
    this.manual = undefined;
    manual?.end(this.turns);
  }

  /** Nothing is asked for any more: a transaction of the caller's, open or to come, ends behind the calls already made. */
  giveUpManual(): void {
    this.#finishing = true;
    if (this.manual) this.#giveUp(this.manual);
  }

  #giveUp(manual: ManualTransaction): void {
    void manual.turns.alone(() => {
      if (this.manual !== manual) return;
      this.resetOwed = true;
      this.closeManual();
    });
  }

  /** Drops it at once; what is owed fails with the error. */
  drop(error: SmtpError): void {
    this.released();
    this.dialogue.destroy(error);
  }

  /** The signal is not listened to any more. */
  released(): void {
    this.#settings.signal?.removeEventListener("abort", this.#onAbort);
  }
}
