/**
 * What a message in memory says of itself before it is sent: its size for SIZE (RFC 1870), and whether it is 7-bit (RFC 6152).
 * The law here: one look over the octets, nothing is made, and the size is exactly what the encoder will put out.
 *
 * @module
 */

import { lineEnd } from "./body.ts";

const LF = 0x0a;
const CR = 0x0d;

/** Octets of the message as SIZE counts them: every line end as CRLF, also a last one that is missing; no stuffed dots. */
export function messageSize(bytes: Uint8Array): number {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let [size, lineStart] = [length, 0];
  for (let at = lineEnd(view, 0, length); at < length; at = lineEnd(view, lineStart, length)) {
    const whole = at + 1 < length && view.getUint8(at) === CR && view.getUint8(at + 1) === LF;
    if (!whole) size += 1;
    lineStart = whole ? at + 2 : at + 1;
  }
  return lineStart < length || length === 0 ? size + 2 : size;
}

/** True if no octet is over 0x7F. */
export function isSevenBit(bytes: Uint8Array): boolean {
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let at = 0;
  for (; at <= length - 16; at += 16) {
    const first = view.getInt32(at) | view.getInt32(at + 4);
    if (((first | view.getInt32(at + 8) | view.getInt32(at + 12)) & 0x80808080) !== 0) return false;
  }
  for (; at < length; at++) if (view.getUint8(at) > 0x7f) return false;
  return true;
}
