/**
 * What is told of one connection: its events, and through the runtime's diagnostics its traces. The law here: it looks on and
 * changes nothing; where nobody listens it costs one question.
 *
 * @module
 */

import { now } from "./alarms.ts";
import type { Connection } from "./connection.ts";
import type { Delivery } from "./delivery.ts";
import { type Emit, emitter, told } from "./emit.ts";
import { isSmtpError, SmtpError, type SmtpFailure } from "./errors.ts";
import type { SmtpEventAttempt, SmtpEventConnection, SmtpObserver } from "./events.ts";
import type { SmtpDiagnostics, SmtpStream } from "./net/stream.ts";
import { SmtpResponse } from "./protocol/reply.ts";
import type { Onlooker } from "./transcript.ts";

/** What a watch is made of. */
export interface WatchOptions {
  /** Who is told of events. */
  readonly observe: SmtpObserver | readonly SmtpObserver[] | undefined;
  /** The runtime's channels, if it has any. */
  readonly diagnostics: SmtpDiagnostics | undefined;
  /** Where the dialogue is shown. */
  readonly transcript: Onlooker | undefined;
}

/** Whom a message goes to. */
export interface Envelope {
  /** The sender's address. */
  readonly from: string;
  /** Every recipient in the order given. */
  readonly recipients: readonly string[];
}

/** Looks on at one connection. */
export class Watch implements Onlooker {
  readonly #emit: Emit | undefined;
  readonly #diagnostics: SmtpDiagnostics | undefined;
  readonly #transcript: Onlooker | undefined;
  readonly #place: SmtpEventConnection;
  /** Since when it is open, if it is. */
  #openSince: number | undefined;

  /** Nothing is told before `connect`. */
  constructor(place: SmtpEventConnection, { observe, diagnostics, transcript }: WatchOptions) {
    this.#emit = emitter(observe);
    this.#diagnostics = diagnostics;
    this.#transcript = transcript;
    this.#place = place;
  }

  /** Who looks on at the dialogue: this one if somebody wants to hear of replies and of the end, else just the transcript. */
  get onlooker(): Onlooker | undefined {
    return this.#emit || this.#diagnostics?.reply.listening ? this : this.#transcript;
  }

  /** True if somebody wants to hear of messages. */
  get listens(): boolean {
    return this.#emit !== undefined || this.#diagnostics?.send.listening === true;
  }

  /** Tells of the start of a session. */
  async connect(open: () => Promise<Connection>): Promise<Connection> {
    const since = now();
    const end = (tls: boolean, error?: unknown): void => {
      const duration = now() - since;
      this.#emit?.({ type: "connectEnd", time: Date.now(), ...this.#place, duration, tls, ...failed(error) });
    };
    this.#emit?.({ type: "connectStart", time: Date.now(), ...this.#place });
    try {
      const connection = await this.#traceConnect(open);
      this.#openSince = now();
      end(connection.stream.tls);
      const { failure } = connection.dialogue;
      if (failure) this.#disconnected(failure);
      return connection;
    } catch (error) {
      end(false, error);
      throw error;
    }
  }

  /** A subscriber is told that it went and whether inside TLS; the connection itself is nobody's. */
  async #traceConnect(open: () => Promise<Connection>): Promise<Connection> {
    const channel = this.#diagnostics?.connect;
    if (!channel?.listening) return await open();
    let connection: Connection | undefined;
    await channel.trace({ ...this.#place }, async () => {
      connection = await open();
      return { tls: connection.stream.tls };
    });
    return connection as unknown as Connection;
  }

  /** Tells of a message: `sendStart` within the call, `sendEnd` before the caller hears. */
  send(
    message: SmtpEventAttempt,
    { from, recipients: to }: Envelope,
    { tls }: SmtpStream,
    run: () => Promise<Delivery>,
  ): Promise<Delivery> {
    const about = { ...message, ...this.#place, from };
    const emit = this.#emit;
    const since = now();
    emit?.({ type: "sendStart", time: Date.now(), ...about, to: Object.freeze([...to]) });
    const channel = this.#diagnostics?.send;
    const sent = channel?.listening ? channel.trace({ ...about, to: to.length }, run) : run();
    if (!emit) return sent;
    const end = (delivery: Delivery | undefined, error?: unknown): void => {
      const failure = failed(error);
      const done = delivery ?? failure.error?.delivery;
      const recipients = told(done?.recipients ?? failure.error?.recipients ?? []);
      const response = done?.response ?? failure.error?.response;
      const facts = { recipients, duration: now() - since, size: done?.size ?? 0, tls };
      emit({ type: "sendEnd", time: Date.now(), ...about, ...facts, ...(response && { response }), ...failure });
    };
    return sent.then(
      (delivery) => {
        end(delivery);
        return delivery;
      },
      (error) => {
        end(undefined, error);
        throw error;
      },
    );
  }

  /** @ignore */
  command(shown: string, octets: number, masked: boolean): void {
    this.#transcript?.command(shown, octets, masked);
  }

  /** @ignore */
  content(octets: number): void {
    this.#transcript?.content(octets);
  }

  /** @ignore */
  note(text: string): void {
    this.#transcript?.note(text);
  }

  /** @ignore What is masked there is masked here. */
  reply(response: SmtpResponse, masked: boolean): void {
    this.#transcript?.reply(response, masked);
    const { connection } = this.#place;
    const shown = masked ? new SmtpResponse(`${response.status} ****`) : response;
    this.#emit?.({ type: "reply", time: Date.now(), connection, response: shown });
    const channel = this.#diagnostics?.reply;
    if (channel?.listening) channel.publish({ ...this.#place, response: shown });
  }

  /** @ignore Told once of a session that was started. */
  over(error?: SmtpError): void {
    this.#transcript?.over(error);
    this.#disconnected(error);
  }

  #disconnected(error: SmtpError | undefined): void {
    if (this.#openSince === undefined) return;
    const duration = now() - this.#openSince;
    this.#openSince = undefined;
    this.#emit?.({ type: "disconnect", time: Date.now(), ...this.#place, duration, ...failed(error) });
  }
}

/** What failed, as one of the engine's errors; nothing if nothing did. */
function failed(error: unknown): { readonly error?: Error & SmtpFailure } {
  if (error === undefined) return {};
  if (isSmtpError(error)) return { error };
  return { error: new SmtpError(error instanceof Error ? error.message : String(error), { cause: error }) };
}
