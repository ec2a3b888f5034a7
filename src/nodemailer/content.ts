/**
 * The octets of Nodemailer's message. The law here: what is at hand is taken as it is, no stream is opened for it; what
 * has to be composed is composed once, and a short message is gathered, so that it can leave in one write.
 *
 * @module
 */

import type { MessageChunk, MessageSource } from "../message.ts";
import { Utf8 } from "../utf8.ts";
import { type Composing, canCompose, compose, isPlain, type MimeNode } from "./composed.ts";
import type { NetSmtpMail } from "./types.ts";

/** A message of more octets goes as it comes, with backpressure. */
const SHORT = 64 * 1024;

/** What Nodemailer's stream is, as far as it is used. */
interface Composed extends AsyncIterable<MessageChunk> {
  destroy?(): unknown;
  /** Of a generator. */
  return?(value: undefined): Promise<unknown>;
  on?(event: string, listener: (value: never) => void): unknown;
  off?(event: string, listener: (value: never) => void): unknown;
  pause?(): unknown;
}

type Flowing = Composed & Required<Pick<Composed, "on" | "off" | "pause">>;

/** What a message is sent from. */
export interface Content {
  /** Bytes or text, or a function that composes the message when it is called. */
  readonly source: MessageSource;
  /** True if the function gives what can be read once. */
  readonly singleUse: boolean;
  /** The message is settled: what is still being composed is not read any further. */
  close(): void;
}

/** The content of a message. Nothing is composed before its source is called. */
export function contentOf(message: NetSmtpMail["message"]): Content {
  const node = message as object as MimeNode;
  if (!isPlain(node)) return streamedContent(message);
  const whole = atHand(node);
  if (whole !== undefined) return { source: whole, singleUse: false, close: () => undefined };
  return canCompose(node, SHORT) ? composedContent(node) : streamedContent(message);
}

/** Composed once, however often it is asked for. */
function composedContent(node: MimeNode): Content {
  let composing: Composing | undefined;
  return {
    source: () => {
      composing ??= compose(node);
      return composing.whole;
    },
    singleUse: false,
    close: () => composing?.close(),
  };
}

function streamedContent(message: NetSmtpMail["message"]): Content {
  let stream: Composed | undefined;
  const source = async (): Promise<MessageSource> => {
    stream = message.createReadStream();
    const made = await gathered(stream);
    // An end that was reached needs no closing, which costs Node an error of its own.
    if (made instanceof Uint8Array) stream = undefined;
    return made;
  };
  return { source, singleUse: true, close: () => stream && close(stream) };
}

/** It is not read any further; what fails then is nobody's. */
function close(stream: Composed): void {
  stream.destroy?.();
  stream.return?.(undefined).catch(() => undefined);
}

/** The `raw` bytes or text of a plain message. */
function atHand({ _raw: raw }: MimeNode): Uint8Array | string | undefined {
  const isWhole = typeof raw === "string" || raw instanceof Uint8Array;
  return isWhole && raw.length > 0 ? raw : undefined;
}

/** All of a short message; of a longer one its beginning, and what follows. */
function gathered(stream: Composed): Promise<MessageSource> {
  return isFlowing(stream) ? collected(stream) : iterated(stream);
}

function isFlowing(stream: Composed): stream is Flowing {
  return [stream.on, stream.off, stream.pause].every((method) => typeof method === "function");
}

/** A stream of Node's, by its events: its iterator makes several promises for each chunk. */
function collected(stream: Flowing): Promise<MessageSource> {
  const text = new Utf8();
  const first: Uint8Array[] = [];
  let octets = 0;
  return new Promise((resolve, reject) => {
    const events: readonly [name: string, listener: (value: never) => void][] = [
      ["data", (chunk: MessageChunk) => take(octetsOf(chunk, text))],
      ["end", () => settle(resolve, () => Buffer.concat([...first, text.end()]))],
      ["error", (error: Error) => settle(reject, () => error)],
      ["close", () => settle(reject, () => new Error("Message was closed before its end"))],
    ];
    const settle = <T>(done: (value: T) => void, value: () => T): void => {
      for (const [name, listener] of events) stream.off(name, listener);
      done(value());
    };
    const take = (piece: Uint8Array): void => {
      first.push(piece);
      octets += piece.length;
      if (octets <= SHORT) return;
      stream.pause();
      settle(resolve, () => rest(stream, first, stream[Symbol.asyncIterator](), text));
    };
    for (const [name, listener] of events) stream.on(name, listener);
  });
}

async function iterated(stream: Composed): Promise<MessageSource> {
  const chunks = stream[Symbol.asyncIterator]();
  const text = new Utf8();
  const first: Uint8Array[] = [];
  let octets = 0;
  while (octets <= SHORT) {
    const { done, value } = await chunks.next();
    const piece = done ? text.end() : octetsOf(value, text);
    first.push(piece);
    octets += piece.length;
    if (done) return Buffer.concat(first);
  }
  return rest(stream, first, chunks, text);
}

function rest(
  stream: Composed,
  first: readonly Uint8Array[],
  chunks: AsyncIterator<MessageChunk>,
  text: Utf8,
): MessageSource {
  return {
    [Symbol.asyncIterator]: () => continued(first, chunks, text),
    destroy() {
      stream.destroy?.();
      chunks.return?.().catch(() => undefined);
    },
  } as Composed;
}

async function* continued(
  first: readonly Uint8Array[],
  chunks: AsyncIterator<MessageChunk>,
  text: Utf8,
): AsyncGenerator<Uint8Array> {
  yield* first;
  for (;;) {
    const { done, value } = await chunks.next();
    yield done ? text.end() : octetsOf(value, text);
    if (done) return;
  }
}

function octetsOf(chunk: MessageChunk, text: Utf8): Uint8Array {
  return typeof chunk === "string" ? text.encode(chunk) : text.flushed(chunk);
}
