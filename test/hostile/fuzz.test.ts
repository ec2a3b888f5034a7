/**
 * Fuzzing: random replies at every point of every dialogue, random messages, random values in every parameter.
 * The law here: any octets give replies or an error of the family, the same whole or in pieces; every send settles; what
 * is told is what the server stored; one message is one message, and no value makes a line more.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSmtpError, NetSmtp, SmtpAddress, type SmtpError, type SmtpOptions } from "../../mod.ts";
import { BodyEncoder } from "../../src/protocol/body.ts";
import { runs } from "../support/runs.ts";
import { expectNothingMore } from "./evil.ts";
import { Peer } from "./peer.ts";
import { normalised, READERS } from "./readers.ts";

const FULL = ["PIPELINING", "CHUNKING", "STARTTLS", "AUTH LOGIN"];
const MODES: readonly (readonly [name: string, extensions: readonly string[], options: SmtpOptions])[] = [
  ["in turn", ["STARTTLS", "AUTH LOGIN"], { user: "me", secret: "secret" }],
  ["overlap", ["PIPELINING", "STARTTLS", "AUTH LOGIN"], { user: "me", secret: "secret", recipientPolicy: "collect" }],
  ["BDAT", FULL, { user: "me", secret: "secret", recipientPolicy: "collect" }],
  ["BDAT in flight", FULL, { recipientPolicy: "collect", inFlight: 8 }],
];

/** Octets that look like replies, nearly; as latin1. */
const replyLike = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom(
          "250 ",
          "250-",
          "354 ",
          "334 ",
          "235 ",
          "220 ",
          "221 ",
          "421 ",
          "450 ",
          "550 ",
          "500-",
          "25",
          "\r\n",
          "\n",
          "\r",
          " ",
          "-",
          "\0",
          "ok",
          "5.1.1 ",
        ),
      },
      { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 8 }) },
      { weight: 1, arbitrary: fc.constant("x".repeat(13_000)) },
    ),
    { maxLength: 10 },
  )
  .map((parts) => Buffer.from(parts.join(""), "latin1").toString("latin1"));

/** Three messages in one session; what each became, in words, and what is wrong with it. */
async function converse(peer: Peer, options: SmtpOptions): Promise<{ told: string[]; wrong: string[] }> {
  const wrong: string[] = [];
  const expectFamily = (error: unknown): SmtpError => {
    if (!isSmtpError(error)) wrong.push(`not of the family: ${error}`);
    if ((error as Error).message.length > 4_000) wrong.push("a message without bounds");
    return error as SmtpError;
  };
  const smtp = new NetSmtp("mx.example", 25, { ...options, network: peer });
  const failed = await smtp.start().then(() => undefined, expectFamily);
  if (failed) return { told: [failed.name], wrong };
  const outcomes = await Promise.allSettled(
    [0, 1, 2].map((index) => smtp.sendMessage(`message ${index}`, `a${index}@x.example`, `b${index}@y.example`)),
  );
  await smtp.finish();
  const told = outcomes.map((outcome, index) => {
    const { recipients } = outcome.status === "fulfilled" ? outcome.value : expectFamily(outcome.reason);
    const fate = recipients[0]?.fate ?? "none";
    const stored = peer.stored.some(({ to }) => to.includes(`<b${index}@y.example>`));
    if (fate === "none" || (fate === "unsent" && stored)) wrong.push(`${index} is ${fate}, stored: ${stored}`);
    return `${index} ${fate} ${outcome.status === "rejected" ? outcome.reason.name : ""}`;
  });
  return { told, wrong };
}

/**
 * True if the octets are judged before the first of them is told: one reply and nothing behind it, or none. Of others the
 * first has been told, in pieces, before the rest is there to be judged. Slow and obvious.
 */
function judgedAtOnce(octets: string): boolean {
  let [replies, open] = [0, ""];
  for (const line of octets.split("\n").slice(0, -1)) {
    const [, code = "", rest = ""] = /^([2-5][0-5][0-9])(|[ -].*)$/s.exec(line.replace(/\r$/, "")) ?? [];
    if (code === "" || (open !== "" && open !== code) || line.length > 12_000) return replies === 0;
    open = rest.startsWith("-") ? code : "";
    if (open === "") replies++;
  }
  return replies === 0 || (replies === 1 && open === "" && octets.endsWith("\n"));
}

describe("random replies", () => {
  for (const [mode, extensions, options] of MODES) {
    test(`${mode}: at every point any octets give replies or an error, the same whole or in pieces`, async () => {
      await fc.assert(
        fc.asyncProperty(
          replyLike,
          fc.nat({ max: 24 }),
          fc.integer({ min: 1, max: 7 }),
          async (octets, point, size) => {
            const run = async (split: boolean, cut: (bytes: Buffer) => Buffer[]) => {
              let said = 0;
              const say = (_verb: string, reply: string): string => (said++ === point ? octets : reply);
              const peer = new Peer({ extensions, say, cut, split });
              const outcome = await converse(peer, options);
              expect(outcome.wrong).toEqual([]);
              expect(peer.open).toBe(0);
              return outcome.told;
            };
            const inPieces = (bytes: Buffer): Buffer[] => {
              const cuts: Buffer[] = [];
              for (let at = 0; at < bytes.length; at += size) cuts.push(bytes.subarray(at, at + size));
              return cuts;
            };
            await run(false, inPieces);
            await run(false, (bytes) => [bytes]);
            const whole = await run(true, (bytes) => [bytes]);
            const pieces = await run(true, inPieces);
            if (judgedAtOnce(octets)) expect(pieces).toEqual(whole);
          },
        ),
        { numRuns: runs(150) },
      );
    });

    test(`${mode}: nothing changed, all accepted`, async () => {
      const { told, wrong } = await converse(new Peer({ extensions }), options);
      expect([told, wrong]).toEqual([["0 accepted ", "1 accepted ", "2 accepted "], []]);
    });
  }
});

describe("random messages", () => {
  const octets = fc.oneof(
    fc
      .array(fc.constantFrom("\r", "\n", "\r\n", ".", "..", "\0", "x", "DATA\r\n", "QUIT"))
      .map((parts) => parts.join("")),
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
  );
  test("one strict and four lax readers find exactly one message, the one given with its line ends normalised", () => {
    fc.assert(
      fc.property(octets, fc.array(fc.nat({ max: 30 }), { maxLength: 8 }), (message, lengths) => {
        const encoder = new BodyEncoder();
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const length of [...lengths, message.length]) {
          encoder.push(Buffer.from(message.slice(at, at + length), "latin1"), pieces);
          at += length;
        }
        encoder.end(pieces);
        const wire = `DATA\r\n${Buffer.concat(pieces).toString("latin1")}QUIT\r\n`;
        for (const read of Object.values(READERS)) {
          expect(read(wire)).toEqual({ commands: ["DATA", "QUIT"], messages: [normalised(message)] });
        }
      }),
      { numRuns: runs(1_500) },
    );
  });
});

describe("random values", () => {
  const text = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          "\r",
          "\n",
          "\r\n",
          "\0",
          "\x7f",
          "\u2028",
          "\u560a",
          ">",
          "<",
          '"',
          "\\",
          " ",
          "@",
          "a",
          "x.example",
          "RSET",
          "=",
          "[",
          "]",
        ),
        fc.string({ unit: "binary", maxLength: 4 }),
      ),
      { maxLength: 6 },
    )
    .map((parts) => parts.join(""));
  const value = fc.oneof({ weight: 8, arbitrary: text }, { weight: 2, arbitrary: fc.anything() });
  const ASKED = ["EHLO", "AUTH", "(answer)", "(answer)", "MAIL", "RCPT", "DATA", ".", "QUIT"];

  test("in every parameter: never an additional line at the server", async () => {
    const session = fc.record(
      {
        helo: value,
        user: value,
        secret: value,
        authType: value,
        tlsHostname: value,
        localAddress: value,
        recipientPolicy: value,
        inFlight: value,
        readTimeout: value,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof({ weight: 1, arbitrary: session }, { weight: 3, arbitrary: fc.constant({}) }),
        fc.oneof(value, fc.constant("a@x.example")),
        fc.oneof(value, fc.constant("b@y.example")),
        fc.dictionary(text, value, { maxKeys: 2 }),
        fc.boolean(),
        async (options, from, to, parameters, utf8) => {
          const peer = new Peer({ extensions: ["AUTH LOGIN PLAIN", ...(utf8 ? ["8BITMIME", "SMTPUTF8"] : [])] });
          const send = async (): Promise<unknown> =>
            NetSmtp.start("mx.example", 25, { ...(options as SmtpOptions), network: peer }, (smtp) =>
              smtp.sendMessage(
                "x",
                typeof from === "string" ? new SmtpAddress(from, parameters as never) : (from as never),
                to as never,
              ),
            );
          const error = await send().catch((reason) => reason);
          if (error instanceof Error) expect(isSmtpError(error), String(error.stack)).toBe(true);
          const asked = Array.isArray(to) ? [...ASKED.slice(0, 5), ...to.map(() => "RCPT"), ...ASKED.slice(6)] : ASKED;
          expect(peer.wire).not.toMatch(/(?<!\r)\n|\r(?!\n)/);
          if (Object.keys(parameters).length === 0) expectNothingMore(peer, asked);
          else expect(peer.verbs.filter((verb) => !asked.includes(verb))).toEqual([]);
        },
      ),
      { numRuns: runs(600) },
    );
  });
});
