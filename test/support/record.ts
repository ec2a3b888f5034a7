/**
 * A sink that keeps what it hears, and promises for what is to come.
 *
 * @module
 */

import type { SmtpStream, StreamSink } from "../../src/net/stream.ts";

/** What a stream told its sink. */
export class Record implements StreamSink {
  /** Everything that arrived, as latin1 text. */
  text = "";
  /** How often `drain` was called. */
  drains = 0;
  /** How often `close` was called, and with what. */
  readonly closes: (Error | undefined)[] = [];
  #waiting: { readonly condition: () => boolean; readonly resolve: () => void }[] = [];

  data(bytes: Uint8Array): void {
    this.text += Buffer.from(bytes).toString("latin1");
    this.#look();
  }

  drain(): void {
    this.drains++;
    this.#look();
  }

  close(error?: Error): void {
    this.closes.push(error);
    this.#look();
  }

  /** Waits until the text holds this. */
  heard(text: string): Promise<void> {
    return this.#until(() => this.text.includes(text));
  }

  /** Waits for the next `drain`. */
  drained(): Promise<void> {
    const before = this.drains;
    return this.#until(() => this.drains > before);
  }

  /** Waits for `close`; resolves to its error. */
  async closed(): Promise<Error | undefined> {
    await this.#until(() => this.closes.length > 0);
    return this.closes[0];
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ condition, resolve });
      this.#look();
    });
  }

  #look(): void {
    const due = this.#waiting.filter(({ condition }) => condition());
    this.#waiting = this.#waiting.filter((waiting) => !due.includes(waiting));
    for (const { resolve } of due) resolve();
  }
}

/** Opens a stream and records it. */
export function record(stream: SmtpStream): Record {
  const sink = new Record();
  stream.open(sink);
  return sink;
}
