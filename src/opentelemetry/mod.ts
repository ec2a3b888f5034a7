/**
 * OpenTelemetry for net-smtp: spans and metrics by `@opentelemetry/api`, an optional peer that only this entry point imports.
 *
 * ```ts
 * import { NetSmtp } from "net-smtp";
 * import { openTelemetry } from "net-smtp/opentelemetry";
 *
 * const smtp = new NetSmtp("smtp.example.com", 587, { observe: openTelemetry() });
 * ```
 *
 * @module
 */

import type { MeterProvider, TracerProvider } from "@opentelemetry/api";
import type { SmtpObserver } from "../events.ts";
import { Metrics } from "./metrics.ts";
import { Spans } from "./spans.ts";

export type { SmtpObserver } from "../events.ts";

/** How spans and metrics are made. */
export interface OpenTelemetryOptions {
  /** Who makes spans, a `TracerProvider`. Default: the global one. */
  tracerProvider?:
    | {
        /** The tracer of this library. */
        getTracer(name: string, version?: string): unknown;
      }
    | undefined;
  /** Who makes metrics, a `MeterProvider`. Default: the global one, as it is when something happens. */
  meterProvider?:
    | {
        /** The meter of this library. */
        getMeter(name: string, version?: string): unknown;
      }
    | undefined;
  /** Whether spans hold the addresses of the sender and the recipients, and errors in words, which name them. Default false. */
  addresses?: boolean | undefined;
}

/**
 * An observer for the option `observe`. A message of a session is a CLIENT span `send host:port`; one of the pool is a span
 * `deliver host:port` around the spans of its attempts. The parent is what is active where the message is sent. Metrics:
 * `messaging.client.operation.duration`, `messaging.client.sent.messages`, `net_smtp.recipients`, `net_smtp.connect.duration`.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): SmtpObserver {
  const spans = new Spans(options.tracerProvider as TracerProvider | undefined, options.addresses === true);
  const metrics = new Metrics(options.meterProvider as MeterProvider | undefined);
  return (event) => {
    spans.take(event);
    metrics.take(event);
  };
}
