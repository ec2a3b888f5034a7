/**
 * The domain of an address (RFC 5321 section 4.1.2): host names, address literals, and the A-label of a name that is not
 * ASCII (RFC 5890). The law here: what the runtime makes of a name is checked by the same grammar as what a user gave, and
 * a name never becomes an address: `a@①.2.3.4` is not mail to 1.2.3.4.
 * Each check returns what is wrong, or undefined.
 *
 * @module
 */

import { characterAt, isPrintableAscii } from "./characters.ts";

/** The underscore is not the RFC's, but hosts with it receive mail. */
const NOT_IN_NAME = /[^a-z0-9._\-\u0080-\uffff]/i;
const EMPTY_LABEL = /^\.|\.\.|\.$|^$/;
const HYPHEN_AT_END = /^-|-$|\.-|-\./;
const NUMERIC = /^[0-9]+$/;
const MAX_LABEL = 63;

/** What is wrong with a host name: its characters and labels. Characters beyond ASCII pass here, `toAscii` judges them. */
export function nameFault(domain: string): string | undefined {
  const bad = domain.search(NOT_IN_NAME);
  if (bad >= 0) return `its domain holds ${characterAt(domain, bad)}`;
  if (EMPTY_LABEL.test(domain)) return "its domain has an empty label";
  if (HYPHEN_AT_END.test(domain)) return "a label of its domain begins or ends with a hyphen";
  const long = domain.length > MAX_LABEL && domain.split(".").some(isLong);
  return long ? `a label of its domain has more than ${MAX_LABEL} octets` : undefined;
}

/** True of a label in ASCII that is too long; any other is measured as its A-label. */
function isLong(label: string): boolean {
  return label.length > MAX_LABEL && isPrintableAscii(label);
}

/** What is wrong with an address literal: `[192.0.2.1]` and `[IPv6:2001:db8::1]` are the forms in use. */
export function literalFault(literal: string): string | undefined {
  const address = literal.endsWith("]") ? literal.slice(1, -1) : "";
  const valid = /^ipv6:/i.test(address) ? isIpv6(address.slice("ipv6:".length)) : isIpv4(address);
  return valid ? undefined : "its address literal is neither [192.0.2.1] nor [IPv6:2001:db8::1] in form";
}

/** The name in ASCII (UTS 46, by the runtime's URL), or undefined if it has none. `domain` has passed `nameFault`. */
export function toAscii(domain: string): string | undefined {
  if (isPrintableAscii(domain)) return domain;
  const url = `http://${domain}`;
  if (!URL.canParse(url)) return undefined;
  const ascii = new URL(url).hostname;
  // A last label of digits alone is how an IPv4 address looks that the URL has read from the name.
  const address = NUMERIC.test(ascii.slice(ascii.lastIndexOf(".") + 1));
  return address || !isPrintableAscii(ascii) || nameFault(ascii) !== undefined ? undefined : ascii;
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => NUMERIC.test(part) && part.length <= 3 && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]`);
}
