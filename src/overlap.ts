/**
 * Servers that offer PIPELINING and take nothing behind the end of a message, though RFC 2920 3.1 lets the next message stand
 * in the same group: Haraka 3.3 answers 503 to each such command. The law here: a message is sent again only if all of its
 * envelope was refused so, hence nothing of it can be on the server, and then behind the reply to the end before it.
 *
 * @module
 */

import type { Evidence } from "./protocol/verdict.ts";

/** Hosts that have refused it: there a message waits until the one before it is answered. */
const inOrder: Set<string> = new Set();

/** True if a message may leave behind an end that is not answered. */
export function mayOverlap(host: string): boolean {
  return !inOrder.has(host);
}

/** It was refused: no message overlaps another on this host any more. */
export function refuseOverlap(host: string): void {
  inOrder.add(host);
}

/** True if every command of an envelope, which has no RSET in front, was answered 503: out of sequence. */
export function isOutOfSequence({ reset, replies }: Evidence): boolean {
  return !reset && replies.length > 0 && replies.every(({ status }) => status === "503");
}
