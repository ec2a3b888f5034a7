/** What a message can ask of the extensions: the whole table of options, and values that are hostile. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../src/errors.ts";
import { asked, MAIL_OPTIONS, type MailOptions, NOTHING_ASKED } from "../src/extensions.ts";
import { runs } from "./support/runs.ts";

/** `DSN RET=FULL`, with `?` if it may be left out. */
function wishes(options: MailOptions): string {
  return asked(options)
    .wishes.map(({ extension, parameters, omissible }) => `${extension}${omissible ? "?" : ""} ${parameters.join(" ")}`)
    .join(", ");
}

describe("asked()", () => {
  test.each<[MailOptions, string]>([
    [{}, ""],
    [{ dsn: { ret: "HDRS", envid: "QQ314159" } }, "DSN? RET=HDRS ENVID=QQ314159"],
    [{ dsn: { notify: "NEVER" } }, ""],
    [{ requireTls: true }, "REQUIRETLS REQUIRETLS"],
    [{ requireTls: false }, ""],
    [{ deliverBy: { time: 120_000, mode: "R" } }, "DELIVERBY BY=120;R"],
    [{ deliverBy: { time: 120_000, mode: "N", trace: true } }, "DELIVERBY? BY=120;NT"],
    [{ deliverBy: { time: -5_000, mode: "N", trace: false } }, "DELIVERBY? BY=-5;N"],
    [{ deliverBy: { time: -0, mode: "N" } }, "DELIVERBY? BY=0;N"],
    [{ deliverBy: { time: 999_999_999_000, mode: "R" } }, "DELIVERBY BY=999999999;R"],
    [{ holdFor: 3_600_000 }, "FUTURERELEASE HOLDFOR=3600"],
    [{ holdUntil: new Date("2030-01-02T03:04:05Z") }, "FUTURERELEASE HOLDUNTIL=2030-01-02T03:04:05Z"],
    [{ holdUntil: new Date("2030-01-02T03:04:05.001Z") }, "FUTURERELEASE HOLDUNTIL=2030-01-02T03:04:06Z"],
    [{ mtPriority: -9 }, "MT-PRIORITY? MT-PRIORITY=-9"],
    [{ mtPriority: -0 }, "MT-PRIORITY? MT-PRIORITY=0"],
    [{ mtPriority: 9 }, "MT-PRIORITY? MT-PRIORITY=9"],
    // RFC 4954 section 5.
    [{ auth: "e=mc2@example.com" }, "AUTH? AUTH=e+3Dmc2@example.com"],
    [{ auth: "<>" }, "AUTH? AUTH=<>"],
    [
      { auth: "a@x", requireTls: true, mtPriority: 1, dsn: { ret: "FULL" } },
      "DSN? RET=FULL, REQUIRETLS REQUIRETLS, MT-PRIORITY? MT-PRIORITY=1, AUTH? AUTH=a@x",
    ],
  ])("%j asks for %j", (options, text) => {
    expect(wishes(options)).toBe(text);
  });

  test("has an own key alone, and undefined is not asked for", () => {
    const nothing = Object.fromEntries(MAIL_OPTIONS.map((name) => [name, undefined]));
    expect(asked(nothing)).toEqual(NOTHING_ASKED);
    expect(asked(Object.create({ requireTls: true, mtPriority: 3 }))).toEqual(NOTHING_ASKED);
  });

  const year10000 = new Date(Date.UTC(10_000, 0));
  test.each<[string, unknown[]]>([
    ["size", [-1, 1.5, Number.NaN, 2 ** 60, "5", "5 BODY=7BIT", true, null]],
    ["body", ["8bitmime", "8BITMIME ", "BINARY", 8, true, null]],
    ["smtputf8", ["yes", 1, null]],
    ["dsn", ["FULL", 1, [], null]],
    ["requireTls", ["yes", 1, null]],
    ["deliverBy", [120, "120;R", [], null, { time: 1_000 }, { time: 1_000, mode: "r" }, { time: 1_500, mode: "N" }]],
    [
      "deliverBy",
      [
        { time: 0, mode: "R" },
        { time: -1_000, mode: "R" },
        { time: 1e15, mode: "N" },
      ],
    ],
    [
      "deliverBy",
      [
        { time: 1_000, mode: "N", trace: "T" },
        { time: "1", mode: "N" },
        { time: 1_000, mode: "N", by: 1 },
      ],
    ],
    ["holdFor", [0, -1_000, 3_600, 1.5, 1e15, "3600000", Number.POSITIVE_INFINITY, null]],
    ["holdUntil", [new Date(Number.NaN), year10000, new Date(-1), "2030-01-02T03:04:05Z", 5, {}, null]],
    ["mtPriority", [10, -10, 1.5, "1", Number.NaN, true, null]],
    ["auth", ["", "a b@x", "<a@x>", "a@x\r\nRSET", "a\0@x", "ü@x.example", `${"x".repeat(65)}@x`, true, 1, null]],
    ["whenNotOffered", ["ignore", true, null]],
  ])("%s that is wrong is an SmtpArgumentError that names it", (name, values) => {
    for (const value of values) {
      const call = (): unknown => asked({ [name]: value });
      expect(call).toThrow(SmtpArgumentError);
      expect(call).toThrow(`"${name}"`);
    }
  });

  test("holdFor and holdUntil exclude each other", () => {
    expect(() => asked({ holdFor: 1_000, holdUntil: new Date() })).toThrow("expected one of them");
  });

  test("whatever is given, a parameter is one word of printable ASCII, or there is an error", () => {
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\r", "\n", "\r\nRSET", "\0", "\x7f", "\u2028", "\u560a", "> SIZE=1", "a=b", "<>"),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.object(),
    );
    const keys = fc.constantFrom(...MAIL_OPTIONS);
    const dsnKeys = fc.constantFrom("ret", "envid", "notify", "orcpt");
    fc.assert(
      fc.property(keys, dsnKeys, hostile, (name, key, value) => {
        for (const options of [
          { [name]: value },
          { dsn: { [key]: value } },
          { deliverBy: { time: value, mode: value } },
        ]) {
          try {
            for (const { parameters } of asked(options as MailOptions).wishes)
              for (const parameter of parameters) expect(parameter).toMatch(/^[A-Z-]+(=[!-<>-~]+)?$/);
          } catch (error) {
            expect(error).toBeInstanceOf(SmtpArgumentError);
            expect((error as Error).message).not.toMatch(/\p{Cc}/u);
          }
        }
      }),
      { numRuns: runs(2_000) },
    );
  });
});
