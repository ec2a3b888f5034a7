/**
 * What is written during one tick leaves as one. The law here: order is kept, and small writes are joined into one
 * buffer, so that they leave in one system call and one segment.
 *
 * @module
 */

/** Up to this many octets are copied together; more goes out piece by piece, uncopied. */
const JOIN_LIMIT = 64 * 1024;

const encoder = new TextEncoder();

const TICK: Promise<void> = Promise.resolve();

/** Collects writes until the end of the tick. */
export class Cork {
  #parts: (string | Uint8Array)[] = [];
  #text = "";
  #octets = 0;
  #scheduled = false;
  readonly #pull: () => void;

  /** `pull` is called at the end of the tick in which something was put in. */
  constructor(pull: () => void) {
    this.#pull = () => {
      this.#scheduled = false;
      pull();
    };
  }

  /** True if nothing is held. */
  get empty(): boolean {
    return this.#octets === 0;
  }

  /** Octets held (of text: characters). */
  get octets(): number {
    return this.#octets;
  }

  /** Puts text in. */
  text(text: string): void {
    this.#text += text;
    this.#octets += text.length;
    this.#schedule();
  }

  /** Puts bytes in; they must not change until they have left. */
  bytes(bytes: Uint8Array): void {
    if (this.#text !== "") this.#parts.push(this.#text);
    this.#text = "";
    this.#parts.push(bytes);
    this.#octets += bytes.length;
    this.#schedule();
  }

  /** Takes everything out, as few buffers. */
  take(): Uint8Array[] {
    const parts = this.#parts;
    if (this.#text !== "") parts.push(this.#text);
    const octets = this.#octets;
    this.#parts = [];
    this.#text = "";
    this.#octets = 0;
    if (octets <= JOIN_LIMIT && parts.length > 1) return [joined(parts, octets)];
    return parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Not queueMicrotask, which makes an asynchronous resource of every call on Node.
    void TICK.then(this.#pull);
  }
}

/** All parts in one buffer. Lines are ASCII except under SMTPUTF8, so their length is right nearly always. */
function joined(parts: readonly (string | Uint8Array)[], octets: number): Uint8Array {
  const whole = room(octets);
  let at = 0;
  for (const part of parts) {
    if (typeof part !== "string") whole.set(part, at);
    else if (!putAscii(part, whole, at)) return joinedWide(parts);
    at += part.length;
  }
  return whole;
}

/** False if the text is not ASCII. A loop, since a call of the runtime's encoder costs more than a few lines do. */
function putAscii(text: string, target: Uint8Array, at: number): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return false;
    target[at + index] = code;
  }
  return true;
}

let slab = new Uint8Array(0);
let used = 0;

/** Bytes of their own out of a larger piece: memory outside the heap is dear to allocate, and every message needs some. */
function room(octets: number): Uint8Array {
  if (used + octets > slab.length) {
    slab = new Uint8Array(JOIN_LIMIT);
    used = 0;
  }
  used += octets;
  return slab.subarray(used - octets, used);
}

function joinedWide(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bytes = parts.map((part) => (typeof part === "string" ? encoder.encode(part) : part));
  const octets = bytes.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(octets);
  let at = 0;
  for (const part of bytes) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
