/**
 * MD5 and HMAC-MD5: the vectors of RFC 1321, 2104 and 2202, and the runtime's own for every length around a block.
 *
 * @module
 */

import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CRAM_BUFSIZE, IMASK, OMASK } from "../../src/sasl/masks.ts";
import { hmacMd5, md5 } from "../../src/sasl/md5.ts";

const utf8 = new TextEncoder();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const repeated = (octet: number, times: number): Uint8Array => new Uint8Array(times).fill(octet);

describe("md5()", () => {
  const vectors: [text: string, digest: string][] = [
    ["", "d41d8cd98f00b204e9800998ecf8427e"],
    ["a", "0cc175b9c0f1b6a831c399e269772661"],
    ["abc", "900150983cd24fb0d6963f7d28e17f72"],
    ["message digest", "f96b697d7cb7938d525a2f31aaf161d0"],
    ["abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"],
    ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"],
    [
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
      "57edf4a22be3c955ac49da2e2107b67a",
    ],
  ];
  test.each(vectors)("md5() digests %j as RFC 1321 A.5", (text, digest) => {
    expect(hex(md5(utf8.encode(text)))).toBe(digest);
  });

  test("md5() agrees with the runtime for every length up to three blocks", () => {
    for (let length = 0; length <= 3 * CRAM_BUFSIZE; length++) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff);
      expect(hex(md5(message)), `${length} octets`).toBe(createHash("md5").update(message).digest("hex"));
    }
  });
});

describe("hmacMd5()", () => {
  const vectors: [title: string, key: Uint8Array, text: Uint8Array, digest: string][] = [
    ["RFC 2104 1", repeated(0x0b, 16), utf8.encode("Hi There"), "9294727a3638bb1c13f48ef8158bfc9d"],
    [
      "RFC 2104 2",
      utf8.encode("Jefe"),
      utf8.encode("what do ya want for nothing?"),
      "750c783e6ab0b503eaa86e310a5db738",
    ],
    ["RFC 2104 3", repeated(0xaa, 16), repeated(0xdd, 50), "56be34521d144c88dbb8c733f0e8b3f6"],
    [
      "RFC 2202 6, a key of 80 octets",
      repeated(0xaa, 80),
      utf8.encode("Test Using Larger Than Block-Size Key - Hash Key First"),
      "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
    ],
  ];
  test.each(vectors)("hmacMd5() gives the digest of %s", (_title, key, text, digest) => {
    expect(hex(hmacMd5(key, text))).toBe(digest);
  });

  test.each([0, 1, 63, 64, 65, 128])("hmacMd5() takes a key of %i octets as the runtime does", (length) => {
    const key = repeated(0x6b, length);
    const digest = createHmac("md5", key).update("challenge").digest("hex");
    expect(hex(hmacMd5(key, utf8.encode("challenge")))).toBe(digest);
  });

  test("hmacMd5() agrees with the runtime for any key and text, and changes neither", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 150 }), fc.uint8Array({ maxLength: 300 }), (key, text) => {
        const before = [hex(key), hex(text)];
        expect(hex(hmacMd5(key, text))).toBe(createHmac("md5", key).update(text).digest("hex"));
        expect([hex(key), hex(text)]).toEqual(before);
      }),
    );
  });

  test("CRAM_BUFSIZE, IMASK, OMASK are Net::SMTP's", () => {
    expect([CRAM_BUFSIZE, IMASK, OMASK]).toEqual([64, 0x36, 0x5c]);
  });
});
