/**
 * The commands one by one, in the order of a session: HELO, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, RSET, VRFY,
 * EXPN, NOOP, HELP, QUIT (RFC 5321 4.1).
 * The law here: each writes exactly the command it names, except that a MAIL pays an RSET that is owed; a refusal is thrown
 * by its class and does not latch.
 *
 * @module
 */

import { authenticate } from "./authentication.ts";
import { BOOLEAN } from "./checks.ts";
import type { Connection } from "./connection.ts";
import type { Dialogue } from "./dialogue.ts";
import { agreedRecipients } from "./envelope.ts";
import { SmtpArgumentError, type SmtpError, SmtpProtocolError, SmtpUnsupportedCommand } from "./errors.ts";
import { DataWriter } from "./framing.ts";
import { sayEhlo, sayHelo, starttls } from "./handshake.ts";
import { ManualTransaction } from "./manual.ts";
import { type Message, type MessageSource, type MessageWriter, message, writerMessage } from "./message.ts";
import { checkNames, checkOption } from "./options.ts";
import {
  forwardPaths,
  type Mailbox,
  type RecipientList as Recipients,
  reversePath,
  type SmtpAddress,
} from "./protocol/address.ts";
import { isPrintableAscii } from "./protocol/characters.ts";
import { ask, ehlo, helo, lhlo, mail, rcpt } from "./protocol/command.ts";
import type { SmtpResponse } from "./protocol/reply.ts";
import {
  acceptance,
  acceptedBeforeText,
  dataUnknown,
  fates,
  finalRefusal,
  finalsOwed,
  type RecipientPolicy,
  refusedForSome,
  takenForNobody,
} from "./protocol/verdict.ts";
import { RecipientList, type RecipientListing } from "./recipients.ts";
import { checkCredentials } from "./sasl/credentials.ts";
import type { Secret } from "./sasl/mechanism.ts";
import { findMechanism, needsNoSecret } from "./sasl/registry.ts";
import { SmtpSession } from "./session.ts";
import { toldOf } from "./told.ts";
import type { Turn } from "./turns.ts";

/** How VRFY and EXPN ask. */
export interface AskOptions {
  /** True: the reply may hold UTF-8; `SmtpUnsupportedCommand` if the server does not offer SMTPUTF8. Default: where the argument holds UTF-8. */
  smtputf8?: boolean | undefined;
}

/** A session with its commands. */
export abstract class SmtpCommands extends SmtpSession {
  /** HELO with the name (Net::SMTP#helo). */
  async helo(name: string): Promise<SmtpResponse> {
    helo(name);
    checkSpoken("HELO", this.settings.lmtp);
    return this.expectOk(await this.exchangeOrDummy((connection) => sayHelo(connection, name)), "HELO");
  }

  /** EHLO with the name; its reply sets `capabilities` (Net::SMTP#ehlo). */
  async ehlo(name: string): Promise<SmtpResponse> {
    ehlo(name);
    checkSpoken("EHLO", this.settings.lmtp);
    return this.expectOk(await this.exchangeOrDummy((connection) => sayEhlo(connection, name)), "EHLO");
  }

  /** LHLO with the name, under option `lmtp` in place of `ehlo`; its reply sets `capabilities` (RFC 2033 4.1, not in Net::SMTP). */
  async lhlo(name: string): Promise<SmtpResponse> {
    lhlo(name);
    checkSpoken("LHLO", this.settings.lmtp);
    return this.expectOk(await this.exchangeOrDummy((connection) => sayEhlo(connection, name)), "LHLO");
  }

  /** STARTTLS, and TLS; what was offered before is forgotten, so say `ehlo` again. Rejects with `SmtpTlsError` if TLS fails (Net::SMTP#starttls, which only sends). */
  async starttls(): Promise<SmtpResponse> {
    const { endpoint } = this;
    return await this.exchange((connection) => starttls(connection, endpoint));
  }

  /** Logs in. `type` left out: the best of SCRAM, PLAIN, LOGIN that is offered; EXTERNAL and ANONYMOUS take "" for both. Rejects with `SmtpAuthenticationError` if refused (Net::SMTP#authenticate). */
  async authenticate(user: string, secret: Secret, type?: string): Promise<SmtpResponse> {
    const { endpoint } = this;
    const { mechanisms } = endpoint.settings;
    checkCredentials(user, secret, needsNoSecret(type, mechanisms));
    if (type !== undefined) findMechanism(type, mechanisms);
    const settings = { ...endpoint.settings, user, secret, authType: type };
    return await this.exchange((connection) => authenticate(connection, endpoint, settings));
  }

  /** Logs in by PLAIN (RFC 4616, Net::SMTP#auth_plain). */
  authPlain(user: string, secret: string): Promise<SmtpResponse> {
    return this.authenticate(user, secret, "PLAIN");
  }

  /** Logs in by LOGIN (Net::SMTP#auth_login). */
  authLogin(user: string, secret: string): Promise<SmtpResponse> {
    return this.authenticate(user, secret, "LOGIN");
  }

  /** Logs in by CRAM-MD5 (RFC 2195, Net::SMTP#auth_cram_md5). */
  authCramMd5(user: string, secret: string): Promise<SmtpResponse> {
    return this.authenticate(user, secret, "CRAM-MD5");
  }

  /**
   * MAIL FROM. With 2xx a manual transaction is open: the wire is the caller's until `data` has ended, `rset` or `finish`
   * (Net::SMTP#mailfrom).
   */
  async mailFrom(from: string | SmtpAddress): Promise<SmtpResponse> {
    const sender = reversePath(from, { smtputf8: this.live().offers("SMTPUTF8") });
    const line = mail(sender, sender.utf8);
    const reply = await this.exchangeOrDummy((connection, turn) => this.#mail(connection, turn, sender, line));
    return this.expectOk(reply, `MAIL FROM:${sender.path}`);
  }

  async #mail(connection: Connection, turn: Turn, sender: Mailbox, line: string): Promise<SmtpResponse> {
    connection.checkUtf8([sender]);
    const replies: SmtpResponse[] = [];
    const lines = connection.resetOwed ? ["RSET", line] : [line];
    connection.mails++;
    await connection.flights(lines, replies, () => lines.length === 2 && replies[0]?.success === false);
    const [reply, reset] = [replies[lines.length - 1], lines.length === 2 ? replies[0] : undefined];
    if (reset) connection.resetPaid(reset);
    if (reply?.success && connection.manual) connection.manual.restart(sender.address, reply);
    else if (reply?.success) connection.openManual(new ManualTransaction(sender.address, connection.lmtp, reply, turn));
    return reply as SmtpResponse;
  }

  /** RCPT TO (Net::SMTP#rcptto). */
  async rcptTo(to: string | SmtpAddress): Promise<SmtpResponse> {
    if (Array.isArray(to)) {
      throw new SmtpArgumentError('Parameter "to" is an array, expected one address: use rcptToList()', {
        phase: "rcpt",
      });
    }
    const [recipient] = forwardPaths(to, { smtputf8: this.live().offers("SMTPUTF8") }) as [Mailbox];
    const reply = await this.exchangeOrDummy(async (connection) => {
      connection.refuseStale();
      const [path] = agreedRecipients([recipient], connection) as [Mailbox];
      const answer = await connection.dialogue.command(rcpt(path));
      connection.manual?.recipient(recipient.address, answer);
      return answer;
    });
    return this.expectOk(reply, `RCPT TO:${recipient.path}`);
  }

  /**
   * RCPT TO for each, then the block, whose value it gives. The policy decides what a refusal does: under "net-smtp" 53x
   * refusals are thrown after the block as `SmtpAuthenticationError`, any other at once, the block not run (Net::SMTP#rcptto_list).
   */
  async rcptToList<T>(
    to: Recipients,
    block: (listing: RecipientListing) => T | Promise<T>,
    options: { recipientPolicy?: RecipientPolicy | undefined } = {},
  ): Promise<T> {
    if (typeof block !== "function")
      throw new SmtpArgumentError('Parameter "block" is missing, expected a function', { phase: "rcpt" });
    checkNames(options, ["recipientPolicy"]);
    checkOption("recipientPolicy", options.recipientPolicy);
    const policy = options.recipientPolicy ?? this.settings.recipientPolicy;
    const paths = forwardPaths(to, { smtputf8: this.live().offers("SMTPUTF8") });
    const listing = await this.exchange((connection) => RecipientList.send(connection, paths, policy));
    const value = await block(listing);
    const collected = policy === "net-smtp" ? listing.collected() : undefined;
    if (collected) throw collected;
    return value;
  }

  /**
   * DATA, the message, and the reply to it. With a function the message is what it writes. DATA answered by anything but 354
   * is `SmtpUnknownError` and latches, as does a source that fails; a refusal at the end does not (Net::SMTP#data). Under LMTP
   * the end refused for some is an error too, which tells the fates; else the reply is the first recipient's.
   */
  async data(source: MessageSource | ((writer: MessageWriter) => unknown)): Promise<SmtpResponse> {
    const content =
      typeof source === "function" ? writerMessage(source as (writer: MessageWriter) => unknown) : message(source);
    return await this.exchange(async (connection) => {
      connection.refuseStale();
      const manual = connection.manual ?? new ManualTransaction("", connection.lmtp);
      try {
        return await this.#data(connection, content, manual);
      } catch (error) {
        throw toldOf(manual, error);
      } finally {
        connection.closeManual();
      }
    });
  }

  async #data(connection: Connection, content: Message, manual: ManualTransaction): Promise<SmtpResponse> {
    const { dialogue } = connection;
    const reply = (await dialogue.flight(["DATA"], manual.replies)).at(-1) as SmtpResponse;
    if (reply.status !== "354")
      throw this.#notTaken(dialogue, reply.success ? acceptedBeforeText(reply) : dataUnknown(reply));
    const owed = finalsOwed(manual);
    if (owed === 0) throw this.#notTaken(dialogue, takenForNobody(reply));
    const writer = new DataWriter(connection, this.settings.strict, owed);
    manual.writer = writer;
    await writer.write(content);
    await writer.owed?.promise;
    connection.resetOwed = false;
    const refusal = finalRefusal(manual) ?? (manual.each ? refusedForSome(fates(manual, "never")) : undefined);
    if (refusal?.response?.continue) dialogue.fail(refusal);
    if (refusal) throw refusal;
    return acceptance(manual) as SmtpResponse;
  }

  #notTaken(dialogue: Dialogue, error: SmtpError): SmtpError {
    if (error instanceof SmtpProtocolError) dialogue.fail(error);
    else dialogue.halt(error);
    return error;
  }

  /** RSET: the transaction is over on both sides (Net::SMTP#rset). */
  async rset(): Promise<SmtpResponse> {
    const reply = await this.exchangeOrDummy(async (connection) => {
      const answer = await connection.dialogue.command("RSET");
      connection.resetOwed &&= !answer.success;
      connection.closeManual();
      return answer;
    });
    return this.expectOk(reply, "RSET");
  }

  /**
   * VRFY: asks whether the server knows a user or mailbox. 250 and 251 say so, 252 that it does not tell and would take mail; a
   * refusal is thrown by its class. `smtputf8`: the reply may hold UTF-8; default where the address does
   * (RFC 5321 3.5, RFC 6531 3.7.4.2, not in Net::SMTP).
   */
  vrfy(address: string, options: AskOptions = {}): Promise<SmtpResponse> {
    return this.#ask("VRFY", "address", address, options);
  }

  /** EXPN: asks who is on a mailing list; `lines` of the reply has them. As `vrfy` (RFC 5321 3.5, not in Net::SMTP). */
  expn(list: string, options: AskOptions = {}): Promise<SmtpResponse> {
    return this.#ask("EXPN", "list", list, options);
  }

  async #ask(verb: "VRFY" | "EXPN", name: string, text: string, options: AskOptions): Promise<SmtpResponse> {
    checkNames(options, ["smtputf8"]);
    checkOption("smtputf8", options.smtputf8, BOOLEAN);
    const offered = this.live().offers("SMTPUTF8");
    const { smtputf8 = offered && !isPrintableAscii(String(text)) } = options;
    const line = ask(verb, name, text, smtputf8);
    if (smtputf8 && !offered) {
      const message = 'Option "smtputf8" asks for SMTPUTF8, which the server does not offer: leave it out';
      throw new SmtpUnsupportedCommand(message, { command: verb });
    }
    return this.expectOk(await this.exchangeOrDummy((connection) => connection.dialogue.command(line)), verb);
  }

  /** NOOP, with a text that the server ignores: the session lives (RFC 5321 4.1.1.9, not in Net::SMTP). */
  async noop(text?: string): Promise<SmtpResponse> {
    const line = text === undefined ? "NOOP" : ask("NOOP", "text", text);
    return this.expectOk(await this.exchangeOrDummy((connection) => connection.dialogue.command(line)), "NOOP");
  }

  /** HELP, of a command if one is named; the reply is for people to read (RFC 5321 4.1.1.8, not in Net::SMTP). */
  async help(topic?: string): Promise<SmtpResponse> {
    const line = topic === undefined ? "HELP" : ask("HELP", "topic", topic);
    return this.expectOk(await this.exchangeOrDummy((connection) => connection.dialogue.command(line)), "HELP");
  }

  /** QUIT; `finish` then only closes (Net::SMTP#quit). */
  async quit(): Promise<SmtpResponse> {
    const reply = await this.exchangeOrDummy((connection) => {
      connection.quitSaid = true;
      return connection.dialogue.command("QUIT");
    });
    return this.expectOk(reply, "QUIT");
  }
}

/** LMTP has LHLO alone, and SMTP has it not (RFC 2033 4.1): a server that takes both would change how many replies it owes. */
function checkSpoken(command: "HELO" | "EHLO" | "LHLO", lmtp: boolean): void {
  if (lmtp === (command === "LHLO")) return;
  const expected = lmtp ? "lhlo()" : "ehlo() or helo()";
  throw new SmtpArgumentError(`Command ${command} is not used where option "lmtp" is ${lmtp}, expected ${expected}`, {
    phase: "ehlo",
  });
}
