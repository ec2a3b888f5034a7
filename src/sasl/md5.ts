/**
 * MD5 (RFC 1321) and HMAC-MD5 (RFC 2104), because WebCrypto has no MD5 and CRAM-MD5 wants it. The law here: for
 * CRAM-MD5 only; short inputs, so it is written to be read.
 *
 * @module
 */

import { CRAM_BUFSIZE, IMASK, OMASK } from "./masks.ts";

type State = [a: number, b: number, c: number, d: number];

/** T of RFC 1321 §3.4. */
const SINES = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

/** By how much each step of a round rotates, and which word of the block it takes: `first + i * step`. */
const ROUNDS = [
  { shifts: [7, 12, 17, 22], first: 0, step: 1, mix: (b: number, c: number, d: number) => (b & c) | (~b & d) },
  { shifts: [5, 9, 14, 20], first: 1, step: 5, mix: (b: number, c: number, d: number) => (b & d) | (c & ~d) },
  { shifts: [4, 11, 16, 23], first: 5, step: 3, mix: (b: number, c: number, d: number) => b ^ c ^ d },
  { shifts: [6, 10, 15, 21], first: 0, step: 7, mix: (b: number, c: number, d: number) => c ^ (b | ~d) },
] as const;

/** The MD5 digest, 16 octets. */
export function md5(message: Uint8Array): Uint8Array {
  const padded = pad(message);
  let state: State = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let at = 0; at < padded.byteLength; at += CRAM_BUFSIZE) {
    state = digestBlock(state, new DataView(padded.buffer, at, CRAM_BUFSIZE));
  }
  const digest = new DataView(new ArrayBuffer(16));
  for (const [i, word] of state.entries()) digest.setInt32(i * 4, word, true);
  return new Uint8Array(digest.buffer);
}

/** The HMAC-MD5 digest, 16 octets. A key of more than 64 octets is hashed first, one of exactly 64 is not. */
export function hmacMd5(key: Uint8Array, text: Uint8Array): Uint8Array {
  const block = new Uint8Array(CRAM_BUFSIZE);
  block.set(key.length > CRAM_BUFSIZE ? md5(key) : key);
  const inner = md5(joined(masked(block, IMASK), text));
  return md5(joined(masked(block, OMASK), inner));
}

/** The message, a one bit, zeros, and its length in bits: whole blocks. */
function pad(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / CRAM_BUFSIZE) * CRAM_BUFSIZE);
  padded.set(message);
  padded[message.length] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(message.length) * 8n, true);
  return padded;
}

function digestBlock(state: State, block: DataView): State {
  let [a, b, c, d] = state;
  for (const [round, { shifts, first, step, mix }] of ROUNDS.entries()) {
    for (let i = 0; i < 16; i++) {
      const word = block.getInt32(((first + i * step) % 16) * 4, true);
      const sum = a + mix(b, c, d) + word + (SINES[round * 16 + i] as number);
      [a, d, c, b] = [d, c, b, (b + rotate(sum, shifts[i % 4] as number)) | 0];
    }
  }
  return [(state[0] + a) | 0, (state[1] + b) | 0, (state[2] + c) | 0, (state[3] + d) | 0];
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function masked(bytes: Uint8Array, mask: number): Uint8Array {
  return bytes.map((byte) => byte ^ mask);
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
