/**
 * Every refusal under each policy, with PIPELINING and in turn: what goes over the wire, the fates, the error, and what
 * the next message on the same session finds.
 */
import { describe, expect, test } from "vitest";
import type { RecipientPolicy } from "../mod.ts";
import { session } from "./support/session.ts";
import { FROM, failure, told } from "./support/told.ts";

const LINES: Readonly<Record<string, string>> = {
  R: "C: RSET",
  M: "C: MAIL FROM:<a@x.example>",
  B: "C: RCPT TO:<b@y.example>",
  C: "C: RCPT TO:<c@y.example>",
  D: "C: DATA",
  X: "C: x\nC: .",
  ".": "C: .",
  "!": "C: <close>",
};

/** `M250 B250 C550 | D354 | X250`: groups of commands, each with the code of its reply; `!` is the end of the connection. */
function dialogue(notation: string): string {
  const lines: string[] = [];
  for (const group of notation.split("|").map((text) => text.trim().split(" "))) {
    lines.push(...group.filter(Boolean).map((step) => LINES[step[0] as string] as string));
    lines.push(...group.filter((step) => step.length > 1).map((step) => `S: ${step.slice(1)} said`));
  }
  return lines.join("\n");
}

/** What a refusal adds, by what can be done; of one that somebody may have got it says nothing of the kind. */
const NOBODY: Readonly<Record<string, string>> = {
  now: "; nobody got the message: send it again at once, on a new session",
  later: "; nobody got the message: send it again later",
  never: "; nobody got the message",
};

/** The next message to b alone, `owed` if an RSET stands in front. */
function nextMessage(owed: boolean, policy: RecipientPolicy, pipelining: boolean): string {
  const envelope = owed ? ["R250", "M250", "B250"] : ["M250", "B250"];
  if (!pipelining) return [...envelope, "D354", "X250"].join(" | ");
  return policy === "collect" ? `${envelope.join(" ")} D354 | X250` : `${envelope.join(" ")} | D354 | X250`;
}

interface Outcome {
  /** With PIPELINING. */
  readonly flights: string;
  /** In turn. */
  readonly inTurn: string;
  /** The fates, in flights; in turn the same unless `toldInTurn`. */
  readonly told: string;
  readonly toldInTurn?: string;
  /** name, code, phase, retry and message of the error; undefined if it is a delivery. */
  readonly thrown?: readonly [name: string, phase: string, retry: string, message: string];
  /** What the next message finds: nothing owed, an RSET owed, a session that is latched. */
  readonly next: "sound" | "owed" | "latched";
}

type Case = Readonly<Record<RecipientPolicy, Outcome>>;

const CODES: Readonly<Record<string, string>> = {
  SmtpServerBusy: "SMTP_SERVER_BUSY",
  SmtpFatalError: "SMTP_FATAL",
  SmtpSyntaxError: "SMTP_SYNTAX",
  SmtpAuthenticationError: "SMTP_AUTHENTICATION",
  SmtpUnknownError: "SMTP_UNKNOWN",
  SmtpProtocolError: "SMTP_PROTOCOL",
};

const mailRefused = (code: string, name: string, retry: string): Case => {
  const outcome: Outcome = {
    flights: `M${code} B503 C503`,
    inTurn: `M${code}`,
    told: `b refused ${code}, c refused ${code}`,
    thrown: [name, "mail", retry, `Server refused sender <a@x.example>: ${code} said`],
    next: "sound",
  };
  return {
    "net-smtp": outcome,
    collect: { ...outcome, flights: `M${code} B503 C503 D503` },
    "all-or-nothing": outcome,
  };
};

const oneRefused = (code: string, name: string, retry: string): Case => {
  const stopped: Outcome = {
    flights: `M250 B250 C${code}`,
    inTurn: `M250 | B250 | C${code}`,
    told: `b unsent, c refused ${code}`,
    thrown: [name, "rcpt", retry, `Server refused recipient <c@y.example>: ${code} said`],
    next: "owed",
  };
  return {
    "net-smtp": stopped,
    collect: {
      flights: `M250 B250 C${code} D354 | X250`,
      inTurn: `M250 | B250 | C${code} | D354 | X250`,
      told: `b accepted 250, c refused ${code}`,
      next: "sound",
    },
    "all-or-nothing": stopped,
  };
};

const atEnd = (code: string, name: string, retry: string, told: string, message: string): Case => {
  const outcome: Outcome = {
    flights: `M250 B250 C250 | D354 | X${code}`,
    inTurn: `M250 | B250 | C250 | D354 | X${code}`,
    told,
    thrown: [name, "final", retry, message],
    next: "sound",
  };
  return {
    "net-smtp": outcome,
    collect: { ...outcome, flights: `M250 B250 C250 D354 | X${code}` },
    "all-or-nothing": outcome,
  };
};

const dataRefused = (code: string, name: string, retry: string): Case => {
  const outcome: Outcome = {
    flights: `M250 B250 C250 | D${code}`,
    inTurn: `M250 | B250 | C250 | D${code}`,
    told: `b refused ${code}, c refused ${code}`,
    thrown: [name, "data", retry, `Server refused to take the message: ${code} said`],
    next: "owed",
  };
  return {
    "net-smtp": {
      ...outcome,
      thrown: ["SmtpUnknownError", "data", retry, `could not get 3xx (${code}: ${code} said)`],
      next: "latched",
    },
    collect: { ...outcome, flights: `M250 B250 C250 D${code}` },
    "all-or-nothing": outcome,
  };
};

const allRefused = (lone: string): Case => ({
  "net-smtp": {
    flights: "M250 B550 C450",
    inTurn: "M250 | B550",
    told: "b refused 550, c refused 450",
    toldInTurn: "b refused 550, c unsent",
    thrown: ["SmtpFatalError", "rcpt", "later", "Server refused recipient <b@y.example>: 550 said"],
    next: "owed",
  },
  collect: {
    flights: `M250 B550 C450 ${lone}`,
    inTurn: "M250 | B550 | C450",
    told: "b refused 550, c refused 450",
    thrown: [
      "SmtpServerBusy",
      "rcpt",
      "later",
      "Server refused all 2 recipients: <b@y.example>: 550 said; <c@y.example>: 450 said",
    ],
    next: "owed",
  },
  "all-or-nothing": {
    flights: "M250 B550 C450",
    inTurn: "M250 | B550",
    told: "b refused 550, c refused 450",
    toldInTurn: "b refused 550, c unsent",
    thrown: ["SmtpFatalError", "rcpt", "later", "Server refused recipient <b@y.example>: 550 said"],
    next: "owed",
  },
});

const CASES: Readonly<Record<string, Case>> = {
  "MAIL 451": mailRefused("451", "SmtpServerBusy", "later"),
  "MAIL 501": mailRefused("501", "SmtpSyntaxError", "never"),
  "MAIL 530": mailRefused("530", "SmtpAuthenticationError", "never"),
  "MAIL 550": mailRefused("550", "SmtpFatalError", "never"),
  "one RCPT 450": oneRefused("450", "SmtpServerBusy", "later"),
  "one RCPT 550": oneRefused("550", "SmtpFatalError", "never"),
  "one RCPT 535": {
    ...oneRefused("535", "SmtpAuthenticationError", "never"),
    "net-smtp": {
      flights: "M250 B250 C535 | D354 | X250",
      inTurn: "M250 | B250 | C535 | D354 | X250",
      told: "b accepted 250, c refused 535",
      thrown: ["SmtpAuthenticationError", "rcpt", "never", 'failed to deliver for "c@y.example"'],
      next: "sound",
    },
  },
  "RCPT 535, then 550": {
    "net-smtp": {
      flights: "M250 B535 C550",
      inTurn: "M250 | B535 | C550",
      told: "b refused 535, c refused 550",
      thrown: ["SmtpFatalError", "rcpt", "never", "Server refused recipient <c@y.example>: 550 said"],
      next: "owed",
    },
    collect: {
      flights: "M250 B535 C550 D503",
      inTurn: "M250 | B535 | C550",
      told: "b refused 535, c refused 550",
      thrown: [
        "SmtpAuthenticationError",
        "rcpt",
        "never",
        "Server refused all 2 recipients: <b@y.example>: 535 said; <c@y.example>: 550 said",
      ],
      next: "owed",
    },
    "all-or-nothing": {
      flights: "M250 B535 C550",
      inTurn: "M250 | B535",
      told: "b refused 535, c refused 550",
      toldInTurn: "b refused 535, c unsent",
      thrown: ["SmtpAuthenticationError", "rcpt", "never", "Server refused recipient <b@y.example>: 535 said"],
      next: "owed",
    },
  },
  "all RCPT 53x": {
    "net-smtp": {
      flights: "M250 B530 C535",
      inTurn: "M250 | B530 | C535",
      told: "b refused 530, c refused 535",
      thrown: ["SmtpAuthenticationError", "rcpt", "never", "mail destination not given"],
      next: "owed",
    },
    collect: {
      flights: "M250 B530 C535 D354 | .554",
      inTurn: "M250 | B530 | C535",
      told: "b refused 530, c refused 535",
      thrown: [
        "SmtpAuthenticationError",
        "rcpt",
        "never",
        "Server refused all 2 recipients: <b@y.example>: 530 said; <c@y.example>: 535 said",
      ],
      next: "owed",
    },
    "all-or-nothing": {
      flights: "M250 B530 C535",
      inTurn: "M250 | B530",
      told: "b refused 530, c refused 535",
      toldInTurn: "b refused 530, c unsent",
      thrown: ["SmtpAuthenticationError", "rcpt", "never", "Server refused recipient <b@y.example>: 530 said"],
      next: "owed",
    },
  },
  "all RCPT, DATA 503": allRefused("D503"),
  "all RCPT, DATA 354, the lone dot refused": allRefused("D354 | .554"),
  "all RCPT, DATA 354, the lone dot taken": allRefused("D354 | .250"),
  "DATA 451": dataRefused("451", "SmtpServerBusy", "later"),
  "DATA 554": dataRefused("554", "SmtpFatalError", "never"),
  "the end 451": atEnd(
    "451",
    "SmtpServerBusy",
    "later",
    "b refused 451, c refused 451",
    "Server refused the message: 451 said",
  ),
  "the end 554": atEnd(
    "554",
    "SmtpFatalError",
    "never",
    "b refused 554, c refused 554",
    "Server refused the message: 554 said",
  ),
  "the end 354": Object.fromEntries(
    Object.entries(
      atEnd(
        "354",
        "SmtpUnknownError",
        "ask",
        "b unknown, c unknown",
        "Server asked for more when the message had ended: 354 said",
      ),
    ).map(([policy, outcome]) => [policy, { ...outcome, next: "latched" }]),
  ) as Case,
};

const TO = ["b@y.example", "c@y.example"];

for (const [name, byPolicy] of Object.entries(CASES)) {
  describe(name, () => {
    for (const policy of ["net-smtp", "collect", "all-or-nothing"] as const) {
      for (const pipelining of [true, false]) {
        const outcome = byPolicy[policy];
        test(`sendMessage() under ${policy}, ${pipelining ? "in flights" : "in turn"}: ${outcome.told}; next ${outcome.next}`, async () => {
          const { flights, inTurn, next, thrown } = outcome;
          const then = next === "latched" ? "" : nextMessage(next === "owed", policy, pipelining);
          const { smtp, server } = await session(`${dialogue(pipelining ? flights : inTurn)}\n${dialogue(then)}`, {
            extensions: pipelining ? ["PIPELINING"] : [],
            options: { recipientPolicy: policy },
          });
          const sent = smtp.sendMessage("x", FROM, TO);
          const expected = (pipelining ? undefined : outcome.toldInTurn) ?? outcome.told;
          if (thrown) {
            const error = await failure(sent);
            const [errorName, phase, retry, message] = thrown;
            expect(told(error)).toBe(expected);
            const words = message.startsWith("Server ") ? `${message}${NOBODY[error.retry] ?? ""}` : message;
            expect([error.constructor.name, error.phase, error.message]).toEqual([errorName, phase, words]);
            expect(error.code).toBe(CODES[errorName]);
            expect(error.retry).toBe(pipelining || !outcome.toldInTurn ? retry : "never");
            expect(error.delivery !== undefined).toBe(message.startsWith("failed to deliver"));
          } else expect(told(await sent)).toBe(expected);
          expect(smtp.errorOccurred).toBe(next === "latched");
          const second = smtp.sendMessage("x", FROM, "b@y.example");
          if (next === "latched") expect(await failure(second)).toMatchObject({ code: "SMTP_LATCHED", fate: "unsent" });
          else expect(told(await second)).toBe("b accepted 250");
          expect(server.writes.filter((bytes) => bytes.startsWith("RSET"))).toEqual(
            next === "owed" ? [expect.stringMatching(pipelining ? /^RSET\r\nMAIL/ : /^RSET\r\n$/)] : [],
          );
          server.finish();
        });
      }
    }
  });
}

describe("what breaks the session", () => {
  const cases: [
    name: string,
    policy: RecipientPolicy,
    extensions: string[],
    script: string,
    told: string,
    error: object,
  ][] = [
    [
      "DATA 250 in a flight",
      "collect",
      ["PIPELINING"],
      "M250 B250 C250 D250 | !",
      "b unsent, c unsent",
      { code: "SMTP_PROTOCOL", phase: "data", retry: "later" },
    ],
    [
      "DATA 250 by itself",
      "net-smtp",
      [],
      "M250 | B250 | C250 | D250 | !",
      "b unsent, c unsent",
      { code: "SMTP_PROTOCOL", phase: "data", retry: "later" },
    ],
    [
      "MAIL refused, yet DATA 354",
      "collect",
      ["PIPELINING"],
      "M550 B250 C250 D354 | !",
      "b refused 550, c refused 550",
      { code: "SMTP_FATAL", phase: "mail" },
    ],
    [
      "RCPT 354, and DATA 354",
      "collect",
      ["PIPELINING"],
      "M250 B250 C354 D354 | !",
      "b unsent, c unsent",
      { code: "SMTP_UNKNOWN", phase: "rcpt" },
    ],
    [
      "the only RCPTs 354, and DATA 354: no lone dot",
      "collect",
      ["PIPELINING"],
      "M250 B354 C354 D354 | !",
      "b unsent, c unsent",
      { code: "SMTP_UNKNOWN", phase: "rcpt" },
    ],
  ];
  test.each(cases)("sendMessage() closes: %s", async (_name, recipientPolicy, extensions, script, fates, expected) => {
    const { smtp, server } = await session(dialogue(script), { extensions, options: { recipientPolicy } });
    const error = await failure(smtp.sendMessage("x", FROM, TO));
    expect(told(error)).toBe(fates);
    expect(error).toMatchObject(expected);
    expect(server.closed).toBe("destroy");
    expect(smtp.errorOccurred).toBe(true);
    server.finish();
  });

  for (const [mode, extensions] of [
    ["in flights", ["PIPELINING"]],
    ["in turn", []],
  ] as const) {
    test(`sendMessage() breaks when the RSET that was owed is refused, ${mode}`, async () => {
      const { smtp, server } = await session(
        dialogue(mode === "in turn" ? "M250 | B550 | R500 | !" : "M250 B550 D503 | R500 M250 B250 D354 | !"),
        { extensions, options: { recipientPolicy: "collect" } },
      );
      await failure(smtp.sendMessage("x", FROM, "b@y.example"));
      const error = await failure(smtp.sendMessage("x", FROM, "b@y.example"));
      expect(error.message).toBe(`Server refused to reset the transaction before it: 500 said${NOBODY.now}`);
      expect(error).toMatchObject({
        code: "SMTP_SYNTAX",
        phase: "mail",
        command: "RSET",
        fate: "unsent",
        retry: "now",
      });
      expect(smtp.errorOccurred).toBe(true);
      server.finish();
    });

    test(`mailFrom() rejects when the RSET that was owed is refused, ${mode}`, async () => {
      const { smtp, server } = await session(
        dialogue(mode === "in turn" ? "M250 | B550 | R500 | !" : "M250 B550 | R500 M250 | !"),
        { extensions },
      );
      await failure(smtp.sendMessage("x", FROM, "b@y.example"));
      const error = await failure(smtp.mailFrom(FROM));
      expect(error).toMatchObject({
        name: "SmtpSyntaxError",
        command: "RSET",
        message: "Server refused RSET: 500 said",
      });
      expect(smtp.errorOccurred).toBe(true);
      server.finish();
    });
  }

  test("mailFrom() pays the RSET that a failed sendMessage() owes, in one write, and opens its transaction", async () => {
    const { smtp, server } = await session(dialogue("M250 B550 | R250 M250 | B250 | D354 | X250"));
    await failure(smtp.sendMessage("x", FROM, "b@y.example"));
    expect((await smtp.mailFrom(FROM)).status).toBe("250");
    await smtp.rcptTo("b@y.example");
    await smtp.data("x");
    server.finish();
  });

  test("rcptTo(), rcptToList() and data() would join a transaction that was given up: refused while its RSET is owed", async () => {
    const { smtp, server } = await session(dialogue("M250 B550 | R250 M250 B250 | D354 | X250"));
    await failure(smtp.sendMessage("x", FROM, "b@y.example"));
    for (const call of [
      () => smtp.rcptToList("b@y.example", () => undefined),
      () => smtp.rcptTo("b@y.example"),
      () => smtp.data("x"),
    ]) {
      expect(await failure(call())).toMatchObject({ name: "SmtpSessionError", fate: "unsent" });
    }
    await smtp.sendMessage("x", FROM, "b@y.example");
    server.finish();
  });
});
