/**
 * Text that comes in pieces, as UTF-8. The law here: how it was cut never changes the octets, also where a cut goes
 * through a surrogate pair.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Encodes pieces of one text. */
export class Utf8 {
  #half = "";

  /** The octets of a piece; half a surrogate pair at its end waits for the next. */
  encode(piece: string): Uint8Array {
    const text = this.#half + piece;
    const last = text.charCodeAt(text.length - 1);
    const cut = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.#half = text.slice(cut);
    return encoder.encode(text.slice(0, cut));
  }

  /** Octets that follow; a half that waited has no other half. */
  flushed(octets: Uint8Array): Uint8Array {
    if (this.#half === "") return octets;
    const half = this.end();
    const whole = new Uint8Array(half.length + octets.length);
    whole.set(half);
    whole.set(octets, half.length);
    return whole;
  }

  /** What is left: half a pair becomes U+FFFD. */
  end(): Uint8Array {
    const half = encoder.encode(this.#half);
    this.#half = "";
    return half;
  }
}
