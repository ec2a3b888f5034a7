/** Bad input: each public parameter, wrong in each way, is an SmtpArgumentError that names it, before a byte goes out. */
import { describe, expect, test } from "vitest";
import { NetSmtp, SmtpAddress, SmtpArgumentError, type SmtpOptions } from "../mod.ts";
import { type PlayedSession, session } from "./support/session.ts";

const LONG = "x".repeat(5_000);
const CONTROLS = [
  "a\rb@x.example",
  "a\nb@x.example",
  "a\r\nRSET\r\n@x.example",
  "a\0b@x.example",
  "a\u007fb@x.example",
];
const NOT_STRINGS: unknown[] = [
  undefined,
  null,
  1,
  true,
  {},
  [1],
  Symbol("s"),
  new String("a@x"),
  { toString: () => "a@x.example" },
];
const INJECTIONS = [
  "a@x.example> SIZE=1",
  "<a@x.example",
  "a b@x.example",
  "a@x .example",
  '"a@x.example',
  "a@x.example>\r\nRSET",
];

function name(value: unknown): string {
  return typeof value === "string"
    ? JSON.stringify(value.slice(0, 40))
    : typeof value === "symbol"
      ? "symbol"
      : `${typeof value} ${value}`;
}

/** Nothing but the greeting and EHLO may have gone out. */
async function refuses(call: (smtp: NetSmtp) => unknown, parameter: string): Promise<void> {
  const { smtp, server }: PlayedSession = await session("", { extensions: ["PIPELINING", "SMTPUTF8", "AUTH PLAIN"] });
  const written = server.writes.length;
  const outcome = await Promise.resolve()
    .then(() => call(smtp))
    .then(
      () => "resolved",
      (error) => error,
    );
  expect(outcome).toBeInstanceOf(SmtpArgumentError);
  expect(outcome).toMatchObject({ code: "SMTP_ARGUMENT", fate: "unsent", retry: "never" });
  expect(outcome.message).toContain(parameter);
  expect(outcome.message.length).toBeLessThan(400);
  expect(outcome.message).not.toMatch(/\p{Cc}/u);
  expect(server.writes).toHaveLength(written);
  expect(smtp.errorOccurred).toBe(false);
}

describe("from", () => {
  for (const value of [
    ...NOT_STRINGS,
    ...CONTROLS,
    ...INJECTIONS,
    `${LONG}@x.example`,
    `a@${LONG}`,
    `${"a".repeat(65)}@x.example`,
  ]) {
    test(`sendMessage() and mailFrom() refuse ${name(value)}`, async () => {
      await refuses((smtp) => smtp.sendMessage("x", value as never, "b@y.example"), '"from"');
      await refuses((smtp) => smtp.mailFrom(value as never), '"from"');
      await refuses((smtp) => smtp.openMessageStream(value as never, "b@y.example", () => undefined), '"from"');
    });
  }
});

describe("to", () => {
  for (const value of [
    "",
    [],
    [[]],
    ["b@y.example", ""],
    ...NOT_STRINGS,
    ...CONTROLS,
    ...INJECTIONS,
    `${LONG}@x.example`,
    ["b@y.example", [null]],
  ]) {
    test(`sendMessage() and rcptToList() refuse ${name(value)}`, async () => {
      await refuses((smtp) => smtp.sendMessage("x", "a@x.example", value as never), '"to"');
      await refuses((smtp) => smtp.rcptToList(value as never, () => undefined), '"to"');
    });
  }

  for (const value of ["", [], ["b@y.example", "c@y.example"], ...NOT_STRINGS, ...CONTROLS]) {
    test(`rcptTo() refuses ${name(value)}`, () => refuses((smtp) => smtp.rcptTo(value as never), '"to"'));
  }
});

describe("message", () => {
  for (const value of [undefined, null, 1, true, {}, Symbol("s"), new DataView(new ArrayBuffer(1))]) {
    test(`sendMessage() and data() refuse ${name(value)}`, async () => {
      await refuses((smtp) => smtp.sendMessage(value as never, "a@x.example", "b@y.example"), '"message"');
      await refuses((smtp) => smtp.data(value as never), '"message"');
    });
  }
});

describe("block", () => {
  for (const value of [undefined, null, 1, "block", {}]) {
    test(`openMessageStream() and rcptToList() refuse ${name(value)}`, async () => {
      await refuses((smtp) => smtp.openMessageStream("a@x.example", "b@y.example", value as never), '"block"');
      await refuses((smtp) => smtp.rcptToList("b@y.example", value as never), '"block"');
    });
  }
});

describe("helo", () => {
  for (const value of ["", "a b", "a\rb", "a\nb", "a\0b", "me>", LONG, 1, null, undefined, {}]) {
    test(`helo() and ehlo() refuse ${name(value)}`, async () => {
      await refuses((smtp) => smtp.helo(value as never), '"helo"');
      await refuses((smtp) => smtp.ehlo(value as never), '"helo"');
    });
  }
});

describe("user, secret, type", () => {
  for (const value of ["", "a\0b", 1, null, undefined, {}, []]) {
    test(`authenticate() refuses ${name(value)}`, async () => {
      await refuses((smtp) => smtp.authenticate(value as never, "secret"), '"user"');
      await refuses((smtp) => smtp.authenticate("me", value as never), '"secret"');
      await refuses((smtp) => smtp.authPlain(value as never, "secret"), '"user"');
    });
  }

  for (const value of ["", "NONE", "PLAIN\r\nRSET", LONG, 1, null]) {
    test(`authenticate() refuses the type ${name(value)}`, () =>
      refuses((smtp) => smtp.authenticate("me", "secret", value as never), '"authType"'));
  }
});

describe("line", () => {
  for (const value of ["NOOP\r\nRSET", "NOOP\n", "NO\0OP", "NOOP \u007f", "NO\u0007OP", 1, null, undefined, {}]) {
    test(`getOk(), getResponse() and validateLine() refuse ${name(value)}`, async () => {
      await refuses((smtp) => smtp.getOk(value as never), "Command line");
      await refuses((smtp) => smtp.getResponse(value as never), "Command line");
      await refuses((smtp) => smtp.validateLine(value as never), "Command line");
    });
  }

  for (const [line, method] of [
    ["DATA", "data()"],
    ["data", "data()"],
    [" BDAT 1", "sendMessage()"],
    ["STARTTLS", "starttls()"],
    ["auth PLAIN AGEAYg==", "authenticate()"],
  ] as const) {
    test(`getOk() refuses ${line} and names ${method}`, () => refuses((smtp) => smtp.getOk(line), method));
  }
});

describe("options of a message", () => {
  const cases: [string, unknown][] = [
    ["recipientPolicy", "some"],
    ["recipientPolicy", 1],
    ["signal", {}],
    ["deadline", 0],
    ["deadline", "1"],
    ["deadline", Number.NaN],
    ["beforeEnd", "x"],
    ["id", ""],
    ["attempt", 0],
    ["attempt", "2"],
    ["retries", 3],
  ];
  for (const [option, value] of cases) {
    test(`sendMessage() refuses ${option} ${name(value)}`, () =>
      refuses(
        (smtp) => smtp.sendMessage("x", "a@x.example", "b@y.example", { [option]: value } as never),
        `"${option}"`,
      ));
  }
});

describe("new NetSmtp()", () => {
  const addresses = ["", "a b", "a\r\nb", "a\0", LONG, 1, null, undefined, {}];
  for (const value of addresses) {
    test(`refuses the address ${name(value)}`, () => {
      expect(() => new NetSmtp(value as never)).toThrow(SmtpArgumentError);
      expect(() => new NetSmtp(value as never)).toThrow('"address"');
    });
  }

  for (const value of [0, -1, 65_536, 1.5, Number.NaN, "25", null, {}]) {
    test(`refuses the port ${name(value)}`, () => {
      expect(() => new NetSmtp("localhost", value as never)).toThrow(SmtpArgumentError);
      expect(() => new NetSmtp("localhost", value as never)).toThrow('"port"');
    });
  }

  const options: Record<keyof SmtpOptions, unknown[]> = {
    helo: ["", 1, null],
    user: [1, null],
    secret: ["", 1, null],
    password: ["", 1, null],
    authType: ["", 1],
    authzid: [1, null],
    signal: [{}, 1],
    lmtp: [1, "yes", null],
    esmtp: [1, "true", null],
    tls: [1, "yes", null],
    starttls: [true, "never", 1],
    tlsVerify: [0, "no"],
    tlsHostname: ["", "a b", "a\r\nb", 1],
    tlsOptions: [1, "ca", null, []],
    allowInsecureAuth: [1, "yes"],
    forceAuth: [1, "yes"],
    mechanisms: [{}, "PLAIN"],
    openTimeout: [0, -1, "1", Number.NaN, Number.POSITIVE_INFINITY],
    dnsTimeout: [0, "1"],
    greetingTimeout: [0, "1"],
    readTimeout: [0, "1"],
    finalTimeout: [0, "1"],
    writeTimeout: [0, "1"],
    quitTimeout: [0, "1"],
    closeTimeout: [-1, "1", Number.POSITIVE_INFINITY],
    maxReplySize: [0, 511, 512.5, "1"],
    recipientPolicy: ["some", 1],
    pipelining: [1],
    chunking: [1],
    inFlight: [0, 1.5, "1", 1_001],
    strict: [1],
    debugOutput: [1, {}, "log"],
    observe: [1, {}, "log", null, [() => {}, 1]],
    localAddress: ["", 1, "a b"],
    socketPath: ["", "a\0b", 1],
    socket: [1, "socket"],
    secured: [1, "yes"],
    network: [1, "node"],
  };
  for (const [option, values] of Object.entries(options)) {
    for (const value of values) {
      test(`refuses option ${option} ${name(value)}`, () => {
        const make = (): NetSmtp => new NetSmtp("localhost", 25, { [option]: value });
        expect(make).toThrow(SmtpArgumentError);
        expect(make).toThrow(`"${option}"`);
      });
    }
  }

  test("refuses an option that is unknown, and names the known ones", () => {
    const make = (): NetSmtp => new NetSmtp("localhost", 25, { startTls: "always" } as never);
    expect(make).toThrow(/"startTls" is unknown, expected one of .*starttls/);
  });

  test("never shows a secret", () => {
    const make = (): NetSmtp => new NetSmtp("localhost", 25, { secret: { toString: () => "hunter2" } } as never);
    expect(make).toThrow('"secret" is a value of type object');
  });
});

describe("new SmtpAddress()", () => {
  const cases: [unknown, unknown][] = [
    [1, {}],
    ["a@x", { "SIZE=1 B": 1 }],
    ["a@x", { size: "1 2" }],
    ["a@x", { size: "1\r\nRSET" }],
    ["a@x", { size: null }],
    ["a@x", 1],
  ];
  for (const [address, parameters] of cases) {
    test(`refuses ${name(address)} with ${JSON.stringify(parameters)}`, () => {
      expect(() => new SmtpAddress(address as never, parameters as never)).toThrow(SmtpArgumentError);
    });
  }
});
