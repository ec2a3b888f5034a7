/**
 * Spans and metrics as the real SDK exports them.
 *
 * @module
 */

import {
  type Context,
  type ContextManager,
  context,
  metrics,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterEach, describe, expect, test } from "vitest";
import { NetSmtp, SmtpConnectionError, type SmtpEvent, SmtpFatalError, SmtpResponse } from "../../mod.ts";
import { openTelemetry } from "../../src/opentelemetry/mod.ts";
import * as made from "../support/events.ts";
import { network, play } from "../support/play.ts";
import { ENVELOPE, hello } from "../support/session.ts";

/** What is active while a function runs, without the runtime's help. */
class Active implements ContextManager {
  #current: Context = ROOT_CONTEXT;
  active(): Context {
    return this.#current;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    current: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const before = this.#current;
    this.#current = current;
    try {
      return run.call(thisArg, ...args);
    } finally {
      this.#current = before;
    }
  }
  bind<T>(_: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

afterEach(() => context.disable());

function sdk({ addresses }: { addresses?: boolean } = {}) {
  const spans = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 2 ** 30 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const observer = openTelemetry({ tracerProvider, meterProvider, addresses });
  const collect = async () => {
    await reader.forceFlush();
    const all = exported.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    await meterProvider.shutdown();
    return all;
  };
  return { observer, tracerProvider, collect, spans: () => spans.getFinishedSpans() };
}

/** What the SDK makes of events. */
function traced(events: readonly SmtpEvent[], options: { addresses?: boolean } = {}) {
  const { observer, spans } = sdk(options);
  for (const event of events) observer(event);
  return spans();
}

const REPLY = new SmtpResponse("550 5.1.1 <r0@y.example> is unknown");
const REFUSED = new SmtpFatalError("Server refused recipient <r0@y.example>", {
  phase: "rcpt",
  response: REPLY,
  recipients: [{ address: "r0@y.example", fate: "refused" }],
});
const LOST = new SmtpConnectionError("Connection was lost", { recipients: made.recipients(["unknown"]) });

describe("a message of a session", () => {
  test("is a CLIENT span with the names of the conventions", () => {
    const [span, ...others] = traced([
      made.sendStart({ to: ["r0@y.example", "r1@y.example"] }),
      made.sendEnd({ fates: ["accepted", "refused"], size: 25, tls: true, response: new SmtpResponse("250 2.0.0 ok") }),
    ]);
    expect(others).toEqual([]);
    expect(span).toMatchObject({ name: "send mx.example:25", kind: SpanKind.CLIENT, ended: true });
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
    expect(span?.instrumentationScope.name).toBe("net-smtp");
    expect(span?.attributes).toEqual({
      "messaging.system": "smtp",
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
      "messaging.message.id": "m1",
      "messaging.message.envelope.size": 25,
      "server.address": "mx.example",
      "server.port": 25,
      "net_smtp.attempt": 1,
      "net_smtp.connection.id": "c1",
      "net_smtp.fate": "accepted",
      "net_smtp.recipient_count": 2,
      "net_smtp.recipients.accepted": 1,
      "net_smtp.recipients.refused": 1,
      "net_smtp.response.code": 250,
      "net_smtp.response.enhanced_code": "2.0.0",
      "net_smtp.tls": true,
    });
  });

  test.each([
    ["refused", REFUSED, { "error.type": "SMTP_FATAL", "net_smtp.fate": "refused", "net_smtp.response.code": 550 }],
    ["lost", LOST, { "error.type": "SMTP_CONNECTION", "net_smtp.fate": "unknown" }],
  ] as const)("that was %s is an error", (_, error, attributes) => {
    const { recipients, response } = error;
    const [span] = traced([made.sendStart(), made.sendEnd({ error, recipients, ...(response && { response }) })]);
    expect(span?.status).toEqual({ code: SpanStatusCode.ERROR });
    expect(span?.attributes).toMatchObject(attributes);
    expect(span?.events).toEqual([]);
  });

  const failing = [
    made.sendStart(),
    made.sendEnd({ error: REFUSED, recipients: REFUSED.recipients, response: REPLY }),
    made.messageStart({ id: "m2" }),
    made.retry({ id: "m2", error: REFUSED }),
    made.messageEnd({ id: "m2", error: REFUSED, recipients: REFUSED.recipients, response: REPLY }),
  ];
  const text = (spans: ReturnType<typeof traced>): string =>
    JSON.stringify(spans.map(({ name, attributes, events, status }) => ({ name, attributes, events, status })));

  test("names nobody", () => {
    expect(text(traced(failing))).not.toMatch(/@|unknown/);
  });

  test("names everybody if asked to", () => {
    const [span] = traced(failing, { addresses: true });
    expect(span?.attributes).toMatchObject({
      "messaging.destination.name": "r0@y.example",
      "net_smtp.from": "a@x.example",
      "net_smtp.to": ["r0@y.example"],
    });
    expect(span?.status.message).toBe("Server refused recipient <r0@y.example>");
  });

  test("has no destination if it has several", () => {
    const to = ["r0@y.example", "r1@y.example"];
    const [span] = traced([made.sendStart({ to }), made.sendEnd({})], { addresses: true });
    expect(span?.attributes).toMatchObject({ "net_smtp.to": to });
    expect(span?.attributes).not.toHaveProperty("messaging.destination.name");
  });

  test("may have the id of another: each span ends", () => {
    const spans = traced([made.sendStart(), made.sendStart(), made.sendEnd({}), made.sendEnd({})]);
    expect(new Set(spans.map((span) => span.spanContext().spanId)).size).toBe(2);
  });
});

describe("a message of the pool", () => {
  test("is a span around its attempts, which tells of what comes between", () => {
    const spans = traced([
      made.messageStart(),
      made.sendStart(),
      made.sendEnd({ error: LOST, fates: ["unsent"] }),
      made.retry({ delay: 1_500, error: LOST }),
      made.sendStart({ attempt: 2, connection: "c2" }),
      made.sendEnd({ attempt: 2, connection: "c2" }),
      made.messageEnd({ attempts: 2, size: 9 }),
    ]);
    expect(spans.map(({ name, kind }) => [name, kind])).toEqual([
      ["send mx.example:25", SpanKind.CLIENT],
      ["send mx.example:25", SpanKind.CLIENT],
      ["deliver mx.example:25", SpanKind.INTERNAL],
    ]);
    const [first, second, message] = spans;
    for (const attempt of [first, second]) {
      expect(attempt?.parentSpanContext?.spanId).toBe(message?.spanContext().spanId);
      expect(attempt?.spanContext().traceId).toBe(message?.spanContext().traceId);
    }
    expect(second?.attributes).toMatchObject({ "net_smtp.attempt": 2, "net_smtp.connection.id": "c2" });
    expect(message?.attributes).toMatchObject({ "net_smtp.attempts": 2, "net_smtp.fate": "accepted" });
    expect(message?.attributes).not.toHaveProperty("messaging.operation.type");
    expect(message?.events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ["net_smtp.retry", { "net_smtp.attempt": 2, "net_smtp.retry.delay": 1.5, "error.type": "SMTP_CONNECTION" }],
    ]);
  });

  test("that no session took is a span too", () => {
    const [span] = traced([made.messageStart(), made.messageEnd({ attempts: 0, fates: ["unsent"], error: LOST })]);
    expect(span).toMatchObject({ name: "deliver mx.example:25", status: { code: SpanStatusCode.ERROR } });
  });
});

test("the parent is what is active where the message is sent, also for attempts later", () => {
  context.setGlobalContextManager(new Active());
  const { observer, tracerProvider, spans } = sdk();
  const caller = tracerProvider.getTracer("app").startSpan("caller");
  context.with(trace.setSpan(context.active(), caller), () => observer(made.messageStart()));
  observer(made.sendStart());
  observer(made.sendEnd({}));
  observer(made.messageEnd({}));
  const [attempt, message] = spans();
  expect(message?.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
  expect(attempt?.parentSpanContext?.spanId).toBe(message?.spanContext().spanId);
});

test("a session is traced as it sends", async () => {
  context.setGlobalContextManager(new Active());
  const { observer, tracerProvider, spans } = sdk();
  const script = `${hello("PIPELINING")}
${ENVELOPE}
C: x
C: .
S: 250 2.0.0 queued
C: QUIT
S: 221 bye`.replaceAll(/^ +/gm, "");
  const smtp = new NetSmtp("mx.example", 25, { observe: observer, network: network(play(script)) });
  await smtp.start();
  const caller = tracerProvider.getTracer("app").startSpan("caller");
  await context.with(trace.setSpan(context.active(), caller), () =>
    smtp.sendMessage("x", "a@x.example", "b@y.example", { recipientPolicy: "collect", id: "m1" }),
  );
  await smtp.finish();
  const [span] = spans();
  expect(span?.parentSpanContext?.spanId).toBe(caller.spanContext().spanId);
  expect(span?.attributes).toMatchObject({ "messaging.message.id": "m1", "net_smtp.response.code": 250 });
});

describe("metrics", () => {
  const place = { "messaging.system": "smtp", "server.address": "mx.example", "server.port": 25 };
  const send = { ...place, "messaging.operation.name": "send", "messaging.operation.type": "send" };

  test("are those of the conventions, and none names anybody", async () => {
    const { observer, collect } = sdk({ addresses: true });
    observer(made.connectEnd());
    observer(made.connectEnd({ error: LOST }));
    observer(made.sendStart());
    observer(made.sendEnd({ fates: ["accepted", "refused"], duration: 250 }));
    observer(made.sendEnd({ fates: ["unknown"], duration: 1_000, error: LOST }));
    const points = (await collect()).map(({ descriptor: { name, unit }, dataPoints }) => ({
      name,
      unit,
      points: dataPoints.map(({ attributes, value }) => [attributes, typeof value === "number" ? value : value.sum]),
    }));
    const lost = { "error.type": "SMTP_CONNECTION" };
    expect(points).toEqual([
      {
        name: "messaging.client.operation.duration",
        unit: "s",
        points: [
          [send, 0.25],
          [{ ...send, ...lost }, 1],
        ],
      },
      {
        name: "messaging.client.sent.messages",
        unit: "{message}",
        points: [
          [send, 1],
          [{ ...send, ...lost }, 1],
        ],
      },
      {
        name: "net_smtp.recipients",
        unit: "{recipient}",
        points: ["accepted", "refused", "unknown"].map((fate) => [{ ...place, "net_smtp.fate": fate }, 1]),
      },
      {
        name: "net_smtp.connect.duration",
        unit: "s",
        points: [
          [place, 0.005],
          [{ ...place, ...lost }, 0.005],
        ],
      },
    ]);
  });

  test("have the boundaries of the conventions", async () => {
    const { observer, collect } = sdk();
    observer(made.sendEnd({}));
    const [duration] = await collect();
    const value = duration?.dataPoints[0]?.value as { buckets: { boundaries: number[] } };
    const wanted = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
    expect(value.buckets.boundaries).toEqual(expect.arrayContaining(wanted));
  });
});

test("without an SDK nothing happens, and nothing fails", () => {
  const observer = openTelemetry();
  const events = [made.sendStart(), made.sendEnd({}), made.messageStart(), made.messageEnd({}), made.connectEnd()];
  expect(() => events.map(observer)).not.toThrow();
});

test("a global SDK that is registered later is found", async () => {
  const observer = openTelemetry();
  observer(made.sendEnd({}));
  const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  const spans = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }));
  metrics.setGlobalMeterProvider(provider);
  observer(made.sendStart());
  observer(made.sendEnd({}));
  await reader.forceFlush();
  await provider.shutdown();
  metrics.disable();
  trace.disable();
  expect(spans.getFinishedSpans()).toHaveLength(1);
  const [{ scopeMetrics: [scope] = [] } = {}] = exported.getMetrics();
  expect(scope?.metrics.map(({ descriptor }) => descriptor.name)).toContain("messaging.client.sent.messages");
});
