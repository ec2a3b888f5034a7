/**
 * Unknown recipients among good ones, and each recipient's own reply under LMTP.
 *
 * @module
 */

import { expect } from "vitest";
import type { Delivery, SendOptions, SmtpOptions } from "../../../mod.ts";
import { SENDER } from "../letters.ts";
import { at, fates, rejection, type Trial } from "../trial.ts";
import { type Mode, offers, speaksLmtp } from "./mode.ts";
import { commands } from "./shape.ts";

const MIXED = ["nobody", "alice", "no.one", "bob", "nobody"];

async function mixed(trial: Trial, options: SmtpOptions): Promise<void> {
  await trial.session(options, async (smtp) => {
    const letters = [trial.letter(), trial.letter(), trial.letter()];
    const each = letters.map(async (letter) => {
      const { recipients } = await smtp.sendMessage(letter.source, SENDER, MIXED.map(at));
      expect(fates(recipients)).toEqual(
        MIXED.map((box) => (box.startsWith("no") ? [at(box), "refused", "550"] : [at(box), "accepted", "250"])),
      );
      trial.sent.push({ letter, boxes: ["alice", "bob"] });
    });
    await Promise.all(each);
  });
}

/** Nobody is left, and the message behind it goes. */
async function allUnknown(trial: Trial): Promise<void> {
  for (const chunking of [false, true]) {
    await trial.session({ chunking }, async (smtp) => {
      const lost = rejection(smtp.sendMessage(trial.letter().source, SENDER, [at("nobody"), at("no.one")]));
      const next = trial.send(smtp, trial.letter(), ["carol"]);
      const { recipients } = await lost;
      expect(fates(recipients)).toEqual(["nobody", "no.one"].map((box) => [at(box), "refused", "550"]));
      await next;
    });
  }
}

/** The policies that let a refusal stop the message: nobody gets it, and the message behind it goes. */
async function stopped(trial: Trial, recipientPolicy: "net-smtp" | "all-or-nothing"): Promise<void> {
  const options: SendOptions = { recipientPolicy };
  await trial.session({}, async (smtp) => {
    const lost = rejection(smtp.sendMessage(trial.letter().source, SENDER, [at("alice"), at("nobody")], options));
    const next = trial.send(smtp, trial.letter(), ["carol"], options);
    const { recipients } = await lost;
    expect(fates(recipients).map((fate) => (fate as unknown[]).slice(0, 2))).toEqual([
      [at("alice"), "unsent"],
      [at("nobody"), "refused"],
    ]);
    await next;
  });
}

/** The mailbox `full` takes RCPT and refuses the content, each recipient with a reply of its own (RFC 2033 4.2). */
async function oneRefusesTheEnd(trial: Trial): Promise<void> {
  const boxes = ["alice", "nobody", "full", "bob"];
  const told: Delivery[] = [];
  await trial.session({}, async (smtp) => {
    for (let n = 0; n < 2; n++) {
      const letter = trial.letter({ lines: ["x".repeat(70), "y".repeat(70)] });
      told.push(await smtp.sendMessage(letter.source, SENDER, boxes.map(at)));
      trial.sent.push({ letter, boxes: ["alice", "bob"] });
    }
  });
  for (const { recipients } of told) {
    expect(recipients.map(({ fate, response }) => [fate, response?.enhancedCode])).toEqual([
      ["accepted", "2.0.0"],
      ["refused", "5.1.1"],
      ["refused", "5.2.2"],
      ["accepted", "2.0.0"],
    ]);
  }
}

/** All of them. */
export const RECIPIENTS: readonly Mode[] = [
  { name: "unknown among good recipients, DATA", run: (trial) => mixed(trial, { chunking: false }) },
  {
    name: "unknown among good recipients, BDAT in flight",
    without: offers("CHUNKING"),
    run: (trial) => mixed(trial, { inFlight: 16 }),
  },
  { name: "all recipients unknown", run: allUnknown },
  { name: 'a refusal stops the message: "net-smtp"', run: (trial) => stopped(trial, "net-smtp") },
  { name: 'a refusal stops the message: "all-or-nothing"', run: (trial) => stopped(trial, "all-or-nothing") },
  {
    name: "LMTP over TCP",
    without: speaksLmtp,
    async run(trial) {
      await trial.session({}, (smtp) => trial.send(smtp, trial.letter(), ["alice", "bob", "carol"]));
      expect(commands(trial.dialogue, "LHLO")).toHaveLength(1);
    },
  },
  {
    name: "LMTP over a unix socket",
    without: speaksLmtp,
    async run(trial) {
      const socketPath = `${trial.place.home}/${trial.subject.lmtp!.socket}`;
      await trial.session({ socketPath, inFlight: 16 }, async (smtp) => {
        const letters = Array.from({ length: 8 }, () => trial.letter());
        await Promise.all(letters.map((letter) => trial.send(smtp, letter, ["alice", "bob"])));
      });
      expect(trial.dialogue.some(({ text }) => text.includes(socketPath))).toBe(true);
    },
  },
  { name: "LMTP: one recipient refuses the content", without: speaksLmtp, run: oneRefusesTheEnd },
];
