/** What EHLO says of limits, what counts as too many recipients, and who fits a transaction. */
import { describe, expect, test } from "vitest";
import { fitting, isTooMany, limitsOf } from "../src/limits.ts";
import { forwardPaths } from "../src/protocol/address.ts";
import { SmtpResponse } from "../src/protocol/reply.ts";

const NONE = Number.POSITIVE_INFINITY;

describe("limitsOf()", () => {
  test.each([
    [["RCPTMAX=100"], [NONE, 100, NONE]],
    [
      ["MAILMAX=5", "RCPTMAX=1", "RCPTDOMAINMAX=2"],
      [5, 1, 2],
    ],
    [
      ["mailmax=5", "FUTURE=1", "rcptMax=999999"],
      [5, 999_999, NONE],
    ],
    [
      ["RCPTMAX=3", "RCPTMAX=4"],
      [NONE, 3, NONE],
    ],
    [
      ["RCPTMAX=0", "MAILMAX=7"],
      [7, NONE, NONE],
    ],
    [
      ["RCPTMAX=01", "MAILMAX=7"],
      [7, NONE, NONE],
    ],
    [
      ["RCPTMAX=1000000", "MAILMAX=7"],
      [7, NONE, NONE],
    ],
    [
      ["RCPTMAX=-1", "RCPTMAX", "RCPTMAX=1x", "XRCPTMAX=1", "MAILMAX=7"],
      [7, NONE, NONE],
    ],
  ])("%j are %j", (said, [mails, recipients, domains]) => {
    expect(limitsOf(new Map([["LIMITS", said]]))).toEqual({ mails, recipients, domains });
  });

  test.each([
    [undefined],
    [new Map()],
    [new Map([["LIMITS", []]])],
    [new Map([["LIMITS", ["RCPTMAX=0", "__PROTO__=1"]]])],
  ])("%j are none", (capabilities) => {
    expect(limitsOf(capabilities)).toBeUndefined();
  });
});

describe("isTooMany()", () => {
  test.each([
    ["452 4.5.3 Too many recipients", true],
    ["452 too many recipients", true],
    ["452 4.0.0 no", true],
    ["552 too many recipients", true],
    ["552 5.5.3 Too many recipients", true],
    ["550 5.5.3 Too many recipients", true],
    ["451 4.5.3 later", true],
    ["452 4.2.2 Mailbox full", false],
    ["452 4.3.1 Insufficient system storage", false],
    ["552 5.2.2 Mailbox full", false],
    ["452 4.15.3 no", false],
    ["450 4.2.1 busy", false],
    ["451 later", false],
    ["550 5.1.1 no such user", false],
    ["421 4.5.3 too many, good bye", false],
    ["250 2.5.3 fine", false],
  ])("%s: %s", (reply, expected) => {
    expect(isTooMany(new SmtpResponse(reply))).toBe(expected);
  });
});

describe("fitting()", () => {
  const to = forwardPaths(["a@one.example", "b@two.example", "c@ONE.example", "postmaster", "d@three.example"], {
    smtputf8: false,
  });
  const all = [0, 1, 2, 3, 4];

  test.each([
    [all, NONE, NONE, [], all],
    [all, 2, NONE, [], [0, 1]],
    [[3, 1], 1, NONE, [], [3]],
    [all, NONE, 1, [], [0, 2]],
    [all, 3, 2, [], [0, 1, 2]],
    [all, NONE, 2, ["three.example"], [0, 2, 4]],
    [all, NONE, 1, ["other.example"], []],
  ])("of %j %d recipients and %d domains, %j seen: %j", (waiting, recipients, domains, seen, expected) => {
    expect(fitting(waiting, to, { recipients, domains }, new Set(seen))).toEqual(expected);
  });
});
