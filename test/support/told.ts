/**
 * What a message became, as short text, and the error of a promise that must reject.
 *
 * @module
 */

import type { RecipientResult, SmtpError } from "../../mod.ts";

/** The sender of the tests. */
export const FROM = "a@x.example";

/** The fates as text: `b@y.example accepted 250`, without the domain `y.example`: `b accepted 250`. */
export function told({ recipients }: { readonly recipients: readonly RecipientResult[] }): string {
  return recipients
    .map(({ address, fate, response }) =>
      [address.replace("@y.example", ""), fate, response?.status].filter(Boolean).join(" "),
    )
    .join(", ");
}

/** The error of a promise that must reject. */
export async function failure(promise: Promise<unknown>): Promise<SmtpError> {
  return await promise.then(
    () => Promise.reject(new Error("Expected a rejection")),
    (error) => error,
  );
}

/** Turns of the event loop, so that what was played has been heard. Not subject to fake timers. */
export async function turns(count = 8): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => turnOver(resolve));
}

const turnOver: (callback: (value: unknown) => void) => void = globalThis.setImmediate.bind(globalThis);
