/**
 * Class B: how servers, strict and lax, find the lines and the end of a message in what came over the wire.
 * The law here: slow and obvious, and nothing of the engine's.
 *
 * @module
 */

/** What a reader made of a session. */
export interface ReadSession {
  /** The command lines, without content. */
  readonly commands: string[];
  /** The messages, each of its lines with CRLF, dots unstuffed. */
  readonly messages: string[];
}

/** Reads everything that a client wrote in a session, as latin1. */
export type Reader = (wire: string) => ReadSession;

/** Lines end where the expression says; a line that is a dot alone ends a message. */
function byLines(lineEnd: RegExp): Reader {
  return (wire) => {
    const commands: string[] = [];
    const messages: string[] = [];
    let content: string | undefined;
    for (const line of wire.split(lineEnd)) {
      if (content === undefined) commands.push(line);
      if (content !== undefined && line === ".") {
        messages.push(content);
        content = undefined;
      } else if (content !== undefined) content += `${line.startsWith(".") ? line.slice(1) : line}\r\n`;
      else if (line === "DATA") content = "";
    }
    return { commands: commands.slice(0, -1), messages };
  };
}

/** The end is looked for as octets anywhere, whatever stands around: `LF.LF`, `CR.CR` and what is between. */
function byEnds(wire: string): ReadSession {
  const commands: string[] = [];
  const messages: string[] = [];
  let rest = wire;
  for (;;) {
    const [before, content] = splitAt(rest, /(?<=^|\r\n)DATA\r\n/);
    commands.push(
      ...before
        .split("\r\n")
        .slice(0, content === undefined ? -1 : undefined)
        .filter(Boolean),
    );
    if (content === undefined) return { commands, messages };
    commands.push("DATA");
    const [message, left] = splitAt(`\r\n${content}`, /(?:\r\n|\n|\r)\.(?:\r\n|\n|\r)/);
    const unstuffed = message.slice(2).replaceAll(/(^|\r\n|\n|\r)\./g, "$1");
    messages.push(message === "" ? "" : `${unstuffed}\r\n`);
    if (left === undefined) return { commands, messages };
    rest = left;
  }
}

function splitAt(text: string, at: RegExp): [before: string, behind: string | undefined] {
  const found = at.exec(text);
  return found ? [text.slice(0, found.index), text.slice(found.index + found[0].length)] : [text, undefined];
}

/** One that keeps to RFC 5321, and four that do not. */
export const READERS: Readonly<Record<string, Reader>> = {
  "CRLF ends lines": byLines(/\r\n/),
  "a bare LF ends lines too": byLines(/\r\n|\n/),
  "a bare CR ends lines too": byLines(/\r\n|\r/),
  "any of them ends lines": byLines(/\r\n|\n|\r/),
  "LF.LF and CR.CR end the message": byEnds,
};

/** Reads a session by BDAT: content is counted (RFC 3030), the rest are lines. */
export function readChunks(wire: string): ReadSession {
  const commands: string[] = [];
  const messages: string[] = [];
  let content = "";
  let rest = wire;
  while (rest.includes("\r\n")) {
    const [line, behind = ""] = splitAt(rest, /\r\n/);
    commands.push(line);
    const [, octets, last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
    content += behind.slice(0, Number(octets ?? 0));
    rest = behind.slice(Number(octets ?? 0));
    if (last !== undefined) {
      messages.push(content);
      content = "";
    }
  }
  return { commands, messages };
}

/** The message as it must arrive: each line with CRLF, whatever ended it. */
export function normalised(message: string): string {
  const lines = message.split(/\r\n|\r|\n/);
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
}
