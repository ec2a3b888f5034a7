/**
 * RCPT for a list, by the recipient policy, inside a transaction that the caller leads (Net::SMTP#rcptto_list).
 * The law here: a list that the policy stops leaves the transaction to be reset, and says the fate of each.
 *
 * @module
 */

import type { Connection } from "./connection.ts";
import { agreedRecipients } from "./envelope.ts";
import { SmtpAuthenticationError } from "./errors.ts";
import { ManualTransaction } from "./manual.ts";
import type { Mailbox } from "./protocol/address.ts";
import { rcpt } from "./protocol/command.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import {
  collectedRefusals,
  type Evidence,
  fates,
  finalsOwed,
  type RecipientPolicy,
  rcptReply,
  refusal,
} from "./protocol/verdict.ts";

/** A recipient and the reply to its RCPT. */
export interface RecipientReply {
  /** The address as it was given. */
  readonly address: string;
  /** The reply to its RCPT. */
  readonly response: SmtpResponse;
}

/** What the block of `rcptToList` is told. */
export interface RecipientListing {
  /** Those that the server takes a message for. */
  readonly accepted: readonly RecipientReply[];
  /** Those that it refused. */
  readonly refused: readonly RecipientReply[];
}

/** A list of recipients that has been answered. */
export class RecipientList implements RecipientListing {
  readonly accepted: readonly RecipientReply[];
  readonly refused: readonly RecipientReply[];
  readonly #evidence: Evidence;
  readonly #manual: ManualTransaction;
  /** How many replies to the end belong to recipients named before. */
  readonly #before: number;

  private constructor(evidence: Evidence, manual: ManualTransaction, before: number) {
    this.#evidence = evidence;
    this.#manual = manual;
    this.#before = before;
    const replies = evidence.recipients.map((address, index) => ({
      address,
      response: rcptReply(evidence, index) as SmtpResponse,
    }));
    this.accepted = replies.filter(({ response }) => response.success);
    this.refused = replies.filter(({ response }) => !response.success);
  }

  /** Sends RCPT for each. Rejects, with the fates, if the policy stops the message. */
  static async send(
    connection: Connection,
    paths: readonly Mailbox[],
    policy: RecipientPolicy,
  ): Promise<RecipientList> {
    connection.refuseStale();
    const lines = agreedRecipients(paths, connection).map(rcpt);
    const manual = connection.manual ?? new ManualTransaction("", connection.lmtp);
    const recipients = paths.map(({ address }) => address);
    const replies = manual.replies.slice(0, 1);
    const evidence: Evidence = {
      from: manual.from,
      recipients,
      reset: false,
      replies,
      handedOver: false,
      finals: [],
    };
    const before = manual.each ? finalsOwed(manual) : 0;
    await connection.flights(lines, replies, () => refusal(evidence, policy) !== undefined);
    for (const [index, reply] of replies.slice(1).entries()) manual.recipient(recipients[index] as string, reply);
    const error = refusal(evidence, policy);
    if (!error) return new RecipientList(evidence, manual, before);
    connection.resetOwed ||= connection.manual !== undefined;
    throw error.about({ recipients: fates(evidence, error.retry) });
  }

  /** Net::SMTP's error after the block: some were refused 53x, the block served the others. */
  collected(): SmtpAuthenticationError | undefined {
    const { handedOver, each, finals } = this.#manual;
    const own = finals.slice(this.#before);
    const recipients = fates({ ...this.#evidence, handedOver, each, finals: own }, "never");
    const refusals = collectedRefusals(recipients);
    return (
      refusals &&
      new SmtpAuthenticationError(refusals.message, { phase: "rcpt", response: refusals.response, recipients })
    );
  }
}
