/**
 * The dialogues that are cut: three messages, the middle one in trouble, in every mode of the engine, under every policy.
 * Its law: each message has a sender and recipients of its own and ends in a line that occurs nowhere else, so that
 * whatever is stored, answered or written belongs to exactly one of them.
 *
 * @module
 */

import type { MessageSource, RecipientPolicy, SmtpOptions } from "../../mod.ts";
import type { Offer } from "./recorder.ts";

/** A message as it is to be sent. */
export interface Planned {
  readonly from: string;
  readonly to: readonly string[];
  /** The content as a server must store it. */
  readonly content: string;
  /** What the engine has written once the end is with the stream. */
  readonly end: string;
}

/** A way to talk. */
export interface Mode {
  readonly name: string;
  readonly offer: Offer;
  readonly options: SmtpOptions;
  /** The sends do not wait for each other. */
  readonly overlap: boolean;
  /** The content comes in pieces from a source that can be read once. */
  readonly streamed: boolean;
}

/** What is wrong with the message in the middle. */
export interface Trouble {
  readonly name: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly dataForNobody?: boolean;
}

/** One of them. */
export interface Dialogue {
  readonly name: string;
  readonly mode: Mode;
  readonly policy: RecipientPolicy;
  readonly trouble: Trouble;
  readonly offer: Offer;
  readonly messages: readonly Planned[];
}

const PLAIN: Mode = {
  name: "flights",
  offer: { pipelining: true, chunking: false, starttls: false },
  options: { starttls: false },
  overlap: false,
  streamed: false,
};
const CHUNKING: Offer = { ...PLAIN.offer, chunking: true };

/** In turn, flights, overlap, BDAT, several in flight, STARTTLS, content behind its accepted recipients. */
export const MODES: readonly Mode[] = [
  { ...PLAIN, name: "in turn", offer: { ...PLAIN.offer, pipelining: false }, overlap: true },
  PLAIN,
  { ...PLAIN, name: "overlap", overlap: true },
  { ...PLAIN, name: "BDAT", offer: CHUNKING, overlap: true },
  { ...PLAIN, name: "BDAT, 16 in flight", offer: CHUNKING, options: { starttls: false, inFlight: 16 }, overlap: true },
  { ...PLAIN, name: "STARTTLS", offer: { ...PLAIN.offer, starttls: true }, options: { starttls: "always" } },
  { ...PLAIN, name: "streamed", overlap: true, streamed: true },
  { ...PLAIN, name: "streamed, BDAT", offer: CHUNKING, overlap: true, streamed: true },
];

const SPOKEN: readonly Mode[] = [
  { ...PLAIN, name: "LMTP in turn", offer: { ...PLAIN.offer, pipelining: false } },
  PLAIN,
  { ...PLAIN, name: "LMTP overlap", overlap: true },
  {
    ...PLAIN,
    name: "LMTP BDAT, 16 in flight",
    offer: CHUNKING,
    options: { starttls: false, inFlight: 16 },
    overlap: true,
  },
  { ...PLAIN, name: "LMTP streamed, BDAT", offer: CHUNKING, overlap: true, streamed: true },
];

/** LMTP in turn, in flights, with overlap, by BDAT. */
export const LMTP_MODES: readonly Mode[] = SPOKEN.map((mode) => ({
  ...mode,
  name: mode === PLAIN ? "LMTP flights" : mode.name,
  offer: { ...mode.offer, lmtp: true },
  options: { ...mode.options, lmtp: true },
}));

/** The three of design.md. */
export const POLICIES: readonly RecipientPolicy[] = ["net-smtp", "collect", "all-or-nothing"];

/** What every campaign cuts: one of the recipients is refused 550, another 450, one is accepted. */
export const SOME_REFUSED: Trouble = { name: "some refused", from: "two@x", to: ["r550.b@y", "c@y", "r450.d@y"] };

/** What can go wrong besides. */
export const TROUBLES: readonly Trouble[] = [
  SOME_REFUSED,
  { name: "some refused 53x", from: "two@x", to: ["b@y", "r530.c@y", "r535.d@y"] },
  { name: "all refused", from: "two@x", to: ["r550.b@y", "r450.c@y"] },
  { name: "all refused, 354", from: "two@x", to: ["r550.b@y", "r450.c@y"], dataForNobody: true },
  { name: "MAIL refused", from: "m550.two@x", to: ["b@y", "c@y"] },
  { name: "DATA refused", from: "d554.two@x", to: ["b@y", "c@y"] },
  { name: "end refused", from: "e452.two@x", to: ["b@y", "r550.c@y"] },
  { name: "421 to MAIL", from: "m421.two@x", to: ["b@y", "c@y"] },
  { name: "421 to RCPT", from: "two@x", to: ["b@y", "r421.c@y"] },
  { name: "421 to DATA", from: "d421.two@x", to: ["b@y", "c@y"] },
  { name: "421 to the end", from: "e421.two@x", to: ["b@y", "c@y"] },
];

/** Under LMTP some are refused at the end, one was at RCPT. */
export const LATE: Trouble = {
  name: "some refused late",
  from: "two@x",
  to: ["b@y", "f552.c@y", "r550.d@y", "f450.e@y", "g@y"],
};

/** A server that accepts what it has not read: law 3, and a lie that must not be believed. */
export const EARLY: Trouble = { name: "early 250", from: "early.two@x", to: ["b@y", "c@y"] };

/** The dialogue of a mode and a policy with this trouble. */
export function dialogue(mode: Mode, policy: RecipientPolicy, trouble: Trouble): Dialogue {
  const offer = { ...mode.offer, dataForNobody: trouble.dataForNobody === true };
  const plain = (from: string, to: string): Planned => planned(from, [to], offer);
  const messages = [plain("one@x", "a@y"), planned(trouble.from, trouble.to, offer), plain("three@x", "e@y")];
  return { name: `${mode.name}, ${policy}, ${trouble.name}`, mode, policy, trouble, offer, messages };
}

/** The dots are a trap for whoever mistakes a line of the text for the end. */
function planned(from: string, to: readonly string[], { chunking }: Offer): Planned {
  const last = `end of ${from}\r\n`;
  return { from, to, content: `.\r\n..\r\n${last}`, end: chunking ? last : `${last}.\r\n` };
}

/** The content as the engine is given it. */
export function source({ content }: Planned, { streamed }: Mode): MessageSource {
  return streamed ? pieces(content) : content;
}

async function* pieces(content: string): AsyncGenerator<string> {
  for (let at = 0; at < content.length; at += 5) yield content.slice(at, at + 5);
}
