/**
 * Senders and recipients: what a user gives -> mailboxes that are ready for MAIL and RCPT.
 * The law here: everything is read once and checked whole before MAIL is written. What is not a string, an `SmtpAddress`
 * or (for recipients) an array of them is an error: nothing is converted, so nothing can change after its check.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import { copyRecipientDsn, type RecipientDsn } from "./dsn.ts";
import { copyParameters, type EsmtpParameters, formatParameters } from "./parameters.ts";
import { parsePath } from "./path.ts";

export type { EsmtpParameters } from "./parameters.ts";

/** How deep lists of recipients may be nested; an array that holds itself has no end. */
export const MAX_DEPTH = 100;

const BODY = / BODY=(\S+)/;

/** An address with ESMTP parameters of its own (Net::SMTP::Address), and a recipient's notifications (RFC 3461). */
export class SmtpAddress {
  /** The address, `user@example.com`; `""` is the null sender. Its grammar is checked when it is used. */
  readonly address: string;
  /** The parameters: a frozen copy of those given. They are sent as they are, whether or not the server offers them. */
  readonly parameters: EsmtpParameters;
  /** When to notify the sender of this recipient, where the server offers DSN: a frozen copy of what was given. */
  readonly dsn: RecipientDsn | undefined;

  /** Makes an address; throws `SmtpArgumentError` if it is no string, or if a parameter or `dsn` is not of the grammar. */
  constructor(address: string, parameters: EsmtpParameters = {}, dsn?: RecipientDsn) {
    if (typeof address !== "string") {
      throw new SmtpArgumentError(
        `Parameter "address" is ${shown(address)}; expected a string such as user@example.com`,
      );
    }
    this.address = address;
    this.parameters = copyParameters(parameters);
    this.dsn = dsn === undefined ? undefined : copyRecipientDsn(dsn);
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
  /** A recipient's notifications, which are parameters where the server offers DSN. */
  readonly dsn?: RecipientDsn;
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
  const { address, parameters, dsn } = read("from", from);
  if (dsn) throw new SmtpArgumentError('Parameter "from" has "dsn" of a recipient; expected the option "dsn"');
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

/** What the sender's parameters say of the content, in capitals, if they do (RFC 6152, RFC 3030 3). */
export function bodyOf(from: Mailbox): string | undefined {
  return from.parameters === "" ? undefined : BODY.exec(from.parameters)?.[1]?.toUpperCase();
}

/** The sender, with the BODY parameter that the content takes. Throws `SmtpArgumentError` if it says another. */
export function withBody(from: Mailbox, body: string): Mailbox {
  const said = bodyOf(from);
  if (said === undefined) return { ...from, parameters: `${from.parameters} BODY=${body}` };
  if (said === body) return from;
  throw new SmtpArgumentError(`Option "body" is "${body}", and the sender says BODY=${said}; expected one of them`);
}

/** The mailbox with one more parameter. Throws `SmtpArgumentError` if it says that keyword already, with another value. */
export function withParameter(mailbox: Mailbox, parameter: string): Mailbox {
  const keyword = parameter.split("=", 1)[0] as string;
  const said = mailbox.parameters.split(" ").find((word) => word.split("=", 1)[0] === keyword);
  if (said === undefined) return { ...mailbox, parameters: `${mailbox.parameters} ${parameter}` };
  if (said === parameter) return mailbox;
  throw new SmtpArgumentError(`Parameter ${keyword} is given with the address and as an option; expected one of them`, {
    phase: "mail",
  });
}

function collect(to: RecipientList, options: PathOptions, mailboxes: Mailbox[], depth: number): void {
  if (!Array.isArray(to)) {
    const { address, parameters, dsn } = read("to", to);
    const recipient = mailbox("to", address, parameters, options);
    mailboxes.push(dsn ? { ...recipient, dsn } : recipient);
    return;
  }
  if (depth >= MAX_DEPTH) {
    throw new SmtpArgumentError(`Parameter "to" is nested more than ${MAX_DEPTH} deep; expected a list of addresses`);
  }
  for (const entry of to as readonly RecipientList[]) collect(entry, options, mailboxes, depth + 1);
}

/** An address and its parameters as they are sent, each read once. */
function read(
  name: string,
  value: unknown,
): Pick<Mailbox, "address" | "parameters"> & { dsn?: RecipientDsn | undefined } {
  if (typeof value === "string") return { address: value, parameters: "" };
  const { address, parameters, dsn } =
    value instanceof SmtpAddress ? value : { address: value, parameters: {}, dsn: undefined };
  if (typeof address !== "string") {
    throw new SmtpArgumentError(
      `Parameter "${name}" is ${shown(address)}; expected an address as a string, or an SmtpAddress`,
    );
  }
  return {
    address,
    parameters: formatParameters(parameters),
    dsn: dsn === undefined ? undefined : copyRecipientDsn(dsn),
  };
}

function mailbox(name: string, address: string, parameters: string, options: PathOptions): Mailbox {
  const { text, utf8 } = parsePath(name, address, options.smtputf8);
  return { address, path: `<${text}>`, parameters, utf8 };
}
