/**
 * What is shown of a dialogue, as text or as events. The law here: a secret is masked by where it stands, never by what
 * it looks like, so whoever writes a line says whether it is shown; what the server says is shown printable; and an
 * output that fails never harms the dialogue.
 *
 * @module
 */

import { SmtpArgumentError, type SmtpError, shown } from "./errors.ts";
import { printable } from "./printable.ts";
import type { SmtpResponse } from "./protocol/reply.ts";

/** One line of a dialogue. Frozen. */
export interface DialogueEvent {
  /** The id of the connection, as events have it: one output may show many. */
  readonly connection: string;
  /** Who said it; `engine` is this engine's remark. */
  readonly side: "client" | "server" | "engine";
  /** A command, one line of a reply, a piece of the message (its octets only), or a remark. */
  readonly kind: "command" | "reply" | "content" | "note";
  /** Printable, one line, masked. */
  readonly text: string;
  /** How many octets it stands for on the wire, line end included (of a reply: as UTF-8, with CRLF); 0 for a note. */
  readonly octets: number;
  /** True if `text` stands for something that is not shown. */
  readonly masked: boolean;
}

/**
 * Where a dialogue is shown: an object that takes text (`process.stderr`), or a function that takes events. What it
 * throws, and a promise of its that rejects, is ignored.
 */
export type DebugOutput =
  | {
      /** Given the dialogue as text, whole lines. */
      write(text: string): unknown;
    }
  | ((event: DialogueEvent) => unknown);

const PREFIXES = { client: "C: ", server: "S: ", engine: "-- " } as const;

const utf8 = new TextEncoder();

/** Who looks on at a dialogue: told of each step once it is in the ledger, secrets masked. None of it throws. */
export interface Onlooker {
  /** A line of the client. */
  command(shown: string, octets: number, masked: boolean): void;
  /** A reply; masked: only its code may be shown. */
  reply(response: SmtpResponse, masked: boolean): void;
  /** Octets of the message. */
  content(octets: number): void;
  /** A remark. */
  note(text: string): void;
  /** The dialogue is over: in order, or by the error. */
  over(error?: SmtpError): void;
}

/** Shows one dialogue on one output (Net::SMTP#debug_output=). */
export class Transcript implements Onlooker {
  readonly #output: DebugOutput;
  readonly #connection: string;

  /** Takes any output; `debugTranscript` checks it. */
  constructor(output: DebugOutput, connection: string = "") {
    this.#output = output;
    this.#connection = connection;
  }

  /** A line of the client: `C: AUTH PLAIN ****`. `shown` is the line without CRLF; of a masked one, what is shown instead. */
  command(shown: string, octets: number, masked: boolean): void {
    this.#show({ side: "client", kind: "command", text: printable(shown), octets, masked });
  }

  /** A reply: a line for each of its lines, `S: 250-mail.example.com`. Masked: one line, `S: 334 ****`. */
  reply(response: SmtpResponse, masked: boolean): void {
    const { string, status } = response;
    if (masked) this.#replyLine(`${status} ****`, octetsOf(string), true);
    else for (const line of string.split("\n")) this.#replyLine(printable(line), octetsOf(line), false);
  }

  /** Octets of the message as they went out: `C: (1234 octets of the message)`. */
  content(octets: number): void {
    const text = `(${octets} octets of the message)`;
    this.#show({ side: "client", kind: "content", text, octets, masked: false });
  }

  /** A remark: `-- Connected to 192.0.2.1:25`. */
  note(text: string): void {
    this.#show({ side: "engine", kind: "note", text: printable(text), octets: 0, masked: false });
  }

  /** The last remark: `-- connection closed`, or why it is over. */
  over(error?: SmtpError): void {
    this.note(error?.message ?? "connection closed");
  }

  #replyLine(text: string, octets: number, masked: boolean): void {
    this.#show({ side: "server", kind: "reply", text, octets, masked });
  }

  #show(line: Omit<DialogueEvent, "connection">): void {
    const output = this.#output;
    const event = { connection: this.#connection, ...line };
    try {
      const text = `${PREFIXES[event.side]}${event.text}\n`;
      const result = typeof output === "function" ? output(Object.freeze(event)) : output.write(text);
      if (typeof result === "object" && result !== null) Promise.resolve(result).catch(ignore);
    } catch {
      // The law: the dialogue goes on.
    }
  }
}

/** The transcript of the option `debugOutput`; undefined without one. Throws `SmtpArgumentError` for any other type. */
export function debugTranscript(output: DebugOutput | undefined | null, connection?: string): Transcript | undefined {
  if (output === undefined || output === null) return undefined;
  if (typeof output === "function" || typeof output.write === "function") return new Transcript(output, connection);
  throw new SmtpArgumentError(
    `Invalid "debugOutput": got ${shown(output)}, expected an object with a method "write" or a function`,
  );
}

/** With the CRLF of each line. */
function octetsOf(text: string): number {
  return utf8.encode(text.replaceAll("\n", "\r\n")).length + 2;
}

function ignore(): void {}
