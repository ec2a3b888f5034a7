/**
 * An address as a user gives it -> the path of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
 * The law here: nothing passes that could end the path or the line early; the server judges the rest. Local parts with
 * dots anywhere exist, so they pass; a name, angle brackets, or a source route do not. Linear, and length comes first.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { characterAt, isPrintableAscii, octets } from "./characters.ts";
import { literalFault, nameFault, toAscii } from "./domain.ts";

/** UTF-16 units; no address within the limits below has more, even before its domain becomes an A-label. */
const MAX_UNITS = 1_000;
/** RFC 5321 section 4.5.3.1: octets of a local part, of a domain, and of a path without its angle brackets. */
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;
const MAX_PATH = 254;

/**
 * Never, quoted or not: controls (C0, DEL, C1), blanks but the space, marks that hide or reorder text, half of a surrogate
 * pair. The two joiners are letters' company in Persian and Sinhala.
 */
const FORBIDDEN = /(?![ \u200c\u200d])[\p{Cc}\p{Cf}\p{Z}\p{Surrogate}]/u;
/** Neither atext nor a dot. */
const NOT_IN_ATOM = /[^a-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\uffff]/i;

const EXPECTED = "an address such as user@example.com, without a name or angle brackets";

/** An address on its way into a command, and the parameter it came in by, for messages. */
interface Given {
  readonly name: string;
  readonly address: string;
}

/** What stands between the angle brackets, and whether it takes SMTPUTF8 to send it. */
export interface Path {
  readonly text: string;
  readonly utf8: boolean;
}

/** The path of an address. `name` is the parameter it came in by. Throws `SmtpArgumentError`. */
export function parsePath(name: string, address: string, smtputf8: boolean): Path {
  const given: Given = { name, address };
  if (address.length > MAX_UNITS) throw fault(given, `it has ${address.length} characters`);
  // Most addresses pass this cheaper look, and need no other for their characters.
  const ascii = isPrintableAscii(address);
  const bad = ascii ? -1 : address.search(FORBIDDEN);
  if (bad >= 0) throw fault(given, `it holds ${characterAt(address, bad)}`);
  const end = address.startsWith('"') ? endOfQuoted(given) : endOfAtom(given);
  const local = address.slice(0, end);
  if (!ascii && !smtputf8 && !isPrintableAscii(local)) {
    throw fault(given, "its local part is not ASCII", "ASCII, or a server that offers SMTPUTF8");
  }
  checkLength(given, "its local part", local, MAX_LOCAL);
  const text = end === address.length ? local : `${local}@${wireDomain(given, address.slice(end + 1), smtputf8)}`;
  checkLength(given, "it", text, MAX_PATH);
  return { text, utf8: !ascii && !isPrintableAscii(text) };
}

function checkLength(given: Given, what: string, text: string, limit: number): void {
  // No character has more than three octets a UTF-16 unit.
  if (text.length * 3 <= limit) return;
  const length = octets(text);
  if (length > limit) throw fault(given, `${what} has ${length} octets`, `at most ${limit}`);
}

/** Where the local part ends: at the first "@", or at the end of an address without a domain (`postmaster`). */
function endOfAtom(given: Given): number {
  const { address } = given;
  const at = address.indexOf("@");
  const end = at < 0 ? address.length : at;
  const bad = address.slice(0, end).search(NOT_IN_ATOM);
  if (bad >= 0) throw fault(given, `its local part holds ${characterAt(address, bad)}`);
  if (end === 0) throw fault(given, "its local part is empty");
  return end;
}

/** Where a quoted local part ends, behind its closing quote. A backslash takes the next character as it is. */
function endOfQuoted(given: Given): number {
  const { address } = given;
  let end = 1;
  while (end < address.length && address[end] !== '"') end += address[end] === "\\" ? 2 : 1;
  if (end >= address.length) throw fault(given, "its quoted local part is not closed", '"quoted user"@example.com');
  end += 1;
  if (end < address.length && address[end] !== "@") {
    throw fault(given, `behind the closing quote it holds ${characterAt(address, end)}`, '"quoted user"@example.com');
  }
  return end;
}

/** The domain as it is sent: as given, or its A-label. */
function wireDomain(given: Given, domain: string, smtputf8: boolean): string {
  const literal = domain.startsWith("[");
  const wrong = literal ? literalFault(domain) : nameFault(domain);
  if (wrong !== undefined) throw fault(given, wrong);
  const ascii = literal ? domain : toAscii(domain);
  if (ascii === undefined) throw fault(given, "its domain has no A-label", "a domain that IDNA allows");
  checkLength(given, "its domain", ascii, MAX_DOMAIN);
  return smtputf8 && isInternational(domain, ascii) ? domain : ascii;
}

/** True of a name that is a U-label, false of one that UTS 46 only folds: wide letters, other full stops. */
function isInternational(domain: string, ascii: string): boolean {
  return ascii.includes("xn--") && domain.split(".").length === ascii.split(".").length;
}

function fault({ name, address }: Given, problem: string, expected: string = EXPECTED): SmtpArgumentError {
  return new SmtpArgumentError(
    `Parameter "${name}" has a bad address, ${shown(address)}: ${problem}; expected ${expected}`,
  );
}
