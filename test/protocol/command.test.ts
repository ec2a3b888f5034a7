import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { forwardPaths, reversePath, SmtpAddress } from "../../src/protocol/address.ts";
import { bdat, ehlo, helo, mail, rawCommand, rcpt, validateLine } from "../../src/protocol/command.ts";

const ascii = { smtputf8: false };
const utf8 = { smtputf8: true };

describe("validateLine", () => {
  test.each(["NOOP", "", " ", "MAIL FROM:<a@b> SIZE=42", "~!", "x".repeat(20_000)])(
    "validateLine() returns a good line",
    (line) => {
      expect(validateLine(line)).toBe(line);
      expect(validateLine(line, true)).toBe(line);
    },
  );

  test.each(["\u00fc", "\u20ac\u{1f4e7}", "\u2028", "\u560a", "\u00a0"])(
    "validateLine() takes %j under SMTPUTF8 only",
    (character) => {
      const line = `RCPT TO:<${character}@b>`;
      expect(validateLine(line, true)).toBe(line);
      expect(() => validateLine(line)).toThrow(SmtpArgumentError);
    },
  );

  test.each([
    ["\r", "U+000D"],
    ["\n", "U+000A"],
    ["\r\n", "U+000D"],
    ["\0", "U+0000"],
    ["\t", "U+0009"],
    ["\x1b", "U+001B"],
    ["\x1f", "U+001F"],
    ["\x7f", "U+007F"],
    ["\u0085", "U+0085"],
    ["\ud800", "U+D800"],
    ["\udfff", "U+DFFF"],
  ])("validateLine() refuses %j always, naming its place and not the line", (character, name) => {
    for (const [line, place] of [
      [`AUTH secret${character}`, 11],
      [`${character}secret`, 0],
      [`secret ${character}x`, 7],
    ] as const) {
      expect(() => validateLine(line)).toThrow(
        `Command line holds ${name} at offset ${place}; expected printable ASCII`,
      );
      expect(() => validateLine(line, true)).toThrow(
        `Command line holds ${name} at offset ${place}; expected text without control characters`,
      );
      expect(() => validateLine(line)).not.toThrow("secret");
    }
  });

  test("validateLine() names a character beyond the basic plane whole", () => {
    expect(() => validateLine("x\u{1f511}")).toThrow("U+1F511 at offset 1");
  });

  test.each([undefined, null, 42, new String("NOOP"), ["NOOP"], { toString: () => "NOOP" }])(
    "validateLine() and rawCommand() refuse %s",
    (line) => {
      expect(() => validateLine(line as string)).toThrow(/^Command line is .+; expected a string$/);
      expect(() => rawCommand(line)).toThrow(/^Command line is .+; expected a string$/);
      expect(() => rawCommand(line)).toThrow(SmtpArgumentError);
    },
  );
});

describe("helo and ehlo", () => {
  test.each(["localhost", "client.example.com", "my_host", "[127.0.0.1]", "[IPv6:2001:db8::1]", "a", "x".repeat(255)])(
    "helo() and ehlo() take %s",
    (name) => {
      expect(helo(name)).toBe(`HELO ${name}`);
      expect(ehlo(name)).toBe(`EHLO ${name}`);
    },
  );

  test.each([
    "",
    " ",
    "a b",
    "a\r\nRSET",
    "a\n",
    "a\0",
    "a\x7f",
    "b\u00fccher.example",
    "\u560a",
    "\u2028",
    "<a>",
    "a@b",
    "x".repeat(256),
    42,
    null,
    undefined,
    new String("a"),
    ["a"],
    { toString: () => "a" },
  ])("helo() and ehlo() refuse %j", (name) => {
    for (const command of [helo, ehlo]) {
      expect(() => command(name as string)).toThrow(SmtpArgumentError);
      expect(() => command(name as string)).toThrow(/^Parameter "helo" is .{1,80}; expected a domain such as /);
    }
  });
});

describe("mail and rcpt", () => {
  test.each([
    ["a@b.example", "MAIL FROM:<a@b.example>"],
    ["", "MAIL FROM:<>"],
    [new SmtpAddress("a@b.example", { size: 42, requiretls: true }), "MAIL FROM:<a@b.example> SIZE=42 REQUIRETLS"],
    [new SmtpAddress("", { ret: "HDRS" }), "MAIL FROM:<> RET=HDRS"],
  ])("mail() of %s", (from, line) => {
    expect(mail(reversePath(from, ascii))).toBe(line);
    expect(mail(reversePath(from, ascii), true)).toBe(`${line} SMTPUTF8`);
  });

  test("mail() says SMTPUTF8 once", () => {
    const from = reversePath(new SmtpAddress("\u00fc@b.example", { smtputf8: true, size: 1 }), utf8);
    expect(mail(from, true)).toBe("MAIL FROM:<\u00fc@b.example> SMTPUTF8 SIZE=1");
    expect(mail(reversePath(new SmtpAddress("a@b.example", { body: "SMTPUTF8" }), ascii), true)).toBe(
      "MAIL FROM:<a@b.example> BODY=SMTPUTF8 SMTPUTF8",
    );
  });

  test("mail() refuses a sender beyond ASCII without SMTPUTF8", () => {
    const from = reversePath("\u00fc@b.example", utf8);
    expect(mail(from, true)).toBe("MAIL FROM:<\u00fc@b.example> SMTPUTF8");
    expect(() => mail(from)).toThrow("Command line holds U+00FC at offset 11");
  });

  test("rcpt() of recipients", () => {
    const to = ["a@b.example", new SmtpAddress("postmaster", { notify: "NEVER" })];
    expect(forwardPaths(to, ascii).map(rcpt)).toEqual(["RCPT TO:<a@b.example>", "RCPT TO:<postmaster> NOTIFY=NEVER"]);
    expect(forwardPaths("\u00fc@b.example", utf8).map(rcpt)).toEqual(["RCPT TO:<\u00fc@b.example>"]);
  });

  test("mail() and rcpt() check a mailbox that was not made here", () => {
    const forged = { address: "a", path: "<a>\r\nRSET", parameters: "", utf8: false };
    for (const command of [mail, rcpt]) {
      expect(() => command(forged)).toThrow("U+000D");
      expect(() => command({ ...forged, path: "<a>", parameters: " X=1\n" })).toThrow("U+000A");
      expect(() => command({ ...forged, path: "<\u00fc>" })).toThrow("U+00FC");
    }
  });
});

describe("rawCommand", () => {
  test.each([
    "NOOP",
    "VRFY root",
    "",
    "XDATA",
    "DATABASE",
    "AUTHX",
    "MAIL FROM:<data@b>",
    "X DATA",
    "HELP STARTTLS",
    "\u017ftarttls",
  ])("rawCommand() takes %j", (line) => {
    expect(rawCommand(line)).toBe(line);
  });

  test.each([
    ["DATA", "DATA", "data() or sendMessage()"],
    ["data", "DATA", "data() or sendMessage()"],
    ["  Data  ", "DATA", "data() or sendMessage()"],
    ["\tdata", "DATA", "data() or sendMessage()"],
    ["DATA\tx", "DATA", "data() or sendMessage()"],
    ["BDAT 10 LAST", "BDAT", "sendMessage()"],
    ["bdat", "BDAT", "sendMessage()"],
    ["StartTLS", "STARTTLS", "starttls()"],
    ["AUTH PLAIN AHVzZXIAc2VjcmV0", "AUTH", "authenticate()"],
    ["auth=x", "AUTH", "authenticate()"],
  ])("rawCommand() refuses %j and names the method", (line, verb, method) => {
    expect(() => rawCommand(line)).toThrow(SmtpArgumentError);
    expect(() => rawCommand(line)).toThrow(`Command ${verb} cannot be sent as a line of its own; use ${method}`);
    expect(() => rawCommand(line)).not.toThrow("AHVz");
  });
});

test("bdat() says how many octets follow, and whether they are the last", () => {
  expect([bdat(42, false), bdat(0, true)]).toEqual(["BDAT 42", "BDAT 0 LAST"]);
});
