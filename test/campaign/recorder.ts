/**
 * An SMTP server that records which messages it stored for whom, and up to which octet of its own output each reply goes.
 * Its law: it shares no code with the engine, not even a reader of lines, and where the RFCs leave room it is the server
 * that does most harm to a careless client: a transaction that was not reset stays open, its next MAIL is refused, and
 * RCPT and content then go to the sender before (seen of Exim). How it answers stands in the addresses:
 *
 * ```text
 * MAIL FROM:<m421.x@…>  421 to MAIL        RCPT TO:<r550.x@…>   550 to RCPT
 * MAIL FROM:<d554.x@…>  554 to DATA, BDAT  MAIL FROM:<e452.x@…> 452 to the end of the message
 * RCPT TO:<f552.x@…>    552 to the end, from this recipient, under LMTP
 * MAIL FROM:<early.x@…> 354 and 250 in one, before a word of the message was read
 * ```
 *
 * @module
 */

/** A message as it was stored. */
export interface Stored {
  readonly from: string;
  readonly to: readonly string[];
  /** Dots unstuffed, octets as latin1. */
  readonly content: string;
}

/** What was answered. */
export interface Answer {
  /** `end`: the answer to all of a message; `early`: one that answers nothing. */
  readonly about: "mail" | "rcpt" | "data" | "end" | "early" | "other";
  /** The sender that MAIL named last. */
  readonly from: string;
  /** The recipient, for `rcpt`, and under LMTP for `end`. */
  readonly to?: string;
  readonly code: number;
  /** How many octets the server had said when this answer was complete. */
  readonly upTo: number;
  /** Answers with the same number left the server as one. */
  readonly segment: number;
}

/** What the server offers and how it may behave. */
export interface Offer {
  readonly pipelining: boolean;
  readonly chunking: boolean;
  readonly starttls: boolean;
  /** LMTP: the end is answered for each recipient. */
  readonly lmtp?: boolean;
  /** DATA is answered 354 although nobody was accepted, as RFC 2920 3.1 allows. */
  readonly dataForNobody?: boolean;
}

/** What the server does to its connection. */
export interface Outlet {
  say(bytes: Uint8Array): void;
  /** TLS begins behind what was said. */
  startTls(): void;
  hangUp(): void;
}

interface Open {
  readonly from: string;
  readonly to: string[];
  content: string;
}

/** One connection to the server. */
export class Recorder {
  readonly stored: Stored[];
  readonly answers: Answer[] = [];
  readonly #offer: Offer;
  readonly #outlet: Outlet;
  #unread = "";
  #out = "";
  #said = 0;
  #segment = 0;
  #reads: "line" | "text" | "nothing" | { readonly octets: number; readonly last: boolean } = "line";
  #open: Open | undefined;
  #named = "";
  #secured = false;

  constructor(offer: Offer, outlet: Outlet, stored: Stored[] = []) {
    this.#offer = offer;
    this.#outlet = outlet;
    this.stored = stored;
  }

  greet(): void {
    this.#answer("other", 220, "recorder");
    this.#flush();
  }

  /** Reads what arrived; what it answers leaves as one. */
  hear(bytes: Uint8Array): void {
    this.#unread += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    while (this.#reads === "line" ? this.#line() : this.#reads === "text" ? this.#text() : this.#chunk());
    this.#flush();
  }

  #flush(): void {
    const out = this.#out;
    this.#out = "";
    this.#segment++;
    if (out !== "") this.#outlet.say(Buffer.from(out, "latin1"));
    if (this.#reads === "nothing") this.#outlet.hangUp();
  }

  #answer(about: Answer["about"], code: number, text = "x", to?: string): true {
    const line = `${code} ${text}\r\n`;
    this.#out += line;
    this.#said += line.length;
    const known = { about, from: this.#named, code, upTo: this.#said, segment: this.#segment };
    this.answers.push(to === undefined ? known : { ...known, to });
    if (code === 421 || code === 221) this.#reads = "nothing";
    return true;
  }

  #take(octets: number): string {
    const taken = this.#unread.slice(0, octets);
    this.#unread = this.#unread.slice(octets);
    return taken;
  }

  #line(): boolean {
    const end = this.#unread.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#take(end + 2).slice(0, end);
    const path = /<(.*)>/.exec(line)?.[1] ?? "";
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === (this.#offer.lmtp ? "LHLO" : "EHLO")) return this.#ehlo();
    if (verb === "STAR") return this.#startTls();
    if (verb === "MAIL") return this.#mail(path);
    if (verb === "RCPT") return this.#rcpt(path);
    if (verb === "DATA") return this.#data();
    if (verb === "BDAT") return this.#bdat(line);
    if (verb === "QUIT") return this.#answer("other", 221);
    if (verb !== "RSET") return this.#answer("other", 500);
    this.#open = undefined;
    return this.#answer("other", 250);
  }

  #ehlo(): true {
    this.#open = undefined;
    const { pipelining, chunking, starttls } = this.#offer;
    const words = [pipelining && "PIPELINING", chunking && "CHUNKING", starttls && !this.#secured && "STARTTLS"];
    const lines = ["x", ...words.filter((word) => word !== false)].map((word) => `250-${word}\r\n`);
    this.#out += lines.slice(0, -1).join("");
    this.#said += lines.slice(0, -1).join("").length;
    return this.#answer("other", 250, lines.at(-1)?.slice(4, -2));
  }

  #startTls(): boolean {
    this.#answer("other", 220);
    this.#secured = true;
    this.#flush();
    this.#outlet.startTls();
    return false;
  }

  #mail(from: string): true {
    this.#named = from;
    if (this.#open) return this.#answer("mail", 503);
    const code = demanded(from, "m") ?? 250;
    if (code === 250) this.#open = { from, to: [], content: "" };
    return this.#answer("mail", code);
  }

  #rcpt(to: string): true {
    const code = this.#open ? (demanded(to, "r") ?? 250) : 503;
    if (code === 250) this.#open?.to.push(to);
    return this.#answer("rcpt", code, "x", to);
  }

  #data(): true {
    const open = this.#open;
    const refused = open ? demanded(open.from, "d") : 503;
    if (!open || refused) return this.#answer("data", refused ?? 503);
    if (open.to.length === 0 && !this.#offer.dataForNobody) return this.#answer("data", 554);
    this.#reads = "text";
    this.#answer("data", 354);
    return open.from.startsWith("early.") ? this.#answer("early", 250, "stored") : true;
  }

  #text(): boolean {
    const end = this.#unread.indexOf("\r\n");
    if (end < 0) return false;
    const line = this.#take(end + 2);
    const open = this.#open as Open;
    if (line !== ".\r\n") {
      open.content += line.startsWith(".") ? line.slice(1) : line;
      return true;
    }
    this.#reads = "line";
    this.#open = undefined;
    return this.#end(open);
  }

  #bdat(line: string): true {
    const [, octets, last] = line.split(" ");
    this.#reads = { octets: Number(octets), last: last === "LAST" };
    return true;
  }

  #chunk(): boolean {
    if (typeof this.#reads === "string" || this.#unread.length < this.#reads.octets) return false;
    const { octets, last } = this.#reads;
    const content = this.#take(octets);
    const open = this.#open;
    this.#reads = "line";
    const refused = open ? (demanded(open.from, "d") ?? (open.to.length === 0 ? 554 : undefined)) : 503;
    if (!open || refused) return this.#refuse(last, refused ?? 503, open?.to ?? []);
    open.content += content;
    if (!last) return this.#answer("data", 250);
    // Refused, it stays open: RFC 3030 2 calls the state indeterminate.
    if (demanded(open.from, "e") === undefined) this.#open = undefined;
    return this.#end(open);
  }

  #refuse(last: boolean, code: number, to: readonly string[]): true {
    if (!last || !this.#offer.lmtp || to.length === 0) return this.#answer(last ? "end" : "data", code);
    for (const recipient of to) this.#answer("end", code, "x", recipient);
    return true;
  }

  /** The server stores for those whose own answer takes it; a 421 is its last word. */
  #endForEach({ from, to, content }: Open): true {
    const codes = to.map((recipient) => demanded(recipient, "f") ?? demanded(from, "e") ?? 250);
    const takers = to.filter((_, index) => codes[index] === 250);
    if (takers.length > 0) this.stored.push({ from, to: takers, content });
    for (const [index, code] of codes.entries()) {
      this.#answer("end", code, "x", to[index]);
      if (code === 421) break;
    }
    return true;
  }

  #end({ from, to, content }: Open): true {
    if (this.#offer.lmtp) return this.#endForEach({ from, to, content });
    const code = to.length === 0 ? 554 : (demanded(from, "e") ?? 250);
    if (code === 250) this.stored.push({ from, to, content });
    return this.#answer("end", code);
  }
}

/** The code that an address asks for at a step, as in `r550.someone@y.example`. */
function demanded(address: string, step: string): number | undefined {
  const code = address.split(".").find((word) => word.length === 4 && word.startsWith(step) && Number(word.slice(1)));
  return code === undefined ? undefined : Number(code.slice(1));
}
