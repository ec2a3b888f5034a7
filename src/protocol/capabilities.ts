/**
 * What a server offers: the lines of its EHLO reply -> keywords and their parameters (RFC 5321 section 4.1.1.1).
 * The law here: what a server says becomes data, never a name that code is looked up by. The keys of a `Map` cannot reach
 * a prototype, and a line that is not of the grammar is skipped, not guessed at.
 *
 * @module
 */

/** Keyword, in capitals -> parameters, as the server wrote them. */
export type Capabilities = ReadonlyMap<string, readonly string[]>;

// Without the flag u, i folds ASCII only: "\u017ftarttls" is no keyword, although toUpperCase would make STARTTLS of it.
const KEYWORD = /^[a-z0-9][a-z0-9-]*$/i;
const PARAMETER = /^[!-~]+$/;

/**
 * The capabilities in an EHLO reply. `lines` is the text of each line without its code; the first is the greeting and is
 * ignored. Keywords are case-insensitive and given in capitals; lines and parameters that are not of the grammar are left
 * out. A keyword said twice counts as said the last time (as in Net::SMTP), except AUTH: its lines, and those of its old
 * form `AUTH=`, are joined, in capitals, each mechanism once. A new map each time: the caller owns it.
 */
export function parseCapabilities(lines: readonly string[]): Capabilities {
  const capabilities = new Map<string, readonly string[]>();
  for (const line of lines.slice(1)) {
    const [word = "", ...parameters] = words(line);
    if (!KEYWORD.test(word)) continue;
    const keyword = word.toUpperCase();
    const found = parameters.filter((parameter) => PARAMETER.test(parameter));
    capabilities.set(keyword, keyword === "AUTH" ? joined(capabilities.get(keyword) ?? [], found) : found);
  }
  return capabilities;
}

/** The keyword, then the parameters. `AUTH=PLAIN LOGIN` is how servers older than RFC 2554 say it. */
function words(line: string): string[] {
  const [first = "", ...rest] = line.split(" ").filter((word) => word !== "");
  return /^auth=/i.test(first) ? ["AUTH", first.slice("AUTH=".length), ...rest] : [first, ...rest];
}

function joined(known: readonly string[], found: readonly string[]): string[] {
  return [...new Set([...known, ...found.map((mechanism) => mechanism.toUpperCase())])];
}
