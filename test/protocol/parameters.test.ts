import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { type EsmtpParameters, reversePath, SmtpAddress } from "../../src/protocol/address.ts";

/** The parameters as they are sent. */
function sent(parameters: EsmtpParameters): string {
  return reversePath(new SmtpAddress("a@b.example", parameters), { smtputf8: false }).parameters;
}

describe("EsmtpParameters", () => {
  test.each<[EsmtpParameters, string]>([
    [{}, ""],
    [{ size: 42 }, " SIZE=42"],
    [{ SIZE: 0 }, " SIZE=0"],
    [{ "mt-priority": -3 }, " MT-PRIORITY=-3"],
    [{ size: -0 }, " SIZE=0"],
    [{ size: Number.MAX_SAFE_INTEGER }, " SIZE=9007199254740991"],
    [{ body: "8BITMIME", ret: "hdrs" }, " BODY=8BITMIME RET=hdrs"],
    [{ requiretls: true }, " REQUIRETLS"],
    [{ requiretls: false, size: 1 }, " SIZE=1"],
    [{ auth: "<>" }, " AUTH=<>"],
    [
      { orcpt: "rfc822;a+2Bb@c.example", notify: "SUCCESS,FAILURE" },
      " ORCPT=rfc822;a+2Bb@c.example NOTIFY=SUCCESS,FAILURE",
    ],
    [{ constructor: "x" } as unknown as EsmtpParameters, " CONSTRUCTOR=x"],
  ])("%j are sent as %j", (parameters, expected) => {
    expect(sent(parameters)).toBe(expected);
  });

  test.each<[what: string, parameters: unknown, message: string]>([
    ["a keyword with a space", { "SIZE=1 X": 1 }, 'Parameter "SIZE=1 X" is no keyword'],
    ["an empty keyword", { "": 1 }, 'Parameter "" is no keyword'],
    ["a keyword that begins with a hyphen", { "-x": 1 }, 'Parameter "-x" is no keyword'],
    ["a keyword with a line end behind it", { "size\n": 1 }, 'Parameter "size\\n" is no keyword'],
    ["a keyword beyond ASCII", { "\u017fize": 1 }, 'Parameter "\u017fize" is no keyword'],
    ["__proto__ as a keyword", JSON.parse('{"__proto__": {"size": 1}}'), 'Parameter "__proto__" is no keyword'],
    ["a keyword twice", { size: 1, SIZE: 2 }, "Parameter SIZE is given twice"],
    ["a value with a space", { body: "a b" }, 'Parameter BODY is "a b"; expected'],
    ["a value with =", { body: "a=b" }, 'Parameter BODY is "a=b"; expected'],
    ["an empty value", { body: "" }, 'Parameter BODY is ""; expected'],
    ["a value with a line end behind it", { body: "a\n" }, 'Parameter BODY is "a\\n"; expected'],
    ["a value with DEL", { body: "a\x7f" }, 'Parameter BODY is "a\\x7f"; expected'],
    ["a value beyond ASCII", { body: "\u560a" }, 'Parameter BODY is "\u560a"; expected'],
    ["a fraction", { size: 1.5 }, "Parameter SIZE is 1.5; expected"],
    ["a number that is none", { size: Number.NaN }, "Parameter SIZE is NaN; expected"],
    ["a number beyond what is exact", { size: 1e21 }, "Parameter SIZE is 1e+21; expected"],
    ["undefined", { size: undefined }, "Parameter SIZE is undefined; expected"],
    ["null", { size: null }, "Parameter SIZE is null; expected"],
    ["a String object", { body: new String("x") }, "Parameter BODY is an object; expected"],
    ["an array", { notify: ["NEVER"] }, "Parameter NOTIFY is an array; expected"],
    ["a function", { notify: () => "NEVER" }, "Parameter NOTIFY is a function; expected"],
    ["no object but a string", "SIZE=1", 'Parameters are "SIZE=1"; expected an object'],
    ["no object but null", null, "Parameters are null; expected an object"],
    ["an array of them", ["SIZE=1"], "Parameters are an array; expected an object"],
    ["a Map of them", new Map([["SIZE", 1]]), "Parameters are an object; expected an object such as { size: 42 }"],
  ])("SmtpAddress() refuses %s", (_, parameters, message) => {
    const make = (): SmtpAddress => new SmtpAddress("a@b.example", parameters as EsmtpParameters);
    expect(make).toThrow(SmtpArgumentError);
    expect(make).toThrow(message);
  });

  test("SmtpAddress() takes own keys only", () => {
    const parameters = Object.create({ size: 1 }, { body: { value: "7BIT", enumerable: true } }) as EsmtpParameters;
    expect(sent(parameters)).toBe(" BODY=7BIT");
  });

  test("SmtpAddress() sends nothing that someone added to Object.prototype", () => {
    Object.defineProperty(Object.prototype, "polluted", {
      value: "x",
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      expect(sent({ size: 1 })).toBe(" SIZE=1");
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  test("SmtpAddress() reads each value once, and keeps a frozen copy", () => {
    let reads = 0;
    const given = {
      get size(): number | string {
        reads += 1;
        return reads === 1 ? 42 : "1\r\nRSET";
      },
    };
    const address = new SmtpAddress("a@b.example", given);
    expect(reads).toBe(1);
    expect(Object.isFrozen(address.parameters)).toBe(true);
    expect(reversePath(address, { smtputf8: false }).parameters).toBe(" SIZE=42");
    expect(reads).toBe(1);
    expect(address.parameters === given).toBe(false);
  });
});
