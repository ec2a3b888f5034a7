import { expect, test } from "vitest";
import { endpoint, isLoopback } from "../../src/net/endpoint.ts";

test("endpoint() tells address and port apart", () => {
  expect(endpoint("192.0.2.1", 25)).toBe("192.0.2.1:25");
  expect(endpoint("2001:db8::1", 465)).toBe("[2001:db8::1]:465");
  expect(endpoint("/run/smtp.sock", undefined)).toBe("/run/smtp.sock");
});

const LOOPBACK: [address: string, loopback: boolean][] = [
  ["127.0.0.1", true],
  ["127.255.3.4", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["::FFFF:127.0.0.9", true],
  ["128.0.0.1", false],
  ["10.127.0.1", false],
  ["::2", false],
  ["::127.0.0.1", false],
  ["::ffff:10.0.0.1", false],
  ["2001:db8::1", false],
  ["1127.0.0.1", false],
  ["localhost", false],
  ["127.0.0.1.evil.example", false],
  ["127.evil.example.com", false],
  ["127.0.0.999", false],
  ["127", false],
  ["", false],
];
test.each(LOOPBACK)("isLoopback() of %j is %j", (address, loopback) => {
  expect(isLoopback(address)).toBe(loopback);
});
