import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { copyDsn, copyRecipientDsn, type Dsn, mailDsn, type RecipientDsn, rcptDsn } from "../../src/protocol/dsn.ts";

const rcpt = (dsn: RecipientDsn, path = "b@y.example"): string => rcptDsn(copyRecipientDsn(dsn), path);
const mail = (dsn: Dsn): string => mailDsn(copyDsn(dsn)).join(" ");

describe("mailDsn()", () => {
  test.each<[Dsn, string]>([
    [{}, ""],
    [{ ret: "HDRS", envid: "QQ314159" }, "RET=HDRS ENVID=QQ314159"],
    [{ ret: "FULL" }, "RET=FULL"],
    [{ envid: "a+b = c" }, "ENVID=a+2Bb+20+3D+20c"],
    [{ envid: "x".repeat(100) }, `ENVID=${"x".repeat(100)}`],
    [{ envid: undefined, ret: undefined, notify: "NEVER" }, ""],
  ])("%j is %j", (dsn, text) => {
    expect(mail(dsn)).toBe(text);
  });
});

describe("rcptDsn()", () => {
  test.each<[RecipientDsn, string, string]>([
    [{}, "b@y.example", ""],
    [{ notify: "NEVER" }, "Fred@Bombs.AF.MIL", " NOTIFY=NEVER"],
    [{ notify: "SUCCESS", orcpt: true }, "Bob@Example.COM", " NOTIFY=SUCCESS ORCPT=rfc822;Bob@Example.COM"],
    [{ notify: ["SUCCESS", "FAILURE"] }, "b@y", " NOTIFY=SUCCESS,FAILURE"],
    [{ notify: ["DELAY"], orcpt: false }, "b@y", " NOTIFY=DELAY"],
    [{ orcpt: true }, "b+c=d@y", " ORCPT=rfc822;b+2Bc+3Dd@y"],
    [{ orcpt: true }, "ü@y", " ORCPT=utf-8;\\x{FC}@y"],
    [{ orcpt: "c@z" }, "b@y", " ORCPT=rfc822;c@z"],
    [{ orcpt: "x400;/C=us/" }, "b@y", " ORCPT=x400;/C+3Dus/"],
    [{ orcpt: "ü+@z" }, "b@y", " ORCPT=utf-8;\\x{FC}\\x{2B}@z"],
    [{ orcpt: `c@${"z".repeat(491)}` }, "b@y", ` ORCPT=rfc822;c@${"z".repeat(491)}`],
  ])("%j of %j is %j", (dsn, path, text) => {
    expect(rcpt(dsn, path)).toBe(text);
  });
});

describe("hostile values are SmtpArgumentErrors that name what is wrong", () => {
  test.each<[object, string]>([
    [{ ret: "full" }, "dsn.ret"],
    [{ ret: "FULL SIZE=1" }, "dsn.ret"],
    [{ ret: true }, "dsn.ret"],
    [{ envid: "" }, "dsn.envid"],
    [{ envid: 5 }, "dsn.envid"],
    [{ envid: "a\r\nRSET" }, "dsn.envid"],
    [{ envid: "a\u560a" }, "dsn.envid"],
    [{ envid: "a\u2028" }, "dsn.envid"],
    [{ envid: "x".repeat(101) }, "dsn.envid"],
    [{ envid: "+".repeat(34) }, "dsn.envid"],
    [{ envid: { toString: () => "x" } }, "dsn.envid"],
    [{ notify: "SOMETIMES" }, "dsn.notify"],
    [{ notify: "SUCCESS,FAILURE" }, "dsn.notify"],
    [{ notify: [] }, "dsn.notify"],
    [{ notify: ["NEVER"] }, "dsn.notify"],
    [{ notify: ["SUCCESS", "NEVER"] }, "dsn.notify"],
    [{ notify: ["SUCCESS", "SUCCESS"] }, "dsn.notify"],
    [{ notify: ["SUCCESS\r\n"] }, "dsn.notify"],
    [{ orcpt: "b@y" }, "dsn.orcpt"],
    [{ orcpt: 1 }, "dsn.orcpt"],
    [{ on: "SUCCESS" }, "unknown key"],
    [[], '"dsn"'],
  ])("of a message: %j", (dsn, name) => {
    expect(() => copyDsn(dsn as Dsn)).toThrow(SmtpArgumentError);
    expect(() => copyDsn(dsn as Dsn)).toThrow(name);
  });

  test.each<[unknown, string]>([
    [{ notify: "ALWAYS" }, "dsn.notify"],
    [{ orcpt: "" }, "dsn.orcpt"],
    [{ orcpt: 5 }, "dsn.orcpt"],
    [{ orcpt: "b@y\r\nRSET" }, "dsn.orcpt"],
    [{ orcpt: "b\0@y" }, "dsn.orcpt"],
    [{ orcpt: "\ud800@y" }, "dsn.orcpt"],
    [{ orcpt: "x400;ü" }, "dsn.orcpt"],
    [{ orcpt: "x".repeat(494) }, "dsn.orcpt"],
    [{ ret: "FULL" }, "unknown key"],
    [null, '"dsn"'],
    ["NEVER", '"dsn"'],
  ])("of a recipient: %j", (dsn, name) => {
    expect(() => copyRecipientDsn(dsn as RecipientDsn)).toThrow(SmtpArgumentError);
    expect(() => copyRecipientDsn(dsn as RecipientDsn)).toThrow(name);
  });

  test("are read once: what changes after the check is not what is sent", () => {
    let reads = 0;
    const dsn = {
      get envid(): string {
        return reads++ === 0 ? "first" : "x\r\nRSET";
      },
    };
    expect(mail(dsn)).toBe("ENVID=first");
    const notify = ["SUCCESS"];
    const copy = copyRecipientDsn({ notify: notify as ["SUCCESS"] });
    notify[0] = "x\r\nRSET";
    expect(rcptDsn(copy, "b@y")).toBe(" NOTIFY=SUCCESS");
  });
});
