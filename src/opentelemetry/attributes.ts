/**
 * The names under which OpenTelemetry knows what events tell: those of the semantic conventions for messaging where they have
 * one, else `net_smtp.…`. The law here: nothing that names a person, and nothing of many values that a metric would keep.
 *
 * @module
 */

import type { Attributes } from "@opentelemetry/api";
import type { SmtpEventPlace } from "../events.ts";
import type { RecipientResult, SmtpFailure } from "../fate.ts";
import type { SmtpResponse } from "../protocol/reply.ts";

/** As what spans and metrics are made. */
export const SCOPE = "net-smtp";

/** Where it happened. */
export function ofPlace({ host, port }: SmtpEventPlace): Attributes {
  return { "messaging.system": "smtp", "server.address": host, "server.port": port };
}

/** An attempt is what the conventions call an operation. */
export const SEND: Attributes = { "messaging.operation.name": "send", "messaging.operation.type": "send" };

/** The error's class as a few stable words; nothing where nothing failed. */
export function ofError(error: SmtpFailure | undefined): Attributes {
  return error ? { "error.type": error.code } : {};
}

/** How many recipients had which fate, as far as any had. */
export function ofFates(recipients: readonly RecipientResult[]): Attributes {
  const counts: Record<string, number> = {};
  for (const { fate } of recipients) {
    const name = `net_smtp.recipients.${fate}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** The codes of a reply; its text may name addresses. */
export function ofResponse(response: SmtpResponse | undefined): Attributes {
  if (!response) return {};
  const { code, enhancedCode } = response;
  return { "net_smtp.response.code": code, ...(enhancedCode && { "net_smtp.response.enhanced_code": enhancedCode }) };
}
