/**
 * What a message can come from, as chunks of octets. The law here: a source is checked when it is given, and touched only
 * when its turn comes; one that can be read once is read once; one that breaks off never looks as if it had ended.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "./errors.ts";
import { Utf8 } from "./utf8.ts";
import type { MessageWriter } from "./writer.ts";

export type { MessageWriter };

/** A piece of a message: text goes as UTF-8. */
export type MessageChunk = string | Uint8Array;

/**
 * What a message can come from. Replayable: a string, bytes, a Blob, or a function that makes a source and is called when
 * the message's turn comes. Once: Node streams, web streams, iterables and async iterables of chunks.
 */
export type MessageSource =
  | string
  | Uint8Array
  | ArrayBuffer
  | Blob
  | Iterable<MessageChunk>
  | AsyncIterable<MessageChunk>
  | ReadableStream<MessageChunk>
  | (() => MessageSource | Promise<MessageSource>);

/** A message as the engine reads it. */
export interface Message {
  /** All of it, if it is in memory. */
  readonly bytes: Uint8Array | undefined;
  /** True if it can be read again. */
  readonly replayable: boolean;
  /** True once a source that can be read once was opened. */
  readonly opened?: boolean;
  /** True if it is to be opened only when the server waits for it. */
  readonly afterData?: boolean;
  /** For a function: calls it, anew each time, and gives what it made. */
  prepare?(): Promise<Message>;
  /** Closes what was made ahead of its turn, if nobody has opened it. */
  discard?(): void;
  /** Of one that was opened ahead: what it was, for whoever reads it another time. */
  readonly origin?: Message;
  /** Its chunks. A source that can be read once is opened once. */
  open(): AsyncIterator<Uint8Array>;
}

/** The message of a source. Throws `SmtpArgumentError` that names "message" if it is none. */
export function message(source: MessageSource): Message {
  if (typeof source !== "function") return ofValue(source);
  const prepare = (): Promise<Message> => called(source);
  return { bytes: undefined, replayable: true, prepare, open: () => preparedChunks(prepare) };
}

/**
 * The message with its function called now, ahead of its turn: its bytes are there as soon as they are, and what fails is
 * told when its turn has come. A message that has no function stays as it is.
 */
export function openedAhead(message: Message): Message {
  return message.prepare ? new Ahead(message, message.prepare()) : message;
}

class Ahead implements Message {
  readonly origin: Message;
  readonly #making: Promise<Message>;
  #made: Message | undefined;

  constructor(origin: Message, making: Promise<Message>) {
    this.origin = origin;
    this.#making = making;
    making.then(
      (made) => {
        this.#made = made;
      },
      () => undefined,
    );
  }

  get bytes(): Uint8Array | undefined {
    return this.#made?.bytes;
  }

  get replayable(): boolean {
    return this.origin.replayable;
  }

  prepare(): Promise<Message> {
    return this.#making;
  }

  discard(): void {
    void leave(async () => (await this.#making).open().return?.());
  }

  open(): AsyncIterator<Uint8Array> {
    return preparedChunks(() => this.#making);
  }
}

async function called(make: () => MessageSource | Promise<MessageSource>): Promise<Message> {
  const made = await make();
  if (typeof made === "function") throw wrong("a function that made another function");
  return ofValue(made);
}

/** Given up while it is being made, it is closed as soon as it is there. */
function preparedChunks(prepare: () => Promise<Pick<Message, "open">>): AsyncIterator<Uint8Array> {
  let made: Promise<AsyncIterator<Uint8Array>> | undefined;
  const opened = (): Promise<AsyncIterator<Uint8Array>> => (made ??= prepare().then((message) => message.open()));
  return {
    next: async () => (await opened()).next(),
    return: () => leave(() => made?.then((chunks) => chunks.return?.())),
  };
}

/**
 * The chunks, and `close` at once when they are given up: a generator's own `return` waits for the chunk that it was asked
 * for last, which a source that stalls never gives.
 */
function closedBy(close: () => unknown, chunks: AsyncGenerator<Uint8Array>): AsyncIterator<Uint8Array> {
  return {
    next: () => chunks.next(),
    return: () => leave(() => Promise.all([close(), chunks.return(undefined)])),
  };
}

/** Waits for nothing, and what fails is nobody's: why the source was given up is told elsewhere. */
function leave(close: () => unknown): Promise<IteratorResult<Uint8Array>> {
  const closing = async (): Promise<unknown> => close();
  closing().catch(() => undefined);
  return Promise.resolve({ done: true, value: undefined });
}

/**
 * What `openMessageStream` and `data` write in a block: it runs when the message is opened. The writer and its printf are
 * loaded with the first of them: most programs have none (docs/packages.md).
 */
export function writerMessage(block: (writer: MessageWriter) => unknown): Message {
  const writing = async (): Promise<Pick<Message, "open">> => {
    const { MessageWriter } = await import("./writer.ts");
    return { open: () => MessageWriter.run(block) };
  };
  return once(() => preparedChunks(writing), true);
}

function ofValue(source: Exclude<MessageSource, (...args: never[]) => unknown>): Message {
  if (typeof source === "string") return inMemory(new TextEncoder().encode(source));
  if (source instanceof Uint8Array) return inMemory(source);
  if (source instanceof ArrayBuffer) return inMemory(new Uint8Array(source));
  if (source instanceof Blob) return { bytes: undefined, replayable: true, open: () => webChunks(source.stream()) };
  if (typeof source !== "object" || source === null) throw wrong(shown(source));
  if (Symbol.asyncIterator in source && !isWebStream(source)) return ofAsyncIterable(source);
  if (isWebStream(source)) return once(() => webChunks(source));
  if (Symbol.iterator in source && !ArrayBuffer.isView(source))
    return once(() => closedBy(() => undefined, iterableChunks(source)));
  throw wrong(shown(source));
}

function isWebStream(source: object): source is ReadableStream<MessageChunk> {
  return "getReader" in source && typeof source.getReader === "function";
}

function wrong(given: string): SmtpArgumentError {
  const expected = "a string, bytes, a Blob, a stream, an iterable of strings and bytes, or a function that makes one";
  return new SmtpArgumentError(`Parameter "message" is ${given}, expected ${expected}`, { phase: "content" });
}

function inMemory(bytes: Uint8Array): Message {
  return { bytes, replayable: true, open: () => singleChunk(bytes) };
}

async function* singleChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function once(open: () => AsyncIterator<Uint8Array>, afterData: boolean = false): Message {
  let opened = false;
  return {
    bytes: undefined,
    replayable: false,
    afterData,
    get opened() {
      return opened;
    },
    open() {
      if (opened)
        throw new SmtpArgumentError(
          'Parameter "message" can be read only once and was: pass a function that makes it anew',
          { phase: "content" },
        );
      opened = true;
      return open();
    },
  };
}

/** What is used of a Node stream; any other async iterable has none of it. */
interface NodeStream {
  readonly destroyed?: unknown;
  readonly readableEnded?: unknown;
  readonly errored?: unknown;
  readonly on?: (event: "error", listener: () => void) => unknown;
  readonly destroy?: () => unknown;
}

/** A Node stream that fails while its message waits for its turn would end the process, if nobody listened. */
function ofAsyncIterable(source: AsyncIterable<MessageChunk> & NodeStream): Message {
  source.on?.("error", () => undefined);
  return once(() => closedBy(() => source.destroy?.(), asyncChunks(source)));
}

/** A stream that is destroyed before its end iterates to an error; one destroyed before it is read must not look empty. */
async function* asyncChunks(source: AsyncIterable<MessageChunk> & NodeStream): AsyncGenerator<Uint8Array> {
  if (source.destroyed === true || source.readableEnded === true) {
    throw source.errored instanceof Error
      ? source.errored
      : new Error("Stream was read or destroyed before its turn came");
  }
  const text = new Utf8();
  for await (const chunk of source) yield octets(chunk, text);
  yield text.end();
}

async function* iterableChunks(source: Iterable<MessageChunk>): AsyncGenerator<Uint8Array> {
  const text = new Utf8();
  for (const chunk of source) yield octets(chunk, text);
  yield text.end();
}

/** Through a reader, which every runtime has, and cancelled if reading stops early. */
function webChunks(stream: ReadableStream<MessageChunk>): AsyncIterator<Uint8Array> {
  let reader: ReadableStreamDefaultReader<MessageChunk> | undefined;
  const read = (): Promise<IteratorResult<MessageChunk, unknown>> => {
    reader ??= stream.getReader();
    return reader.read() as Promise<IteratorResult<MessageChunk, unknown>>;
  };
  const close = (): Promise<void> => (reader ?? stream).cancel();
  return closedBy(close, readChunks(read, close));
}

async function* readChunks(
  read: () => Promise<IteratorResult<MessageChunk, unknown>>,
  close: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const text = new Utf8();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await read();
      ended = done === true;
      if (done) break;
      yield octets(value, text);
    }
    yield text.end();
  } finally {
    if (!ended) close().catch(() => undefined);
  }
}

function octets(chunk: MessageChunk, text: Utf8): Uint8Array {
  if (typeof chunk === "string") return text.encode(chunk);
  if (chunk instanceof Uint8Array) return text.flushed(chunk);
  throw new SmtpArgumentError(`Parameter "message" gave ${shown(chunk)} as a chunk, expected strings and Uint8Arrays`, {
    phase: "content",
  });
}
