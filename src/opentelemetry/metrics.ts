/**
 * Metrics of attempts, recipients and connections (semantic conventions for messaging client metrics). The law here: no
 * attribute has more values than there are servers, codes and fates.
 *
 * @module
 */

import { type Counter, type Histogram, type Meter, type MeterProvider, metrics } from "@opentelemetry/api";
import type { ConnectEndEvent, SendEndEvent, SmtpEvent } from "../events.ts";
import { VERSION } from "../version.ts";
import { ofError, ofPlace, SCOPE, SEND } from "./attributes.ts";

/** The boundaries that the conventions want, in seconds, and more: a server may take ten minutes (RFC 5321 4.5.3.2.6). */
const BOUNDARIES = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 600];

interface Instruments {
  readonly duration: Histogram;
  readonly sent: Counter;
  readonly recipients: Counter;
  readonly connect: Histogram;
}

/** Makes metrics of events. */
export class Metrics {
  readonly #given: MeterProvider | undefined;
  #provider: MeterProvider | undefined;
  #instruments: Instruments | undefined;

  /** Makes them with the provider, or the global one. */
  constructor(provider: MeterProvider | undefined) {
    this.#given = provider;
  }

  /** Is told of an event. */
  take(event: SmtpEvent): void {
    if (event.type === "sendEnd") this.#sent(event);
    else if (event.type === "connectEnd") this.#connected(event);
  }

  #sent(event: SendEndEvent): void {
    const { duration, sent, recipients } = this.#current();
    const attributes = { ...ofPlace(event), ...SEND, ...ofError(event.error) };
    duration.record(event.duration / 1_000, attributes);
    sent.add(1, attributes);
    for (const { fate } of event.recipients) recipients.add(1, { ...ofPlace(event), "net_smtp.fate": fate });
  }

  #connected(event: ConnectEndEvent): void {
    this.#current().connect.record(event.duration / 1_000, { ...ofPlace(event), ...ofError(event.error) });
  }

  /** The global provider may be registered after this was made, and what a meter made before stays mute. */
  #current(): Instruments {
    const provider = this.#given ?? metrics.getMeterProvider();
    if (this.#instruments && provider === this.#provider) return this.#instruments;
    this.#provider = provider;
    this.#instruments = instruments(provider.getMeter(SCOPE, VERSION));
    return this.#instruments;
  }
}

function instruments(meter: Meter): Instruments {
  const seconds = { unit: "s", advice: { explicitBucketBoundaries: BOUNDARIES } };
  return {
    duration: meter.createHistogram("messaging.client.operation.duration", {
      ...seconds,
      description: "Time from giving a message to a session until its end is known",
    }),
    sent: meter.createCounter("messaging.client.sent.messages", {
      unit: "{message}",
      description: "Attempts to send a message, those that failed by error.type",
    }),
    recipients: meter.createCounter("net_smtp.recipients", {
      unit: "{recipient}",
      description: "Recipients of attempts by what became of them",
    }),
    connect: meter.createHistogram("net_smtp.connect.duration", {
      ...seconds,
      description: "Time to start a session, those that failed by error.type",
    }),
  };
}
