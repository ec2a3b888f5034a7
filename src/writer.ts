/**
 * The writer of a stream block (Net::SMTP#open_message_stream): what the block writes comes out of an iterator in the same
 * order. The law here: a write that nobody awaits is not lost and its failure surfaces when the block ends, never as an
 * unhandled rejection; a write that is awaited waits until it was taken, so that memory stays bounded.
 *
 * @module
 */

import { SmtpArgumentError, SmtpSessionError, shown } from "./errors.ts";
import { sprintf } from "./printf.ts";
import { Utf8 } from "./utf8.ts";

interface Pending {
  readonly bytes: Uint8Array;
  readonly taken: () => void;
  readonly failed: (error: Error) => void;
}

const LF = 0x0a;

/** Small writes are joined up to this many octets. */
const JOIN_LIMIT = 64 * 1024;

/** Writes a message piece by piece. */
export class MessageWriter {
  readonly #text = new Utf8();
  #pending: Pending[] = [];
  /** The first failure, of whatever value: a block may reject with 0. */
  #failure: { readonly error: unknown } | undefined;
  #wrote = false;
  #over: Error | undefined;
  #wake: (() => void) | undefined;

  private constructor() {}

  /** Runs the block when it is first read from; gives what it writes, then its failure or the end. @ignore */
  static run(block: (writer: MessageWriter) => unknown): AsyncIterator<Uint8Array> {
    const writer = new MessageWriter();
    const chunks = writer.#chunks(block);
    return {
      next: () => chunks.next(),
      // A generator's own return would wait for a block that may never end.
      return: () => {
        writer.#close(
          new SmtpSessionError("Message was stopped, so nothing more of it is written", { phase: "content" }),
        );
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Writes each value as a line: a line end is added unless it has one; arrays are flattened; without values, an empty line (Ruby's puts). */
  puts(...values: unknown[]): Promise<void> {
    const lines: unknown[] = values.flat(Number.POSITIVE_INFINITY);
    return this.#putAll(lines.length === 0 ? [""] : lines, "\n");
  }

  /** Writes each value as it is (Ruby's print). */
  print(...values: unknown[]): Promise<void> {
    return this.#putAll(values, "");
  }

  /** Writes formatted text: `%s %d %i %u %f %e %g %x %X %o %b %c %%` with flags, width and precision. An unknown directive fails the message (Ruby's printf). */
  printf(format: string, ...values: unknown[]): Promise<void> {
    try {
      return this.#put(sprintf(format, values));
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** Writes text or octets as they are (Ruby's write). */
  write(chunk: string | Uint8Array): Promise<void> {
    return this.#put(chunk);
  }

  /** Writes as `write` does and gives the writer, for chains (Ruby's <<). */
  append(chunk: string | Uint8Array): this {
    void this.#put(chunk);
    return this;
  }

  /** Each value with the end that it must have; all text at once, for what is written together is taken together. */
  #putAll(values: readonly unknown[], end: string): Promise<void> {
    try {
      if (!values.some(isOctets)) return this.#put(values.map((value) => withEnd(asText(value), end)).join(""));
      return values.reduce<Promise<void>>((_, value) => this.#putOne(value, end), Promise.resolve());
    } catch (error) {
      return this.#failed(error);
    }
  }

  #putOne(value: unknown, end: string): Promise<void> {
    if (!isOctets(value)) return this.#put(withEnd(asText(value), end));
    const taken = this.#put(value);
    return end === "" || value.at(-1) === LF ? taken : this.#put(end);
  }

  #put(chunk: string | Uint8Array): Promise<void> {
    this.#wrote = true;
    if (this.#over) return this.#failed(this.#over);
    if (typeof chunk !== "string" && !isOctets(chunk)) {
      return this.#failed(
        new SmtpArgumentError(`Parameter "chunk" is ${shown(chunk)}, expected a string or a Uint8Array`, {
          phase: "content",
        }),
      );
    }
    // Octets are copied: when the write resolves they may change, and they have not left by then.
    const bytes = typeof chunk === "string" ? this.#text.encode(chunk) : this.#text.flushed(new Uint8Array(chunk));
    const taken = new Promise<void>((resolve, reject) => {
      this.#pending.push({ bytes, taken: resolve, failed: reject });
    });
    taken.catch(() => undefined);
    this.#wake?.();
    return taken;
  }

  #failed(error: unknown): Promise<void> {
    this.#failure ??= { error };
    const rejection = Promise.reject(error);
    rejection.catch(() => undefined);
    return rejection;
  }

  async *#chunks(block: (writer: MessageWriter) => unknown): AsyncGenerator<Uint8Array> {
    let ended = false;
    const end = (failure?: { readonly error: unknown }): void => {
      if (failure) this.#failure = failure;
      ended = true;
      this.#wake?.();
    };
    settle(block, this).then(
      (value) =>
        end(this.#wrote || !(typeof value === "string" || isOctets(value)) ? undefined : { error: returned(value) }),
      (error) => end({ error }),
    );
    for (;;) {
      if (this.#pending.length > 0) yield this.#take();
      else if (ended || this.#over) break;
      else await this.#written();
    }
    const failure = this.#failure ?? (this.#over && { error: this.#over });
    this.#close(
      new SmtpSessionError("Block has ended, so nothing more of the message is written", { phase: "content" }),
    );
    if (failure) throw failure.error;
    yield this.#text.end();
  }

  #written(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The next chunk: small writes joined, a large one as it is. */
  #take(): Uint8Array {
    let octets = 0;
    let count = 0;
    do octets += (this.#pending[count++] as Pending).bytes.length;
    while (count < this.#pending.length && octets + (this.#pending[count] as Pending).bytes.length <= JOIN_LIMIT);
    const batch = this.#pending.splice(0, count);
    for (const { taken } of batch) taken();
    if (batch.length === 1) return (batch[0] as Pending).bytes;
    const joined = new Uint8Array(octets);
    let at = 0;
    for (const { bytes } of batch) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return joined;
  }

  #close(error: Error): void {
    this.#over ??= error;
    for (const { failed } of this.#pending.splice(0)) failed(error);
    this.#wake?.();
  }
}

function isOctets(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** A value as text; nothing is no text, as in Ruby. */
function asText(value: unknown): string {
  return String(value ?? "");
}

function withEnd(text: string, end: string): string {
  return text.endsWith(end) ? text : text + end;
}

async function settle(block: (writer: MessageWriter) => unknown, writer: MessageWriter): Promise<unknown> {
  return await block(writer);
}

/** Who returns a message instead of writing it would send an empty one. */
function returned(value: unknown): SmtpArgumentError {
  const message = `Block wrote nothing and returned ${shown(value)}, expected that it writes the message to its writer`;
  return new SmtpArgumentError(message, { phase: "content" });
}
