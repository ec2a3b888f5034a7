/** Whose turn it is: the queue itself, and what it gives to sessions whose calls are not awaited. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NetSmtp, SmtpSessionError } from "../mod.ts";
import type { SmtpNetwork, SmtpStream, StreamSink } from "../src/net/stream.ts";
import { type Turn, Turns } from "../src/turns.ts";
import { runs } from "./support/runs.ts";
import { session } from "./support/session.ts";
import { FROM, failure, told, turns as turnsOfTheLoop } from "./support/told.ts";

/** Entries that note when they start, and end when told to. */
function entries(queue: Turns): {
  log: string[];
  enter: (name: string, kind: "overlapping" | "alone" | "last") => { turn: () => Turn; end: () => Promise<void> };
} {
  const log: string[] = [];
  return {
    log,
    enter(name, kind) {
      let turn: Turn | undefined;
      let end: () => void = () => undefined;
      const done = queue[kind](async (given) => {
        log.push(name);
        turn = given;
        await new Promise<void>((resolve) => {
          end = resolve;
        });
      });
      return {
        turn: () => turn as Turn,
        end: async () => {
          end();
          await done;
        },
      };
    },
  };
}

describe("Turns", () => {
  test("overlapping() starts when the entry before it has passed, synchronously", async () => {
    const queue = new Turns();
    const { log, enter } = entries(queue);
    const first = enter("1", "overlapping");
    const second = enter("2", "overlapping");
    expect(log).toEqual(["1"]);
    first.turn().pass();
    expect(log).toEqual(["1", "2"]);
    expect(queue.unanswered).toBe(2);
    await first.end();
    await second.end();
    expect([queue.unanswered, queue.idle]).toEqual([0, true]);
  });

  test("overlapping() starts at the latest when the entry before it is done, also by a failure", async () => {
    const queue = new Turns();
    const failed = queue.overlapping(() => Promise.reject(new Error("no")));
    const second = queue.overlapping(async () => "second");
    await expect(failed).rejects.toThrow("no");
    expect(await second).toBe("second");
    expect(await queue.alone(() => "a value")).toBe("a value");
    await expect(
      queue.alone(() => {
        throw new Error("thrown");
      }),
    ).rejects.toThrow("thrown");
    expect(queue.idle).toBe(true);
  });

  test("alone() starts when everything before it has been answered, and nothing overtakes it", async () => {
    const { log, enter } = entries(new Turns());
    const first = enter("message", "overlapping");
    const second = enter("exchange", "alone");
    const third = enter("message 2", "overlapping");
    first.turn().pass();
    expect(log).toEqual(["message"]);
    await first.end();
    expect(log).toEqual(["message", "exchange"]);
    await second.end();
    expect(log).toEqual(["message", "exchange", "message 2"]);
    await third.end();
  });

  test("keep() keeps the turn until done()", async () => {
    const queue = new Turns();
    const { log, enter } = entries(queue);
    let kept: Turn | undefined;
    await queue.alone((turn) => {
      kept = turn;
      turn.keep();
    });
    const next = enter("next", "alone");
    expect([log, queue.idle]).toEqual([[], false]);
    kept?.done();
    kept?.done();
    expect(log).toEqual(["next"]);
    await next.end();
    expect(queue.unanswered).toBe(0);
  });

  test("moveExchanges() takes exchanges, not messages and not the end; giveBack() puts them in front", async () => {
    const [queue, other] = [new Turns(), new Turns()];
    const { log, enter } = entries(queue);
    const first = enter("first", "alone");
    enter("message", "overlapping");
    const exchange = enter("exchange", "alone");
    enter("exchange 2", "alone");
    enter("end", "last");
    queue.moveExchanges(other);
    expect(log).toEqual(["first", "exchange"]);
    other.giveBack(queue);
    expect(other.idle).toBe(false);
    await exchange.end();
    expect([other.idle, log]).toEqual([true, ["first", "exchange"]]);
    await first.end();
    expect(log).toEqual(["first", "exchange", "exchange 2"]);
  });

  test("overlapping() keeps the order of thousands", async () => {
    const queue = new Turns();
    const order: number[] = [];
    const numbers = Array.from({ length: 5_000 }, (_, number) => number);
    await Promise.all(numbers.map((number) => queue.overlapping(async () => order.push(number))));
    expect(order).toEqual(numbers);
  });
});

describe("a session's turns", () => {
  const MANUAL = `
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RCPT TO:<b@y.example>
      S: 250 ok`;

  test("mailFrom() that got 2xx keeps the wire: sendMessage() inside rejects with SmtpSessionError", async () => {
    const { smtp, server } = await session(`${MANUAL}
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued`);
    await smtp.mailFrom(FROM);
    const error = await failure(smtp.sendMessage("x", FROM, "b@y.example"));
    expect(error).toBeInstanceOf(SmtpSessionError);
    expect(error.message).toContain("end it with data(), rset() or finish()");
    const stream = await failure(smtp.openMessageStream(FROM, "b@y.example", () => undefined));
    expect(stream).toBeInstanceOf(SmtpSessionError);
    await smtp.rcptTo("b@y.example");
    await smtp.data("x");
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test("sendMessage() asked for before the MAIL was answered waits until data() has ended", async () => {
    const { smtp, server } = await session(`${MANUAL}
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: y
      C: .
      S: 250 queued`);
    const calls = [
      smtp.mailFrom(FROM),
      smtp.rcptTo("b@y.example"),
      smtp.sendMessage("y", FROM, "c@y.example"),
      smtp.data("x"),
    ];
    await Promise.all(calls);
    server.finish();
  });

  test("two manual transactions called without awaiting do not lock each other out", async () => {
    const one = `${MANUAL}
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued`;
    const { smtp, server } = await session(`${one}${one}
      C: QUIT
      S: 221 bye`);
    const transaction = (): Promise<unknown>[] => [smtp.mailFrom(FROM), smtp.rcptTo("b@y.example"), smtp.data("x")];
    await Promise.all([...transaction(), ...transaction(), smtp.finish()]);
    server.finish();
  });

  test("finish() asked for behind mailFrom() gives the transaction up and lets what waits be answered", async () => {
    const { smtp, server } = await session(`
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      C: QUIT
      S: 250 queued
      S: 221 bye`);
    const mail = smtp.mailFrom(FROM);
    const sent = smtp.sendMessage("x", FROM, "b@y.example");
    const finished = smtp.finish();
    expect((await mail).status).toBe("250");
    expect(told(await sent)).toBe("b accepted 250");
    await finished;
    server.finish();
  });

  test("finish() inside a manual transaction lets its calls be answered first, with their fates", async () => {
    const { smtp, server } = await session(`${MANUAL}
      C: DATA
      S: 354 go
      C: x
      C: .
      S: <close>`);
    await smtp.mailFrom(FROM);
    const calls = [smtp.rcptTo("b@y.example"), smtp.data("x")] as const;
    const finished = smtp.finish();
    expect((await calls[0]).status).toBe("250");
    const error = await failure(calls[1]);
    expect(told(error)).toBe("b unknown");
    expect(error).toMatchObject({ fate: "unknown", retry: "ask" });
    await finished;
    server.finish();
  });

  test("rset() gives the wire back", async () => {
    const { smtp, server } = await session(`
      C: MAIL FROM:<a@x.example>
      S: 250 ok
      C: RSET
      S: 250 ok
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued`);
    await smtp.mailFrom(FROM);
    await smtp.rset();
    await smtp.sendMessage("x", FROM, "b@y.example");
    server.finish();
  });

  test("a command outside a transaction waits until the messages before it were answered", async () => {
    const { smtp, server } = await session(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 queued
      C: NOOP
      S: 250 ok
      C: VRFY b
      S: 252 ok`);
    const sent = smtp.sendMessage("x", FROM, "b@y.example");
    const replies = await Promise.all([smtp.getResponse("NOOP"), smtp.getOk("VRFY b")]);
    expect(replies.map(({ status }) => status)).toEqual(["250", "252"]);
    await sent;
    server.finish();
  });
});

/** A server that keeps the rules of RFC 5321 and notes each breach of the order of commands. */
class StrictServer implements SmtpStream {
  readonly tls = false;
  readonly loopback = false;
  readonly remote = "192.0.2.1:25";
  readonly breaches: string[] = [];
  stored = 0;
  #sink: StreamSink | undefined;
  #text = "";
  #state: "idle" | "mail" | "rcpt" | "data" = "idle";
  readonly #refuses: readonly string[];

  constructor(refuses: readonly string[]) {
    this.#refuses = refuses;
  }

  open(sink: StreamSink): void {
    this.#sink = sink;
    this.#say("220 ready");
  }
  write(bytes: Uint8Array): boolean {
    this.#text += new TextDecoder().decode(bytes);
    for (let end = this.#text.indexOf("\r\n"); end >= 0; end = this.#text.indexOf("\r\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      this.#hear(line);
    }
    return true;
  }
  startTls(): Promise<SmtpStream> {
    return Promise.reject(new Error("not here"));
  }
  end(): void {}
  destroy(): void {
    this.#sink = undefined;
  }

  #say(line: string): void {
    setImmediate(() => this.#sink?.data(new TextEncoder().encode(`${line}\r\n`)));
  }

  #hear(line: string): void {
    if (this.#state === "data") {
      if (line !== "." && !["x", "y"].includes(line)) this.breaches.push(`text ${line}`);
      if (line !== ".") return;
      this.#state = "idle";
      this.stored++;
      this.#say("250 queued");
      return;
    }
    const verb = line.slice(0, 4);
    if (verb === "EHLO") this.#say("250-mx\r\n250 PIPELINING");
    else if (this.#refuses.includes(verb)) this.#say("450 not now");
    else this.#say(this.#answer(verb));
  }

  #answer(verb: string): string {
    if (verb === "MAIL" && this.#state !== "idle") this.breaches.push("MAIL inside a transaction");
    if (verb === "MAIL") this.#state = "mail";
    else if (verb === "RSET") this.#state = "idle";
    else if (verb === "RCPT" && this.#state === "idle") return "503 no MAIL";
    else if (verb === "RCPT") this.#state = "rcpt";
    else if (verb === "DATA" && this.#state !== "rcpt") return "503 no RCPT";
    else if (verb === "DATA") {
      this.#state = "data";
      return "354 go";
    } else if (verb === "QUIT") return "221 bye";
    return "250 ok";
  }
}

describe("nothing deadlocks", () => {
  const CALLS = {
    sendMessage: (smtp: NetSmtp) => smtp.sendMessage("y", FROM, "b@y.example"),
    sendStream: (smtp: NetSmtp) => smtp.openMessageStream(FROM, "b@y.example", (writer) => writer.puts("y")),
    mailFrom: (smtp: NetSmtp) => smtp.mailFrom(FROM),
    rcptTo: (smtp: NetSmtp) => smtp.rcptTo("b@y.example"),
    rcptToList: (smtp: NetSmtp) => smtp.rcptToList(["b@y.example", "c@y.example"], () => smtp.data("x")),
    data: (smtp: NetSmtp) => smtp.data("x"),
    rset: (smtp: NetSmtp) => smtp.rset(),
    ehlo: (smtp: NetSmtp) => smtp.ehlo("client.example"),
    noop: (smtp: NetSmtp) => smtp.getResponse("NOOP"),
    critical: (smtp: NetSmtp) => smtp.critical(() => smtp.getOk("NOOP")),
    finish: (smtp: NetSmtp) => smtp.finish(),
  } as const;
  const call = fc.constantFrom(...(Object.keys(CALLS) as (keyof typeof CALLS)[]));
  const step = fc.record({ call, awaits: fc.nat({ max: 3 }) });

  test("every call of any sequence, awaited or not, settles, and the server hears a legal dialogue", async () => {
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 14 }),
      fc.subarray(["MAIL", "RCPT", "DATA"]),
      fc.boolean(),
      async (steps, refuses, pipelining) => {
        const server = new StrictServer(refuses);
        const network: SmtpNetwork = {
          resolve: async () => ["192.0.2.1"],
          connect: async () => server,
          wrap: () => server,
        };
        const smtp = await new NetSmtp("mx.example", 25, { network, pipelining }).start();
        const promises: Promise<unknown>[] = [];
        let messages = 0;
        for (const { call: name, awaits } of steps) {
          promises.push(CALLS[name](smtp).catch((error) => error));
          // Some time passes between calls, not always enough for an answer.
          await turnsOfTheLoop(awaits === 3 ? 12 : awaits);
        }
        if (smtp.started) promises.push(smtp.finish());
        for (const value of await Promise.all(promises)) {
          if (value && typeof value === "object" && "fate" in value && value.fate === "unknown") throw value;
          if (value && typeof value === "object" && "accepted" in value) messages++;
        }
        // Two MAILs in a row, or a MAIL behind a raw one, are the caller's own.
        const twice = steps.filter(({ call: name }) => name === "mailFrom").length > 1;
        expect(server.breaches.filter((breach) => !(twice && breach.startsWith("MAIL")))).toEqual([]);
        expect(server.stored).toBeGreaterThanOrEqual(messages);
      },
    );
    await fc.assert(property, { numRuns: runs(300) });
  });
});
