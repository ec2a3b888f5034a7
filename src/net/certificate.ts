/**
 * The hash that an X.509 certificate was signed with, read from its DER (RFC 5280 section 4.1). The law here: what is not
 * understood has no hash; nothing is guessed.
 *
 * @module
 */

type Hash = "SHA-256" | "SHA-384" | "SHA-512";

/** One element of DER: where its content is, and where the next one begins. */
interface Element {
  readonly content: Uint8Array;
  readonly rest: Uint8Array;
}

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
const EXPLICIT_0 = 0xa0;
/** 1.2.840.113549.1.1.10: the hash is among its parameters (RFC 4055). */
const RSASSA_PSS = "2a864886f70d01010a";

/**
 * Signatures, and hashes alone, by the octets of their identifier in hexadecimal. MD5 and SHA-1 count as SHA-256 (RFC 5929
 * section 4.1). SHA-224 is left out, since Web Crypto has none.
 */
const HASHES: ReadonlyMap<string, Hash> = new Map([
  ["2a864886f70d010104", "SHA-256"], // md5WithRSAEncryption
  ["2a864886f70d010105", "SHA-256"], // sha1WithRSAEncryption
  ["2a864886f70d01010b", "SHA-256"],
  ["2a864886f70d01010c", "SHA-384"],
  ["2a864886f70d01010d", "SHA-512"],
  ["2a8648ce3d0401", "SHA-256"], // ecdsa-with-SHA1
  ["2a8648ce3d040302", "SHA-256"],
  ["2a8648ce3d040303", "SHA-384"],
  ["2a8648ce3d040304", "SHA-512"],
  ["2b0e03021a", "SHA-256"], // SHA-1
  ["608648016503040201", "SHA-256"],
  ["608648016503040202", "SHA-384"],
  ["608648016503040203", "SHA-512"],
]);

/** The hash of `tls-server-end-point` for a certificate; undefined if its signature has none (Ed25519), or one that is not known. */
export function bindingHash(der: Uint8Array): Hash | undefined {
  const certificate = element(der, SEQUENCE);
  const body = certificate && element(certificate.content, SEQUENCE);
  const algorithm = body && element(body.rest, SEQUENCE);
  const identifier = algorithm && element(algorithm.content, OBJECT_IDENTIFIER);
  if (!identifier) return undefined;
  const name = hex(identifier.content);
  return name === RSASSA_PSS ? hashOfPss(identifier.rest) : HASHES.get(name);
}

/** `[0] { SEQUENCE { hash … } }` in its parameters; left out it is SHA-1 (RFC 4055 section 3.1), which counts as SHA-256. */
function hashOfPss(parameters: Uint8Array): Hash | undefined {
  const sequence = element(parameters, SEQUENCE);
  if (!sequence) return undefined;
  const tagged = element(sequence.content, EXPLICIT_0);
  if (!tagged) return "SHA-256";
  const algorithm = element(tagged.content, SEQUENCE);
  const identifier = algorithm && element(algorithm.content, OBJECT_IDENTIFIER);
  return identifier && HASHES.get(hex(identifier.content));
}

/** The first element, if it is whole and has the tag. */
function element(der: Uint8Array, tag: number): Element | undefined {
  const [first, length = 0x80] = der;
  const octets = length < 0x80 ? 0 : length & 0x7f;
  if (first !== tag || length === 0x80 || octets > 3) return undefined;
  const size = octets === 0 ? length : der.subarray(2, 2 + octets).reduce((sum, octet) => sum * 256 + octet, 0);
  const end = 2 + octets + size;
  return end > der.length ? undefined : { content: der.subarray(2 + octets, end), rest: der.subarray(end) };
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
