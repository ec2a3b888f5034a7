import { describe, expect, test } from "vitest";
import {
  SmtpArgumentError,
  SmtpAuthenticationError,
  SmtpFatalError,
  SmtpProtocolError,
  SmtpServerBusy,
  SmtpSyntaxError,
  SmtpUnknownError,
} from "../../src/errors.ts";
import { DUMMY_RESPONSE, SmtpResponse } from "../../src/protocol/reply.ts";

describe("SmtpResponse", () => {
  test("its views read a reply of several lines", () => {
    const response = new SmtpResponse("250-mail.example.com\n250-SIZE 42\n250 auth PLAIN");
    expect(response.status).toBe("250");
    expect(response.code).toBe(250);
    expect(response.message).toBe("250-mail.example.com");
    expect(response.lines).toEqual(["mail.example.com", "SIZE 42", "auth PLAIN"]);
    expect(response.capabilities).toEqual(
      new Map([
        ["SIZE", ["42"]],
        ["AUTH", ["PLAIN"]],
      ]),
    );
    expect(response.dummy).toBe(false);
    expect(String(response)).toBe("250 mail.example.com SIZE 42 auth PLAIN");
  });

  test.each<[string, lines: string[], text: string, shown: string]>([
    ["250", [""], "", "250"],
    ["250 ", [""], "", "250"],
    ["250-\n250-a\n250 ", ["", "a", ""], "a", "250 a"],
    ["250 2.0.0 Ok", ["2.0.0 Ok"], "2.0.0 Ok", "250 2.0.0 Ok"],
    [
      "550-5.1.1 No such\n550 5.1.1 user",
      ["5.1.1 No such", "5.1.1 user"],
      "5.1.1 No such user",
      "550 5.1.1 No such user",
    ],
    ["550-5.1.1 a\n550 5.1.1", ["5.1.1 a", "5.1.1"], "5.1.1 a", "550 5.1.1 a"],
    ["550-5.1.1 a\n550 5.1.10 b", ["5.1.1 a", "5.1.10 b"], "5.1.1 a 5.1.10 b", "550 5.1.1 a 5.1.10 b"],
    ["550-a\n550 5.1.1 b", ["a", "5.1.1 b"], "a 5.1.1 b", "550 a 5.1.1 b"],
    ["550 \x1b[2J\r\u202ex", ["\x1b[2J\r\u202ex"], "\\x1b[2J\\r\\u202ex", "550 \\x1b[2J\\r\\u202ex"],
    ["\x1b]0", [""], "", "\\x1b]0"],
  ])("lines, text and toString() of %j", (string, lines, text, shown) => {
    const response = new SmtpResponse(string);
    expect(response.lines).toEqual(lines);
    expect(response.text).toBe(text);
    expect(response.toString()).toBe(shown);
  });

  test.each([
    ["250 x", "2", true, false],
    ["354 x", "3", false, true],
    ["450 x", "4", false, false],
    ["550 x", "5", false, false],
  ])("statusTypeChar, success and continue of %j", (string, statusTypeChar, success, goOn) => {
    const response = new SmtpResponse(string);
    expect(response.statusTypeChar).toBe(statusTypeChar);
    expect(response.success).toBe(success);
    expect(response.continue).toBe(goOn);
  });

  test.each([
    ["451 x", SmtpServerBusy],
    ["500 x", SmtpSyntaxError],
    ["535 x", SmtpAuthenticationError],
    ["550 x", SmtpFatalError],
    ["250 x", SmtpUnknownError],
  ])("exceptionClass of %j is Net::SMTP's", (string, exceptionClass) => {
    expect(new SmtpResponse(string).exceptionClass).toBe(exceptionClass);
  });

  test.each([
    ["550 5.1.1 No such user", "5.1.1"],
    ["250 2.0.0", "2.0.0"],
    ["450-4.7.100 a\n450 4.7.1 b", "4.7.100"],
    ["550 4.1.1 of another class", undefined],
    ["354 3.0.0 a class without enhanced codes", undefined],
    ["550 5.1.1234 four digits", undefined],
    ["550 5.1 two parts", undefined],
    ["550 5.1.1.1 four parts", undefined],
    ["550 5.1.1: no space", undefined],
    ["550  5.1.1 two spaces", undefined],
    ["550 x 5.1.1 not first", undefined],
    ["550-x\n550 5.1.1 not in the first line", undefined],
    ["550", undefined],
  ])("enhancedCode of %j", (string, code) => {
    expect(new SmtpResponse(string).enhancedCode).toBe(code);
  });

  test("cramMd5Challenge decodes the text of a 334", () => {
    const challenge = "<1896.697170952@postoffice.example.net>";
    expect(new SmtpResponse(`334 ${btoa(challenge)}`).cramMd5Challenge).toBe(challenge);
  });

  test.each([
    "334 PDE4@",
    "334 PDE4Ng",
    "334 PDE4Ng",
    "334  PDE4Ng==",
    "334",
    "235 PDE4Ng==",
    "334-PDE4Ng==\n334 x",
    "334 /w==",
  ])("cramMd5Challenge refuses %j without showing it", (string) => {
    const read = (): string => new SmtpResponse(string).cramMd5Challenge;
    expect(read).toThrow(SmtpProtocolError);
    expect(read).toThrow(/^Received a (334|235) reply that holds no challenge; expected 334 and base64$/);
  });

  test("parse() takes CR LF or LF, with or without a line end behind the last line", () => {
    for (const text of ["250-a\r\n250 b\r\n", "250-a\n250 b\n", "250-a\r\n250 b", "250-a\n250 b"]) {
      expect(SmtpResponse.parse(text)).toEqual(new SmtpResponse("250-a\n250 b"));
    }
  });

  test("parse() refuses what is no string", () => {
    expect(() => SmtpResponse.parse(250 as unknown as string)).toThrow(SmtpArgumentError);
  });

  test("DUMMY_RESPONSE is Net::SMTP's, and says that it is one", () => {
    expect(DUMMY_RESPONSE.string).toBe("200 dummy reply code");
    expect(DUMMY_RESPONSE.dummy).toBe(true);
  });
});

test("toString() cuts a reply at a thousand characters", () => {
  const shown = (length: number): string => `${new SmtpResponse(`250 ${"x".repeat(length - 4)}`)}`;
  expect(shown(1_000)).toHaveLength(1_000);
  expect(shown(1_001)).toBe(`250 ${"x".repeat(996)}…`);
});
