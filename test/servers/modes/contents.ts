/**
 * What a message can hold, each over DATA and, where it is offered, over BDAT.
 *
 * @module
 */

import { expect } from "vitest";
import { SmtpArgumentError, type SmtpOptions } from "../../../mod.ts";
import { asPieces, asText, bulk, DOTS, joined, type LetterParts, LONG_LINES, OCTETS, SENDER } from "../letters.ts";
import { LIMIT } from "../place.ts";
import { at, rejection, type Trial } from "../trial.ts";
import { type Mode, offers } from "./mode.ts";
import { commands } from "./shape.ts";

const BIG = 5_000_000;

/** Each of these over DATA and over BDAT, and each way to give it. */
async function everyWay(trial: Trial, parts: LetterParts, gives: readonly LetterParts["give"][]): Promise<void> {
  const ways: SmtpOptions[] = [{ chunking: false }];
  if (trial.subject.offers.includes("CHUNKING")) ways.push({ chunking: true });
  for (const way of ways) {
    await trial.session(way, async (smtp) => {
      for (const give of gives) {
        await trial.send(smtp, trial.letter({ ...parts, ...(give && { give }) }), ["alice", "bob"]);
      }
    });
  }
}

async function overTheLimit(trial: Trial): Promise<void> {
  await trial.session({}, async (smtp) => {
    const tooLarge = trial.letter({ lines: bulk(LIMIT) });
    const begun = trial.dialogue.length;
    const error = await rejection(smtp.sendMessage(tooLarge.source, SENDER, at("alice")));
    expect(error).toBeInstanceOf(SmtpArgumentError);
    expect(error.recipients.map(({ fate }) => fate)).toEqual(["unsent"]);
    expect(trial.dialogue.slice(begun)).toEqual([]);
    await trial.send(smtp, trial.letter(), ["alice"]);
  });
  expect(commands(trial.dialogue, "MAIL")).toHaveLength(1);
}

/** A stream says nothing of its size before MAIL: it is the server who refuses it. */
async function refusedByTheServer(trial: Trial): Promise<void> {
  const tooLarge = trial.letter({ lines: bulk(LIMIT + 1_000_000), give: asPieces });
  const error = await rejection(trial.session({}, (smtp) => smtp.sendMessage(tooLarge.source, SENDER, at("alice"))));
  expect(error.recipients.map(({ fate }) => fate)).toEqual(["refused"]);
  expect(error.response?.status).toMatch(/^5/);
  await trial.session({}, (smtp) => trial.send(smtp, trial.letter(), ["alice"]));
}

/** All of them. */
export const CONTENTS: readonly Mode[] = [
  {
    name: "lines that dots begin, as bytes, text and stream",
    run: (trial) => everyWay(trial, { lines: DOTS }, [joined, asText, asPieces]),
  },
  {
    name: "lines of 997 to 100 003 octets",
    run: (trial) => everyWay(trial, { lines: LONG_LINES }, [joined, asPieces]),
  },
  {
    name: "octets over 0x7F and control characters",
    without: offers("8BITMIME"),
    run: (trial) => everyWay(trial, { lines: OCTETS }, [joined, asPieces]),
  },
  {
    name: "a message of 5 MB, as bytes and stream",
    run: (trial) => everyWay(trial, { lines: bulk(BIG) }, [joined, asPieces]),
  },
  { name: "SIZE over the limit: error before MAIL", without: offers("SIZE"), run: overTheLimit },
  { name: "a stream over the limit: refused", without: offers("SIZE"), run: refusedByTheServer },
  {
    name: "SMTPUTF8: address and headers",
    without: offers("SMTPUTF8"),
    async run(trial) {
      const parts = { subject: "Grüße aus Köln" };
      await trial.session({}, async (smtp) => {
        await trial.send(smtp, trial.letter(parts), ["jürgen"]);
        await trial.send(smtp, trial.letter(parts), ["alice", "jürgen"]);
        await trial.send(smtp, trial.letter(parts), ["alice"], { smtputf8: true });
      });
      for (const mail of commands(trial.dialogue, "MAIL")) expect(mail).toContain("SMTPUTF8");
    },
  },
  {
    name: "DSN: RET, ENVID, NOTIFY, ORCPT",
    without: offers("DSN"),
    async run(trial) {
      const dsn = { ret: "HDRS", envid: "a+b=c", notify: ["FAILURE"], orcpt: true } as const;
      await trial.session({}, (smtp) => trial.send(smtp, trial.letter(), ["alice", "bob"], { dsn }));
      expect(commands(trial.dialogue, "MAIL")[0]).toContain("RET=HDRS ENVID=a+2Bb+3Dc");
      expect(commands(trial.dialogue, "RCPT")[1]).toContain("NOTIFY=FAILURE ORCPT=rfc822;bob@example.test");
    },
  },
];
