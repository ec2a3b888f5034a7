import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { parsePath } from "../../src/protocol/path.ts";
import { runs } from "../support/runs.ts";

const L64 = "l".repeat(64);
const label = "d".repeat(63);
/** 64 + 1 + 189 octets: as long as a path may be. */
const LONGEST = `${L64}@${label}.${label}.${"d".repeat(61)}`;

describe("parsePath", () => {
  test.each([
    "a@b",
    "user@mail.example.com",
    "user+tag@x.example",
    "a.b.c@x.example",
    "a..b@x.example",
    ".a@x.example",
    "a.@x.example",
    "!#$%&'*+-/=?^_`{|}~@x.example",
    "-a@x.example",
    "user%host@x.example",
    "user!host@x.example",
    "postmaster",
    "root",
    '"quoted local"@b.example',
    '""@b.example',
    '"a@b<c>d,e"@b.example',
    '"a\\"b"@b.example',
    '"a\\\\"@b.example',
    '"a\\ b"@b.example',
    '"Post Master"',
    "a@[192.0.2.1]",
    "a@[IPv6:::1]",
    "a@[ipv6:2001:DB8::1]",
    "a@[IPv6:::ffff:192.0.2.1]",
    "a@my_host.example",
    "a@_x.example",
    "a@1.example",
    "a@192.0.2.1",
    "a@EXAMPLE.com",
    "a@xn--bcher-kva.example",
    "a@a--b.example",
    `${L64}@b.example`,
    `a@${label}.example`,
    LONGEST,
  ])("parsePath() takes %s as it is", (address) => {
    for (const smtputf8 of [false, true]) {
      expect(parsePath("to", address, smtputf8)).toEqual({ text: address, utf8: false });
    }
  });

  test.each<[address: string, ascii: string | undefined, international: string]>([
    ["a@b\u00fccher.example", "a@xn--bcher-kva.example", "a@b\u00fccher.example"],
    ["a@\u4f8b\u3048.\u30c6\u30b9\u30c8", "a@xn--r8jz45g.xn--zckzah", "a@\u4f8b\u3048.\u30c6\u30b9\u30c8"],
    ["a@\uff45xample.com", "a@example.com", "a@example.com"],
    ["a@b\u00fccher\u3002example", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"],
    ["a@\u0645\u06cc\u200c\u062e.example", "a@xn--tgb9bvy774f.example", "a@\u0645\u06cc\u200c\u062e.example"],
    [
      `a@${"\u{20000}".repeat(40)}.example`,
      `a@xn--j50i${"a".repeat(39)}.example`,
      `a@${"\u{20000}".repeat(40)}.example`,
    ],
    ["\u00fc@b.example", undefined, "\u00fc@b.example"],
    ['"\u00fc \u{1f4e7}"@b.example', undefined, '"\u00fc \u{1f4e7}"@b.example'],
    ["\u00fc", undefined, "\u00fc"],
    ["\u00fc@b\u00fccher.example", undefined, "\u00fc@b\u00fccher.example"],
  ])("parsePath() of %s, without SMTPUTF8 and with it", (address, ascii, international) => {
    expect(parsePath("to", address, true)).toEqual({ text: international, utf8: /[^ -~]/.test(international) });
    if (ascii === undefined) {
      expect(() => parsePath("to", address, false)).toThrow(
        "its local part is not ASCII; expected ASCII, or a server that offers SMTPUTF8",
      );
    } else {
      expect(parsePath("to", address, false)).toEqual({ text: ascii, utf8: false });
    }
  });

  test.each<[address: string, problem: string]>([
    ["", "its local part is empty"],
    ["@b.example", "its local part is empty"],
    ["@a.example:b@c.example", "its local part is empty"],
    ["<a@b.example>", "its local part holds U+003C at offset 0"],
    ["<>", "its local part holds U+003C at offset 0"],
    ["A <a@b.example>", "its local part holds U+0020 at offset 1"],
    [" a@b.example", "its local part holds U+0020 at offset 0"],
    ["a>@b.example", "its local part holds U+003E at offset 1"],
    ["a,b@c.example", "its local part holds U+002C at offset 1"],
    ["a(b)@c.example", "its local part holds U+0028 at offset 1"],
    ["a:b@c.example", "its local part holds U+003A at offset 1"],
    ["a;b@c.example", "its local part holds U+003B at offset 1"],
    ["a[b@c.example", "its local part holds U+005B at offset 1"],
    ["a]b@c.example", "its local part holds U+005D at offset 1"],
    ["a\\b@c.example", "its local part holds U+005C at offset 1"],
    ['a"b"@c.example', "its local part holds U+0022 at offset 1"],
    ["a@", "its domain has an empty label"],
    ["a@.", "its domain has an empty label"],
    ["a@.b", "its domain has an empty label"],
    ["a@b.", "its domain has an empty label"],
    ["a@b..c", "its domain has an empty label"],
    ["a@b@c", "its domain holds U+0040 at offset 1"],
    ["a@b c", "its domain holds U+0020 at offset 1"],
    ["a@b> SIZE=1", "its domain holds U+003E at offset 1"],
    ["a@b/c", "its domain holds U+002F at offset 1"],
    ["a@b:25", "its domain holds U+003A at offset 1"],
    ["a@b%41", "its domain holds U+0025 at offset 1"],
    ["a@-b.example", "a label of its domain begins or ends with a hyphen"],
    ["a@b-", "a label of its domain begins or ends with a hyphen"],
    ["a@b-.example", "a label of its domain begins or ends with a hyphen"],
    ["a@b.-example", "a label of its domain begins or ends with a hyphen"],
    [`a@${label}d.example`, "a label of its domain has more than 63 octets"],
    ["a@[]", "its address literal is neither"],
    ["a@[192.0.2.1", "its address literal is neither"],
    ["a@[192.0.2.12", "its address literal is neither"],
    ["a@[192.0.2.1]x", "its address literal is neither"],
    ["a@[192.0.2]", "its address literal is neither"],
    ["a@[192.0.2.1.5]", "its address literal is neither"],
    ["a@[192.0.2.256]", "its address literal is neither"],
    ["a@[192.0.2.0001]", "its address literal is neither"],
    ["a@[192.0..1]", "its address literal is neither"],
    ["a@[192.0.2.-1]", "its address literal is neither"],
    ["a@[::1]", "its address literal is neither"],
    ["a@[IPv6:]", "its address literal is neither"],
    ["a@[IPv6:1::2::3]", "its address literal is neither"],
    ["a@[IPv6:fe80::1%25eth0]", "its address literal is neither"],
    ["a@[IPv6:::1]]", "its address literal is neither"],
    ["a@[IPv6:::1]/x]", "its address literal is neither"],
    ["a@[x:> SIZE=1]", "its address literal is neither"],
    ['"a@b.example', "its quoted local part is not closed"],
    ['"', "its quoted local part is not closed"],
    ['"a\\"@b.example', "its quoted local part is not closed"],
    ['"a\\', "its quoted local part is not closed"],
    ['"a"b@c.example', "behind the closing quote it holds U+0062 at offset 3"],
    ['"a" @c.example', "behind the closing quote it holds U+0020 at offset 3"],
    ['"a""b"@c.example', "behind the closing quote it holds U+0022 at offset 3"],
    [`${L64}l@b.example`, "its local part has 65 octets; expected at most 64"],
    [`"${L64}"@b.example`, "its local part has 66 octets; expected at most 64"],
    [`${LONGEST}d`, "it has 255 octets; expected at most 254"],
    [`a@${`${label}.`.repeat(4)}d`, "its domain has 257 octets; expected at most 255"],
    ["x".repeat(1001), "it has 1001 characters"],
    // Punycode begins where 63 octets end: each of these labels is short in characters.
    [`a@${"\u00fc".repeat(60)}.example`, "its domain has no A-label"],
    // What the runtime's URL makes an address or another host of.
    ["a@\uff11\uff12\uff17.0.0.1", "its domain has no A-label"],
    ["a@\u2460.2.3.4", "its domain has no A-label"],
    ["a@\uff10x7f.1", "its domain has no A-label"],
    ["a@b\uff0fc.example", "its domain has no A-label"],
    ["a@b\uff1a25", "its domain has no A-label"],
    ["a@b\u3002", "its domain has no A-label"],
    ["a@\u2100.example", "its domain has no A-label"],
  ])("parsePath() refuses %j", (address, problem) => {
    for (const smtputf8 of [false, true]) {
      expect(() => parsePath("to", address, smtputf8)).toThrow(SmtpArgumentError);
      expect(() => parsePath("to", address, smtputf8)).toThrow(problem);
    }
  });

  test.each([
    "\0",
    "\r",
    "\n",
    "\r\n",
    "\t",
    "\x1b",
    "\x7f",
    "\u0085",
    "\u00a0",
    "\u00ad",
    "\u200b",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u3000",
    "\ufeff",
    "\ud800",
    "\udc00",
  ])("parsePath() refuses %j anywhere, quoted or not", (character) => {
    const name = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    for (const [before, behind] of [
      ["a", "b@c.example"],
      ['"a', 'b"@c.example'],
      ['"a\\', 'b"@c.example'],
      ["a@b", "c"],
      ["a@[", "]"],
      ["a", ""],
    ] as const) {
      for (const smtputf8 of [false, true]) {
        expect(() => parsePath("to", `${before}${character}${behind}`, smtputf8)).toThrow(
          `it holds ${name} at offset ${before.length}`,
        );
      }
    }
  });

  test("parsePath() measures octets, not characters", () => {
    expect(parsePath("to", `${"\u20ac".repeat(21)}@b.example`, true).utf8).toBe(true);
    expect(() => parsePath("to", `${"\u20ac".repeat(22)}@b.example`, true)).toThrow("its local part has 66 octets");
    const domain = Array.from({ length: 9 }, () => "\u20ac".repeat(10)).join(".");
    expect(() => parsePath("to", `a@${domain}`, true)).toThrow("it has 280 octets; expected at most 254");
    expect(parsePath("to", `a@${domain}`, false).text.length).toBeLessThan(254);
  });

  test("parsePath() takes no domain that the runtime leaves as it is, or makes another host of", () => {
    class Runtime {
      static canParse = (): boolean => true;
      static answer = "";
      hostname: string = Runtime.answer;
    }
    vi.stubGlobal("URL", Runtime);
    try {
      for (const answer of ["b\u00fccher.example", "", "b\r\nx", "a b", "xn--x.", "127.0.0.1", "[::1]"]) {
        Runtime.answer = answer;
        expect(() => parsePath("to", "a@b\u00fccher.example", false), answer).toThrow("its domain has no A-label");
      }
    } finally {
      vi.unstubAllGlobals();
    }
  });

  test("parsePath() names the parameter and shows the address short and printable", () => {
    expect(() => parsePath("from", "\x1b]0;pwn\x07@b", false)).toThrow(
      'Parameter "from" has a bad address, "\\x1b]0;pwn\\x07@b": it holds U+001B at offset 0; ' +
        "expected an address such as user@example.com, without a name or angle brackets",
    );
    expect(() => parsePath("to", "<".repeat(500), false)).toThrow(`"${"<".repeat(60)}…": its local part`);
  });

  test("parsePath() is done with a megabyte at once", () => {
    const started = performance.now();
    for (const part of ["(", '"a"@', ",", "<", '"', "\\", "a.", "\u00fc", "a@", "\ud800"]) {
      expect(() => parsePath("to", part.repeat(1_000_000 / part.length), true)).toThrow(
        /: it has \d+ characters; expected/,
      );
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  test("parsePath() gives a path that ends where its angle bracket does, of any text", () => {
    const part = fc.oneof(
      fc.constantFrom(
        '"',
        "\\",
        "@",
        "<",
        ">",
        " ",
        "\r\n",
        "[",
        "]",
        ".",
        "a",
        "b.example",
        "\u00fc",
        "\u560a",
        "\uff1e",
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.boolean(), (parts, smtputf8) => {
        try {
          const { text, utf8 } = parsePath("to", parts.join(""), smtputf8);
          expect(text.replace(/^"(?:[^"\\]|\\.)*"/u, "")).not.toMatch(/[<>"\\\s]/u);
          expect(text).not.toMatch(/\p{Cc}|\p{Surrogate}/u);
          expect(utf8).toBe(/[^ -~]/.test(text));
          if (!smtputf8) expect(utf8).toBe(false);
        } catch (error) {
          if (!(error instanceof SmtpArgumentError)) throw error;
        }
      }),
      { numRuns: runs(3000) },
    );
  });
});
