/**
 * LMTP dialogues of two messages, in every way that a message can travel: the first to several recipients with the
 * replies that a test names, the second to z, which shows in what state the first has left the session.
 *
 * @module
 */

import { NetSmtp, type SmtpError, type SmtpOptions } from "../../mod.ts";
import { network, type PlayedServer, type PlayOptions, play } from "./play.ts";
import { FROM, told } from "./told.ts";

/** As in docs/modes.md. */
export const MODES = ["in turn", "flights", "overlap", "BDAT", "BDAT in flight"] as const;

/** A way to travel. */
export type Mode = (typeof MODES)[number];

/** What the server answers to the first message, which goes to b, c, d, … */
export interface Answers {
  /** To each RCPT. */
  readonly rcpt: readonly string[];
  /** To DATA; default 354. */
  readonly data?: string;
  /** To the end: replies, "" for a new chunk, `<close>`. */
  readonly end?: readonly string[];
  /** Nothing is said after it. */
  readonly over?: boolean;
}

type Exchange = readonly [command: string, reply: string];

/** Greeting and LHLO. */
export function lhlo(...extensions: readonly string[]): string[] {
  const lines = ["mx.example", ...extensions];
  const said = lines.map((line, index) => `S: 250${index < lines.length - 1 ? "-" : " "}${line}`);
  return ["S: 220 mx.example LMTP", "C: LHLO localhost", ...said];
}

/** True if the second message leaves with the end of the first. */
export function overlaps(mode: Mode): boolean {
  return mode === "overlap" || mode === "BDAT in flight";
}

/** The recipients of the first message. */
function recipients({ rcpt }: Answers): string[] {
  return rcpt.map((_, index) => `${"bcdefghij"[index]}@y.example`);
}

/** The dialogue of both messages. */
function transcript(mode: Mode, to: readonly string[], answers: Answers): string {
  const { rcpt, data = "354 go", end = [], over = false } = answers;
  const [grouped, bdat] = [mode !== "in turn", mode.startsWith("BDAT")];
  const accepted = rcpt.some((reply) => reply.startsWith("2"));
  const goes = accepted && (bdat || data.startsWith("354"));
  const refused = end.some((reply) => /^[45]/.test(reply));
  const reset = !goes || (bdat && (refused || mode === "BDAT in flight"));
  const first = envelope(to, rcpt, bdat || !(grouped || accepted) ? undefined : data);
  const second: Exchange[] = envelope(["z@y.example"], ["250 ok"], bdat ? undefined : "354 go");
  if (reset) second.unshift(["RSET", "250 reset"]);
  const content = bdat ? ["C: BDAT 4 LAST", "C: hi"] : ["C: hi", "C: ."];
  const last = [...content, "S: 250 stored"];
  if (!goes) return script([...said(grouped, first), ...(over ? [] : [...said(grouped, second), ...last])]);
  const answered = end.map((reply) => reply && `S: ${reply}`);
  const [behind, replies] = [second.map(([command]) => `C: ${command}`), second.map(([, reply]) => `S: ${reply}`)];
  const begun = [...said(grouped, first), ...content];
  if (overlaps(mode)) return script([...begun, ...behind, ...answered, ...(over ? [] : [...replies, ...last])]);
  return script([...begun, ...answered, ...(over ? [] : [...said(grouped, second), ...last])]);

  function script(lines: readonly string[]): string {
    return [...lhlo(...(grouped ? ["PIPELINING"] : []), ...(bdat ? ["CHUNKING"] : [])), ...lines].join("\n");
  }
}

function envelope(to: readonly string[], rcpt: readonly string[], data: string | undefined): Exchange[] {
  const named = to.map((address, index): Exchange => [`RCPT TO:<${address}>`, rcpt[index] as string]);
  return [[`MAIL FROM:<${FROM}>`, "250 ok"], ...named, ...(data ? [["DATA", data] as const] : [])];
}

function said(grouped: boolean, exchanges: readonly Exchange[]): string[] {
  const [commands, replies] = [exchanges.map(([line]) => `C: ${line}`), exchanges.map(([, line]) => `S: ${line}`)];
  return grouped
    ? [...commands, ...replies]
    : exchanges.flatMap(([command, reply]) => [`C: ${command}`, `S: ${reply}`]);
}

/** A started LMTP session on a played server. */
export async function lmtp(
  script: string,
  options: SmtpOptions = {},
  stream: PlayOptions = {},
): Promise<{ smtp: NetSmtp; server: PlayedServer }> {
  const server = play(script, stream);
  const settings: SmtpOptions = { lmtp: true, recipientPolicy: "collect", ...options, network: network(server) };
  const smtp = await NetSmtp.start("mx.example", 24, settings);
  return { smtp, server };
}

/** What a message became: the fates as text, and the error if it was one. */
export interface Became {
  readonly fates: string;
  readonly error: SmtpError | undefined;
}

/** Sends both messages as the mode has it; `asked` is another mode to ask for, where the dialogue is that of `mode` in spite of it. */
export async function sendBoth(
  mode: Mode,
  answers: Answers,
  { to = recipients(answers), asked = mode, ...stream }: PlayOptions & { to?: string[]; asked?: Mode } = {},
): Promise<readonly [first: Became, second: Became]> {
  const inFlight = asked === "BDAT in flight" ? 2 : 1;
  const { smtp, server } = await lmtp(transcript(mode, to, answers), { inFlight }, stream);
  const first = became(smtp.sendMessage("hi", FROM, to));
  if (!overlaps(asked)) await first;
  const second = became(smtp.sendMessage("hi", FROM, "z@y.example"));
  const both = [await first, await second] as const;
  server.finish();
  return both;
}

function became(sent: ReturnType<NetSmtp["sendMessage"]>): Promise<Became> {
  return sent.then(
    (delivery) => ({ fates: told(delivery), error: undefined }),
    (error) => ({ fates: told(error), error }),
  );
}
