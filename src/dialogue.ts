/**
 * The conversation on one stream, as a ledger: what was written, and which replies are owed for it.
 * Its law is design.md's third: replies are counted, never matched. A reply answers a command only if that command (for
 * content: its last octet) had been given to the socket before the reply was read; every chunk is parsed to its end and
 * judged against what was owed when it arrived, before anything is resolved or written.
 * Bytes count as handed over when the stream has them, not the cork. Reading never waits for writing, so that long
 * flights cannot deadlock (RFC 2920 3.1).
 *
 * @module
 */

import { Alarms, now } from "./alarms.ts";
import { answeredEarly, latched, lost, sessionEnded } from "./breaks.ts";
import { Cork } from "./cork.ts";
import { Deadlines, type Timeouts } from "./deadlines.ts";
import { SmtpConnectionError, type SmtpError } from "./errors.ts";
import type { SmtpStream, StreamSink } from "./net/stream.ts";
import { firstViolation, Owed, type Shown } from "./owed.ts";
import { bdat } from "./protocol/command.ts";
import { ReplyParser, replyLimits, type SmtpResponse } from "./protocol/reply.ts";
import type { Onlooker } from "./transcript.ts";

const FLUSH_AT = 64 * 1024; // content beyond it leaves at once

/** One conversation. STARTTLS begins a new one. */
export class Dialogue implements StreamSink {
  readonly #stream: SmtpStream;
  readonly #timeouts: Timeouts;
  readonly #transcript: Onlooker | undefined;
  readonly #parser: ReplyParser;
  readonly #cork: Cork;
  readonly #ledger: Owed[] = [];
  readonly #leaving: Owed[] = [];
  /** The session's one timer. */
  readonly alarms: Alarms;
  readonly #deadlines: Deadlines;
  /** Told why nothing is written any more, for a message that waits for its source. */
  onStop: ((error: SmtpError) => void) | undefined;
  /** Told the same, for who keeps the wire. */
  onOver: (() => void) | undefined;
  #drained: (() => void) | undefined;
  #ended: SmtpError | undefined;
  #failure: SmtpError | undefined;
  #halted: Error | undefined;
  #maskReplies = false;

  /** Starts to read from the stream; nothing is owed yet. */
  constructor(stream: SmtpStream, timeouts: Timeouts, transcript?: Onlooker, alarms: Alarms = new Alarms()) {
    this.#stream = stream;
    this.#timeouts = timeouts;
    this.#parser = new ReplyParser(replyLimits(timeouts.maxReplySize));
    this.#transcript = transcript;
    this.alarms = alarms;
    this.#cork = new Cork(() => this.flush());
    this.#deadlines = new Deadlines(alarms, timeouts, this.#ledger, (error) => this.destroy(error));
    stream.open(this);
  }

  /** Why nothing can be written any more, if so: lost, ended by 421, or broken. */
  get failure(): SmtpError | undefined {
    return this.#failure;
  }

  /** The first failure that latched the session, if one did (Net::SMTP's `@error_occurred`). */
  get halted(): Error | undefined {
    return this.#halted;
  }

  /** True in the middle of a reply: before a TLS handshake that is an injection (RFC 3207 6). */
  get midReply(): boolean {
    return this.#parser.buffered > 0;
  }

  /** As `refusal`; somebody asks in order to write, so a connection found lost latches from here on. */
  refused(): SmtpError | undefined {
    const refusal = this.refusal();
    this.#halted ??= this.#failure;
    return refusal;
  }

  /** What a write would be refused with now; undefined if it would not. */
  refusal(): SmtpError | undefined {
    if (this.#halted) return latched(this.#halted);
    return this.#failure ?? this.#ended;
  }

  /** The greeting is owed without a command. */
  greeting(timeout: number): Promise<SmtpResponse[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    const owed = new Owed("greeting", [], 1, timeout);
    this.#ledger.push(owed);
    this.#handOver([owed]);
    return owed.promise;
  }

  /**
   * Writes the lines as one group and gives their replies, in their order (RFC 2920). The replies are also put into
   * `replies` as they come, so that they are known when the flight breaks.
   */
  flight(
    lines: readonly string[],
    replies: SmtpResponse[] = [],
    timeout: number = this.#timeouts.readTimeout,
  ): Promise<SmtpResponse[]> {
    const refusal = this.refused();
    if (refusal) return Promise.reject(refusal);
    const flight = this.#send(`${lines.join("\r\n")}\r\n`, new Owed("command", lines, lines.length, timeout, replies));
    if (this.#transcript) for (const line of lines) this.#transcript.command(line, line.length + 2, false);
    return flight;
  }

  #send(text: string, owed: Owed): Promise<SmtpResponse[]> {
    this.#ledger.push(owed);
    this.#leaving.push(owed);
    this.#cork.text(text);
    return owed.promise;
  }

  /** One command and its reply, shown as it stands or, where it holds a secret, by what stands for it. */
  async command(line: string, shown?: Shown): Promise<SmtpResponse> {
    const refusal = this.refused();
    if (refusal) throw refusal;
    this.#maskReplies = shown?.maskReply ?? false;
    const text = shown?.text ?? line;
    const replies = this.#send(`${line}\r\n`, new Owed("command", [text], 1, this.#timeouts.readTimeout));
    this.#transcript?.command(text, line.length + 2, shown !== undefined);
    return (await replies)[0] as SmtpResponse;
  }

  /** The content of a message begins, for which `count` replies are owed (under LMTP one a recipient). Throws if nothing can be written. */
  contentBegin(count = 1): Owed {
    const refusal = this.refusal();
    if (refusal) throw refusal;
    const owed = new Owed("content", [], count, this.#timeouts.finalTimeout);
    this.#ledger.push(owed);
    return owed;
  }

  /** Bytes of the content but its last. */
  content(bytes: Uint8Array): void {
    if (this.refusal()) return;
    this.#cork.bytes(bytes);
    if (this.#cork.octets >= FLUSH_AT) this.flush();
  }

  /** The last bytes of the content, `octets` in all (0: the lone dot): when they leave the cork, the message is handed over. */
  contentEnd(owed: Owed, last: readonly Uint8Array[], octets: number): void {
    if (this.refusal()) return;
    this.#leaving.push(owed);
    for (const bytes of last) this.#cork.bytes(bytes);
    // Shown last, here and elsewhere: whoever looks on may abort, and must find the ledger right.
    if (octets > 0) this.#transcript?.content(octets);
    this.#transcript?.command(".", 3, false);
  }

  /** A chunk (RFC 3030 2): its command and octets leave together, only the last is an end, and owed `count` replies. Throws if nothing can be written. */
  chunk(pieces: readonly Uint8Array[], octets: number, last: boolean, count = 1): Owed {
    const refusal = this.refused();
    if (refusal) throw refusal;
    const line = bdat(octets, last);
    const timeout = last ? this.#timeouts.finalTimeout : this.#timeouts.readTimeout;
    const owed = new Owed(last ? "last" : "command", [line], count, timeout);
    this.#ledger.push(owed);
    this.#leaving.push(owed);
    this.#cork.text(`${line}\r\n`);
    for (const bytes of pieces) this.#cork.bytes(bytes);
    this.#transcript?.command(line, line.length + 2, false);
    this.#transcript?.content(octets);
    if (this.#cork.octets >= FLUSH_AT) this.flush();
    return owed;
  }

  /** Undefined if the stream takes more; else a promise that resolves when it does, or when nothing is written any more. */
  backpressure(): Promise<void> | undefined {
    if (!this.#deadlines.stalled || this.refusal()) return undefined;
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  /** Gives the cork to the stream. Everything in it is handed over from here on. */
  flush(): void {
    if (this.#failure || this.#ended || this.#cork.empty) return;
    this.#handOver(this.#leaving.splice(0));
    let writable = true;
    for (const bytes of this.#cork.take()) writable = this.#stream.write(bytes);
    if (!writable) this.#deadlines.writeStalls();
  }

  #handOver(leaving: readonly Owed[]): void {
    if (leaving.length === 0) return;
    const time = now();
    for (const owed of leaving) owed.handOver(time);
    this.#deadlines.watch();
  }

  /** @ignore */
  data(bytes: Uint8Array): void {
    if (this.#failure) return;
    const replies: SmtpResponse[] = [];
    const violation = firstViolation(this.#ledger, replies, this.#parser.push(bytes, replies));
    for (const reply of replies) this.#transcript?.reply(reply, this.#maskReplies && reply.status === "334");
    if (violation) this.fail(violation);
    if (this.#failure) return;
    if (replies.length > 0) this.#deadlines.replied();
    for (const reply of replies) this.#answer(reply);
    if (!this.#failure) this.#deadlines.watch();
    if (this.#ended && !this.#ledger[0]?.handedOver) this.destroy(this.#ended);
  }

  #answer(reply: SmtpResponse): void {
    if (reply.status === "421" && !this.#ended) this.#sessionEnds(reply);
    const owed = this.#ledger[0];
    if (!owed || !(owed.handedOver || owed.kind === "content")) return;
    if (owed.answer(reply)) this.#ledger.shift();
    if (owed.handedOver) return;
    const error = answeredEarly(reply);
    owed.stop(error);
    this.destroy(error);
  }

  /** After a 421 nothing is written; what is owed is read for a while longer. */
  #sessionEnds(reply: SmtpResponse): void {
    const ended = sessionEnded(reply, this.#ledger[0]);
    this.#ended = ended;
    this.#deadlines.linger(() => this.destroy(ended));
    for (const owed of this.#ledger) owed.stop(ended);
  }

  /** @ignore */
  drain(): void {
    this.#deadlines.writeGoesOn();
    this.#wake();
  }

  /** @ignore */
  close(cause?: Error): void {
    this.destroy(this.#ended ?? lost(this.#ledger[0], cause));
  }

  /** The session cannot be trusted any more: latched and dropped. */
  fail(error: SmtpError): void {
    this.#halted ??= error;
    this.destroy(error);
  }

  /** The latch (design.md, law 4): what was asked for goes out, then writing stops, not reading. The first failure is kept. */
  halt(error: Error): void {
    if (this.#halted) return;
    this.flush();
    this.#halted = error;
    for (const owed of this.#ledger) owed.stop(latched(error));
    this.#wake(latched(error));
  }

  /** The connection is over at once: everything owed fails with the error. */
  destroy(error: SmtpError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#transcript?.over(error);
    // A failure latches if somebody was waiting (an exception inside `critical`); a connection lost while idle does not.
    if (this.#ledger.length > 0 && !this.#ended) this.#halted ??= error;
    this.#deadlines.stop();
    this.#stream.destroy();
    for (const owed of this.#ledger.splice(0)) {
      owed.stop(error);
      owed.fail(error);
    }
    this.#wake(error);
  }

  #wake(stopped?: SmtpError): void {
    if (stopped) for (const tell of [this.onStop, this.onOver]) tell?.(stopped);
    this.#drained?.();
    this.#drained = undefined;
  }

  /** Closes once the replies that are owed have come: for a message that was left without its end, after which nothing can be said. */
  closeWhenAnswered(error: SmtpError): void {
    this.halt(error);
    const last = this.#ledger.findLast((owed) => owed.handedOver);
    if (last) last.promise.then(() => this.closeWhenAnswered(error)).catch(() => undefined);
    else this.destroy(error);
  }

  /** Ends the session in order after QUIT was answered. */
  end(): void {
    this.#transcript?.over();
    this.#failure ??= lost(undefined, undefined);
    this.#deadlines.stop();
    this.#stream.end(this.#timeouts.closeTimeout);
    if (!this.#timeouts.closeTimeout) this.#stream.destroy();
  }

  /** Lays the conversation down for the one inside TLS. The stream hears nothing more. */
  leave(): void {
    this.#deadlines.stop();
    this.#failure = new SmtpConnectionError("Conversation has gone on inside TLS", { phase: "tls" });
  }
}
