/**
 * A socket in memory, as `cloudflare:sockets` makes them: Web streams, and what was asked of it.
 *
 * @module
 */

import type { WorkersConnect, WorkersSocket, WorkersSocketOptions } from "../../src/workers/mod.ts";

/** The socket, and the server's end of it. */
export interface SocketInMemory extends WorkersSocket {
  /** What was written. */
  readonly heard: string;
  /** The name that `startTls` was told; undefined before. */
  readonly expected: string | undefined;
  /** The socket that `startTls` gave. */
  readonly secured: SocketInMemory | undefined;
  /** How often it was closed. */
  readonly closes: number;
  /** While false nothing that is written gets through. */
  takes: boolean;
  /** The connection is there, or is not. */
  connected(error?: Error): void;
  /** The server writes. */
  say(text: string): void;
  /** The server ends, or the connection breaks. */
  over(error?: Error): void;
  /** What is written from here on fails. */
  refuse(error: Error): void;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Makes one. `answers` are said one after the other, each when something was written. */
export function socketInMemory(answers: string[] = []): SocketInMemory {
  let heard = "";
  let reading!: ReadableStreamDefaultController<Uint8Array>;
  let refusal: Error | undefined;
  let waiting: (() => void) | undefined;
  let settle!: { resolve: (value: unknown) => void; reject: (error: Error) => void };
  const opened = new Promise((resolve, reject) => {
    settle = { resolve, reject };
  });
  const writing = new WritableStream<Uint8Array>(
    {
      async write(bytes) {
        if (refusal) throw refusal;
        if (!socket.takes)
          await new Promise<void>((resolve) => {
            waiting = resolve;
          });
        heard += decoder.decode(bytes);
        const answer = answers.shift();
        if (answer !== undefined) socket.say(answer);
      },
    },
    { highWaterMark: 16, size: (bytes) => bytes.length },
  );
  const state = {
    expected: undefined as string | undefined,
    secured: undefined as SocketInMemory | undefined,
    closes: 0,
  };
  let takes = true;
  const socket: SocketInMemory = {
    readable: new ReadableStream<Uint8Array>({
      start(controller) {
        reading = controller;
      },
    }),
    writable: writing,
    opened,
    closed: new Promise(() => undefined),
    get heard() {
      return heard;
    },
    get expected() {
      return state.expected;
    },
    get secured() {
      return state.secured;
    },
    get closes() {
      return state.closes;
    },
    get takes() {
      return takes;
    },
    set takes(value) {
      takes = value;
      if (value) waiting?.();
    },
    connected: (error) => (error ? settle.reject(error) : settle.resolve({})),
    say: (text) => reading.enqueue(encoder.encode(text)),
    over: (error) => (error ? reading.error(error) : reading.close()),
    refuse(error) {
      refusal = error;
    },
    close: async () => void state.closes++,
    startTls(options) {
      state.expected = options?.expectedServerHostname;
      state.secured = socketInMemory(answers);
      return state.secured;
    },
  };
  return socket;
}

/** A `connect` that gives the sockets in order, connected, and tells what it was asked. */
export function connectTo(...sockets: SocketInMemory[]): { connect: WorkersConnect; asked: unknown[] } {
  const asked: unknown[] = [];
  const connect: WorkersConnect = (address, options: WorkersSocketOptions) => {
    asked.push([address, options.secureTransport]);
    const socket = sockets.shift() as SocketInMemory;
    socket.connected();
    return socket;
  };
  return { connect, asked };
}
