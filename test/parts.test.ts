/** A message to more recipients than the server takes in one transaction: transcripts, fates, and a thousand at once. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Delivery,
  NetSmtp,
  type RecipientResult,
  type SendOptions,
  type SmtpEvent,
  type SmtpOptions,
} from "../mod.ts";
import { crowd } from "./support/crowd.ts";
import { network, play } from "./support/play.ts";
import { runs } from "./support/runs.ts";
import { type PlayedSession, session } from "./support/session.ts";
import { FROM, failure, told, turns } from "./support/told.ts";

const COLLECT: SmtpOptions = { recipientPolicy: "collect" };
const B = "b@y.example";
const C = "c@y.example";
const D = "d@y.example";
const TEXT = "x\r\n";

function begin(script: string, offers: readonly string[] = [], options: SmtpOptions = {}): Promise<PlayedSession> {
  return session(script, { extensions: ["PIPELINING", ...offers], options: { ...COLLECT, ...options } });
}

async function sent(
  script: string,
  to: string[],
  offers: readonly string[] = [],
  options?: SendOptions,
): Promise<Delivery> {
  const { smtp, server } = await begin(script, offers);
  const delivery = await smtp.sendMessage(TEXT, FROM, to, options);
  server.finish();
  return delivery;
}

async function failed(script: string, to: string[], offers: readonly string[] = [], options?: SmtpOptions) {
  const { smtp, server } = await begin(script, offers, options);
  const error = await failure(smtp.sendMessage(TEXT, FROM, to));
  server.finish();
  return error;
}

describe("LIMITS RCPTMAX (RFC 9422)", () => {
  const TWO_OF_THREE = `
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<b@y.example>
    C: RCPT TO:<c@y.example>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 550 5.1.1 no
    S: 354 go
    C: x
    C: .
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<d@y.example>
    C: DATA
    S: 250 first
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: x
    C: .
    S: 250 second`;

  test("recipients beyond it go in a further transaction, whose MAIL leaves with the end before it", async () => {
    const { smtp, server } = await begin(TWO_OF_THREE, ["LIMITS RCPTMAX=2"]);
    const delivery = await smtp.sendMessage(TEXT, FROM, [B, C, D]);
    server.finish();
    expect(told(delivery)).toBe("b accepted 250, c refused 550, d accepted 250");
    expect(`${delivery.response}`).toBe("250 second");
    expect(server.writes).toContain("x\r\n.\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<d@y.example>\r\nDATA\r\n");
  });

  test("the next message and QUIT come after all of it", async () => {
    const { smtp, server } = await begin(
      `${TWO_OF_THREE.replace(/S: 250 second$/, "")}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 250 second
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: y
      C: .
      C: QUIT
      S: 250 third
      S: 221 bye
      C: <close>`,
      ["LIMITS RCPTMAX=2"],
    );
    const first = smtp.sendMessage(TEXT, FROM, [B, C, D]);
    const second = smtp.sendMessage("y\r\n", FROM, "e@y.example");
    await smtp.finish();
    server.finish();
    expect(told(await first)).toBe("b accepted 250, c refused 550, d accepted 250");
    expect(told(await second)).toBe("e accepted 250");
  });

  test("as many as it says go in one", async () => {
    const one = `
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<b@y.example>
    C: RCPT TO:<c@y.example>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: x
    C: .
    S: 250 stored`;
    expect(told(await sent(one, [B, C], ["LIMITS RCPTMAX=2"]))).toBe("b accepted 250, c accepted 250");
  });

  test("without PIPELINING one after the other; a function makes the source for each", async () => {
    const part = (address: string) => `
    C: MAIL FROM:<a@x.example>
    S: 250 ok
    C: RCPT TO:<${address}>
    S: 250 ok
    C: DATA
    S: 354 go
    C: x
    C: .
    S: 250 stored`;
    const { smtp, server } = await session(`${part(B)}${part(C)}`, {
      extensions: ["LIMITS RCPTMAX=1"],
      options: COLLECT,
    });
    let made = 0;
    const source = () => {
      made++;
      return [TEXT];
    };
    const options = { openAhead: true };
    expect(told(await smtp.sendMessage(source, FROM, [B, C], options))).toBe("b accepted 250, c accepted 250");
    server.finish();
    expect(made).toBe(2);
  });

  test("who is named twice gets it once, and is told twice", async () => {
    const delivery = await sent(TWO_OF_THREE, [B, C, "b@Y.example", D, C], ["LIMITS RCPTMAX=2"]);
    expect(told(delivery)).toBe(
      "b accepted 250, c refused 550, b@Y.example accepted 250, d accepted 250, c refused 550",
    );
  });

  test("beforeEnd is called for each transaction with its recipients, and one id", async () => {
    const calls: unknown[] = [];
    await sent(TWO_OF_THREE, [B, C, D], ["LIMITS RCPTMAX=2"], {
      beforeEnd: (message) => void calls.push(message),
      id: "m1",
    });
    expect(calls).toEqual([
      { id: "m1", recipients: [B] },
      { id: "m1", recipients: [D] },
    ]);
  });

  test("beforeEnd is told one id that was made for the message", async () => {
    const ids = new Set<string>();
    await sent(TWO_OF_THREE, [B, C, D], ["LIMITS RCPTMAX=2"], { beforeEnd: ({ id }) => void ids.add(id) });
    expect(ids.size).toBe(1);
  });

  const NOOP = "C: NOOP\nS: 250 ok";

  test.each([
    ["all-or-nothing", '"all-or-nothing"'],
    ["net-smtp", '"net-smtp"'],
  ] as const)("under %s a message cannot go in parts: an error before MAIL", async (recipientPolicy, named) => {
    const { smtp, server } = await begin(NOOP, ["LIMITS RCPTMAX=2"], { recipientPolicy });
    const error = await failure(smtp.sendMessage(TEXT, FROM, [B, C, D]));
    expect(error.name).toBe("SmtpArgumentError");
    expect(error.message).toContain("3 recipients, and the server takes at most 2 in a transaction (LIMITS RCPTMAX)");
    expect(error.message).toContain(named);
    expect(told(error)).toBe("b unsent, c unsent, d unsent");
    expect(error.retry).toBe("never");
    await smtp.getOk("NOOP");
    server.finish();
  });

  test("a source that can be read once cannot go in parts: an error before MAIL, the source untouched", async () => {
    const { smtp, server } = await begin(NOOP, ["LIMITS RCPTMAX=2"]);
    let touched = false;
    const source = (function* () {
      touched = true;
      yield TEXT;
    })();
    const error = await failure(smtp.sendMessage(source, FROM, [B, C, D]));
    expect([error.name, told(error), touched]).toEqual(["SmtpArgumentError", "b unsent, c unsent, d unsent", false]);
    expect(error.message).toContain("pass a function that makes the source anew");
    const written = await failure(
      smtp.openMessageStream(FROM, [B, C, D], () => {
        touched = true;
      }),
    );
    expect([written.name, touched]).toEqual(["SmtpArgumentError", false]);
    await smtp.getOk("NOOP");
    server.finish();
  });

  test("a sender that is refused ends it: the rest is unsent", async () => {
    const error = await failed(
      `
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<b@y.example>
    C: DATA
    S: 451 later
    S: 503 no
    S: 503 no`,
      [B, C, D],
      ["LIMITS RCPTMAX=1"],
    );
    expect(told(error)).toBe("b refused 451, c unsent, d unsent");
    expect(error.message).toBe(
      "Server refused sender <a@x.example>: 451 later; nobody got the message: send it again later",
    );
  });
});

type Named = readonly (readonly [address: string, reply: string])[];

/** What a transaction says, and is answered; `before` is the reply to the one before, which comes with its own. */
function part(recipients: Named, final = "S: 250 stored", before = ""): string {
  return `
    C: MAIL FROM:<a@x.example>
    ${recipients.map(([address]) => `C: RCPT TO:<${address}>`).join("\n    ")}
    C: DATA
    ${before}
    S: 250 ok
    ${recipients.map(([, reply]) => `S: ${reply}`).join("\n    ")}
    S: 354 go
    C: x
    C: .
    ${final}`;
}

/** Transactions, each of which begins with the end of the one before it. */
function parts(...transactions: readonly Named[]): string {
  return transactions
    .map((named, at) =>
      part(named, at === transactions.length - 1 ? undefined : "", at === 0 ? "" : `S: 250 stored ${at}`),
    )
    .join("");
}

const OK = "250 ok";
const MANY = "452 4.5.3 too many recipients";

describe("452 too many recipients (RFC 5321 4.5.3.1.10)", () => {
  test.each([MANY, "452 too many recipients", "552 too many recipients", "550 5.5.3 too many"])(
    "%s: those it left go in a further transaction, of as many as were taken",
    async (many) => {
      const script = parts(
        [
          [B, OK],
          [C, many],
          [D, many],
        ],
        [[C, OK]],
        [[D, OK]],
      );
      expect(told(await sent(script, [B, C, D]))).toBe("b accepted 250, c accepted 250, d accepted 250");
    },
  );

  test("the further transaction leaves with the end of the one before it", async () => {
    const { smtp, server } = await begin(
      `${part(
        [
          [B, OK],
          [C, MANY],
        ],
        "",
      )}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 first
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: x
      C: .
      C: QUIT
      S: 250 second
      S: 221 bye
      C: <close>`,
    );
    const message = smtp.sendMessage(TEXT, FROM, [B, C]);
    await smtp.finish();
    server.finish();
    expect(told(await message)).toBe("b accepted 250, c accepted 250");
    expect(server.writes).toContain("x\r\n.\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<c@y.example>\r\nDATA\r\n");
  });

  test("one that reaches nobody new is the last", async () => {
    const script = `
      ${part(
        [
          [B, OK],
          [C, MANY],
          [D, MANY],
        ],
        "",
      )}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 stored
      S: 250 ok
      S: ${MANY}
      S: 503 no recipients`;
    const delivery = await sent(script, [B, C, D]);
    expect(told(delivery)).toBe("b accepted 250, c refused 452, d refused 452");
    expect(delivery.recipients[2]?.retry).toBe("later");
    expect(delivery.warnings.filter((warning) => warning.includes("LIMITS"))).toEqual([]);
  });

  test("if nobody was taken nothing is tried again", async () => {
    const script = `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 ok
      S: ${MANY}
      S: ${MANY}
      S: 503 no recipients`;
    const error = await failed(script, [B, C]);
    expect([told(error), error.name]).toEqual(["b refused 452, c refused 452", "SmtpServerBusy"]);
  });

  test.each(["452 4.2.2 mailbox full", "452 4.3.1 insufficient system storage", "450 busy", "550 no"])(
    "%s is of the recipient, who is not tried again",
    async (reply) => {
      const script = part([
        [B, OK],
        [C, reply],
      ]);
      expect(told(await sent(script, [B, C]))).toBe(`b accepted 250, c refused ${reply.slice(0, 3)}`);
    },
  );

  test("a source that can be read once goes to those who were taken, and the rest stays refused", async () => {
    const { smtp, server } = await begin(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      S: 250 ok
      S: 250 ok
      S: ${MANY}
      C: DATA
      S: 354 go
      C: x
      C: .
      S: 250 stored`);
    expect(told(await smtp.sendMessage([TEXT], FROM, [B, C]))).toBe("b accepted 250, c refused 452");
    server.finish();
  });

  test("under net-smtp and all-or-nothing it is thrown at once, as any refusal", async () => {
    for (const recipientPolicy of ["net-smtp", "all-or-nothing"] as const) {
      const error = await failed(
        `
        C: MAIL FROM:<a@x.example>
        C: RCPT TO:<b@y.example>
        C: RCPT TO:<c@y.example>
        S: 250 ok
        S: 250 ok
        S: ${MANY}`,
        [B, C],
        [],
        { recipientPolicy },
      );
      expect(told(error)).toBe("b unsent, c refused 452");
    }
  });

  test("who is named twice and was taken once is not named again", async () => {
    const script = parts(
      [
        [B, OK],
        [B, MANY],
        [C, MANY],
      ],
      [[C, OK]],
    );
    expect(told(await sent(script, [B, B, C]))).toBe("b accepted 250, b accepted 250, c accepted 250");
  });

  test("it holds beside LIMITS, which is advice: the rest goes last", async () => {
    const script = parts(
      [
        [B, OK],
        [C, MANY],
      ],
      [[D, OK]],
      [[C, OK]],
    );
    expect(told(await sent(script, [B, C, D], ["LIMITS RCPTMAX=2"]))).toBe(
      "b accepted 250, c accepted 250, d accepted 250",
    );
  });

  test("a message that is refused at its end ends it: the rest keeps its refusal", async () => {
    const script = part(
      [
        [B, OK],
        [C, MANY],
      ],
      "",
    );
    const error = await failed(
      `${script}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 554 spam
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: x
      C: .
      S: 554 spam`,
      [B, C],
    );
    expect(told(error)).toBe("b refused 554, c refused 554");
    expect(error.message).toBe("Server refused the message: 554 spam; after 2 transactions nobody got the message");
  });

  test("under CHUNKING with messages in flight the rest takes its turn behind them", async () => {
    const { smtp, server } = await begin(
      `
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 3 LAST
      C: x
      C: RSET
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<d@y.example>
      C: BDAT 3 LAST
      C: y
      S: 250 ok
      S: 250 ok
      S: ${MANY}
      S: 250 first
      S: 250 reset
      S: 250 ok
      S: 250 ok
      S: 250 second
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 3 LAST
      C: x
      S: 250 ok
      S: 250 ok
      S: 250 third`,
      ["CHUNKING"],
      { inFlight: 2 },
    );
    const [first, second] = [smtp.sendMessage(TEXT, FROM, [B, C]), smtp.sendMessage("y\r\n", FROM, D)];
    expect(told(await second)).toBe("d accepted 250");
    expect(told(await first)).toBe("b accepted 250, c accepted 250");
    server.finish();
  });
});

test("under LMTP each part has the replies of its recipients (RFC 2033)", async () => {
  const script = `S: 220 ready
    C: LHLO localhost
    S: 250-mx.example
    S: 250-PIPELINING
    S: 250 LIMITS RCPTMAX=2
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<b@y.example>
    C: RCPT TO:<c@y.example>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: x
    C: .
    C: MAIL FROM:<a@x.example>
    C: RCPT TO:<d@y.example>
    C: DATA
    S: 250 b has it
    S: 552 c is full
    S: 250 ok
    S: 250 ok
    S: 354 go
    C: x
    C: .
    S: 250 d has it`;
  const server = play(script.replaceAll("\n    ", "\n"));
  const smtp = new NetSmtp("mx.example", 24, { ...COLLECT, lmtp: true, network: network(server) });
  await smtp.start();
  const delivery = await smtp.sendMessage(TEXT, FROM, [B, C, D]);
  server.finish();
  expect(told(delivery)).toBe("b accepted 250, c refused 552, d accepted 250");
  expect(delivery.refused[0]?.phase).toBe("final");
});

test("events tell of one message, whatever the number of its transactions", async () => {
  const events: SmtpEvent[] = [];
  const { smtp } = await begin(parts([[B, OK]], [[C, OK]]), ["LIMITS RCPTMAX=1"], {
    observe: (event) => void events.push(event),
  });
  await smtp.sendMessage(TEXT, FROM, [B, C], { id: "m1" });
  const sends = events.filter((event) => event.type === "sendStart" || event.type === "sendEnd");
  expect(sends).toMatchObject([
    { type: "sendStart", id: "m1", to: [B, C] },
    { type: "sendEnd", id: "m1", recipients: [{ address: B }, { address: C }] },
  ]);
});

describe("LIMITS of a session", () => {
  test("MAILMAX counts each transaction; what is over needs another session, and is told so", async () => {
    const script = `${part([[B, OK]], "")}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 first
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: x
      C: .
      S: 250 second`;
    const error = await failed(script, [B, C, D], ["LIMITS RCPTMAX=1 MAILMAX=2"]);
    expect(told(error)).toBe("b accepted 250, c accepted 250, d unsent");
    expect([error.name, error.recipients[2]?.retry, error.temporary]).toEqual(["SmtpSessionError", "now", true]);
    expect(error.message).toBe(
      "Server takes at most 2 transactions in a session (LIMITS MAILMAX), so the rest of the message needs another; " +
        "after 2 transactions it was accepted for <b@y.example>, <c@y.example>, it was not sent to <d@y.example>",
    );
  });

  test("MAILMAX leaves whom 452 left refused, with a warning", async () => {
    const script = part([
      [B, OK],
      [C, MANY],
    ]);
    const delivery = await sent(script, [B, C], ["LIMITS MAILMAX=1"]);
    expect(told(delivery)).toBe("b accepted 250, c refused 452");
    expect(delivery.warnings.at(-1)).toContain("(LIMITS MAILMAX)");
  });

  test("RCPTDOMAINMAX: those of the domains that fit go, the others need another session", async () => {
    const script = part([
      [B, OK],
      ["e@z.example", OK],
      [C, OK],
    ]);
    const error = await failed(script, [B, "e@z.example", "f@w.example", C], ["LIMITS RCPTDOMAINMAX=2"]);
    expect(told(error)).toBe("b accepted 250, e@z.example accepted 250, f@w.example unsent, c accepted 250");
    expect(error.message).toContain("recipients of 2 domains in a session (LIMITS RCPTDOMAINMAX)");
  });

  test("RCPTDOMAINMAX counts the domains of the session: one that does not fit it is unsent, to be sent at once on another", async () => {
    const { smtp, server } = await begin(`${part([[B, OK]])}${part([[C, OK]])}`, ["LIMITS RCPTDOMAINMAX=1"]);
    await smtp.sendMessage(TEXT, FROM, B);
    const error = await failure(smtp.sendMessage(TEXT, FROM, "e@z.example"));
    expect([told(error), error.retry, error.name]).toEqual(["e@z.example unsent", "now", "SmtpSessionError"]);
    const netSmtp = await failure(smtp.sendMessage(TEXT, FROM, "e@z.example", { recipientPolicy: "net-smtp" }));
    expect([told(netSmtp), netSmtp.retry]).toEqual(["e@z.example unsent", "now"]);
    const both = await failure(smtp.sendMessage(TEXT, FROM, [B, "e@z.example"], { recipientPolicy: "net-smtp" }));
    expect([both.name, both.retry, both.message.includes("2 domains")]).toEqual(["SmtpArgumentError", "never", true]);
    await smtp.sendMessage(TEXT, FROM, C);
    server.finish();
  });
});

describe("a message in parts that is stopped", () => {
  const FIRST = `${part([[B, OK]], "")}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 first`;

  test("its connection is lost: who was accepted stays so, who may have it is unknown, the rest is unsent", async () => {
    const script = `${FIRST}
      S: 250 ok
      S: 250 ok
      S: 354 go
      C: x
      C: .
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<d@y.example>
      C: DATA
      S: <reset>`;
    const error = await failed(script, [B, C, D, "e@y.example"], ["LIMITS RCPTMAX=1"]);
    expect(told(error)).toBe("b accepted 250, c unknown, d unsent, e unsent");
    expect([error.name, error.fate, error.retry]).toEqual(["SmtpConnectionError", "unknown", "ask"]);
    expect(error.recipients[3]?.retry).toBe("later");
  });

  test("it is aborted: what was said stays so, and nothing more is said", async () => {
    const { smtp, server } = await begin(FIRST, ["LIMITS RCPTMAX=1"]);
    const abort = new AbortController();
    const message = failure(smtp.sendMessage(TEXT, FROM, [B, C, D], { signal: abort.signal }));
    await turns();
    abort.abort();
    const error = await message;
    server.finish();
    expect([told(error), error.name]).toEqual(["b accepted 250, c unsent, d unsent", "AbortError"]);
    expect(error.message).toBe(
      "Message was aborted; after 2 transactions it was accepted for <b@y.example>, it was not sent to <c@y.example>, <d@y.example>",
    );
  });

  test("it is aborted before its turn", async () => {
    const { smtp, server } = await begin("C: NOOP\nS: 250 ok");
    const noop = smtp.getOk("NOOP");
    const abort = new AbortController();
    const message = failure(smtp.sendMessage(TEXT, FROM, [B, C], { signal: abort.signal }));
    abort.abort();
    expect(told(await message)).toBe("b unsent, c unsent");
    await noop;
    server.finish();
  });
});

const THOUSAND = Array.from({ length: 1_000 }, (_, at) => `r${at}@y.example`);

describe("1 000 recipients", () => {
  const refuses = (address: string): boolean => /7@/.test(address);

  test.each([
    ["LIMITS RCPTMAX=100", ["PIPELINING", "LIMITS RCPTMAX=100"], 100, 100],
    ["LIMITS RCPTMAX=100, CHUNKING", ["PIPELINING", "CHUNKING", "LIMITS RCPTMAX=100"], 100, 100],
    ["LIMITS RCPTMAX=100, in turn", ["LIMITS RCPTMAX=100"], 100, 100],
    ["452 after 50", ["PIPELINING"], 50, 1_000],
    ["452 after 50, CHUNKING", ["PIPELINING", "CHUNKING"], 50, 1_000],
    ["452 after 50, in turn", [], 50, 1_000],
  ])("%s: all delivered once, each fate told", async (_name, offers, most, largest) => {
    const rcpt = (address: string, at: number): string =>
      at >= most ? MANY : refuses(address) ? "550 5.1.1 no" : "250 ok";
    const server = crowd({ offers, rcpt });
    const smtp = await new NetSmtp("mx.example", 25, { network: server, starttls: false, ...COLLECT }).start();
    const delivery = await smtp.sendMessage(TEXT, FROM, THOUSAND);
    await smtp.finish();
    expect(delivery.recipients.map(({ address }) => address)).toEqual(THOUSAND);
    expect(delivery.recipients.every(({ address, fate }) => fate === (refuses(address) ? "refused" : "accepted"))).toBe(
      true,
    );
    const reached = server.stored.flatMap(({ to }) => to);
    expect(reached.sort()).toEqual(THOUSAND.filter((address) => !refuses(address)).sort());
    expect(new Set(server.stored.map(({ text }) => text)).size).toBe(1);
    expect(Math.max(...server.named)).toBe(largest);
    expect(server.named).toHaveLength(1_000 / most);
  });
});

test("against any server: each recipient is accepted at most once, and each fate is true", async () => {
  const reply = fc.oneof(
    { arbitrary: fc.constant(OK), weight: 6 },
    { arbitrary: fc.constantFrom(MANY, "552 too many", "452 4.2.2 full", "550 no", "451 later"), weight: 4 },
  );
  const final = fc.oneof(
    { arbitrary: fc.constant("250 stored"), weight: 5 },
    { arbitrary: fc.constantFrom("451 later", "554 spam"), weight: 1 },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(12), { minLength: 1, maxLength: 16 }),
      fc.array(reply, { minLength: 1, maxLength: 30 }),
      fc.array(final, { minLength: 1, maxLength: 5 }),
      fc.subarray(["PIPELINING", "CHUNKING"]),
      fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
      fc.integer({ min: 1, max: 3 }),
      async (numbers, replies, finals, extensions, rcptmax, inFlight) => {
        let at = 0;
        const to = numbers.map((number) => `r${number}@y.example`);
        // What a server says of one recipient twice in a transaction is its own affair, so it says the same.
        const server = crowd({
          offers: [...extensions, ...(rcptmax ? [`LIMITS RCPTMAX=${rcptmax}`] : [])],
          rcpt: (address, index) =>
            (index === 0 ? replies[at++ % replies.length] : whim(address, at++, replies)) as string,
          final: (index) => finals[index % finals.length] as string,
        });
        const options = { network: server, starttls: false as const, inFlight, ...COLLECT };
        const smtp = await new NetSmtp("mx.example", 25, options).start();
        const [first, second] = await Promise.all(
          [to, ["other@y.example"]].map((list, index) =>
            smtp.sendMessage(`${index}\r\n`, FROM, list).catch((error) => error as { recipients: RecipientResult[] }),
          ),
        );
        await smtp.finish();
        expect(first?.recipients.map(({ address }) => address)).toEqual(to);
        expect(second?.recipients).toHaveLength(1);
        const distinct = new Set(to);
        for (const address of distinct) {
          const times = server.stored.filter(({ text, to }) => text === "0" && to.includes(address)).length;
          const told = first?.recipients.filter((result) => result.address === address) ?? [];
          expect(times).toBeLessThanOrEqual(1);
          expect(told.some(({ fate }) => fate === "accepted")).toBe(times === 1);
          expect(told.every(({ fate }) => fate !== "unknown")).toBe(true);
        }
        for (const named of server.named.slice(0, -1)) if (rcptmax) expect(named).toBeLessThanOrEqual(rcptmax);
      },
    ),
    { numRuns: runs(300) },
  );
});

function whim(address: string, at: number, replies: readonly string[]): string {
  return replies[(at + Number(/\d+/.exec(address)?.[0])) % replies.length] as string;
}
