/**
 * Receipts of orders, each sent once, however often it is asked for. The law here: the ledger says "in doubt" before the end
 * of a message can have reached the server, and what it says so of is never sent again by program.
 *
 * The recipient is looked up by the order, never taken from the request: a form that sends to whom the visitor names is a
 * relay for spam.
 *
 * @module
 */

import { isSmtpError, type NetSmtpPool, type SmtpFailure } from "../../mod.ts";

/** An order, as the application has it. */
export interface Order {
  readonly id: string;
  readonly email: string;
  readonly total: string;
}

/** What the ledger says of an order's receipt. Nothing: it certainly did not go. */
export type Entry = "in doubt" | "sent" | "refused";

/** A table of the application's database, with a unique key: what it was told must outlive the process. */
export interface Ledger {
  get(id: string): Promise<Entry | undefined> | Entry | undefined;
  /** Writes "in doubt"; false if there is an entry already (INSERT, and the key is taken): another process was faster. */
  claim(id: string): Promise<boolean> | boolean;
  set(id: string, entry: Entry): unknown;
  delete(id: string): unknown;
}

/** A ledger for trying out: it ends with the process. */
export class MemoryLedger implements Ledger {
  readonly #entries = new Map<string, Entry>();

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  claim(id: string): boolean {
    if (this.#entries.has(id)) return false;
    this.#entries.set(id, "in doubt");
    return true;
  }

  set(id: string, entry: Entry): void {
    this.#entries.set(id, entry);
  }

  delete(id: string): void {
    this.#entries.delete(id);
  }
}

/** An answer for whoever asked. */
export interface Answer {
  /** The HTTP status. */
  readonly status: 200 | 202 | 422 | 503;
  /** What became of it. */
  readonly body: { readonly receipt: "sent" | "in doubt" | "refused" | "try again" };
  /** Seconds after which to ask again, for Retry-After. */
  readonly retryAfter?: number;
}

const SENT: Answer = { status: 200, body: { receipt: "sent" } };
// 202: it was taken, and whether it arrived is not known. Asked again, it is the same answer, and nothing is sent.
const IN_DOUBT: Answer = { status: 202, body: { receipt: "in doubt" } };
const REFUSED: Answer = { status: 422, body: { receipt: "refused" } };
const TRY_AGAIN: Answer = { status: 503, body: { receipt: "try again" }, retryAfter: 30 };
const ANSWERS: Readonly<Record<Entry, Answer>> = { sent: SENT, "in doubt": IN_DOUBT, refused: REFUSED };

/** Sends receipts. */
export class Receipts {
  readonly #pool: NetSmtpPool;
  readonly #ledger: Ledger;
  readonly #from: string;
  readonly #underWay = new Map<string, Promise<Answer>>();

  constructor(pool: NetSmtpPool, ledger: Ledger, from: string) {
    this.#pool = pool;
    this.#ledger = ledger;
    this.#from = from;
  }

  /** Sends the receipt of an order unless that was done; two who ask at once get one answer. */
  send(order: Order): Promise<Answer> {
    const underWay = this.#underWay.get(order.id);
    if (underWay !== undefined) return underWay;
    const answer = this.#once(order).finally(() => this.#underWay.delete(order.id));
    this.#underWay.set(order.id, answer);
    return answer;
  }

  async #once(order: Order): Promise<Answer> {
    const { id, email } = order;
    const entry = await this.#ledger.get(id);
    if (entry !== undefined) return ANSWERS[entry];
    let ours = false;
    try {
      await this.#pool.sendMessage(text(order, this.#from), this.#from, email, {
        id,
        // Called again if the pool tries again. If it throws, the message has no end, and certainly did not go.
        beforeEnd: async () => {
          ours ||= await this.#ledger.claim(id);
          if (!ours) throw new Error(`Receipt ${id} is another's`);
        },
      });
    } catch (error) {
      if (!isSmtpError(error)) throw error;
      return await this.#failed(id, error, ours);
    }
    await this.#ledger.set(id, "sent");
    return SENT;
  }

  async #failed(id: string, { fate, retry }: SmtpFailure, ours: boolean): Promise<Answer> {
    const entry = await this.#ledger.get(id);
    if (entry !== undefined && !ours) return ANSWERS[entry];
    if (fate === "unknown") return IN_DOUBT;
    if (fate === "refused" && retry === "never") {
      if (ours || (await this.#ledger.claim(id))) await this.#ledger.set(id, "refused");
      return REFUSED;
    }
    // Its end was not handed over, or the server said "not now": it certainly did not go.
    if (ours) await this.#ledger.delete(id);
    return TRY_AGAIN;
  }
}

/** ASCII from the application alone: whoever puts words of users into a header lets Nodemailer compose. */
function text({ id, email, total }: Order, from: string): string {
  return `From: ${from}\nTo: ${email}\nSubject: Your receipt\nMessage-ID: <receipt-${id}@${from.split("@")[1]}>\n\nOrder ${id}: ${total}\n`;
}
