/**
 * The ways of talking: in turn, in flights, overlapping, in chunks, in chunks with more than one message unanswered.
 *
 * @module
 */

import { expect } from "vitest";
import type { SmtpOptions } from "../../../mod.ts";
import type { Letter } from "../letters.ts";
import { at, type Trial } from "../trial.ts";
import { type Mode, offers } from "./mode.ts";
import { commands, deepest, overlaps } from "./shape.ts";

const FEW = 5;
const MANY = 48;
const TWO = ["alice", "bob"];

async function oneByOne(trial: Trial, options: SmtpOptions): Promise<void> {
  await trial.session(options, async (smtp) => {
    for (let n = 0; n < FEW; n++) await trial.send(smtp, trial.letter(), TWO);
  });
  expect(overlaps(trial.dialogue)).toBe(0);
}

async function atOnce(trial: Trial, options: SmtpOptions): Promise<void> {
  await trial.session(options, async (smtp) => {
    const letters = Array.from({ length: MANY }, () => trial.letter());
    await Promise.all(letters.map((letter) => trial.send(smtp, letter, TWO)));
  });
}

/** All of them. */
export const TALKING: readonly Mode[] = [
  {
    name: "in turn",
    async run(trial) {
      await oneByOne(trial, { pipelining: false, chunking: false });
      expect(deepest(trial.dialogue)).toBe(1);
    },
  },
  {
    name: "flights",
    without: offers("PIPELINING"),
    async run(trial) {
      await oneByOne(trial, { chunking: false });
      expect(deepest(trial.dialogue)).toBe(4); // MAIL, RCPT, RCPT, DATA
      expect(commands(trial.dialogue, "DATA")).toHaveLength(FEW);
    },
  },
  {
    name: "overlap",
    without: offers("PIPELINING"),
    async run(trial) {
      await atOnce(trial, { chunking: false });
      expect(overlaps(trial.dialogue)).toBe(trial.subject.takesNothingBehindAnEnd ? 1 : MANY - 1);
    },
  },
  {
    name: "BDAT",
    without: offers("CHUNKING"),
    async run(trial) {
      await oneByOne(trial, {});
      expect(commands(trial.dialogue, "DATA")).toEqual([]);
      expect(commands(trial.dialogue, "BDAT")).toHaveLength(FEW);
    },
  },
  {
    name: "BDAT in flight, 16 unanswered",
    without: offers("CHUNKING"),
    async run(trial) {
      await atOnce(trial, { inFlight: 16 });
      expect(commands(trial.dialogue, "BDAT")).toHaveLength(MANY);
      // Under LMTP a LAST waits until it is known how many replies it is owed (RFC 2033 4.3): the next envelope goes with it.
      if (trial.subject.lmtp) expect(overlaps(trial.dialogue)).toBe(MANY - 1);
      else expect(deepest(trial.dialogue)).toBeGreaterThanOrEqual(16 * 4);
    },
  },
  {
    name: "a message written piece by piece",
    async run(trial) {
      const letter = trial.letter();
      await trial.session({}, async (smtp) => {
        const write = (text: string) => text.split("\r\n").slice(0, -1);
        const delivery = await smtp.openMessageStream("sender@example.test", TWO.map(at), async (writer) => {
          for (const line of write(letter.octets.toString())) await writer.puts(line);
        });
        trial.accepted(letter, TWO, delivery.recipients);
      });
    },
  },
  { name: "command by command", run: commandByCommand },
];

async function commandByCommand(trial: Trial): Promise<void> {
  const letters: Letter[] = [trial.letter(), trial.letter()];
  await trial.session({}, async (smtp) => {
    for (const letter of letters) {
      await smtp.mailFrom("sender@example.test");
      await smtp.rcptToList(TWO.map(at), async ({ accepted, refused }) => {
        expect(refused).toEqual([]);
        expect(accepted.map(({ address }) => address)).toEqual(TWO.map(at));
        const response = await smtp.data(letter.source);
        expect(response.status).toBe("250");
        trial.sent.push({ letter, boxes: TWO });
      });
    }
    await smtp.mailFrom("sender@example.test");
    await smtp.rset();
    await smtp.getOk("NOOP");
  });
}
