/**
 * Spans of messages and their attempts. The law here: each span that is begun is ended, under the context that was active
 * where the message was sent; addresses, and errors in words, only if asked for.
 *
 * @module
 */

import {
  type Attributes,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import type {
  MessageEndEvent,
  MessageStartEvent,
  RetryEvent,
  SendEndEvent,
  SendStartEvent,
  SmtpEvent,
} from "../events.ts";
import { type SmtpFailure, worstFate } from "../fate.ts";
import { VERSION } from "../version.ts";
import { ofError, ofFates, ofPlace, ofResponse, SCOPE, SEND } from "./attributes.ts";

/** Makes spans of events. */
export class Spans {
  readonly #tracer: Tracer;
  readonly #addresses: boolean;
  /** Messages of a pool, by id. */
  readonly #messages = new Map<string, Span[]>();
  /** Attempts, by id, number and connection. */
  readonly #attempts = new Map<string, Span[]>();

  /** Makes them with the provider, or the global one. */
  constructor(provider: TracerProvider | undefined, addresses: boolean) {
    this.#tracer = (provider ?? trace).getTracer(SCOPE, VERSION);
    this.#addresses = addresses;
  }

  /** Is told of an event. */
  take(event: SmtpEvent): void {
    if (event.type === "messageStart") this.#messageStarts(event);
    else if (event.type === "messageEnd") this.#messageEnds(event);
    else if (event.type === "sendStart") this.#attemptStarts(event);
    else if (event.type === "sendEnd") this.#attemptEnds(event);
    else if (event.type === "retry") this.#retries(event);
  }

  /** Not an operation of the conventions: the attempts are. */
  #messageStarts(event: MessageStartEvent): void {
    const attributes = { ...this.#ofMessage(event), "messaging.operation.name": "deliver" };
    put(
      this.#messages,
      event.id,
      this.#tracer.startSpan(`deliver ${event.host}:${event.port}`, { kind: SpanKind.INTERNAL, attributes }),
    );
  }

  #messageEnds(event: MessageEndEvent): void {
    const span = take(this.#messages, event.id);
    span?.setAttribute("net_smtp.attempts", event.attempts);
    if (span) this.#end(span, event);
  }

  #retries({ id, attempt, delay, error }: RetryEvent): void {
    const attributes = { "net_smtp.attempt": attempt, "net_smtp.retry.delay": delay / 1_000, ...ofError(error) };
    this.#messages.get(id)?.[0]?.addEvent("net_smtp.retry", attributes);
  }

  #attemptStarts(event: SendStartEvent): void {
    const message = this.#messages.get(event.id)?.[0];
    const parent = message ? trace.setSpan(context.active(), message) : context.active();
    const attributes = {
      ...this.#ofMessage(event),
      ...SEND,
      "net_smtp.attempt": event.attempt,
      "net_smtp.connection.id": event.connection,
    };
    const name = `send ${event.host}:${event.port}`;
    put(this.#attempts, keyOf(event), this.#tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent));
  }

  #attemptEnds(event: SendEndEvent): void {
    const span = take(this.#attempts, keyOf(event));
    span?.setAttribute("net_smtp.tls", event.tls);
    if (span) this.#end(span, event);
  }

  #ofMessage(event: MessageStartEvent | SendStartEvent): Attributes {
    const { id, from, to } = event;
    const facts = { ...ofPlace(event), "messaging.message.id": id, "net_smtp.recipient_count": to.length };
    if (!this.#addresses) return facts;
    const [recipient, ...others] = to;
    const destination = others.length === 0 && recipient !== undefined && { "messaging.destination.name": recipient };
    return { ...facts, ...destination, "net_smtp.from": from, "net_smtp.to": [...to] };
  }

  #end(span: Span, { recipients, size, response, error }: SendEndEvent | MessageEndEvent): void {
    span.setAttributes({
      "net_smtp.fate": error?.fate ?? worstFate(recipients),
      ...ofFates(recipients),
      ...ofResponse(response),
      ...(size > 0 && { "messaging.message.envelope.size": size }),
      ...ofError(error),
    });
    if (error) span.setStatus({ code: SpanStatusCode.ERROR, ...this.#inWords(error) });
    span.end();
  }

  #inWords({ message }: Error & SmtpFailure): { message?: string } {
    return this.#addresses ? { message } : {};
  }
}

function keyOf({ id, attempt, connection }: SendStartEvent | SendEndEvent): string {
  return `${connection}/${attempt}/${id}`;
}

/** Callers may give two messages one id. */
function put(spans: Map<string, Span[]>, key: string, span: Span): void {
  spans.set(key, [...(spans.get(key) ?? []), span]);
}

function take(spans: Map<string, Span[]>, key: string): Span | undefined {
  const [first, ...others] = spans.get(key) ?? [];
  if (others.length > 0) spans.set(key, others);
  else spans.delete(key);
  return first;
}
