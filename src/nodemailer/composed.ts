/**
 * A message of Nodemailer's that is composed from what is at hand: text and bytes, no files, addresses or streams. The law
 * here: Nodemailer's node writes every octet of it, as it does for its own stream; what is left out are the stages around
 * that, which change nothing where there are no plugins and cost more than the composing.
 *
 * @module
 */

import { Writable } from "node:stream";

/** What is read of Nodemailer's node besides its contract: all of it may be missing in another version. */
export interface MimeNode {
  /** What `raw` was given. */
  readonly _raw?: unknown;
  /** Streams that plugins put behind it. */
  readonly _transforms?: readonly unknown[];
  /** Functions that plugins and DKIM put behind it. */
  readonly _processFuncs?: readonly unknown[];
  /** Other line ends that are asked for. */
  readonly newline?: unknown;
  /** Text, bytes, or where the content is to come from. */
  readonly content?: unknown;
  /** The parts of a multipart. */
  readonly childNodes?: readonly MimeNode[];
  /** Writes headers and content, and calls back. */
  readonly stream?: (output: Writable, options: object, done: (error?: Error | null) => void) => void;
}

const LF = 0x0a;
const CR = 0x0d;

/** Takes what is written, all at once at its end. */
class Gathering extends Writable {
  /** True once nothing more is written. */
  composed = false;
  readonly #pieces: Uint8Array[] = [];

  constructor() {
    super({ highWaterMark: Number.MAX_SAFE_INTEGER });
  }

  override _write(piece: Uint8Array, _encoding: string, done: () => void): void {
    this.#pieces.push(piece);
    done();
  }

  /** All of it, its last line ended as Nodemailer ends it. */
  whole(): Uint8Array {
    const last = this.#pieces.findLast(({ length }) => length > 0)?.at(-1);
    if (last !== LF) this.#pieces.push(Buffer.from(last === CR ? "\n" : "\r\n"));
    return Buffer.concat(this.#pieces);
  }
}

/** True if nothing changes what the node writes on its way: no plugin, no signature, no other line ends. */
export function isPlain(message: MimeNode): boolean {
  const { _transforms: transforms, _processFuncs: functions, newline } = message;
  return !Object.hasOwn(message, "createReadStream") && !newline && transforms?.length === 0 && functions?.length === 0;
}

/** True of a message, known to be plain, with at most `limit` octets of content, all of it at hand. */
export function canCompose(message: MimeNode, limit: number): boolean {
  return typeof message.stream === "function" && sizeAtHand(message) <= limit;
}

/** A message that is being composed. */
export interface Composing {
  /** All of it. Rejects if it cannot be composed, and if it was closed before. */
  readonly whole: Promise<Uint8Array>;
  /** It is not composed any further. */
  close(): unknown;
}

/** Begins to compose a message that is at hand. */
export function compose(message: MimeNode): Composing {
  const output = new Gathering();
  const whole = new Promise<Uint8Array>((resolve, reject) => {
    output.on("error", reject);
    // Not every Nodemailer calls back when its output is gone.
    output.on("close", () => reject(new Error("Message was closed before its end")));
    message.stream?.(output, {}, (error) => {
      output.composed = true;
      if (error) reject(error);
      else resolve(output.whole());
    });
  });
  return { whole, close: () => output.composed || output.destroy() };
}

/** The octets of what is at hand, text by its length; Infinity if something has to be read from elsewhere. */
function sizeAtHand({ _raw: raw, content, childNodes }: MimeNode): number {
  const children = childNodes ?? [];
  return children.reduce((sum, child) => sum + sizeAtHand(child), lengthOf(raw) + lengthOf(content));
}

function lengthOf(content: unknown): number {
  if (typeof content === "string" || content instanceof Uint8Array) return content.length;
  return content ? Number.POSITIVE_INFINITY : 0;
}
