/**
 * Addresses of the far end as text. The law here: what is taken for this machine itself is an address, never a name.
 *
 * @module
 */

/** The far end as messages name it: `192.0.2.1:25`, `[2001:db8::1]:25`, or a unix socket's path if `port` is undefined. */
export function endpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

const DIGITS = /^\d{1,3}$/;

/** True of 127/8, ::1, and ::ffff:127.x.y.z: what a packet does not leave the machine for. */
export function isLoopback(address: string): boolean {
  if (address === "::1") return true;
  const parts = address.replace(/^::ffff:/i, "").split(".");
  return parts.length === 4 && parts[0] === "127" && parts.every((part) => DIGITS.test(part) && Number(part) <= 255);
}
