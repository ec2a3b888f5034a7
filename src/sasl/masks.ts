/**
 * The constants of HMAC-MD5 (RFC 2104) that Net::SMTP shows. The law here: numbers alone, so that whoever names them does not
 * load the hash.
 *
 * @module
 */

/** Octets of a block of MD5; an HMAC key of more is hashed first (Net::SMTP's constant). */
export const CRAM_BUFSIZE = 64;

/** The octet that masks the key of the inner hash: ipad of RFC 2104 (Net::SMTP's constant). */
export const IMASK = 0x36;

/** The octet that masks the key of the outer hash: opad of RFC 2104 (Net::SMTP's constant). */
export const OMASK = 0x5c;
