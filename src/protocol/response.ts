/**
 * What a server answered (RFC 5321 section 4.2): one reply, its text, and what can be told from that.
 * The law here: a reply is cheap to make, for each message takes several; it keeps one string, and reads in it when asked.
 * `text` and `toString()` are printable, the other views are as the server wrote them.
 *
 * @module
 */

import { errorClass, SmtpArgumentError, type SmtpErrorClass, SmtpProtocolError, shown } from "../errors.ts";
import { printable } from "../printable.ts";
import { decodeBase64 } from "./base64.ts";
import { type Capabilities, parseCapabilities } from "./capabilities.ts";

const DIGIT_2 = 0x32;

const ENHANCED_CODE = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/;

/** A reply of the server (Net::SMTP::Response). It holds its text; everything else is told from that when asked. */
export class SmtpResponse {
  /** All lines with their codes, joined with LF, without a line end behind the last: `"250-a\n250 b"`. */
  readonly string: string;
  /** True of the stand-in that a latched session gives instead of a reply (Net::SMTP's "200 dummy reply code"). */
  readonly dummy: boolean;

  /** Makes a reply of its lines, joined with LF. They are taken as they are: the grammar is `ReplyParser`'s. */
  constructor(string: string, dummy: boolean = false) {
    this.string = string;
    this.dummy = dummy;
  }

  /** A reply of a text, with LF or CR LF between its lines and behind the last (Net::SMTP's `Response.parse`). */
  static parse(text: string): SmtpResponse {
    if (typeof text !== "string") {
      throw new SmtpArgumentError(`Reply to parse is ${shown(text)}; expected a string such as "250 Ok"`);
    }
    return new SmtpResponse(text.replaceAll("\r\n", "\n").replace(/\n$/, ""));
  }

  /** The reply code as text, `"250"` (Net::SMTP's `status`). */
  get status(): string {
    return this.string.slice(0, 3);
  }

  /** The reply code as a number, 250. */
  get code(): number {
    return Number(this.status);
  }

  /** The first line, with its code (Net::SMTP's `message`). Not made printable. */
  get message(): string {
    const end = this.string.indexOf("\n");
    return end < 0 ? this.string : this.string.slice(0, end);
  }

  /** The text of each line, without its code and the character behind that. Not made printable. */
  get lines(): readonly string[] {
    return this.string.split("\n").map((line) => line.slice(4));
  }

  /** What the server says, for messages: printable, in one line; the enhanced code that each line repeats stands once. */
  get text(): string {
    const repeated = this.enhancedCode;
    const texts = this.lines.map((line, index) => (index === 0 ? line : withoutCode(line, repeated)).trim());
    return printable(texts.filter((text) => text !== "").join(" "));
  }

  /** The first digit of the code, `"2"`: its class (Net::SMTP's `status_type_char`). */
  get statusTypeChar(): string {
    return this.string.slice(0, 1);
  }

  /** True of 2xx: done (Net::SMTP's `success?`). */
  get success(): boolean {
    return this.string.charCodeAt(0) === DIGIT_2;
  }

  /** True of 3xx: the server waits for more (Net::SMTP's `continue?`). */
  get continue(): boolean {
    return this.string.charCodeAt(0) === DIGIT_2 + 1;
  }

  /** What the reply offers, read as the reply to EHLO (Net::SMTP's `capabilities`); a new map each time. */
  get capabilities(): Capabilities {
    return parseCapabilities(this.lines);
  }

  /**
   * The challenge in a 334 reply, decoded (Net::SMTP's `cram_md5_challenge`). Throws `SmtpProtocolError` if the reply is
   * another, or is not strict base64 of UTF-8; the message does not show it, since it is part of a login.
   */
  get cramMd5Challenge(): string {
    const challenge = /^334 .*$/.test(this.string) ? decodeBase64(this.string.slice(4)) : undefined;
    if (challenge === undefined) {
      const got = `${printable(this.status)} reply that holds no challenge`;
      throw new SmtpProtocolError(`Received a ${got}; expected 334 and base64`, { phase: "auth" });
    }
    return challenge;
  }

  /** The enhanced code of the first line, `"5.1.1"`, if its class is that of the reply (RFC 2034 section 4, RFC 3463). */
  get enhancedCode(): string | undefined {
    const code = ENHANCED_CODE.exec(this.message.slice(4))?.[0];
    return code?.charAt(0) === this.statusTypeChar ? code : undefined;
  }

  /** The class of the error that the reply stands for (Net::SMTP's `exception_class`). */
  get exceptionClass(): SmtpErrorClass {
    return errorClass(this.status);
  }

  /** The reply in one printable line, for messages: `250 2.0.0 Ok`; a very long one is cut. */
  toString(): string {
    const line = `${printable(this.status)} ${this.text}`.trimEnd();
    return line.length > SHOWN ? `${line.slice(0, SHOWN)}…` : line;
  }
}

/** A reply in a message is not longer than this: what it says is the server's choice, what an error holds is ours. */
const SHOWN = 1_000;

/** A line without the enhanced code that the first line has said already (RFC 2034: every line says it). */
function withoutCode(line: string, code: string | undefined): string {
  return code !== undefined && `${line} `.startsWith(`${code} `) ? line.slice(code.length) : line;
}

/** What a latched session gives instead of a reply, as Net::SMTP does. */
export const DUMMY_RESPONSE: SmtpResponse = new SmtpResponse("200 dummy reply code", true);
