/**
 * One entry of the ledger: the replies that are owed for a flight of commands, or for the content of one message.
 * Its law: one promise an entry at most, and only if somebody waits; never one a reply.
 *
 * @module
 */

import { unowed } from "./breaks.ts";
import type { Phase, SmtpError, SmtpProtocolError } from "./errors.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

const PHASES: Readonly<Record<string, Phase>> = {
  EHLO: "ehlo",
  HELO: "ehlo",
  LHLO: "ehlo",
  STARTTLS: "tls",
  AUTH: "auth",
  BDAT: "content",
  RSET: "mail",
  MAIL: "mail",
  RCPT: "rcpt",
  DATA: "data",
  QUIT: "quit",
};

/** The step of the dialogue that a command belongs to. */
export function phaseOf(line: string): Phase {
  return PHASES[/^[A-Za-z]*/.exec(line)?.[0].toUpperCase() ?? ""] ?? "command";
}

/** How a command is shown instead of as it stands, and where it belongs. */
export interface Shown {
  /** What transcripts and errors show. */
  readonly text: string;
  /** True if the reply is not shown either. */
  readonly maskReply: boolean;
}

/** Replies that are owed. */
export class Owed {
  /** For what they are owed. */
  readonly kind: "greeting" | "command" | "content" | "last";
  /** The commands, as they may be shown. */
  readonly lines: readonly string[];
  /** How long each may take, in milliseconds. */
  readonly timeout: number;
  /** The replies that have come. */
  readonly replies: SmtpResponse[];
  /** How many are still to come. */
  remaining: number;
  /** True once everything that they answer has been given to the socket. */
  handedOver = false;
  /** When that was. */
  handedOverAt = 0;
  /** Told, once or more, that the rest of a content will not be written. */
  onStop: ((error: SmtpError) => void) | undefined;
  readonly #replied: number;
  #promise: Promise<SmtpResponse[]> | undefined;
  #resolve: ((replies: SmtpResponse[]) => void) | undefined;
  #reject: ((error: SmtpError) => void) | undefined;
  #answered = false;
  #failure: SmtpError | undefined;

  /** An entry for `count` replies, which are put into `replies` behind what it holds already. */
  constructor(
    kind: Owed["kind"],
    lines: readonly string[],
    count: number,
    timeout: number,
    replies: SmtpResponse[] = [],
  ) {
    this.kind = kind;
    this.lines = lines;
    this.remaining = count;
    this.timeout = timeout;
    this.replies = replies;
    this.#replied = replies.length;
  }

  /** Resolves with all replies once they have come. Made when it is first asked for: a failure that nobody waits for is nobody's. */
  get promise(): Promise<SmtpResponse[]> {
    this.#promise ??= this.#promised();
    return this.#promise;
  }

  #promised(): Promise<SmtpResponse[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#answered) return Promise.resolve(this.replies);
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** The command whose reply is the next to come, or comes behind so many others. */
  command(behind = 0): string | undefined {
    return this.kind === "last" ? this.lines[0] : this.lines[this.replies.length - this.#replied + behind];
  }

  /** The step of the dialogue whose reply is the next to come, or comes behind so many others. */
  phase(behind = 0): Phase {
    if (this.kind === "greeting") return "greeting";
    if (this.kind === "last") return "final";
    if (this.kind === "content") return this.handedOver ? "final" : "content";
    return phaseOf(this.command(behind) ?? "");
  }

  /** Everything that the replies answer is with the socket. */
  handOver(time: number): void {
    this.handedOver = true;
    this.handedOverAt = time;
  }

  /** Takes the next reply; true if the entry is settled with it. An early reply settles a content at once. */
  answer(reply: SmtpResponse): boolean {
    this.replies.push(reply);
    this.remaining--;
    if (this.remaining > 0 && this.handedOver) return false;
    this.#answered = true;
    this.#resolve?.(this.replies);
    return true;
  }

  /** The replies will not come. */
  fail(error: SmtpError): void {
    this.#failure = error;
    this.#reject?.(error);
  }

  /** The rest of the content will not be written. */
  stop(error: SmtpError): void {
    this.onStop?.(error);
  }
}

/** What broke the protocol in a chunk: octets that are no reply, told of the step in which they came, or a reply that nothing asked for. */
export function firstViolation(
  ledger: readonly Owed[],
  replies: readonly SmtpResponse[],
  garbled: SmtpProtocolError | undefined,
): SmtpError | undefined {
  if (!garbled) return firstUnowed(ledger, replies);
  let behind = replies.length;
  for (const owed of ledger) {
    if (behind < owed.remaining) return garbled.about({ phase: owed.phase(behind), command: owed.command(behind) });
    behind -= owed.remaining;
  }
  return garbled;
}

/** The first of the replies that nothing asked for when they arrived, as a violation. */
function firstUnowed(ledger: readonly Owed[], replies: readonly SmtpResponse[]): SmtpProtocolError | undefined {
  let answered = 0;
  for (const owed of ledger) {
    const reply = replies[answered];
    if (reply === undefined) return undefined;
    if (!owed.handedOver && owed.kind !== "content") break;
    const early = owed.handedOver ? undefined : replies.slice(answered, answered + owed.remaining);
    const accepted = early?.find(({ success }) => success);
    if (accepted) return unowed("Server accepted a message before its end", accepted, "content");
    if (early && reply.continue) break;
    answered += owed.remaining;
  }
  for (let extra = answered; extra < replies.length; extra++) {
    const reply = replies[extra] as SmtpResponse;
    if (reply.status !== "421")
      return unowed("Server sent a reply that nothing asked for", reply, ledger[0]?.phase() ?? "command");
  }
  return undefined;
}
