/**
 * A transaction that the caller leads command by command: MAIL got 2xx, and the wire is the caller's until data has
 * ended, rset, or finish (design.md, Turns). The law here: it keeps the same evidence as a message of `sendMessage`, so
 * that an error of `data` tells the fate of every recipient too.
 *
 * @module
 */

import type { ContentWriter } from "./content.ts";
import { DUMMY_RESPONSE, type SmtpResponse } from "./protocol/reply.ts";
import type { Evidence } from "./protocol/verdict.ts";
import { type Turn, Turns } from "./turns.ts";

/** The transaction of a caller. */
export class ManualTransaction implements Evidence {
  /** The sender, as it was given. */
  from: string;
  /** The recipients answered so far, as they were given. */
  readonly recipients: string[] = [];
  /** An RSET in front of MAIL is not kept as evidence: MAIL had its 2xx. */
  readonly reset = false;
  /** Each accepted recipient has a reply of its own (LMTP). */
  readonly each: boolean;
  /** True once a line of the caller's own may have added a recipient. */
  raw = false;
  /** The replies to MAIL, each RCPT, and DATA. */
  readonly replies: SmtpResponse[];
  /** Its commands, in the order of the calls. */
  readonly turns: Turns = new Turns();
  /** What writes its content, once that has begun. */
  writer: ContentWriter | undefined;
  readonly #turn: Turn | undefined;

  /** Opened by a MAIL that got 2xx, it keeps the session's turn; without them it stands for one that nobody saw begin. */
  constructor(from: string, each: boolean, mail: SmtpResponse = DUMMY_RESPONSE, turn?: Turn) {
    this.from = from;
    this.each = each;
    this.replies = [mail];
    this.#turn = turn;
    turn?.keep();
  }

  /** True once the end of the message had been given to the socket. */
  get handedOver(): boolean {
    return this.writer?.owed?.handedOver ?? false;
  }

  /** The complete replies to the content. */
  get finals(): readonly SmtpResponse[] {
    return this.writer?.finals ?? [];
  }

  /** A recipient was answered. */
  recipient(address: string, reply: SmtpResponse): void {
    this.recipients.push(address);
    this.replies.push(reply);
  }

  /** Another MAIL got 2xx inside it. */
  restart(from: string, mail: SmtpResponse): void {
    this.from = from;
    this.recipients.length = 0;
    this.replies.splice(0, this.replies.length, mail);
  }

  /** Gives the wire back; the calls already made inside come first, as the session's own. */
  end(session: Turns): void {
    this.turns.giveBack(session);
    this.#turn?.done();
  }
}
