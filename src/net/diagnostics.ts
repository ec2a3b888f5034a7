/**
 * What is published to whoever observes the process (`node:diagnostics_channel`): the tracing channels `net-smtp:connect` and
 * `net-smtp:send`, which are `tracing:net-smtp:send:start` and so on, and the plain channel `net-smtp:reply`. The law here:
 * the names and what is published are public, and without a subscriber nothing is made.
 *
 * @module
 */

import * as runtime from "node:diagnostics_channel";
import type { SmtpDiagnostics, SmtpTracing } from "./stream.ts";

/** What is asked of the runtime's module. */
export interface DiagnosticsModule {
  /** The channel of a name. */
  channel(name: string): PlainChannel;
  /** The five channels of a name; not every release of every runtime has it. */
  tracingChannel?: ((name: string) => TracingChannel) | undefined;
}

/** A channel of the runtime's. */
export interface PlainChannel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

/** A tracing channel of the runtime's. */
export interface TracingChannel {
  tracePromise<T>(run: () => Promise<T>, context: object): Promise<T>;
}

/** The five channels of a tracing channel, in the order in which they can come. */
const STEPS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

type Steps = Readonly<Record<(typeof STEPS)[number], PlainChannel>>;

/** The channels of net-smtp in a runtime's module. */
export function diagnosticsOf(module: DiagnosticsModule): SmtpDiagnostics {
  const reply = module.channel("net-smtp:reply");
  return {
    connect: tracing(module, "net-smtp:connect"),
    send: tracing(module, "net-smtp:send"),
    reply: {
      get listening() {
        return reply.hasSubscribers;
      },
      publish: (message) => reply.publish(message),
    },
  };
}

function tracing(module: DiagnosticsModule, name: string): SmtpTracing {
  const steps = Object.fromEntries(STEPS.map((step) => [step, module.channel(`tracing:${name}:${step}`)])) as Steps;
  const { start, end, asyncStart, asyncEnd, error } = steps;
  const whole = module.tracingChannel?.(name);
  return {
    // Node 20 and Bun do not say it of the five together. Asked for each message, so nothing is made for it.
    get listening() {
      if (start.hasSubscribers || end.hasSubscribers || error.hasSubscribers) return true;
      return asyncStart.hasSubscribers || asyncEnd.hasSubscribers;
    },
    trace: (context, run) => (whole ? whole.tracePromise(run, context) : published(steps, context, run)),
  };
}

/** As `tracePromise` of the runtimes that have it. */
function published<T>(steps: Steps, context: object, run: () => Promise<T>): Promise<T> {
  const settled = (known: object): void => {
    Object.assign(context, known);
    if ("error" in known) steps.error.publish(context);
    steps.asyncStart.publish(context);
    steps.asyncEnd.publish(context);
  };
  steps.start.publish(context);
  const promise = run();
  steps.end.publish(context);
  return promise.then(
    (result) => {
      settled({ result });
      return result;
    },
    (error) => {
      settled({ error });
      throw error;
    },
  );
}

/** Those of Node, Deno and Bun. */
export const nodeDiagnostics: SmtpDiagnostics = diagnosticsOf(runtime as unknown as DiagnosticsModule);
