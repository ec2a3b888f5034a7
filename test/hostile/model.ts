/**
 * What the server of the attacks answers, and what it stores: pure, a few dozen lines of RFC 5321 and RFC 3030.
 *
 * @module
 */

/** A message that the server answers for. */
export interface Stored {
  readonly from: string;
  readonly to: readonly string[];
  readonly content: string;
}

/** Who is told what was heard, and what is to be said. */
export interface Listener {
  /** What EHLO offers now. */
  readonly offers: readonly string[];
  /** A line was heard; gives its verb, the one given or the first word. */
  heard(line: string, verb?: string): string;
  /** A message was stored; gives its number. */
  store(message: Stored): number;
  /** A reply, without its last CRLF. */
  say(verb: string, reply: string): void;
}

/** One connection's state. A recipient `no…` is refused, and so is a message that holds `X-Refuse`. */
export class Model {
  readonly #listener: Listener;
  #unread = "";
  #state: "commands" | "content" | "chunk" | "answer" = "commands";
  #chunk = 0;
  #last = false;
  #answers = 0;
  #from = "";
  #to: string[] = [];
  #content = "";

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  /** Bytes of the client's, as latin1. */
  hear(text: string): void {
    this.#unread += text;
    while (this.#take());
  }

  /** What was said in place of the reply asks for no content and for no answer. */
  answeredOtherwise(): void {
    if (this.#state !== "chunk") this.#state = "commands";
  }

  #take(): boolean {
    if (this.#state === "chunk") return this.#takeChunk();
    const end = this.#unread.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#unread.slice(0, end);
    this.#unread = this.#unread.slice(end + 2);
    if (this.#state === "content") this.#takeLine(line);
    else this.#command(line);
    return true;
  }

  #takeChunk(): boolean {
    if (this.#unread.length < this.#chunk) return false;
    this.#content += this.#unread.slice(0, this.#chunk);
    this.#unread = this.#unread.slice(this.#chunk);
    this.#state = "commands";
    if (this.#to.length === 0) this.#say("BDAT", "503 nobody to send to");
    else if (this.#last) this.#store("BDAT");
    else this.#say("BDAT", "250 part");
    return true;
  }

  #takeLine(line: string): void {
    if (line === ".") {
      this.#listener.heard(".");
      this.#state = "commands";
      this.#store(".");
    } else this.#content += `${line.startsWith(".") ? line.slice(1) : line}\r\n`;
  }

  #store(verb: string): void {
    const refused = this.#to.length === 0 || this.#content.includes("X-Refuse");
    const { from, to, content } = { from: this.#from, to: this.#to, content: this.#content };
    this.#say(verb, refused ? "552 refused at its end" : `250 stored ${this.#listener.store({ from, to, content })}`);
    this.#reset();
  }

  #reset(): void {
    [this.#from, this.#to, this.#content] = ["", [], ""];
  }

  #command(line: string): void {
    const verb = this.#listener.heard(line, this.#state === "answer" ? "(answer)" : undefined);
    if (this.#state === "answer") {
      this.#state = line === "*" || --this.#answers === 0 ? "commands" : "answer";
      const answered = this.#state === "answer" ? "334 UGFzc3dvcmQ6" : "235 welcome";
      this.#say("(answer)", line === "*" ? "501 cancelled" : answered);
    } else this.#say(verb, this.#answer(verb, line));
  }

  #answer(verb: string, line: string): string {
    if (verb === "EHLO") return this.#offer();
    if (verb === "STARTTLS") return "220 go ahead";
    if (verb === "AUTH") return this.#auth(line);
    if (verb === "MAIL") return this.#mail(line);
    if (verb === "RCPT") return this.#rcpt(line);
    if (verb === "DATA") return this.#data();
    if (verb === "BDAT") return this.#bdat(line);
    if (verb === "RSET") this.#reset();
    return verb === "QUIT" ? "221 bye" : ["RSET", "NOOP", "HELO"].includes(verb) ? "250 ok" : "500 what";
  }

  #offer(): string {
    this.#reset();
    const lines = ["peer", ...this.#listener.offers];
    return lines.map((text, index) => `250${index + 1 < lines.length ? "-" : " "}${text}`).join("\r\n");
  }

  #auth(line: string): string {
    if (line.split(" ").length > 2) return "235 welcome";
    this.#state = "answer";
    this.#answers = line === "AUTH LOGIN" ? 2 : 1;
    return line === "AUTH LOGIN" ? "334 VXNlcm5hbWU6" : "334 ";
  }

  #mail(line: string): string {
    if (this.#from !== "") return "503 a transaction is open";
    this.#from = line.slice(10);
    return "250 sender ok";
  }

  #rcpt(line: string): string {
    if (this.#from === "") return "503 no sender";
    if (line.includes("<no")) return "550 no such user";
    this.#to.push(line.slice(8));
    return "250 recipient ok";
  }

  #data(): string {
    if (this.#to.length === 0) return "503 nobody to send to";
    this.#state = "content";
    return "354 go ahead";
  }

  #bdat(line: string): string {
    const [, octets, last] = line.split(" ");
    this.#state = "chunk";
    this.#chunk = Number(octets);
    this.#last = last === "LAST";
    return "";
  }

  #say(verb: string, reply: string): void {
    if (reply !== "") this.#listener.say(verb, reply);
  }
}
