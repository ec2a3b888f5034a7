/**
 * The demo, `npm start`: a message through Nodemailer and the plugin to three recipients, of whom the server refuses one;
 * the dialogue as it happens, then the fate of each recipient. With `--host` it talks to a server of yours.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
import process, { argv, env } from "node:process";
import { pathToFileURL } from "node:url";
import nodemailer, { type Transporter } from "nodemailer";
import { isSmtpError, VERSION } from "../mod.ts";
import {
  type NetSmtpRecipient,
  type NetSmtpSentMessageInfo,
  NetSmtpTransport,
  type NetSmtpTransportError,
  type NetSmtpTransportOptions,
} from "../src/nodemailer/mod.ts";
import { type Arguments, readArguments, USAGE, UsageError } from "./support/arguments.ts";
import { letter, makeSigner } from "./support/letter.ts";
import { DialogueView, type Screen, screenOn, type Terminal, table } from "./support/screen.ts";
import { type DemoServer, startDemoServer } from "./support/server.ts";

/** Runs the demo; gives the exit code. */
export async function main(
  given: readonly string[],
  output: Terminal,
  errors: Terminal,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  try {
    const options = readArguments(given, environment);
    if (options.help) output.write(USAGE);
    else return await demo(options, screenOn(output, environment));
    return 0;
  } catch (error) {
    // What is wrong with an argument is told in a sentence; anything else is a fault, with its stack.
    if (!(error instanceof UsageError) && !isSmtpError(error)) throw error;
    errors.write(`${error.message}\nUsage: npm start -- --help\n`);
    return 1;
  }
}

async function demo(options: Arguments, screen: Screen): Promise<number> {
  if (options.host !== undefined) return (await send(options, await ownOptions(options), screen)) ? 0 : 1;
  const server = await startDemoServer();
  try {
    const info = await send(options, demoOptions(server), screen);
    const surprises = info ? surprisesIn(info, server) : ["the message was to go"];
    for (const surprise of surprises) screen.line(`  ${screen.paint.red("Not as expected:")} ${surprise}`);
    return surprises.length === 0 ? 0 : 1;
  } finally {
    await server.close();
  }
}

function demoOptions({ host, port, ca, user, pass }: DemoServer): NetSmtpTransportOptions {
  return { host, port, auth: { user, pass }, tls: { ca } };
}

async function ownOptions(options: Arguments): Promise<NetSmtpTransportOptions> {
  const { host, port, secure, requireTLS, ignoreTLS, user, pass, name } = options;
  const ca = options.ca === undefined ? undefined : await pem(options.ca);
  const tls = { ...(ca ? { ca } : {}), ...(options.insecure ? { rejectUnauthorized: false } : {}) };
  return {
    host,
    port,
    secure: secure || port === 465,
    requireTLS,
    ignoreTLS,
    name,
    connectionTimeout: 30_000,
    auth: user === undefined ? undefined : { user, pass },
    tls,
  };
}

async function pem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`Option --ca: ${path} could not be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Sends the message and shows it all; undefined if it went to nobody. */
async function send(
  { from, to }: Arguments,
  options: NetSmtpTransportOptions,
  screen: Screen,
): Promise<NetSmtpSentMessageInfo | undefined> {
  const { signer } = await makeSigner(from);
  const view = new DialogueView(screen);
  const transport = new NetSmtpTransport({ ...options, logger: loggerOn(view), debug: true });
  const transporter = nodemailer.createTransport(transport, { dkim: signer });
  headline(screen, transport, to);
  try {
    const info = await transporter.sendMail(letter(from, to));
    await quitSaid(transporter);
    told(screen, info.recipients);
    screen.line(
      screen.paint.dim(
        `  ${info.messageSize} octets; ${info.envelopeTime + info.messageTime} ms from MAIL to the last reply`,
      ),
    );
    return info;
  } catch (error) {
    const { message, code, fate, retry, recipients } = error as NetSmtpTransportError;
    if (recipients === undefined) throw error;
    await quitSaid(transporter);
    told(screen, recipients);
    screen.line(`  ${screen.paint.red(code)} ${message}`);
    screen.line(screen.paint.dim(`  fate: ${fate}, retry: ${retry}`));
    return undefined;
  } finally {
    transporter.close();
  }
}

function headline({ line, paint }: Screen, transport: NetSmtpTransport, to: readonly string[]): void {
  const { bold, dim } = paint;
  line();
  const recipients = to.length === 1 ? "one recipient" : `${to.length} recipients`;
  line(`  ${bold(`net-smtp ${VERSION}`)}  ${dim(`one message, ${recipients}, by ${transport}`)}`);
}

/** The plugin's log as the view's lines; what it says about the message is told below. */
function loggerOn(view: DialogueView) {
  const log = (fields: object, text: string): void => {
    const { tnx } = fields as { tnx?: string };
    if (tnx === "client") view.client(text);
    else if (tnx === "server") view.server(text);
    else if (tnx === "network") view.note(text);
  };
  return { debug: log, info: log, warn: log, error: () => undefined };
}

/** The answer is there before QUIT is said: waits for the end of the connection. */
async function quitSaid(transporter: Transporter<NetSmtpSentMessageInfo>): Promise<void> {
  while (!transporter.isIdle()) await new Promise<void>((resolve) => transporter.once("idle", resolve));
}

const FATES = ["accepted", "refused", "unsent", "unknown"] as const;

function told(screen: Screen, recipients: readonly NetSmtpRecipient[]): void {
  const { green, red, yellow } = screen.paint;
  const colours = { accepted: green, refused: red, unsent: yellow, unknown: red };
  const rows = recipients.map(({ address, fate, response = "", retry = "" }) => {
    return [address, fate, retry, response.replaceAll(/\n\d{3}[ -]/g, " ")];
  });
  screen.line();
  table(screen, ["recipient", "fate", "retry", "reply of the server"], rows, (row, column) => {
    return column === 1 ? colours[row[1] as keyof typeof colours] : (text) => text;
  });
  screen.line();
  screen.line(`  ${screen.paint.bold(inWords(recipients))}`);
}

/** "2 accepted, 1 refused; nothing unknown" */
function inWords(recipients: readonly NetSmtpRecipient[]): string {
  const counts = new Map(FATES.map((fate) => [fate, recipients.filter((one) => one.fate === fate).length]));
  const known = FATES.filter((fate) => fate !== "unknown" && counts.get(fate)).map(
    (fate) => `${counts.get(fate)} ${fate}`,
  );
  const unknown = counts.get("unknown");
  return [known.join(", "), unknown ? `${unknown} unknown` : "nothing unknown"].filter(Boolean).join("; ");
}

/** What is not as it should be with the demo's own server; nothing, normally. */
function surprisesIn({ recipients }: NetSmtpSentMessageInfo, { stored, user }: DemoServer): string[] {
  const fates = recipients.map(({ fate }) => fate).join(", ");
  const [message] = stored;
  const checks: readonly (readonly [boolean, string])[] = [
    [fates === "accepted, refused, accepted", `the fates are ${fates}`],
    [stored.length === 1, `the server stored ${stored.length} messages, not 1`],
    [message?.to.join() === "ada@example.com,grace@example.com", `it was stored for ${message?.to.join(", ")}`],
    [message?.secure === true, "it did not come over TLS"],
    [message?.user === user, "it came without a login"],
    [message?.raw.startsWith("DKIM-Signature: ") === true, "it came without a signature"],
  ];
  return checks.filter(([holds]) => !holds).map(([, surprise]) => surprise);
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  process.exitCode = await main(argv.slice(2), process.stdout, process.stderr, env);
}
