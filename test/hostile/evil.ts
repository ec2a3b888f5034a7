/**
 * Class A: the values with which somebody would end a line or a path early, and the look for a line more.
 *
 * @module
 */

import { expect } from "vitest";
import type { Peer } from "./peer.ts";

/** An object that is another text each time it is read. */
function changing(first: string, then: string): object {
  let reads = 0;
  const read = (): string => (++reads % 2 === 1 ? first : then);
  return { toString: read, valueOf: read, toJSON: read, [Symbol.toPrimitive]: read, length: first.length };
}

const EVIL = "RSET";
/** Each made of a harmless one. */
export const VALUES: readonly (readonly [name: string, value: (harmless: string) => unknown])[] = [
  ["CR", (text) => `${text}\r${EVIL}`],
  ["LF", (text) => `${text}\n${EVIL}`],
  ["CRLF", (text) => `${text}\r\n${EVIL}\r\n`],
  ["CRLF in front", (text) => `\r\n${EVIL}\r\n${text}`],
  ["NUL", (text) => `${text}\0${EVIL}`],
  ["DEL", (text) => `${text}\x7f`],
  ["NEL", (text) => `${text}\x85${EVIL}`],
  ["U+2028", (text) => `${text}\u2028${EVIL}`],
  ["U+560D U+560A, CRLF by a cast to octets", (text) => `${text}\u560d\u560a${EVIL}`],
  ["a path that ends early", (text) => `${text}> NOTIFY=NEVER`],
  ["a path that ends early, then a line", (text) => `${text}>\r\n${EVIL}`],
  ["half of a surrogate pair", (text) => `${text}\ud80d\ud80a`],
  ["an object that changes", (text) => changing(text, `${text}\r\n${EVIL}`)],
  ["an object that changes back", (text) => changing(`${text}\r\n${EVIL}`, text)],
  ["a String object", (text) => new String(`${text}\r\n${EVIL}`)],
  ["an array", (text) => [`${text}\r\n${EVIL}`]],
];

/** In the order asked for, each at most once: nothing else was said. */
function isPartOf(verbs: readonly string[], asked: readonly string[]): boolean {
  let at = 0;
  for (const verb of asked) if (verbs[at] === verb) at++;
  return at === verbs.length;
}

/** What a path and its parameters look like, and nothing more. */
export const ENVELOPE: RegExp =
  /^(?:MAIL FROM|RCPT TO):<(?:(?:"(?:[^"\\]|\\.)*"|[^"<> ]+)(?:@[^"<> ]+)?)?>(?: (?:(?:BODY|SIZE|RET|BY|HOLDFOR|HOLDUNTIL|MT-PRIORITY|NOTIFY)=[-\w:;,]+|(?:ENVID|ORCPT|AUTH)=[!-<>-~]+))*(?: SMTPUTF8)?$/;

/** The server heard some of the verbs asked for, in their order, each line clean, even if a bare CR or LF ends its lines. */
export function expectNothingMore(peer: Peer, asked: readonly string[]): void {
  expect(isPartOf(peer.verbs, asked), `${peer.lines}`).toBe(true);
  expect(peer.wire).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
  for (const line of peer.lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(line).not.toMatch(/[\x00-\x1f\x7f]/);
    if (/^(?:MAIL|RCPT)/.test(line)) expect(line).toMatch(ENVELOPE);
  }
}
