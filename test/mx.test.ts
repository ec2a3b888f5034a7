/** The mail hosts of a domain, from a resolver that a test answers for. */
import { describe, expect, test } from "vitest";
import { isSmtpError, type MailExchange, type MxOptions, resolveMx, type SmtpError, type SmtpNetwork } from "../mod.ts";
import { nodeNetwork } from "../src/net/node.ts";
import { failure } from "./support/told.ts";

type Answer<T> = T | string | Error | Promise<T>;

interface Records {
  readonly mx?: Answer<readonly (readonly [preference: number, exchange: string])[]>;
  readonly addresses?: Answer<string[]>;
}

/** A resolver; a text is the code of the error it fails with. Keeps what it was asked. */
function resolver({ mx = "ENODATA", addresses = "ENOTFOUND" }: Records): SmtpNetwork & { asked: string[] } {
  const asked: string[] = [];
  const answer = async <T>(value: Answer<T>): Promise<T> => {
    if (typeof value === "string") throw Object.assign(new Error(`query${value}`), { code: value });
    if (value instanceof Error) throw value;
    return await value;
  };
  return {
    asked,
    resolveMx: async (domain) => {
      asked.push(`MX ${domain}`);
      return (await answer(mx)).map(([preference, exchange]): MailExchange => ({ exchange, preference }));
    },
    resolve: (host) => {
      asked.push(`A ${host}`);
      return answer(addresses);
    },
    connect: () => Promise.reject(new Error("not here")),
    wrap: () => {
      throw new Error("not here");
    },
  };
}

async function hosts(records: Records, options: MxOptions = {}, domain = "y.example"): Promise<string> {
  const found = await resolveMx(domain, { network: resolver(records), random: () => 0.5, ...options });
  return found.map(({ exchange, preference }) => `${preference} ${exchange}`).join(", ");
}

function fails(records: Records, options: MxOptions = {}, domain = "y.example"): Promise<SmtpError> {
  return failure(hosts(records, options, domain));
}

describe("resolveMx()", () => {
  test("the lowest preference comes first, each host once, in small letters, without the root's dot", async () => {
    const mx = [
      [20, "Two.y.example."],
      [10, "one.y.example"],
      [30, "TWO.y.example"],
      [5, "five.y.example"],
    ] as const;
    expect(await hosts({ mx })).toBe("5 five.y.example, 10 one.y.example, 20 two.y.example");
  });

  test("those of equal preference are drawn by lot", async () => {
    const mx = [
      [10, "a.example"],
      [10, "b.example"],
      [10, "c.example"],
      [1, "d.example"],
    ] as const;
    const lots = (...values: number[]) => ({ random: () => values.shift() as number });
    expect(await hosts({ mx }, lots(0.1, 0.2, 0.3, 0.9))).toBe("1 d.example, 10 a.example, 10 b.example, 10 c.example");
    expect(await hosts({ mx }, lots(0.3, 0.1, 0.2, 0.9))).toBe("1 d.example, 10 b.example, 10 c.example, 10 a.example");
    const firsts = new Set<string>();
    for (let draw = 0; draw < 200; draw++) firsts.add((await hosts({ mx }, { random: Math.random })).slice(13, 25));
    expect(firsts.size).toBe(3);
  });

  test.each([["ENODATA"], ["ENOTFOUND"], [[]]])(
    "without MX (%s) the domain is its own, if it has an address",
    async (mx) => {
      expect(await hosts({ mx: mx as string, addresses: ["192.0.2.1"] })).toBe("0 y.example");
      for (const addresses of ["ENOTFOUND", "ENODATA", []] as const) {
        const error = await fails({ mx: mx as string, addresses: addresses as string });
        expect([error.code, error.retry, error.temporary, error.phase]).toEqual([
          "SMTP_NO_DOMAIN",
          "never",
          false,
          "connect",
        ]);
      }
    },
  );

  test("with MX nobody asks for the domain's addresses", async () => {
    const network = resolver({ mx: [[0, "mx.example"]], addresses: ["192.0.2.1"] });
    await resolveMx("y.example", { network });
    expect(network.asked).toEqual(["MX y.example"]);
  });

  test.each(["", "."])("a null MX (%j): the domain takes no mail (RFC 7505)", async (exchange) => {
    const error = await fails({ mx: [[0, exchange]], addresses: ["192.0.2.1"] });
    expect([error.name, error.code, error.retry, error.temporary]).toEqual([
      "SmtpConnectionError",
      "SMTP_NULL_MX",
      "never",
      false,
    ]);
    expect(error.message).toBe("Domain y.example takes no mail (null MX, RFC 7505: 556 5.1.10)");
    expect(
      await hosts({
        mx: [
          [0, exchange],
          [5, "mx.example"],
        ],
      }),
    ).toBe("5 mx.example");
  });

  test("a host that can be none is left out; if none is left that may be mended", async () => {
    const bad = [
      [0, "192.0.2.1"],
      [0, "a b.example"],
      [0, "-.example"],
      [0, "x\r\ny.example"],
    ] as const;
    expect(await hosts({ mx: [...bad, [7, "mx.example"]] })).toBe("7 mx.example");
    const error = await fails({ mx: bad, addresses: ["192.0.2.1"] });
    expect([error.retry, error.message.includes("\r")]).toEqual(["later", false]);
  });

  test.each(["ESERVFAIL", "ETIMEOUT", "EREFUSED", "ECONNREFUSED", "EAI_AGAIN", "ECANCELLED", "EBADRESP"])(
    "%s is no answer: later, and nobody else is asked",
    async (code) => {
      const network = resolver({ mx: code, addresses: ["192.0.2.1"] });
      const error = await failure(resolveMx("y.example", { network }));
      expect([error.name, error.retry, error.temporary, error.fate]).toEqual([
        "SmtpConnectionError",
        "later",
        true,
        "unsent",
      ]);
      expect(error.message).toContain(`(${code})`);
      expect((error.cause as { code: string }).code).toBe(code);
      expect(network.asked).toEqual(["MX y.example"]);
      expect((await fails({ addresses: code })).retry).toBe("later");
    },
  );

  test("what the program may not look up will not come later", async () => {
    const denied = Object.assign(new Error("Requires net access"), { name: "NotCapable" });
    expect([(await fails({ mx: denied })).retry, (await fails({ mx: "EPERM" })).temporary]).toEqual(["never", false]);
  });

  test("this host and those no better are left out (RFC 5321 5.1)", async () => {
    const mx = [
      [10, "one.example"],
      [20, "Me.example"],
      [20, "two.example"],
      [30, "three.example"],
    ] as const;
    expect(await hosts({ mx }, { localNames: ["me.example."] })).toBe("10 one.example");
    expect(await hosts({ mx }, { localNames: ["other.example"] })).toContain("30 three.example");
    const error = await fails({ mx }, { localNames: ["one.example"] });
    expect([error.code, error.retry]).toEqual(["SMTP_MAIL_LOOP", "never"]);
  });

  test("an internationalised domain is asked for by its A-label", async () => {
    const network = resolver({ addresses: ["192.0.2.1"] });
    expect(await resolveMx("Bücher.example", { network })).toEqual([
      { exchange: "xn--bcher-kva.example", preference: 0 },
    ]);
    expect(network.asked).toEqual(["MX xn--bcher-kva.example", "A xn--bcher-kva.example"]);
  });

  test.each([
    ["[192.0.2.1]", "192.0.2.1"],
    ["[IPv6:2001:db8::1]", "2001:db8::1"],
  ])("%s is its own", async (literal, exchange) => {
    const network = resolver({});
    expect(await resolveMx(literal, { network })).toEqual([{ exchange, preference: 0 }]);
    expect(network.asked).toEqual([]);
  });

  test.each([
    "",
    "192.0.2.1",
    "[192.0.2.256]",
    "[x",
    "b@y.example",
    "y..example",
    "y.example\r\n",
    "y example",
    "-y.example",
    "①.2.3.4",
    "x".repeat(64),
    `${"x.".repeat(150)}example`,
    "x".repeat(100_000),
    7,
    null,
    { toString: () => "y.example" },
  ])("%j is no domain, and nobody is asked", async (domain) => {
    const network = resolver({ addresses: ["192.0.2.1"] });
    const error = await failure(resolveMx(domain as string, { network }));
    expect([error.name, error.message.startsWith('Parameter "domain" is ')]).toEqual(["SmtpArgumentError", true]);
    expect(network.asked).toEqual([]);
  });

  test.each([
    [{ unknown: 1 }, "unknown"],
    [{ timeout: 0 }, "timeout"],
    [{ random: 1 }, "random"],
    [{ localNames: "x" }, "localNames"],
    [{ network: { ...resolver({}), resolveMx: undefined } }, "network"],
  ])("%j is bad input", async (options, named) => {
    const error = await failure(resolveMx("y.example", { network: resolver({}), ...options } as MxOptions));
    expect([error.name, error.message.includes(`"${named}"`)]).toEqual(["SmtpArgumentError", true]);
  });

  test("a resolver that does not answer is given up in time, or when the signal aborts", async () => {
    const mx = new Promise<never>(() => undefined);
    const late = await fails({ mx }, { timeout: 1 });
    expect([late.name, late.retry, isSmtpError(late)]).toEqual(["SmtpOpenTimeout", "later", true]);
    const abort = new AbortController();
    const given = fails({ mx }, { signal: abort.signal });
    abort.abort(new Error("mine"));
    const aborted = await given;
    expect([aborted.name, (aborted.cause as Error).message]).toEqual(["AbortError", "mine"]);
    expect((await fails({ mx }, { signal: AbortSignal.abort() })).name).toBe("AbortError");
  });

  test("the runtime's network can look up, and an address literal needs nobody", async () => {
    expect(typeof nodeNetwork.resolveMx).toBe("function");
    expect(await resolveMx("[127.0.0.1]")).toEqual([{ exchange: "127.0.0.1", preference: 0 }]);
  });
});
