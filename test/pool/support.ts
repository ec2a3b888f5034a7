/**
 * Pools against played servers.
 *
 * @module
 */

import { NetSmtpPool, type PoolOptions } from "../../mod.ts";
import { network, type PlayedNetwork, type PlayedServer, type PlayOptions, play } from "../support/play.ts";
import { hello } from "../support/session.ts";
import { turns } from "../support/told.ts";

/** The recipient of the tests. */
export const TO = "b@y.example";

/** Greeting and EHLO of a server with PIPELINING. */
export const HELLO: string = hello("PIPELINING");

/** The envelope of a message under the policy "net-smtp", all taken. */
export const ENVELOPE = `
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  S: 250 ok
  S: 250 ok
  C: DATA
  S: 354 go`;

/** QUIT, and the end. */
export const QUIT = `
  C: QUIT
  S: 221 bye
  C: <close>`;

/** A message that is taken. */
export function stored(text: string): string {
  return `${ENVELOPE}
  C: ${text}
  C: .
  S: 250 ${text} stored`;
}

/** Messages that are taken, each given to the session before the one in front of it is answered. */
export function overlapping(...texts: readonly string[]): string {
  const envelope = `
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>`;
  const oks = `
  S: 250 ok
  S: 250 ok
  C: DATA
  S: 354 go`;
  const last = texts.length - 1;
  const parts = texts.map((text, index) => {
    const next = index < last ? envelope : "";
    return `\n  C: ${text}\n  C: .${next}\n  S: 250 ${text} stored${index < last ? oks : ""}`;
  });
  return [envelope, oks, ...parts].join("");
}

/** The same, with QUIT in the write that ends the last of them: the pool knew that it was the last. */
export function overlappingToQuit(...texts: readonly string[]): string {
  const end = `\n  S: 250 ${texts.at(-1)} stored`;
  return `${overlapping(...texts).replace(end, `\n  C: QUIT${end}`)}
  S: 221 bye
  C: <close>`;
}

/** Turns of the event loop until it holds; an error if it does not come to that. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) {
    if (holds()) return;
    await turns(1);
  }
  throw new Error(`It did not come to ${holds}`);
}

/** The parts of a script as one, without indentation. */
function script(...parts: readonly string[]): string {
  return parts
    .join("\n")
    .split("\n")
    .map((line) => line.trimStart())
    .join("\n");
}

/** What a test works with. */
export interface PlayedPool {
  /** The pool. */
  readonly pool: NetSmtpPool;
  /** Its servers, one for each connection in order. */
  readonly servers: readonly PlayedServer[];
  /** Where it connects to. */
  readonly network: PlayedNetwork;
  /** Throws what went against any of the scripts. */
  finish(): void;
}

/** A pool that meets these servers in order; an error is a connection that fails. */
export function pooled(
  servers: readonly (string | Error | PlayedServer)[],
  options: PoolOptions = {},
  stream?: PlayOptions,
): PlayedPool {
  const made = servers.map((server) => (typeof server === "string" ? play(script(server), stream) : server));
  const played = made.filter((server): server is PlayedServer => !(server instanceof Error));
  const dialled = network(...made);
  const pool = new NetSmtpPool("mx.example", 25, { network: dialled, ...options });
  return {
    pool,
    servers: played,
    network: dialled,
    finish: () => {
      for (const server of played) server.finish();
    },
  };
}
