import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import {
  bodyOf,
  forwardPaths,
  type Mailbox,
  type RecipientList,
  reversePath,
  SmtpAddress,
  withBody,
} from "../../src/protocol/address.ts";

const ascii = { smtputf8: false };

function addresses(to: RecipientList): string[] {
  return forwardPaths(to, ascii).map(({ address }) => address);
}

describe("SmtpAddress", () => {
  test("SmtpAddress() keeps the address and is written as it", () => {
    const address = new SmtpAddress("a@b.example");
    expect(address.address).toBe("a@b.example");
    expect(address.parameters).toEqual({});
    expect(`${address}`).toBe("a@b.example");
  });

  test.each([undefined, null, 42, new String("a@b"), ["a@b"], { toString: () => "a@b" }])(
    "SmtpAddress() refuses %s",
    (value) => {
      const make = (): SmtpAddress => new SmtpAddress(value as string);
      expect(make).toThrow(SmtpArgumentError);
      expect(make).toThrow(/^Parameter "address" is .+; expected a string such as user@example.com$/);
    },
  );
});

describe("reversePath", () => {
  test.each<[from: string | SmtpAddress, smtputf8: boolean, mailbox: Mailbox]>([
    ["a@b.example", false, { address: "a@b.example", path: "<a@b.example>", parameters: "", utf8: false }],
    ["", false, { address: "", path: "<>", parameters: "", utf8: false }],
    [new SmtpAddress("", { ret: "HDRS" }), true, { address: "", path: "<>", parameters: " RET=HDRS", utf8: false }],
    [new SmtpAddress("a@b", { size: 1 }), false, { address: "a@b", path: "<a@b>", parameters: " SIZE=1", utf8: false }],
    [
      "a@\u00fc.example",
      false,
      { address: "a@\u00fc.example", path: "<a@xn--tda.example>", parameters: "", utf8: false },
    ],
    ["a@\u00fc.example", true, { address: "a@\u00fc.example", path: "<a@\u00fc.example>", parameters: "", utf8: true }],
  ])("reversePath() of %s with smtputf8 %s", (from, smtputf8, mailbox) => {
    expect(reversePath(from, { smtputf8 })).toEqual(mailbox);
  });

  test.each<[value: unknown]>([
    [undefined],
    [null],
    [42],
    [true],
    [["a@b"]],
    [new String("a@b")],
    [{ address: "a@b" }],
    [{ toString: () => "a@b" }],
    [() => "a@b"],
  ])("reversePath() and forwardPaths() refuse %s", (value) => {
    const message = /^Parameter "from" is .{1,40}; expected an address as a string, or an SmtpAddress$/;
    expect(() => reversePath(value as string, ascii)).toThrow(SmtpArgumentError);
    expect(() => reversePath(value as string, ascii)).toThrow(message);
    // A list is a recipient list within a recipient list; anything else is none.
    if (Array.isArray(value)) return;
    const to = ["a@b", value as string, "c@d"];
    expect(() => forwardPaths(to, ascii)).toThrow(new RegExp(message.source.replace("from", "to")));
  });

  test("reversePath() reads the address of an SmtpAddress once, and checks what it read", () => {
    let reads = 0;
    const address = new SmtpAddress("a@b");
    Object.defineProperty(address, "address", { get: () => (++reads === 1 ? "c@d" : "e@f\r\nRSET") });
    expect(reversePath(address, ascii)).toEqual({ address: "c@d", path: "<c@d>", parameters: "", utf8: false });
    const forged = Object.create(SmtpAddress.prototype, { address: { value: 42 } }) as SmtpAddress;
    expect(() => reversePath(forged, ascii)).toThrow('Parameter "from" is 42');
  });

  test("reversePath() names the parameter", () => {
    expect(() => reversePath("a b@c", ascii)).toThrow('Parameter "from" has a bad address, "a b@c": ');
  });
});

describe("forwardPaths", () => {
  test.each<[to: RecipientList, addresses: string[]]>([
    ["a@b", ["a@b"]],
    [new SmtpAddress("a@b"), ["a@b"]],
    [
      ["a@b", "c@d"],
      ["a@b", "c@d"],
    ],
    [
      ["a@b", ["c@d", [new SmtpAddress("e@f")], []], "g@h"],
      ["a@b", "c@d", "e@f", "g@h"],
    ],
    [
      ["a@b", "c@d", "a@b"],
      ["a@b", "c@d", "a@b"],
    ],
  ])("forwardPaths() flattens %j in order and keeps duplicates", (to, expected) => {
    expect(addresses(to)).toEqual(expected);
  });

  test.each([[[]], [[[], [[]]]]])("forwardPaths() refuses %j: there must be a recipient", (to) => {
    expect(() => forwardPaths(to, ascii)).toThrow(SmtpArgumentError);
    expect(() => forwardPaths(to, ascii)).toThrow('Parameter "to" has no recipient; expected one or more');
  });

  test.each(["", "<>", "a b@c", "a@b, c@d"])("forwardPaths() refuses %j and names the parameter", (to) => {
    expect(() => forwardPaths(["a@b", to], ascii)).toThrow(SmtpArgumentError);
    expect(() => forwardPaths(["a@b", to], ascii)).toThrow(`Parameter "to" has a bad address, "${to}": `);
  });

  test("forwardPaths() refuses a hole in a list", () => {
    // biome-ignore lint/suspicious/noSparseArray: it is what is tested
    expect(() => forwardPaths(["a@b", , "c@d"] as string[], ascii)).toThrow('Parameter "to" is undefined');
  });

  test("forwardPaths() refuses a list that holds itself, however wide", () => {
    const list: RecipientList[] = ["a@b"];
    list.push(list, list, list);
    expect(() => forwardPaths(list, ascii)).toThrow('Parameter "to" is nested more than 100 deep');
  });

  test("forwardPaths() takes a list nested 100 deep and 100 000 recipients", () => {
    let nested: RecipientList = "a@b";
    for (let depth = 0; depth < 100; depth++) nested = [nested];
    expect(addresses(nested)).toEqual(["a@b"]);
    expect(() => forwardPaths([nested], ascii)).toThrow("nested more than 100 deep");
    expect(addresses(new Array<string>(100_000).fill("a@b"))).toHaveLength(100_000);
  });
});

describe("withBody()", () => {
  const from = (parameters = {}): Mailbox => reversePath(new SmtpAddress("a@b.example", parameters), ascii);

  test("withBody() adds BODY to what the sender says, once", () => {
    expect(withBody(from(), "BINARYMIME").parameters).toBe(" BODY=BINARYMIME");
    expect(withBody(from({ size: 3 }), "BINARYMIME").parameters).toBe(" SIZE=3 BODY=BINARYMIME");
    expect(withBody(from({ body: "binarymime", size: 3 }), "BINARYMIME").parameters).toBe(" BODY=binarymime SIZE=3");
  });

  test("withBody() refuses a sender that says another", () => {
    expect(() => withBody(from({ body: "8BITMIME" }), "BINARYMIME")).toThrow(SmtpArgumentError);
    expect(() => withBody(from({ body: "8BITMIME" }), "BINARYMIME")).toThrow("BODY=8BITMIME");
  });

  test("bodyOf() is the BODY that a sender says, in capitals", () => {
    const said = [{}, { size: 3 }, { body: "8BITMIME" }, { size: 3, body: "BinaryMIME" }, { body: "BINARYMIME" }];
    expect(said.map((parameters) => bodyOf(from(parameters)))).toEqual([
      undefined,
      undefined,
      "8BITMIME",
      "BINARYMIME",
      "BINARYMIME",
    ]);
  });
});
