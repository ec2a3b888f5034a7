/**
 * A letter to everybody in a CSV file, which can be killed at any moment and run again: nobody gets it twice.
 *
 *     SMTP_USER=me SMTP_PASS=… node build/examples/bulk.js --host smtp.example.com --from me@example.com \
 *       --csv readers.csv --subject "Hello, {{name}}" --text letter.txt --ledger letter.ledger
 *
 * The CSV file has a header line and a column `email`; `{{column}}` in the subject and the text is filled from each row. An
 * address gets the letter once, however many rows have it. The ledger has what became of each address. Run again with the
 * same ledger it goes to whom it certainly did not go to; who is "in doubt" there is left alone, and counted.
 *
 * Exit code 0 if all have it, 1 if somebody does not, 2 for bad arguments or files.
 *
 * @module
 */

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import process, { argv, env } from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { parse } from "csv-parse";
import nodemailer from "nodemailer";
import { isSmtpError, NetSmtpPool, type PoolOptions, type RecipientResult } from "../mod.ts";
import { FileLedger } from "./support/ledger.ts";

/** What is sent. */
export interface Letter {
  readonly from: string;
  readonly subject: string;
  readonly text: string;
}

/** How it ended. */
export interface Summary {
  /** Addresses in the file. */
  readonly addresses: number;
  /** Sent in this run. */
  readonly accepted: number;
  /** Refused for good, in this run or before. */
  readonly refused: number;
  /** It certainly did not go to them: run it again. */
  readonly owed: number;
  /** Nobody knows, from this run or one before: look them up in the server's log by the ledger's Message-ID. */
  readonly inDoubt: number;
  /** They had it from a run before. */
  readonly before: number;
}

type Row = Readonly<Record<string, string>>;

/** How many messages are asked for at once: enough to keep the pool's connections busy, and no more in memory. */
const AHEAD = 50;

/** The rows by address, the first of each. Throws if the file has no column `email`, or is no CSV. */
export async function readRows(path: string): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  const parser = createReadStream(path).pipe(parse({ columns: true, bom: true, trim: true, skip_empty_lines: true }));
  for await (const row of parser as AsyncIterable<Row>) {
    if (row.email === undefined) throw new Error(`${path} has no column "email"`);
    if (row.email !== "" && !rows.has(row.email)) rows.set(row.email, row);
  }
  return rows;
}

/** Sends the letter to all who are owed it. `told` is called for each address that has been dealt with. */
export async function bulk(
  pool: NetSmtpPool,
  ledger: FileLedger,
  letter: Letter,
  rows: ReadonlyMap<string, Row>,
  told: () => void = () => undefined,
): Promise<Summary> {
  const states = new Map(ledger.states);
  const owed = [...rows.values()].filter(({ email = "" }) => (states.get(email) ?? "owed") === "owed");
  for (let skipped = rows.size - owed.length; skipped > 0; skipped--) told();
  const queue = owed.values();
  const worker = async (): Promise<void> => {
    for (const row of queue) {
      await one(pool, ledger, letter, row);
      told();
    }
  };
  await Promise.all(Array.from({ length: AHEAD }, worker));
  const count = (wanted: string): number => [...rows.keys()].filter((to) => ledger.states.get(to) === wanted).length;
  const before = [...rows.keys()].filter((to) => states.get(to) === "accepted").length;
  return {
    addresses: rows.size,
    accepted: count("accepted") - before,
    refused: count("refused"),
    owed: count("owed"),
    inDoubt: count("in doubt"),
    before,
  };
}

/** Sends to one, and writes down what became of it. Throws what is no failure of sending: a full disk, for one. */
async function one(pool: NetSmtpPool, ledger: FileLedger, letter: Letter, row: Row): Promise<void> {
  const to = row.email ?? "";
  const { messageId, message } = await compose(letter, row);
  const [result] = await sent(to, () =>
    pool.sendMessage(message, letter.from, to, {
      id: messageId,
      // Before the end of the message can have reached the server: from here on it is in doubt.
      beforeEnd: () => ledger.write({ to, state: "in doubt", messageId }),
    }),
  );
  if (result.fate === "unknown") return; // as the ledger says already
  const again = result.retry === "now" || result.retry === "later";
  const state = result.fate === "accepted" ? "accepted" : again ? "owed" : "refused";
  await ledger.write({ to, state, ...(result.response && { response: `${result.response}` }) });
}

async function sent(
  to: string,
  send: () => Promise<{ recipients: readonly RecipientResult[] }>,
): Promise<readonly [RecipientResult]> {
  try {
    return (await send()).recipients as [RecipientResult];
  } catch (error) {
    if (!isSmtpError(error)) throw error;
    const [result] = error.recipients;
    // Without recipients no message had begun: the connection could not be made, or the address is none.
    return [result ?? { address: to, fate: error.fate, retry: error.retry }];
  }
}

const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });

/** Nodemailer composes: it encodes what stands in headers, so that no value of a row can add one. */
async function compose({ from, subject, text }: Letter, row: Row): Promise<{ messageId: string; message: Uint8Array }> {
  const filled = (template: string): string => template.replaceAll(/\{\{(\w+)\}\}/g, (_, name) => row[name] ?? "");
  const mail = { from, to: row.email, subject: filled(subject), text: filled(text) };
  const { messageId, message } = await composer.sendMail(mail);
  return { messageId, message: message as Buffer };
}

const USAGE = `node build/examples/bulk.js --host HOST [--port 587] --from ADDRESS --csv FILE --subject TEXT --text FILE --ledger FILE
  [--connections 5] [--rate MESSAGES-A-SECOND] [--tls]; the login is in SMTP_USER and SMTP_PASS
`;

/** Runs it as the command line does; gives the exit code. */
export async function main(args: readonly string[]): Promise<0 | 1 | 2> {
  const values = read(args);
  if (values === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const rows = await readRows(values.csv);
  const letter = { from: values.from, subject: values.subject, text: await readFile(values.text, "utf8") };
  const ledger = await FileLedger.open(values.ledger);
  const pool = new NetSmtpPool(values.host, values.port, values.options);
  // cli-progress writes to stderr, and nothing where that is no terminal: the output is for the summary.
  const bar = new SingleBar({ format: "{bar} {value}/{total} ETA {eta_formatted}", stream: process.stderr });
  bar.start(rows.size, 0);
  try {
    const summary = await bulk(pool, ledger, letter, rows, () => bar.increment()).finally(() => bar.stop());
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return summary.refused + summary.owed + summary.inDoubt === 0 ? 0 : 1;
  } finally {
    await pool.close();
    await ledger.close();
  }
}

function read(args: readonly string[]) {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      host: text,
      port: { type: "string", default: "587" },
      from: text,
      csv: text,
      subject: text,
      text: text,
      ledger: text,
      connections: { type: "string", default: "5" },
      rate: { type: "string", default: "0" },
      tls: { type: "boolean", default: false },
    },
  });
  const { host, from, csv, subject, text: file, ledger } = values;
  if (!(host && from && csv && subject && file && ledger)) return undefined;
  const login = env.SMTP_PASS === undefined ? {} : { user: env.SMTP_USER ?? from, secret: env.SMTP_PASS };
  const options: PoolOptions = {
    ...login,
    tls: values.tls,
    maxConnections: Number(values.connections),
    rateLimit: Number(values.rate),
    attempts: 2,
  };
  return { host, port: Number(values.port), from, csv, subject, text: file, ledger, options };
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  process.exitCode = await main(argv.slice(2)).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    return 2 as const;
  });
}
