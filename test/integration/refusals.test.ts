/** Each refusal under each policy over real sockets, and a next message on the same session after it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetSmtp, type RecipientPolicy, type SmtpError } from "../../mod.ts";
import { playServer } from "../support/play-server.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";

const POLICIES: readonly RecipientPolicy[] = ["net-smtp", "collect", "all-or-nothing"];
const FROM = "a@x.example";
const MESSAGE = "Subject: hi\r\n\r\nhello\r\n";

async function failure(promise: Promise<unknown>): Promise<SmtpError> {
  return await promise.then(
    () => Promise.reject(new Error("Expected a rejection")),
    (error) => error,
  );
}

function fatesOf({ recipients }: Pick<SmtpError, "recipients">): string {
  return recipients.map(({ fate, response }) => [fate, response?.status].filter(Boolean).join(" ")).join(", ");
}

describe("smtp-server", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startSmtpServer();
  });
  afterAll(() => server.close());

  interface Case {
    from?: string;
    to: string[];
    message?: string;
    /** By policy: the fates, and the class when it is thrown. */
    outcome: Record<RecipientPolicy, [fates: string, thrown?: string]>;
  }

  const both = (fates: string, thrown: string): Case["outcome"] => ({
    "net-smtp": [fates, thrown],
    collect: [fates, thrown],
    "all-or-nothing": [fates, thrown],
  });

  const cases: Record<string, Case> = {
    "MAIL 550": { from: "refuse-550@x.example", to: ["b@y.example"], outcome: both("refused 550", "SmtpFatalError") },
    "MAIL 451": { from: "busy-451@x.example", to: ["b@y.example"], outcome: both("refused 451", "SmtpServerBusy") },
    "one RCPT 550": {
      to: ["b@y.example", "refuse-550@y.example", "c@y.example"],
      outcome: {
        "net-smtp": ["unsent, refused 550, unsent", "SmtpFatalError"],
        collect: ["accepted 250, refused 550, accepted 250"],
        "all-or-nothing": ["unsent, refused 550, unsent", "SmtpFatalError"],
      },
    },
    "one RCPT 450": {
      to: ["b@y.example", "busy-450@y.example"],
      outcome: {
        "net-smtp": ["unsent, refused 450", "SmtpServerBusy"],
        collect: ["accepted 250, refused 450"],
        "all-or-nothing": ["unsent, refused 450", "SmtpServerBusy"],
      },
    },
    "one RCPT 535": {
      to: ["b@y.example", "refuse-535@y.example"],
      outcome: {
        "net-smtp": ["accepted 250, refused 535", "SmtpAuthenticationError"],
        collect: ["accepted 250, refused 535"],
        "all-or-nothing": ["unsent, refused 535", "SmtpAuthenticationError"],
      },
    },
    "all RCPT": {
      to: ["refuse-550@y.example", "busy-450@y.example"],
      outcome: {
        "net-smtp": ["refused 550, refused 450", "SmtpFatalError"],
        collect: ["refused 550, refused 450", "SmtpServerBusy"],
        "all-or-nothing": ["refused 550, refused 450", "SmtpFatalError"],
      },
    },
    "all RCPT 535": {
      to: ["refuse-535@y.example", "refuse-535.b@y.example"],
      outcome: {
        "net-smtp": ["refused 535, refused 535", "SmtpAuthenticationError"],
        collect: ["refused 535, refused 535", "SmtpAuthenticationError"],
        "all-or-nothing": ["refused 535, refused 535", "SmtpAuthenticationError"],
      },
    },
    "the end 554": {
      to: ["b@y.example"],
      message: `X-Refuse: 554\r\n${MESSAGE}`,
      outcome: both("refused 554", "SmtpFatalError"),
    },
    "the end 451": {
      to: ["b@y.example"],
      message: `X-Refuse: 451\r\n${MESSAGE}`,
      outcome: both("refused 451", "SmtpServerBusy"),
    },
  };

  for (const [name, { from = FROM, to, message = MESSAGE, outcome }] of Object.entries(cases)) {
    for (const recipientPolicy of POLICIES) {
      for (const pipelining of [true, false]) {
        test(`${name}, ${recipientPolicy}, ${pipelining ? "in flights" : "in turn"}`, async () => {
          const before = server.messages.length;
          const options = { recipientPolicy, pipelining };
          await NetSmtp.start("127.0.0.1", server.port, options, async (smtp) => {
            const [fates, thrown] = outcome[recipientPolicy];
            const sent = smtp.sendMessage(message, from, to);
            const told = thrown === undefined ? await sent : await failure(sent);
            expect(fatesOf(told)).toBe(pipelining || !thrown ? fates : inTurn(fates));
            if (thrown !== undefined) expect((told as SmtpError).name).toBe(thrown);
            await smtp.sendMessage(MESSAGE, FROM, "next@y.example");
          });
          const stored = server.messages.slice(before).map(({ to: stored }) => stored.join());
          expect(stored.at(-1)).toBe("next@y.example");
          const accepted = to.filter((_, index) =>
            outcome[recipientPolicy][0].split(", ")[index]?.startsWith("accepted"),
          );
          expect(stored.slice(0, -1)).toEqual(accepted.length > 0 ? [accepted.join()] : []);
        });

        /** One by one, what stops the message is the last command: those behind it are unsent. */
        function inTurn(fates: string): string {
          const stops = recipientPolicy !== "collect" && name === "all RCPT" ? ["refused 550, unsent"] : [];
          const all = recipientPolicy === "all-or-nothing" && name === "all RCPT 535" ? ["refused 535, unsent"] : [];
          return stops[0] ?? all[0] ?? fates;
        }
      }
    }
  }
});

describe("a played server", () => {
  const HELLO = "S: 220 ready\nC: EHLO localhost\nS: 250-mx\nS: 250 PIPELINING";
  const QUIT = "C: QUIT\nS: 221 bye";

  async function played(script: string, run: (port: number) => Promise<unknown>): Promise<void> {
    const server = await playServer(script);
    try {
      await run(server.port);
      await server.finish();
    } finally {
      await server.close();
    }
  }

  test.each([
    ["421 4.3.2 busy", "SmtpServerBusy", "later"],
    ["451 4.3.2 later", "SmtpServerBusy", "later"],
    ["554 5.3.2 never", "SmtpFatalError", "never"],
  ])("greeting %s ends the start", (greeting, name, retry) =>
    played(`S: ${greeting}\nC: <close>`, async (port) => {
      const error = await failure(NetSmtp.start("127.0.0.1", port));
      expect(error).toMatchObject({ name, phase: "greeting", fate: "unsent", retry });
    }),
  );

  test.each(["421 4.3.2 busy", "554 5.5.1 no"])("EHLO %s ends the start", (reply) =>
    played(`S: 220 ready\nC: EHLO localhost\nS: ${reply}\nC: <close>`, async (port) => {
      const error = await failure(NetSmtp.start("127.0.0.1", port));
      expect(error).toMatchObject({ phase: "ehlo", response: { status: reply.slice(0, 3) } });
    }),
  );

  test.each([500, 501, 502, 504, 550])("EHLO %d falls back to HELO, for this session", (code) =>
    played(`S: 220 ready\nC: EHLO localhost\nS: ${code} what\nC: HELO localhost\nS: 250 mx\n${QUIT}`, async (port) => {
      const smtp = await NetSmtp.start("127.0.0.1", port);
      expect([smtp.capabilities, smtp.esmtp]).toEqual([undefined, true]);
      await smtp.finish();
    }),
  );

  test.each([
    ["535 5.7.8 no", "SmtpAuthenticationError", false],
    ["454 4.7.0 later", "SmtpAuthenticationError", true],
  ])("AUTH %s ends the start", (reply, name, temporary) =>
    played(
      `S: 220 ready\nC: EHLO localhost\nS: 250-mx\nS: 250 AUTH PLAIN\nC: AUTH PLAIN AG1lAHg=\nS: ${reply}\nC: <close>`,
      async (port) => {
        const error = await failure(NetSmtp.start("127.0.0.1", port, { user: "me", secret: "x" }));
        expect(error).toMatchObject({ name, phase: "auth", temporary });
      },
    ),
  );

  const ENVELOPE = ["MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>"];

  /** The flights of a message whose DATA gets the reply; then, if the session is sound, RSET and the next message. */
  function dataRefused(policy: RecipientPolicy, reply: string): string {
    const along = policy === "collect";
    const client = (lines: readonly string[]): string => lines.map((line) => `C: ${line}`).join("\n");
    const group = (lines: readonly string[], last: string): string =>
      along
        ? `${client([...lines, "DATA"])}\n${lines.map(() => "S: 250 ok").join("\n")}\nS: ${last}`
        : `${client(lines)}\n${lines.map(() => "S: 250 ok").join("\n")}\nC: DATA\nS: ${last}`;
    const first = `${HELLO}\n${group(ENVELOPE, reply)}`;
    if (policy === "net-smtp") return `${first}\nC: <close>`;
    return `${first}\n${group(["RSET", ...ENVELOPE], "354 go")}\nC: x\nC: .\nS: 250 stored\n${QUIT}`;
  }

  for (const policy of POLICIES) {
    for (const [reply, name] of [
      ["451 4.3.0 later", "SmtpServerBusy"],
      ["554 5.5.1 no", "SmtpFatalError"],
    ] as const) {
      test(`DATA ${reply}, ${policy}`, () =>
        played(dataRefused(policy, reply), async (port) => {
          const smtp = await NetSmtp.start("127.0.0.1", port, { recipientPolicy: policy });
          const error = await failure(smtp.sendMessage("x", FROM, "b@y.example"));
          expect(error).toMatchObject({ phase: "data", fate: "refused", temporary: reply.startsWith("4") });
          expect(error.name).toBe(policy === "net-smtp" ? "SmtpUnknownError" : name);
          expect(smtp.errorOccurred).toBe(policy === "net-smtp");
          if (policy === "net-smtp") expect(error.message).toMatch(/^could not get 3xx \(4?5?\d+: /);
          else await smtp.sendMessage("x", FROM, "b@y.example");
          await smtp.finish();
        }));
    }
  }
});
