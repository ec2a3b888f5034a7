/**
 * The directives of printf, as C and Ruby write them, and what is an error.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../src/errors.ts";
import { sprintf } from "../src/printf.ts";

describe("sprintf()", () => {
  const cases: readonly (readonly [string, readonly unknown[], string])[] = [
    ["no directive", [], "no directive"],
    ["%% %%", [], "% %"],
    ["%s|%5s|%-5s|%.2s", ["a", "b", "c", "defg"], "a|    b|c    |de"],
    ["%c%c%c", ["a", 98, "😀"], "ab😀"],
    ["%d %i", [5, -5], "5 -5"],
    ["%5d|%-5d|%05d|%+d|% d|%.3d", [1, 2, 3, 4, 5, 6], "    1|2    |00003|+4| 5|006"],
    ["%05d|%-05d", [-3, 3], "-0003|3    "],
    ["%d", [12345678901234567890n], "12345678901234567890"],
    ["%x %X %o %#x %#o", [255, 255, 8, 255, 8], "ff FF 10 0xff 010"],
    ["%#08x|%08x", [255, 255], "0x0000ff|000000ff"],
    ["%f %.2f %.0f", [1.5, 2.345, 3.2], "1.500000 2.35 3"],
    ["%8.2f|%-8.2f|%08.2f", [-1.5, 1.5, -1.5], "   -1.50|1.50    |-0001.50"],
    ["%.1f", [1e21], "1000000000000000000000.0"],
    ["%e %.1e", [12345.678, 0.00012], "1.234568e+04 1.2e-04"],
    ["%s", ["left over", "ignored"], "left over"],
    ["%s", ["%s"], "%s"],
    ["%b %#b %g %u", [5, 5, 0.00001, 7], "101 0b101 1e-05 7"],
  ];

  for (const [format, values, expected] of cases) {
    test(`of "${format}" with ${values.map(String).join(", ")} is "${expected}"`, () => {
      expect(sprintf(format, values)).toBe(expected);
    });
  }

  const errors: readonly (readonly [string, readonly unknown[]])[] = [
    ["%y", [1]],
    ["%", [1]],
    ["100% ", [1]],
    ["%s %s", ["one"]],
    ["%d", ["a"]],
    ["%d", [Number.NaN]],
    ["%d", [Number.POSITIVE_INFINITY]],
    ["%f", [Number.POSITIVE_INFINITY]],
    ["%x", [{}]],
    ["%.101f", [1]],
    ["%999999999d", [1]],
    ["%c", [-1]],
    ["%c", [0x110000]],
  ];

  for (const [format, values] of errors) {
    test(`of "${format}" with ${values.map(String).join(", ")} is an SmtpArgumentError`, () => {
      expect(() => sprintf(format, values)).toThrow(SmtpArgumentError);
    });
  }
});
