/**
 * Every way of talking by every way in which a message can end, each as a transcript: what goes over the wire, what
 * shares a write, the fates and errors, and what the next message on the session finds (docs/modes.md has the table).
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Delivery, type MessageSource, NetSmtp, type SmtpError, type SmtpOptions } from "../mod.ts";
import { network, play } from "./support/play.ts";
import { hello } from "./support/session.ts";

const MODES = ["in turn", "flights", "overlap", "BDAT", "BDAT in flight"] as const;
const OUTCOMES = [
  "all accepted",
  "one refused",
  "all refused",
  "DATA or BDAT refused",
  "end refused",
  "421",
  "lost",
] as const;

type Mode = (typeof MODES)[number];
type Outcome = (typeof OUTCOMES)[number];

/** What the server offers, and the options; the policy is always `collect`. */
const SETTINGS: Readonly<Record<Mode, { extensions: readonly string[]; options?: SmtpOptions }>> = {
  "in turn": { extensions: [] },
  flights: { extensions: ["PIPELINING"] },
  overlap: { extensions: ["PIPELINING"] },
  BDAT: { extensions: ["PIPELINING", "CHUNKING"] },
  "BDAT in flight": { extensions: ["PIPELINING", "CHUNKING"], options: { inFlight: 16 } },
};

type Sent = readonly [source: MessageSource, from: string, ...to: string[]];

const ONE: Sent = ["one", "a1@x.example", "b@y.example", "c@y.example"];
const TWO: Sent = ["two", "a2@x.example", "d@y.example", "e@y.example"];
const THREE: Sent = ["three", "a3@x.example", "f@y.example"];
const NEXT: Sent = ["next", "a4@x.example", "g@y.example"];

/** The least that a chunk has which is not the last; in a message, a line of its own. */
const CHUNK = "A".repeat(262_142);
const LONG: Sent = [[`${CHUNK}\r\n`, "one"], "a1@x.example", "b@y.example", "c@y.example"];

interface Cell {
  /** Sent without waiting for each other. */
  readonly sent: readonly Sent[];
  /** What went over the wire, the next message included. */
  readonly script: string;
  /** What each message became. */
  readonly told: readonly string[];
  /** What the next message on the session became. */
  readonly next: string;
  /** The first word of each line, as they shared a write. */
  readonly writes: readonly string[];
}

const NEXT_ACCEPTED = "g accepted 250 next queued";
const SESSION_ENDED = "SmtpServerBusy, retry now: g unsent";
const LATCHED = "SmtpLatchedError, retry now: g unsent";

const IN_TURN: Readonly<Record<Outcome, Cell>> = {
  "all accepted": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 250 b ok
      C: RCPT TO:<c@y.example>
      S: 250 c ok
      C: DATA
      S: 354 go ahead
      C: one
      C: .
      S: 250 one queued
      C: MAIL FROM:<a4@x.example>
      S: 250 sender ok
      C: RCPT TO:<g@y.example>
      S: 250 g ok
      C: DATA
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["b accepted 250 one queued, c accepted 250 one queued"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL", "RCPT", "RCPT", "DATA", "one .", "MAIL", "RCPT", "DATA", "next ."],
  },
  "one refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 550 no such user
      C: RCPT TO:<c@y.example>
      S: 250 c ok
      C: DATA
      S: 354 go ahead
      C: one
      C: .
      S: 250 one queued
      C: MAIL FROM:<a4@x.example>
      S: 250 sender ok
      C: RCPT TO:<g@y.example>
      S: 250 g ok
      C: DATA
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["b refused 550 no such user, c accepted 250 one queued"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL", "RCPT", "RCPT", "DATA", "one .", "MAIL", "RCPT", "DATA", "next ."],
  },
  "all refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 550 no such user
      C: RCPT TO:<c@y.example>
      S: 551 not here
      C: RSET
      S: 250 reset
      C: MAIL FROM:<a4@x.example>
      S: 250 sender ok
      C: RCPT TO:<g@y.example>
      S: 250 g ok
      C: DATA
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["SmtpFatalError, rcpt, retry never: b refused 550 no such user, c refused 551 not here"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL", "RCPT", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "next ."],
  },
  "DATA or BDAT refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 250 b ok
      C: RCPT TO:<c@y.example>
      S: 250 c ok
      C: DATA
      S: 451 not now
      C: RSET
      S: 250 reset
      C: MAIL FROM:<a4@x.example>
      S: 250 sender ok
      C: RCPT TO:<g@y.example>
      S: 250 g ok
      C: DATA
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["SmtpServerBusy, data, retry later: b refused 451 not now, c refused 451 not now"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL", "RCPT", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "next ."],
  },
  "end refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 250 b ok
      C: RCPT TO:<c@y.example>
      S: 250 c ok
      C: DATA
      S: 354 go ahead
      C: one
      C: .
      S: 554 spam
      C: MAIL FROM:<a4@x.example>
      S: 250 sender ok
      C: RCPT TO:<g@y.example>
      S: 250 g ok
      C: DATA
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["SmtpFatalError, final, retry never: b refused 554 spam, c refused 554 spam"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL", "RCPT", "RCPT", "DATA", "one .", "MAIL", "RCPT", "DATA", "next ."],
  },
  "421": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 250 b ok
      C: RCPT TO:<c@y.example>
      S: 421 closing
      S: <close>`,
    told: ["SmtpServerBusy, rcpt, retry now: b unsent, c refused 421 closing"],
    next: LATCHED,
    writes: ["MAIL", "RCPT", "RCPT"],
  },
  lost: {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      S: 250 sender ok
      C: RCPT TO:<b@y.example>
      S: 550 no such user
      C: RCPT TO:<c@y.example>
      S: 250 c ok
      C: DATA
      S: 354 go ahead
      C: one
      C: .
      S: <close>`,
    told: ["SmtpConnectionError, final, retry ask: b refused 550 no such user, c unknown"],
    next: LATCHED,
    writes: ["MAIL", "RCPT", "RCPT", "DATA", "one ."],
  },
};

const FLIGHTS: Readonly<Record<Outcome, Cell>> = {
  "all accepted": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      S: 250 one queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["b accepted 250 one queued, c accepted 250 one queued"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT DATA", "one .", "MAIL RCPT DATA", "next ."],
  },
  "one refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 550 no such user
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      S: 250 one queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["b refused 550 no such user, c accepted 250 one queued"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT DATA", "one .", "MAIL RCPT DATA", "next ."],
  },
  "all refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 550 no such user
      S: 551 not here
      S: 354 go ahead
      C: .
      S: 554 no valid recipients
      C: RSET
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 reset
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["SmtpFatalError, rcpt, retry never: b refused 550 no such user, c refused 551 not here"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT DATA", ".", "RSET MAIL RCPT DATA", "next ."],
  },
  "DATA or BDAT refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 451 not now
      C: RSET
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 reset
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["SmtpServerBusy, data, retry later: b refused 451 not now, c refused 451 not now"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT DATA", "RSET MAIL RCPT DATA", "next ."],
  },
  "end refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      S: 554 spam
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: ["SmtpFatalError, final, retry never: b refused 554 spam, c refused 554 spam"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT DATA", "one .", "MAIL RCPT DATA", "next ."],
  },
  "421": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 421 closing
      S: <close>`,
    told: ["SmtpServerBusy, rcpt, retry now: b unsent, c refused 421 closing"],
    next: SESSION_ENDED,
    writes: ["MAIL RCPT RCPT DATA"],
  },
  lost: {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 550 no such user
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      S: <close>`,
    told: ["SmtpConnectionError, final, retry ask: b refused 550 no such user, c unknown"],
    next: LATCHED,
    writes: ["MAIL RCPT RCPT DATA", "one ."],
  },
};

const OVERLAP: Readonly<Record<Outcome, Cell>> = {
  "all accepted": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 250 one queued
      S: 250 sender ok
      S: 250 d ok
      S: 250 e ok
      S: 354 go ahead
      C: two
      C: .
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: DATA
      S: 250 two queued
      S: 250 sender ok
      S: 250 f ok
      S: 354 go ahead
      C: three
      C: .
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "d accepted 250 two queued, e accepted 250 two queued",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: [
      "MAIL RCPT RCPT DATA",
      "one . MAIL RCPT RCPT DATA",
      "two . MAIL RCPT DATA",
      "three .",
      "MAIL RCPT DATA",
      "next .",
    ],
  },
  "one refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 250 one queued
      S: 250 sender ok
      S: 550 no such user
      S: 250 e ok
      S: 354 go ahead
      C: two
      C: .
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: DATA
      S: 250 two queued
      S: 250 sender ok
      S: 250 f ok
      S: 354 go ahead
      C: three
      C: .
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "d refused 550 no such user, e accepted 250 two queued",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: [
      "MAIL RCPT RCPT DATA",
      "one . MAIL RCPT RCPT DATA",
      "two . MAIL RCPT DATA",
      "three .",
      "MAIL RCPT DATA",
      "next .",
    ],
  },
  "all refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 250 one queued
      S: 250 sender ok
      S: 550 no such user
      S: 551 not here
      S: 354 go ahead
      C: .
      S: 554 no valid recipients
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: DATA
      S: 250 reset
      S: 250 sender ok
      S: 550 no such user
      S: 554 no valid recipients
      C: RSET
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 reset
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpFatalError, rcpt, retry never: d refused 550 no such user, e refused 551 not here",
      "SmtpFatalError, rcpt, retry never: f refused 550 no such user",
    ],
    next: NEXT_ACCEPTED,
    writes: [
      "MAIL RCPT RCPT DATA",
      "one . MAIL RCPT RCPT DATA",
      ".",
      "RSET MAIL RCPT DATA",
      "RSET MAIL RCPT DATA",
      "next .",
    ],
  },
  "DATA or BDAT refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 250 one queued
      S: 250 sender ok
      S: 250 d ok
      S: 250 e ok
      S: 451 not now
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: DATA
      S: 250 reset
      S: 250 sender ok
      S: 250 f ok
      S: 354 go ahead
      C: three
      C: .
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpServerBusy, data, retry later: d refused 451 not now, e refused 451 not now",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: [
      "MAIL RCPT RCPT DATA",
      "one . MAIL RCPT RCPT DATA",
      "RSET MAIL RCPT DATA",
      "three .",
      "MAIL RCPT DATA",
      "next .",
    ],
  },
  "end refused": {
    sent: [ONE, TWO],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 554 spam
      S: 250 sender ok
      S: 250 d ok
      S: 250 e ok
      S: 354 go ahead
      C: two
      C: .
      S: 250 two queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 g ok
      S: 354 go ahead
      C: next
      C: .
      S: 250 next queued`,
    told: [
      "SmtpFatalError, final, retry never: b refused 554 spam, c refused 554 spam",
      "d accepted 250 two queued, e accepted 250 two queued",
    ],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT DATA", "one . MAIL RCPT RCPT DATA", "two .", "MAIL RCPT DATA", "next ."],
  },
  "421": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: 421 closing
      S: <close>`,
    told: [
      "SmtpServerBusy, final, retry now: b refused 421 closing, c refused 421 closing",
      "SmtpServerBusy, retry now: d unsent, e unsent",
      "SmtpServerBusy, retry now: f unsent",
    ],
    next: LATCHED,
    writes: ["MAIL RCPT RCPT DATA", "one . MAIL RCPT RCPT DATA"],
  },
  lost: {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: DATA
      S: 250 sender ok
      S: 250 b ok
      S: 550 no such user
      S: 354 go ahead
      C: one
      C: .
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: DATA
      S: <close>`,
    told: [
      "SmtpConnectionError, final, retry ask: b unknown, c refused 550 no such user",
      "SmtpConnectionError, final, retry later: d unsent, e unsent",
      "SmtpLatchedError, retry now: f unsent",
    ],
    next: LATCHED,
    writes: ["MAIL RCPT RCPT DATA", "one . MAIL RCPT RCPT DATA"],
  },
};

const BDAT: Readonly<Record<Outcome, Cell>> = {
  "all accepted": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: BDAT 6 LAST
      C: next
      S: 250 sender ok
      S: 250 g ok
      S: 250 next queued`,
    told: ["b accepted 250 one queued, c accepted 250 one queued"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one", "MAIL RCPT BDAT next"],
  },
  "one refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 sender ok
      S: 550 no such user
      S: 250 c ok
      S: 250 one queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: BDAT 6 LAST
      C: next
      S: 250 sender ok
      S: 250 g ok
      S: 250 next queued`,
    told: ["b refused 550 no such user, c accepted 250 one queued"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one", "MAIL RCPT BDAT next"],
  },
  "all refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 sender ok
      S: 550 no such user
      S: 551 not here
      S: 554 no valid recipients
      C: RSET
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      S: 250 reset
      S: 250 sender ok
      S: 250 g ok
      C: BDAT 6 LAST
      C: next
      S: 250 next queued`,
    told: ["SmtpFatalError, rcpt, retry never: b refused 550 no such user, c refused 551 not here"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one", "RSET MAIL RCPT", "BDAT next"],
  },
  "DATA or BDAT refused": {
    sent: [LONG],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      S: 250 sender ok
      S: 250 b ok
      S: 550 no such user
      C: BDAT 262144
      C: ${CHUNK}
      S: 452 full
      C: RSET
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      S: 250 reset
      S: 250 sender ok
      S: 250 g ok
      C: BDAT 6 LAST
      C: next
      S: 250 next queued`,
    told: ["SmtpServerBusy, content, retry later: b refused 452 full, c refused 550 no such user"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT", "BDAT", "AAAAA", "RSET MAIL RCPT", "BDAT next"],
  },
  "end refused": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 554 spam
      C: RSET
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      S: 250 reset
      S: 250 sender ok
      S: 250 g ok
      C: BDAT 6 LAST
      C: next
      S: 250 next queued`,
    told: ["SmtpFatalError, final, retry never: b refused 554 spam, c refused 554 spam"],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one", "RSET MAIL RCPT", "BDAT next"],
  },
  "421": {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 sender ok
      S: 250 b ok
      S: 421 closing
      S: <close>`,
    told: ["SmtpServerBusy, rcpt, retry ask: b unknown, c refused 421 closing"],
    next: SESSION_ENDED,
    writes: ["MAIL RCPT RCPT BDAT one"],
  },
  lost: {
    sent: [ONE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      S: 250 sender ok
      S: 550 no such user
      S: <close>`,
    told: ["SmtpConnectionError, rcpt, retry ask: b refused 550 no such user, c unknown"],
    next: LATCHED,
    writes: ["MAIL RCPT RCPT BDAT one"],
  },
};

const BDAT_IN_FLIGHT: Readonly<Record<Outcome, Cell>> = {
  "all accepted": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 250 sender ok
      S: 250 d ok
      S: 250 e ok
      S: 250 two queued
      S: 250 reset
      S: 250 sender ok
      S: 250 f ok
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: BDAT 6 LAST
      C: next
      S: 250 sender ok
      S: 250 g ok
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "d accepted 250 two queued, e accepted 250 two queued",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three", "MAIL RCPT BDAT next"],
  },
  "one refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 250 sender ok
      S: 550 no such user
      S: 250 e ok
      S: 250 two queued
      S: 250 reset
      S: 250 sender ok
      S: 250 f ok
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: BDAT 6 LAST
      C: next
      S: 250 sender ok
      S: 250 g ok
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "d refused 550 no such user, e accepted 250 two queued",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three", "MAIL RCPT BDAT next"],
  },
  "all refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 250 sender ok
      S: 550 no such user
      S: 551 not here
      S: 554 no valid recipients
      S: 250 reset
      S: 250 sender ok
      S: 250 f ok
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: BDAT 6 LAST
      C: next
      S: 250 sender ok
      S: 250 g ok
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpFatalError, rcpt, retry never: d refused 550 no such user, e refused 551 not here",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three", "MAIL RCPT BDAT next"],
  },
  "DATA or BDAT refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 250 sender ok
      S: 250 d ok
      S: 250 e ok
      S: 502 what
      C: <close>`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpSyntaxError, final, retry never: d refused 502 what, e refused 502 what",
      "SmtpProtocolError, content, retry ask: f unknown",
    ],
    next: LATCHED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three"],
  },
  "end refused": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 250 sender ok
      S: 250 d ok
      S: 250 e ok
      S: 452 full
      S: 250 reset
      S: 250 sender ok
      S: 250 f ok
      S: 250 three queued
      C: MAIL FROM:<a4@x.example>
      C: RCPT TO:<g@y.example>
      C: BDAT 6 LAST
      C: next
      S: 250 sender ok
      S: 250 g ok
      S: 250 next queued`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpServerBusy, final, retry later: d refused 452 full, e refused 452 full",
      "f accepted 250 three queued",
    ],
    next: NEXT_ACCEPTED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three", "MAIL RCPT BDAT next"],
  },
  "421": {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 421 closing
      S: <close>`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpServerBusy, mail, retry now: d refused 421 closing, e refused 421 closing",
      "SmtpServerBusy, retry ask: f unknown",
    ],
    next: SESSION_ENDED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three"],
  },
  lost: {
    sent: [ONE, TWO, THREE],
    script: `
      C: MAIL FROM:<a1@x.example>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: BDAT 5 LAST
      C: one
      C: RSET
      C: MAIL FROM:<a2@x.example>
      C: RCPT TO:<d@y.example>
      C: RCPT TO:<e@y.example>
      C: BDAT 5 LAST
      C: two
      C: RSET
      C: MAIL FROM:<a3@x.example>
      C: RCPT TO:<f@y.example>
      C: BDAT 7 LAST
      C: three
      S: 250 sender ok
      S: 250 b ok
      S: 250 c ok
      S: 250 one queued
      S: 250 reset
      S: 250 sender ok
      S: 550 no such user
      S: <close>`,
    told: [
      "b accepted 250 one queued, c accepted 250 one queued",
      "SmtpConnectionError, rcpt, retry ask: d refused 550 no such user, e unknown",
      "SmtpConnectionError, rcpt, retry ask: f unknown",
    ],
    next: LATCHED,
    writes: ["MAIL RCPT RCPT BDAT one RSET MAIL RCPT RCPT BDAT two RSET MAIL RCPT BDAT three"],
  },
};

const CELLS: Readonly<Record<Mode, Readonly<Record<Outcome, Cell>>>> = {
  "in turn": IN_TURN,
  flights: FLIGHTS,
  overlap: OVERLAP,
  BDAT,
  "BDAT in flight": BDAT_IN_FLIGHT,
};

/** Its recipients, and of an error name, phase and retry; the phase only if the test names one. */
function became(outcome: PromiseSettledResult<Delivery>, expected: string | undefined): string {
  const { recipients } = outcome.status === "fulfilled" ? outcome.value : (outcome.reason as SmtpError);
  const fates = recipients.map(({ address, fate, response }) =>
    [address.replace("@y.example", ""), fate, response?.string].filter(Boolean).join(" "),
  );
  if (outcome.status === "fulfilled") return fates.join(", ");
  const { name, phase, retry } = outcome.reason as SmtpError;
  const error = expected?.startsWith(`${name}, retry`) ? name : `${name}, ${phase}`;
  return `${error}, retry ${retry}: ${fates.join(", ")}`;
}

/** The first word of each line, a long one cut. */
function words(write: string): string {
  const lines = write.split("\r\n").filter(Boolean);
  return lines.map((line) => /^[^ ]+/.exec(line.slice(0, 5))?.[0]).join(" ");
}

/** Sends without waiting, and checks what each message became. */
async function become(smtp: NetSmtp, sent: readonly Sent[], told: readonly string[]): Promise<void> {
  const promises = sent.map(([source, from, ...to]) => smtp.sendMessage(source, from, to));
  const outcomes = await Promise.allSettled(promises);
  expect(outcomes.map((outcome, index) => became(outcome, told[index]))).toEqual(told);
}

describe("every mode and outcome", () => {
  for (const mode of MODES) {
    test.each(OUTCOMES)(`${mode}: %s`, async (outcome) => {
      const { extensions, options } = SETTINGS[mode];
      const { sent, script, told, next, writes } = CELLS[mode][outcome];
      const server = play(`${hello(...extensions)}\n${script}`);
      // A host of its own, since one that does not know BDAT is remembered.
      const host = `${mode}-${outcome}.example`.replaceAll(" ", "-");
      Object.assign(server, { remote: `${host}:25` });
      const smtp = new NetSmtp(host, 25, { ...options, recipientPolicy: "collect", network: network(server) });
      await smtp.start();
      await become(smtp, sent, told);
      await become(smtp, [NEXT], [next]);
      expect(server.writes.slice(1).map(words)).toEqual(writes);
      server.finish();
    });
  }

  test("docs/modes.md names each of these tests in its place, and no other", () => {
    const page = readFileSync(new URL("../docs/modes.md", import.meta.url), "utf8");
    const rows = page.split("\n").filter((line) => line.startsWith("|"));
    const [outcomes, , ...modes] = rows.map((row) => row.split("|").slice(1, -1));
    expect(outcomes?.map((cell) => cell.trim())).toEqual(["", ...OUTCOMES]);
    const names = modes.map(([mode, ...cells]) => [mode?.trim(), ...cells.map((cell) => /`(.*?)`/.exec(cell)?.[1])]);
    expect(names).toEqual(MODES.map((mode) => [mode, ...OUTCOMES.map((outcome) => `${mode}: ${outcome}`)]));
  });
});
