/**
 * The messages that are sent. The law here: the octets that must arrive are written down by the test, line by line with
 * CRLF, and never taken from the engine's own account of what it sent.
 *
 * @module
 */

import type { MessageSource } from "../../mod.ts";

/** Who sends everything. What bounced would come here. */
export const SENDER = "sender@example.test";

/** A message. */
export interface Letter {
  /** Its Message-ID, without `<` and `>`; no two letters of a run have the same. */
  readonly id: string;
  /** What is given to the engine. */
  readonly source: MessageSource;
  /** What must arrive. */
  readonly octets: Buffer;
}

/** How a letter is made. */
export interface LetterParts {
  /** The lines after the headers. */
  readonly lines?: readonly (string | Buffer)[];
  /** The subject, as it stands in the header. */
  readonly subject?: string;
  /** What the engine is given, from the lines of the whole. Default: bytes with CRLF. */
  readonly give?: (lines: readonly Buffer[]) => MessageSource;
}

const CRLF = Buffer.from("\r\n");

/** The lines with this after each. */
export function joined(lines: readonly Buffer[], end: Buffer = CRLF): Buffer {
  return Buffer.concat(lines.flatMap((line) => [line, end]));
}

/** As text with LF, and no end after the last line: what the engine has to put right. */
export function asText(lines: readonly Buffer[]): string {
  return lines.map((line) => line.toString()).join("\n");
}

/** As a source that can be read once, cut where no line ends. */
export async function* asPieces(lines: readonly Buffer[]): AsyncGenerator<Uint8Array> {
  const whole = joined(lines);
  for (let at = 0; at < whole.length; at += 65_521) yield whole.subarray(at, at + 65_521);
}

/** A letter with all headers that a server would add if they were missing. */
export function letter(id: string, parts: LetterParts = {}): Letter {
  const { lines = [`This is ${id}.`], subject = `letter ${id}`, give = joined } = parts;
  const head = [
    `Message-ID: <${id}>`,
    "Date: Tue, 24 Nov 2026 12:00:00 +0000",
    `From: <${SENDER}>`,
    "To: undisclosed-recipients:;",
    `Subject: ${subject}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
  ];
  const all = [...head, ...lines].map((line) => (typeof line === "string" ? Buffer.from(line) : line));
  return { id, source: give(all), octets: joined(all) };
}

/** Lines that a dot begins, and what looks like an end: RFC 5321 4.5.2. */
export const DOTS: readonly string[] = [
  ".",
  "..",
  "...",
  ".a",
  "..a",
  "a.",
  "",
  ".",
  "",
  ". ",
  " .",
  ".\t",
  "QUIT",
  ".QUIT",
  "BDAT 0 LAST",
  "250 ok",
  ".",
];

/** Lines to the limit of RFC 5321 4.5.3.1.6, which is 998 octets without CRLF, and over it. */
export const LONG_LINES: readonly string[] = [
  997, 998, 999, 1_000, 1_024, 2_047, 2_048, 2_049, 4_096, 65_536, 100_003,
].map((length) => `${length} ${"x".repeat(length - `${length} `.length)}`);

/** Every octet that may stand in a line, 8-bit ones too. */
export const OCTETS: readonly Buffer[] = [
  Buffer.from("Grüße, 世界 🌍"),
  Buffer.from(Array.from({ length: 255 }, (_, octet) => octet + 1).filter((octet) => octet !== 10 && octet !== 13)),
];

/** About so many octets, in lines; some begin with a dot. */
export function bulk(octets: number): string[] {
  const lines: string[] = [];
  for (let length = 0, n = 0; length < octets; n++) {
    const line = `${n % 17 === 0 ? "." : ""}${n} ${"abcdefghijklmnopqrstuvwxyz0123456789 ".repeat(1 + (n % 3))}`;
    lines.push(line);
    length += line.length + 2;
  }
  return lines;
}
