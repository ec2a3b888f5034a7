/**
 * A transcript of a dialogue as data, and who plays it: pure, so that the stream in memory and the real server share it.
 * The law here: what the script says of the order holds. The server speaks only after every client line above has
 * come, and a client line that comes before the server's line above it was given out is wrong.
 *
 * @module
 */

/** One step of a script. */
export type Step =
  | { readonly side: "client"; readonly line: string }
  | { readonly side: "client"; readonly special: "anything" | "close" }
  | { readonly side: "server"; readonly bytes: Uint8Array<ArrayBuffer>; readonly shown: string }
  | { readonly side: "server"; readonly special: "close" | "reset" | "tls" | "tls failure" };

/** A step that the server takes. */
export type ServerStep = Extract<Step, { side: "server" }>;

const LINE = /^(C:|S:|S\|)(?: (.*))?$/s;

/** Reads a script; a line that is neither side's is an error in the test. */
function parseScript(script: string): Step[] {
  const steps: Step[] = [];
  let block = "";
  const endBlock = (): void => {
    if (block !== "") steps.push({ side: "server", bytes: new TextEncoder().encode(block), shown: block });
    block = "";
  };
  for (const line of script.split("\n").map((indented) => indented.replace(/^[ \t]+/, ""))) {
    const [, side, text = ""] = LINE.exec(line) ?? [];
    if (side === "S|") block += text;
    else if (side === "S:" && text !== "<close>" && text !== "<reset>") block += `${text}\r\n`;
    else {
      endBlock();
      if (line.trim() !== "") steps.push(parseStep(line, side, text));
    }
  }
  endBlock();
  return steps;
}

function parseStep(line: string, side: string | undefined, text: string): Step {
  if (side === "S:") return { side: "server", special: text === "<close>" ? "close" : "reset" };
  if (side === "C:" && text === "<anything>") return { side: "client", special: "anything" };
  if (side === "C:" && text === "<close>") return { side: "client", special: "close" };
  if (side === "C:") return { side: "client", line: text };
  if (line === "TLS") return { side: "server", special: "tls" };
  if (line === "TLS <failure>") return { side: "server", special: "tls failure" };
  throw new Error(`A script has lines "C: …", "S: …", "S| …", "TLS" and empty ones, not ${JSON.stringify(line)}`);
}

/** A step as the script writes it. */
function showStep(step: Step | undefined): string {
  if (step === undefined) return "(nothing: the script is over)";
  if ("line" in step) return `C: ${step.line}`;
  if ("shown" in step) return `S: ${JSON.stringify(step.shown)}`;
  if (step.side === "client") return `C: <${step.special}>`;
  return { close: "S: <close>", reset: "S: <reset>", tls: "TLS", "tls failure": "TLS <failure>" }[step.special];
}

/** UTF-8 octets as one character each, so that what is compared is octets. */
function octets(text: string): string {
  return Array.from(new TextEncoder().encode(text), (octet) => String.fromCharCode(octet)).join("");
}

function text(binary: string): string {
  return new TextDecoder().decode(Uint8Array.from(binary, (character) => character.charCodeAt(0)));
}

/** Plays the server's side of a script against what the client writes. */
export class Player {
  /** The first thing that went against the script. */
  mismatch: Error | undefined;
  #index = 0;
  #pending = "";
  #waiting: ServerStep | undefined;
  /** Bytes of the client's do not matter until the server's step was taken. */
  #swallowing = false;
  readonly #steps: readonly Step[];
  readonly #act: (step: ServerStep) => void;
  readonly #fail: (error: Error) => void;

  /** `act` is told each step of the server's when its time has come, and answers with `given()`; `fail` of a mismatch. */
  constructor(script: string, act: (step: ServerStep) => void, fail: (error: Error) => void) {
    this.#steps = parseScript(script);
    this.#act = act;
    this.#fail = fail;
  }

  /** The step whose turn it is. */
  get step(): Step | undefined {
    return this.#steps[this.#index];
  }

  /** Lets the server speak if it is its turn. */
  advance(): void {
    const { step } = this;
    if (step?.side !== "server" || this.#waiting !== undefined || this.mismatch !== undefined) return;
    this.#waiting = step;
    this.#act(step);
  }

  /** The step last told to `act` was taken. */
  given(): void {
    this.#waiting = undefined;
    this.#swallowing = false;
    this.#index++;
    this.advance();
  }

  /** Bytes of the client's came. */
  client(bytes: Uint8Array): void {
    for (const byte of bytes) this.#pending += String.fromCharCode(byte);
    while (this.#pending !== "" && this.mismatch === undefined && this.#take());
    this.advance();
  }

  /** The client closed its side. */
  clientClosed(): void {
    if (this.#isSpecial("anything")) this.#index++;
    if (this.#isSpecial("close")) this.#index++;
    else if (this.step?.side === "client") this.#mismatch("(the end of the connection)");
    this.advance();
  }

  /** The server's side is over because the client ended it: a `S: <close>` that is left at the end is thereby fulfilled. */
  over(): void {
    if (this.step?.side === "server" && this.#isSpecial("close")) this.#index++;
    this.#waiting = undefined;
  }

  /** Throws the mismatch, or what is left of the script, or bytes that no line of the script expects. */
  finish(): void {
    if (this.mismatch !== undefined) throw this.mismatch;
    if (this.#pending !== "") this.#mismatch(text(this.#pending));
    if (this.#isSpecial("anything")) this.#index++;
    const left = this.#steps.slice(this.#index);
    if (left.length > 0) this.mismatch ??= new Error(`Left of the script:\n${left.map(showStep).join("\n")}`);
    if (this.mismatch !== undefined) throw this.mismatch;
  }

  /** Takes one line off what is pending; false if it is not complete yet. */
  #take(): boolean {
    const { step } = this;
    if (this.#swallowing) return this.#swallow();
    if (this.#isSpecial("anything")) return this.#takeAnything();
    if (step?.side !== "client" || !("line" in step)) return this.#mismatch(this.#pendingText());
    const expected = `${octets(step.line)}\r\n`;
    if (this.#pending.startsWith(expected)) {
      this.#pending = this.#pending.slice(expected.length);
      this.#index++;
      return true;
    }
    return expected.startsWith(this.#pending) ? false : this.#mismatch(this.#pendingText());
  }

  /** Any lines until the line that comes next in the script, or any bytes if the server is next. */
  #takeAnything(): boolean {
    const next = this.#steps[this.#index + 1];
    if (next === undefined || !("line" in next)) {
      this.#swallowing = next?.side === "server";
      if (this.#swallowing) this.#index++;
      return this.#swallow();
    }
    const end = this.#pending.indexOf("\r\n") + 2;
    if (end < 2) return false;
    if (this.#pending.slice(0, end) === `${octets(next.line)}\r\n`) this.#index++;
    else this.#pending = this.#pending.slice(end);
    return true;
  }

  #swallow(): false {
    this.#pending = "";
    return false;
  }

  #isSpecial(special: string): boolean {
    return this.step !== undefined && "special" in this.step && this.step.special === special;
  }

  #pendingText(): string {
    const end = this.#pending.indexOf("\r\n");
    return text(end < 0 ? this.#pending : this.#pending.slice(0, end));
  }

  #mismatch(got: string): false {
    this.mismatch ??= new Error(`Expected ${showStep(this.step)}\nbut got  C: ${JSON.stringify(got)}`);
    this.#fail(this.mismatch);
    return false;
  }
}
