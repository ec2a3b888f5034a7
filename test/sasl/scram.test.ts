/** SCRAM: the examples of RFC 5802 and 7677, what a lying server says, and any user and password that the RFC allows. */
import { assert, asyncProperty, string } from "fast-check";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError, SmtpAuthenticationError, SmtpUnsupportedCommand } from "../../src/errors.ts";
import { saslName } from "../../src/sasl/gs2.ts";
import type { SaslCredentials } from "../../src/sasl/mechanism.ts";
import { preparedName, preparedSecret } from "../../src/sasl/saslprep.ts";
import { scram } from "../../src/sasl/scram.ts";
import { runs } from "../support/runs.ts";
import { ScramServer, type ScramServerOptions } from "../support/scram.ts";
import { credentials, talk } from "./talk.ts";

const USER = credentials("user", "pencil");
const RFC5802 = "fyko+d2lbbFgONRv9qkxdawL";
const EXPORTER = { type: "tls-exporter", data: Uint8Array.from([0, 255, 128]) } as const;

async function failure(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => expect.unreachable("it did not fail"),
    (error) => error as Error,
  );
}

test("SCRAM-SHA-1 says what RFC 5802 section 5 says", async () => {
  const first = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
  const said = await talk(scram("SHA-1", () => RFC5802).bare, USER, [first, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "more?"]);
  expect(said).toEqual([
    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "",
    "ended",
  ]);
});

test("SCRAM-SHA-256 says what RFC 7677 section 3 says", async () => {
  const first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
  const said = await talk(scram("SHA-256", () => "rOprNGfwEbeRWgbNEkqO").bare, USER, [
    first,
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    "more?",
  ]);
  expect(said).toEqual([
    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "",
    "ended",
  ]);
});

/** A whole exchange with the test's server; gives the server's. */
async function exchange(
  options: Partial<ScramServerOptions>,
  who: Partial<SaslCredentials> = {},
  plus = false,
): Promise<ScramServer> {
  const server = new ScramServer({ users: { user: "pencil" }, hash: "sha256", ...options });
  const { plus: bound, bare } = scram(options.hash === "sha1" ? "SHA-1" : "SHA-256");
  const login = (plus ? bound : bare).exchange({ ...USER, ...who });
  const say = async (challenge?: string): Promise<string> => String((await login.next(challenge)).value);
  expect(await say(server.final(await say(server.first(await say()))))).toBe("");
  expect(await login.next(undefined)).toEqual({ done: true, value: undefined });
  return server;
}

describe("gs2 flag", () => {
  test.each([
    ["n", "nothing to bind to", {}],
    ["n", "in clear, -PLUS offered", { offered: ["SCRAM-SHA-256-PLUS"] }],
    ["y", "it can be bound, and -PLUS is not offered", { channelBinding: EXPORTER, offered: ["SCRAM-SHA-256"] }],
    ["y", "it can be bound, and nothing is offered", { channelBinding: EXPORTER }],
    [
      "n",
      "it can be bound, -PLUS is offered and not used",
      { channelBinding: EXPORTER, offered: ["SCRAM-SHA-256-PLUS"] },
    ],
    ["n", "the same of another hash", { channelBinding: EXPORTER, offered: ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"] }],
  ])("is %s: %s", async (flag, _why, who) => {
    expect((await exchange({}, who)).flag).toBe(flag);
  });

  test.each(["tls-exporter", "tls-server-end-point"] as const)(
    "is p=%s, and its octets are said back",
    async (type) => {
      const bindings = new Map([[type, Buffer.from([0, 255, 128])]]);
      const server = await exchange({ bindings }, { channelBinding: { ...EXPORTER, type } }, true);
      expect(server.flag).toBe(`p=${type}`);
    },
  );

  test("other octets than the server's are refused by it", async () => {
    const bindings = new Map([["tls-exporter", Buffer.from([0, 255, 127])]]);
    const error = await failure(exchange({ bindings }, { channelBinding: EXPORTER }, true));
    expect(error.message).toBe("channel-bindings-dont-match");
  });

  test("-PLUS without anything to bind to says nothing", async () => {
    const error = await failure(talk(scram("SHA-256").plus, USER, []));
    expect(error).toBeInstanceOf(SmtpUnsupportedCommand);
    expect(error.message).toMatch(/^Login by SCRAM-SHA-256-PLUS needs TLS .*nothing was sent$/);
  });
});

test("a nonce of the client's own is new each time, and 144 bits", async () => {
  const nonces = new Set<string>();
  for (let i = 0; i < 50; i++) {
    const [first = ""] = await talk(scram("SHA-256").bare, USER, []);
    nonces.add(/^n,,n=user,r=([\w+/]{24})$/.exec(String(first))?.[1] ?? "");
  }
  expect([nonces.size, nonces.has("")]).toEqual([50, false]);
});

test("authzid goes into the header, escaped, and is said back", async () => {
  expect((await exchange({}, { authzid: "a=b,c" })).authzid).toBe("a=3Db=2Cc");
});

describe("a lying server", () => {
  const first = (change: (honest: string) => string) => ({ lies: { first: change } });
  const final = (change: (honest: string) => string) => ({ lies: { final: change } });
  const lies: [why: string, options: Partial<ScramServerOptions>, told: RegExp][] = [
    ["a nonce that is the client's alone", { nonce: "" }, /nonce does not extend/],
    ["another nonce", first((said) => said.replace(/^r=./, "r=!")), /nonce does not extend/],
    ["a shorter nonce", first((said) => said.replace(/^r=[^,]*/, "r=ab")), /nonce does not extend/],
    ["a nonce with a letter that none has", first((said) => said.replace(",s=", "é,s=")), /nonce does not extend/],
    ["1 iteration", { iterations: 1 }, /fewer than 4096 iterations/],
    ["4095 iterations", { iterations: 4095 }, /fewer than 4096 iterations/],
    ["4095 iterations by SHA-1", { iterations: 4095, hash: "sha1" }, /fewer than 4096 iterations/],
    ["10^9 iterations", first((said) => said.replace(/i=\d+/, "i=1000000000")), /more than 10000000 iterations/],
    ["10^7 + 1 iterations", first((said) => said.replace(/i=\d+/, "i=10000001")), /more than 10000000 iterations/],
    ["iterations without end", first((said) => `${said}${"0".repeat(5_000)}`), /more than 10000000 iterations/],
    ...["04096", "+4096", "4096.0", "0x1000", "4e3", "-4096", " 4096"].map((count): (typeof lies)[0] => [
      `${count} iterations`,
      first((said) => said.replace(/i=.*/, `i=${count}`)),
      /iteration count is not a number/,
    ]),
    ["no iterations", first((said) => said.replace(/,i=.*/, "")), /malformed/],
    ["no salt", first((said) => said.replace(/,s=[^,]*/, "")), /malformed/],
    ["an empty salt", first((said) => said.replace(/s=[^,]*/, "s=")), /malformed/],
    ["a salt that is not base64", first((said) => said.replace(/s=[^,]*/, "s=c2FsdA")), /salt is not base64/],
    ["no nonce", first((said) => said.replace(/^[^,]*,/, "")), /malformed/],
    ["attributes in another order", first((said) => said.split(",").reverse().join(",")), /malformed/],
    ["an extension that it demands", first((said) => `m=new,${said}`), /demands an extension/],
    ["one at the end", first((said) => `${said},m=new`), /demands an extension/],
    ["an empty attribute", first((said) => `${said},`), /malformed/],
    ["nothing", first(() => ""), /malformed/],
    ["a line of a megabyte", first(() => ",".repeat(1_000_000)), /malformed/],
    ["an error at once", first(() => "e=other-error"), /server says "other-error"/],
    ["an error", final(() => "e=invalid-proof"), /server says "invalid-proof"/],
    ["an error that would control a terminal", final(() => "e=\x1b[2J"), /server says that it failed/],
    [
      "a wrong signature",
      final((said) => said.replace(/^v=./, (v) => (v === "v=A" ? "v=B" : "v=A"))),
      /signature is wrong/,
    ],
    ["the signature in another form", final((said) => said.replace(/=$/, "")), /signature is wrong/],
    ["half a signature", final((said) => said.slice(0, 20)), /signature is wrong/],
    ["an empty signature", final(() => "v="), /malformed/],
    ["no signature", final(() => "x=y"), /malformed/],
    ["nothing at the end", final(() => ""), /malformed/],
  ];
  test.each(lies)("%s: refused", async (_why, options, told) => {
    const error = await failure(exchange(options));
    expect(error).toBeInstanceOf(SmtpAuthenticationError);
    expect(error.message).toMatch(told);
    expect(error.message).toMatch(/^Login by SCRAM-SHA-(1|256) failed: /);
  });

  test("extensions that it only offers are not looked at", async () => {
    await exchange({ lies: { first: (said) => `${said},x=y,t=tls-exporter`, final: (said) => `${said},z=1` } });
  });

  test("4096 iterations are enough", async () => {
    await exchange({ iterations: 4096 });
  });

  test.each([1, 2])("the final reply before message %i: it does not agree", async (steps) => {
    const server = new ScramServer({ users: { user: "pencil" }, hash: "sha256" });
    const login = scram("SHA-256").bare.exchange(USER);
    let said = String((await login.next()).value);
    if (steps === 2) said = String((await login.next(server.first(said))).value);
    expect((await failure(Promise.resolve(login.next(undefined)))).message).toMatch(/ended it before its last step/);
  });
});

describe("user and password", () => {
  test.each([
    ["user", "\u0007", "pencil"],
    ["user", "\u05d0a", "pencil"],
    ["secret", "user", "pen\u0007cil"],
    ["secret", "user", "\u00ad"],
    ["secret", "user", "pen\u{e0001}cil"],
    ["secret", "user", "pen\u0378cil"],
  ])("%s that SASLprep prohibits is bad input, before anything is said", async (parameter, user, secret) => {
    const error = await failure(talk(scram("SHA-256").bare, credentials(user, secret), []));
    expect(error).toBeInstanceOf(SmtpArgumentError);
    expect(error.message).toContain(`"${parameter}"`);
    expect(error.message).not.toContain("pen");
  });

  test("any that the RFC allows log in", async () => {
    const allowed = (prepare: (text: string) => string) =>
      string({ unit: "binary", minLength: 1, maxLength: 12 }).filter((text) => {
        try {
          return prepare(text) !== "";
        } catch {
          return false;
        }
      });
    const user = allowed((text) => preparedName("user", text));
    await assert(
      asyncProperty(user, allowed(preparedSecret), async (name, secret) => {
        const prepared = preparedName("user", name);
        const users = { [prepared]: preparedSecret(secret) };
        const server = await exchange({ users, hash: "sha1" }, { user: name, secret });
        expect(server.user).toBe(prepared);
      }),
      { numRuns: runs(150) },
    );
  });

  test.each(["a,b", "a=b", "=2C,=3D", "n=x,r=y"])("the user %j logs in as himself", async (user) => {
    expect((await exchange({ users: { [user]: "pencil" } }, { user })).user).toBe(user);
  });

  test.each([
    ["a,b", "a=2Cb"],
    ["a=b", "a=3Db"],
    ["=2C", "=3D2C"],
    ["plain", "plain"],
  ])("the name %j is said as %j", (name, said) => {
    expect(saslName(name)).toBe(said);
  });
});
