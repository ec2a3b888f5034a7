/**
 * Senders and recipients: what a user gives -> mailboxes that are ready for MAIL and RCPT.
 * The law here: everything is read once and checked whole before MAIL is written. What is not a string, an `SmtpAddress`
 * or (for recipients) an array of them is an error: nothing is converted, so nothing can change after its check.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { copyParameters, type EsmtpParameters, formatParameters } from "./parameters.ts";
import { parsePath } from "./path.ts";

export type { EsmtpParameters } from "./parameters.ts";

/** How deep lists of recipients may be nested; an array that holds itself has no end. */
const MAX_DEPTH = 100;

const BODY = / BODY=(\S+)/;

/** An address with ESMTP parameters of its own (Net::SMTP::Address). */
export class SmtpAddress {
  /** The address, `user@example.com`; `""` is the null sender. Its grammar is checked when it is used. */
  readonly address: string;
  /** The parameters: a frozen copy of those given. */
  readonly parameters: EsmtpParameters;

  /** Makes an address; throws `SmtpArgumentError` if it is no string, or if a parameter is not of the grammar. */
  constructor(address: string, parameters: EsmtpParameters = {}) {
    if (typeof address !== "string") {
      throw new SmtpArgumentError(
        `Parameter "address" is ${shown(address)}; expected a string such as user@example.com`,
      );
    }
    this.address = address;
    this.parameters = copyParameters(parameters);
  }

  /** The address without its parameters. */
  toString(): string {
    return this.address;
  }
}

/** A sender or a recipient, checked. */
export interface Mailbox {
  /** The address as it was given. */
  readonly address: string;
  /** The path as it is sent: `<user@example.com>`, `<>` for the null sender. */
  readonly path: string;
  /** The parameters as they are sent, each with a space in front: ` SIZE=42`, or `""`. */
  readonly parameters: string;
  /** True if the path is not ASCII, and takes SMTPUTF8. */
  readonly utf8: boolean;
}

/** Recipients: one, or a list of them, nested at will. */
export type RecipientList = string | SmtpAddress | readonly RecipientList[];

/** What the session has to say on how addresses are written. */
export interface PathOptions {
  /** True if the server offers SMTPUTF8 (RFC 6531): a domain beyond ASCII then goes as it is, not as its A-label. */
  readonly smtputf8: boolean;
}

/** The sender, for MAIL. `""` is the null sender (RFC 5321 section 4.5.5). Throws `SmtpArgumentError` naming "from". */
export function reversePath(from: string | SmtpAddress, options: PathOptions): Mailbox {
  const { address, parameters } = read("from", from);
  if (address === "") return { address, path: "<>", parameters, utf8: false };
  return mailbox("from", address, parameters, options);
}

/**
 * The recipients, for RCPT: flattened in order, duplicates kept. Throws `SmtpArgumentError` naming "to", also if there is
 * none of them.
 */
export function forwardPaths(to: RecipientList, options: PathOptions): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  collect(to, options, mailboxes, 0);
  if (mailboxes.length === 0) throw new SmtpArgumentError('Parameter "to" has no recipient; expected one or more');
  return mailboxes;
}

/** The sender, with the BODY parameter that the content takes (RFC 6152, RFC 3030 3). Throws `SmtpArgumentError` if it says another. */
export function withBody(from: Mailbox, body: "BINARYMIME"): Mailbox {
  const said = BODY.exec(from.parameters)?.[1];
  if (said === undefined) return { ...from, parameters: `${from.parameters} BODY=${body}` };
  if (said.toUpperCase() === body) return from;
  throw new SmtpArgumentError(`Option "body" is "${body}", and the sender says BODY=${said}; expected one of them`);
}

/** True if MAIL says that the content is binary. */
export function isBinary(from: Mailbox): boolean {
  return from.parameters !== "" && BODY.exec(from.parameters)?.[1]?.toUpperCase() === "BINARYMIME";
}

function collect(to: RecipientList, options: PathOptions, mailboxes: Mailbox[], depth: number): void {
  if (!Array.isArray(to)) {
    const { address, parameters } = read("to", to);
    mailboxes.push(mailbox("to", address, parameters, options));
    return;
  }
  if (depth >= MAX_DEPTH) {
    throw new SmtpArgumentError(`Parameter "to" is nested more than ${MAX_DEPTH} deep; expected a list of addresses`);
  }
  for (const entry of to as readonly RecipientList[]) collect(entry, options, mailboxes, depth + 1);
}

/** An address and its parameters as they are sent, each read once. */
function read(name: string, value: unknown): Pick<Mailbox, "address" | "parameters"> {
  if (typeof value === "string") return { address: value, parameters: "" };
  const { address, parameters } = value instanceof SmtpAddress ? value : { address: value, parameters: {} };
  if (typeof address !== "string") {
    throw new SmtpArgumentError(
      `Parameter "${name}" is ${shown(address)}; expected an address as a string, or an SmtpAddress`,
    );
  }
  return { address, parameters: formatParameters(parameters) };
}

function mailbox(name: string, address: string, parameters: string, options: PathOptions): Mailbox {
  const { text, utf8 } = parsePath(name, address, options.smtputf8);
  return { address, path: `<${text}>`, parameters, utf8 };
}
