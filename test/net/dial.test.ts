import { getEventListeners } from "node:events";
import { describe, expect, test } from "vitest";
import { SmtpConnectionError } from "../../src/errors.ts";
import { type Dialled, dial, interleave } from "../../src/net/dial.ts";
import type { SmtpNetwork, SmtpStream } from "../../src/net/stream.ts";
import { type PlayedServer, play } from "../support/play.ts";

/** A network whose attempts the test settles, and a clock that it moves. */
class Bench {
  readonly attempts = new Map<string, { win(): PlayedServer; fail(code: string): void; signal: AbortSignal }>();
  readonly log: string[] = [];
  readonly controller = new AbortController();
  readonly network: SmtpNetwork = {
    resolve: () => Promise.reject(new Error("unused")),
    wrap: () => {
      throw new Error("unused");
    },
    connect: ({ address, port, localAddress }, signal) =>
      new Promise<SmtpStream>((resolve, reject) => {
        this.log.push(`${address} ${port} ${localAddress}`);
        const win = (): PlayedServer => {
          const stream = play("");
          resolve(stream);
          return stream;
        };
        const fail = (code: string): void => reject(Object.assign(new Error(`connect ${code}`), { code }));
        this.attempts.set(address, { win, fail, signal });
      }),
  };
  #timers = new Set<() => void>();

  dial(addresses: string[], port: number | undefined = 25): Promise<Dialled> {
    const delay = (callback: () => void, milliseconds: number): (() => void) => {
      this.log.push(`delay ${milliseconds}`);
      this.#timers.add(callback);
      return () => this.#timers.delete(callback);
    };
    return dial(this.network, addresses, { port, localAddress: "192.0.2.9", signal: this.controller.signal, delay });
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets 250 ms pass. */
  pass(): void {
    for (const timer of [...this.#timers]) {
      this.#timers.delete(timer);
      timer();
    }
  }

  of(address: string): { win(): PlayedServer; fail(code: string): void; signal: AbortSignal } {
    const attempt = this.attempts.get(address);
    if (attempt === undefined) throw new Error(`No attempt at ${address}: ${this.log.join(", ")}`);
    return attempt;
  }

  get tried(): string[] {
    return [...this.attempts.keys()];
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const [A, B, C] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const;

describe("interleave()", () => {
  test.each([
    [[], []],
    [["1.1.1.1"], ["1.1.1.1"]],
    [
      ["a::1", "a::2", "a::3", "1.1.1.1", "1.1.1.2"],
      ["a::1", "1.1.1.1", "a::2", "1.1.1.2", "a::3"],
    ],
    [
      ["1.1.1.1", "a::1", "a::2", "a::3"],
      ["1.1.1.1", "a::1", "a::2", "a::3"],
    ],
    [
      ["1.1.1.1", "1.1.1.2"],
      ["1.1.1.1", "1.1.1.2"],
    ],
  ])("%j -> %j", (addresses, expected) => {
    expect(interleave(addresses)).toEqual(expected);
  });
});

describe("dial()", () => {
  test("connects to the first address, and gives the others as rest", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A, B, C]);
    const stream = bench.of(A).win();
    expect(await dialled).toEqual({ stream, address: A, rest: [B, C] });
    expect(bench.log).toEqual([`${A} 25 192.0.2.9`, "delay 250"]);
    expect(bench.timers).toBe(0);
    expect(getEventListeners(bench.controller.signal, "abort")).toEqual([]);
  });

  test("sets no timer when there is no other address", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A]);
    bench.of(A).win();
    await dialled;
    expect(bench.log).toEqual([`${A} 25 192.0.2.9`]);
  });

  test("tries the next after 250 ms; the first that connects wins, the others are dropped", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A, B, C]);
    expect(bench.tried).toEqual([A]);
    bench.pass();
    expect(bench.tried).toEqual([A, B]);
    const stream = bench.of(B).win();
    expect(await dialled).toMatchObject({ stream, address: B, rest: [A, C] });
    expect(bench.of(A).signal.aborted).toBe(true);
    expect(stream.closed).toBeUndefined();
    const late = bench.of(A).win();
    await turn();
    expect(late.closed).toBe("destroy");
    expect(bench.tried).toEqual([A, B]);
  });

  test("tries the next at once when one fails; what failed is not in the rest", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A, B, C]);
    bench.of(A).fail("ECONNREFUSED");
    await turn();
    expect(bench.tried).toEqual([A, B]);
    expect(bench.timers).toBe(1);
    bench.of(B).win();
    expect(await dialled).toMatchObject({ address: B, rest: [C] });
  });

  test("waits for an attempt that is still open when the others failed", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A, B]);
    bench.pass();
    bench.of(B).fail("ENETUNREACH");
    await turn();
    bench.of(A).win();
    expect(await dialled).toMatchObject({ address: A, rest: [] });
  });

  test("tells each address with its code when all fail", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A, "2001:db8::1"]);
    bench.of(A).fail("ECONNREFUSED");
    await turn();
    bench.of("2001:db8::1").fail("ENETUNREACH");
    const error = await dialled.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SmtpConnectionError);
    expect(error).toMatchObject({
      message: `Connection failed: ${A}:25 ECONNREFUSED, [2001:db8::1]:25 ENETUNREACH`,
      phase: "connect",
      temporary: true,
      cause: { errors: [{ code: "ECONNREFUSED" }, { code: "ENETUNREACH" }] },
    });
    expect(bench.timers).toBe(0);
  });

  test("has the one error as cause, for a unix socket too", async () => {
    const bench = new Bench();
    const dialled = dial(bench.network, ["/run/smtp.sock"], { port: undefined, signal: bench.controller.signal });
    bench.of("/run/smtp.sock").fail("ENOENT");
    await expect(dialled).rejects.toMatchObject({
      message: "Connection failed: /run/smtp.sock ENOENT",
      cause: { code: "ENOENT" },
    });
    expect(bench.log).toEqual(["/run/smtp.sock undefined undefined"]);
  });

  test("shows nothing that moves a cursor", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A]);
    bench.of(A).fail("E\u001b[2J");
    await expect(dialled).rejects.toThrow(`Connection failed: ${A}:25 E\\x1b[2J`);
  });

  test("rejects without an address", async () => {
    await expect(new Bench().dial([])).rejects.toThrow("The host has no address");
  });

  test("names an error without a code, and survives a connect that throws", async () => {
    const bench = new Bench();
    const thrown = Object.assign(new Error("Requires net access"), { name: "NotCapable" });
    const network: SmtpNetwork = {
      ...bench.network,
      connect: () => {
        throw thrown;
      },
    };
    const dialled = dial(network, [A], { port: 25, signal: bench.controller.signal });
    await expect(dialled).rejects.toMatchObject({
      message: `Connection failed: ${A}:25 NotCapable; this program has no permission to connect (Deno: --allow-net=${A}:25)`,
      cause: thrown,
      retry: "never",
      temporary: false,
    });
  });

  test.each([
    ["Deno an address", { name: "NotCapable" }, "never"],
    ["Deno a name", { code: "EPERM", syscall: "getaddrinfo" }, "never"],
    ["Node the network", { code: "ERR_ACCESS_DENIED", syscall: "connect" }, "never"],
    ["a firewall this once", { code: "EPERM", syscall: "connect" }, "later"],
  ])("permits %s not: retry", async (_who, fields, retry) => {
    const bench = new Bench();
    const connect = (): Promise<never> => Promise.reject(Object.assign(new Error("no"), fields));
    const dialled = dial({ ...bench.network, connect }, [A, B], { port: 25, signal: bench.controller.signal });
    await expect(dialled).rejects.toMatchObject({ retry, temporary: retry === "later" });
    if (retry === "never") await expect(dialled).rejects.toThrow(`(Deno: --allow-net=${A}:25,${B}:25)`);
  });

  test("permits a unix socket not: what Deno would have to be given", async () => {
    const bench = new Bench();
    const connect = (): Promise<never> => Promise.reject(Object.assign(new Error("no"), { name: "NotCapable" }));
    const signal = bench.controller.signal;
    await expect(dial({ ...bench.network, connect }, ["/run/s"], { port: undefined, signal })).rejects.toThrow(
      "(Deno: --allow-net=unix:/run/s --allow-read=/run/s --allow-write=/run/s)",
    );
  });

  test("may go again later if one address was permitted", async () => {
    const bench = new Bench();
    const codes = ["ERR_ACCESS_DENIED", "ECONNREFUSED"];
    const connect = (): Promise<never> => Promise.reject(Object.assign(new Error("no"), { code: codes.shift() }));
    const dialled = dial({ ...bench.network, connect }, [A, B], { port: 25, signal: bench.controller.signal });
    await expect(dialled).rejects.toMatchObject({
      message: `Connection failed: ${A}:25 ERR_ACCESS_DENIED, ${B}:25 ECONNREFUSED`,
      retry: "later",
    });
  });

  test("drops every attempt and rejects with the reason when the signal aborts", async () => {
    const bench = new Bench();
    const dialled = bench.dial([A, B, C]);
    bench.pass();
    const reason = new Error("too late");
    bench.controller.abort(reason);
    await expect(dialled).rejects.toBe(reason);
    expect([bench.of(A).signal.aborted, bench.of(B).signal.aborted]).toEqual([true, true]);
    expect(bench.timers).toBe(0);
    bench.of(A).fail("ECONNREFUSED");
    await turn();
    expect(bench.tried).toEqual([A, B]);
  });

  test("tries nothing when the signal was aborted before", async () => {
    const bench = new Bench();
    const reason = new Error("too late");
    bench.controller.abort(reason);
    await expect(bench.dial([A])).rejects.toBe(reason);
    expect(bench.tried).toEqual([]);
  });
});
