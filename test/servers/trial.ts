/**
 * One mode on one server: what it sends is noted, and must arrive. The law here: a letter counts as sent only if the engine
 * said that it was accepted, and what was refused or unsent must not be in any mailbox.
 *
 * @module
 */

import { expect } from "vitest";
import {
  type Delivery,
  type DialogueEvent,
  isSmtpError,
  NetSmtp,
  type RecipientResult,
  type SendOptions,
  type SmtpError,
  type SmtpOptions,
} from "../../mod.ts";
import { type Letter, type LetterParts, letter, SENDER } from "./letters.ts";
import type { Arrived, Mailroom, Storage } from "./mailroom.ts";
import type { Place, Recipe } from "./place.ts";

/** A server, and what is known of it. */
export interface Subject {
  /** Its name. */
  readonly name: string;
  /** How it is started. */
  readonly recipe: Recipe;
  /** How it stores. */
  readonly storage: Storage;
  /** All that it offers in clear, AUTH left out: a test holds it to what it says. */
  readonly offers: readonly string[];
  /** The logins that it offers. */
  readonly logins: readonly string[];
  /** It speaks LMTP, and its unix socket in its folder. */
  readonly lmtp?: { readonly socket: string };
  /** It refuses a message that stands behind the end of another, once; the engine does not try again. */
  readonly takesNothingBehindAnEnd?: true;
  /** True once nothing is left to deliver. */
  idle?(place: Place): boolean;
}

/** A letter, and the mailboxes that it must be in. */
export interface Sent {
  readonly letter: Letter;
  readonly boxes: readonly string[];
}

/** The address of a mailbox, or of none. */
export function at(box: string): string {
  return `${box}@example.test`;
}

/** One mode on one server. */
export class Trial {
  readonly subject: Subject;
  readonly place: Place;
  /** The letters that were accepted. */
  readonly sent: Sent[] = [];
  /** All that was said. */
  readonly dialogue: DialogueEvent[] = [];
  readonly #name: string;
  readonly #mailroom: Mailroom;
  #count = 0;

  /** `name` becomes a part of each Message-ID. */
  constructor(name: string, subject: Subject, place: Place, mailroom: Mailroom) {
    this.#name = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    this.subject = subject;
    this.place = place;
    this.#mailroom = mailroom;
  }

  /** A letter of this mode. */
  letter(parts?: LetterParts): Letter {
    this.#count += 1;
    return letter(`${this.#name}.${this.#count}@${this.subject.recipe.name}.suite.example`, parts);
  }

  /** The options of a session in clear under the policy "collect". */
  options(more: SmtpOptions = {}): SmtpOptions {
    return {
      helo: "client.example.test",
      lmtp: this.subject.lmtp !== undefined,
      starttls: false,
      tlsOptions: { ca: this.place.ca },
      recipientPolicy: "collect",
      debugOutput: (event) => this.dialogue.push(event),
      ...more,
    };
  }

  /** Runs the block in a session, in clear unless the options say otherwise. */
  session<T>(more: SmtpOptions, block: (smtp: NetSmtp) => Promise<T>): Promise<T> {
    const { tls, plain } = this.place;
    return NetSmtp.start("127.0.0.1", more.tls ? tls : plain, this.options(more), block);
  }

  /** Sends a letter that every recipient must be accepted for. */
  async send(smtp: NetSmtp, letter: Letter, boxes: readonly string[], options?: SendOptions): Promise<Delivery> {
    const delivery = await smtp.sendMessage(letter.source, SENDER, boxes.map(at), options);
    this.accepted(letter, boxes, delivery.recipients);
    return delivery;
  }

  /** Notes a letter as sent; the engine must have said so of each. */
  accepted(letter: Letter, boxes: readonly string[], recipients: readonly RecipientResult[]): void {
    expect(fates(recipients)).toEqual(boxes.map((box) => [at(box), "accepted", "250"]));
    this.sent.push({ letter, boxes });
  }

  /** What arrived of the mode, once as much did as was sent. */
  arrived(): Promise<Arrived[]> {
    const ids = new Set(this.sent.map(({ letter: { id } }) => id));
    return this.#mailroom.of(ids, this.copies);
  }

  /** How many copies must arrive. */
  get copies(): number {
    return this.sent.reduce((sum, { boxes }) => sum + boxes.length, 0);
  }
}

/** Address, fate, and the code of the reply. */
export function fates(recipients: readonly RecipientResult[]): unknown[] {
  return recipients.map(({ address, fate, response }) => [address, fate, response?.status]);
}

/** What it was rejected with, which must be the engine's. */
export async function rejection(promise: Promise<unknown>): Promise<SmtpError> {
  const error = await promise.then(
    () => new Error("It did not reject"),
    (reason: unknown) => reason,
  );
  if (!isSmtpError(error)) throw error;
  return error as SmtpError;
}
