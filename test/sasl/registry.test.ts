/**
 * Mechanisms by name, custom ones, and the choice when no name is given.
 *
 * @module
 */

import { describe, expect, test } from "vitest";
import { SmtpArgumentError, shown } from "../../src/errors.ts";
import { cramMd5, xoauth2 } from "../../src/sasl/lazy.ts";
import { login } from "../../src/sasl/login.ts";
import type { SaslMechanism } from "../../src/sasl/mechanism.ts";
import { plain } from "../../src/sasl/plain.ts";
import { chooseMechanism, DEFAULT_AUTH_TYPE, findMechanism, MECHANISMS } from "../../src/sasl/registry.ts";
import { credentials, talk } from "./talk.ts";

function custom(name: string): SaslMechanism {
  return {
    name,
    *exchange({ user }) {
      yield user;
    },
  };
}

describe("findMechanism()", () => {
  const names: [type: string, mechanism: SaslMechanism][] = [
    ["PLAIN", plain],
    ["plain", plain],
    ["Login", login],
    ["CRAM-MD5", cramMd5],
    ["cram_md5", cramMd5],
    ["Cram-md5", cramMd5],
    ["xoauth2", xoauth2],
    [DEFAULT_AUTH_TYPE, plain],
  ];
  test.each(names)("findMechanism() knows %s", (type, mechanism) => {
    expect(findMechanism(type)).toBe(mechanism);
  });

  test.each([["GSSAPI"], [""], ["CRAM MD5"], ["CRAMMD5"], [" PLAIN"], ["constructor"], [undefined], [null], [42]])(
    "findMechanism() refuses %j and lists what it knows",
    (type) => {
      const find = (): SaslMechanism => findMechanism(type as string);
      expect(find).toThrow(SmtpArgumentError);
      expect(find).toThrow(`"authType" ${shown(type)}: expected one of ${MECHANISMS.join(", ")}`);
    },
  );

  test("findMechanism() lists custom ones too, each name once", () => {
    const mechanisms = [custom("x_own"), custom("plain")];
    expect(() => findMechanism("none", mechanisms)).toThrow(
      `one of X-OWN, PLAIN, ${MECHANISMS.filter((name) => name !== "PLAIN").join(", ")}`,
    );
  });

  test("findMechanism() escapes a name that would control a terminal", () => {
    expect(() => findMechanism("\x1b[2J")).toThrow(/"\\x1b\[2J"/);
  });

  test.each([["x_own"], ["X-OWN"], ["X_Own"]])("findMechanism() finds a custom one as %s", async (type) => {
    const own = custom("x_own");
    expect(findMechanism(type, [own])).toBe(own);
    expect(await talk(own, credentials("tim", "s"), [""])).toEqual(["tim", "ended"]);
  });

  test("findMechanism() prefers a custom one to the built-in one of its name", () => {
    const own = custom("cram_md5");
    expect(findMechanism("CRAM-MD5", [own])).toBe(own);
    expect(findMechanism("CRAM-MD5")).toBe(cramMd5);
  });

  const notMechanisms: [title: string, mechanisms: unknown][] = [
    ["no array", {}],
    ["null in it", [null]],
    ["no name", [{ exchange: plain.exchange }]],
    ["an empty name", [custom("")]],
    ["a name with a space", [custom("PLAIN AHRpbQ==")]],
    ["a name with CRLF", [custom("X\r\nRSET")]],
    ["a name of 21 characters", [custom("X".repeat(21))]],
    ["no exchange", [{ name: "X" }]],
  ];
  test.each(notMechanisms)("findMechanism() refuses custom mechanisms: %s", (_title, mechanisms) => {
    const find = (): SaslMechanism => findMechanism("PLAIN", mechanisms as SaslMechanism[]);
    expect(find).toThrow(SmtpArgumentError);
    expect(find).toThrow(/"mechanisms"/);
  });

  test("findMechanism() takes a custom name of 20 characters", () => {
    expect(findMechanism("X".repeat(20), [custom("X".repeat(20))]).name).toHaveLength(20);
  });
});

describe("chooseMechanism()", () => {
  const offers: [offered: string[], mechanism: SaslMechanism | undefined][] = [
    [["PLAIN", "LOGIN"], plain],
    [["LOGIN", "PLAIN"], plain],
    [["CRAM-MD5", "XOAUTH2", "LOGIN"], login],
    [["CRAM-MD5"], undefined],
    [["XOAUTH2"], undefined],
    [["X-OWN"], undefined],
    [[], undefined],
    [["PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"], findMechanism("SCRAM-SHA-256")],
    [["PLAIN", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], findMechanism("SCRAM-SHA-1")],
    [["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "LOGIN"], login],
    [["SCRAM-SHA-512", "SCRAM-SHA-256-PLUS"], undefined],
    [["OAUTHBEARER", "EXTERNAL", "ANONYMOUS"], undefined],
  ];
  test.each(offers)("chooseMechanism() of %j", (offered, mechanism) => {
    expect(chooseMechanism(offered)).toBe(mechanism);
    expect(chooseMechanism(offered, [custom("X-OWN")])).toBe(mechanism);
  });

  test("chooseMechanism() goes down one order, -PLUS only where the connection can be bound", () => {
    const order = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN"];
    const chosen = (offered: readonly string[], bound: boolean): string | undefined =>
      chooseMechanism([...offered].reverse(), [], bound)?.name;
    for (let from = 0; from < order.length; from++) {
      const offered = [...order.slice(from), "CRAM-MD5", "XOAUTH2", "OAUTHBEARER", "EXTERNAL", "ANONYMOUS"];
      expect(chosen(offered, true)).toBe(order[from]);
      expect(chosen(offered, false)).toBe(order.slice(from).find((name) => !name.endsWith("-PLUS")));
    }
  });

  test("chooseMechanism() takes the custom one that replaces its choice", () => {
    const own = custom("plain");
    expect(chooseMechanism(["LOGIN", "PLAIN"], [own])).toBe(own);
  });
});
