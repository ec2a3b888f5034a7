/**
 * The contract: a case is run with Nodemailer's own transport and with only the transport replaced, each against a server
 * of its own, and comes out the same. The law here: outcomes are plain data and compared whole; where they differ the case
 * names a row of the table in `docs/nodemailer.md` and the difference, exactly.
 *
 * @module
 */

import type { Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import nodemailer, { type Transporter } from "nodemailer";
import { expect } from "vitest";
import * as plugin from "../../src/nodemailer/mod.ts";
import { message } from "../nodemailer/support.ts";
import { type ServerOptions, startSmtpServer } from "../support/server.ts";
import type { ContractServer } from "./answering.ts";

/** What came of a case. */
export interface Outcome {
  /** What `sendMail` gave. */
  info?: unknown;
  /** What it, or the making of the transport, failed with. */
  error?: unknown;
  /** What the case's own `run` gave. */
  value?: unknown;
  /** What the server saw. */
  saw?: unknown;
}

/** What differs here, and the row of the migration table that says so. */
export interface Difference {
  /** The row's id, or several. */
  readonly row: string | readonly string[];
  /** Laid over the outcome of Nodemailer's transport; undefined takes a key away. */
  // biome-ignore lint/suspicious/noExplicitAny: what came of Nodemailer's transport, of any shape
  readonly here: object | ((theirs: any) => object);
}

/** A case of the contract. */
export interface Case {
  /** What it is about: `option: ignoreTLS`. */
  readonly name: string;
  /** The server, made anew for each transport. */
  readonly server: () => Promise<ContractServer>;
  /** The transport's options, over host, port and name. */
  readonly options?: object | ((server: ContractServer) => object | Promise<object>);
  /** The second argument of createTransport. */
  readonly defaults?: object;
  /** Over the usual message, made anew for each transport. */
  readonly mail?: object | (() => object);
  /** What is done in place of sending the message. */
  // biome-ignore lint/suspicious/noExplicitAny: the options of the case, of any shape
  readonly run?: (transporter: Transporter, server: ContractServer, options: any) => unknown;
  /** What of that which the server saw is compared, where how it came about is each one's own affair. */
  // biome-ignore lint/suspicious/noExplicitAny: what a server saw, of any shape
  readonly see?: (saw: any) => unknown;
  /** The server counts as one that is not on this machine. */
  readonly remote?: true;
  /** The transport is given by the helper, which gives Nodemailer's Mail the options too. */
  readonly helper?: true;
  /** Part of what comes of Nodemailer's transport. */
  readonly outcome: object;
  /** What is different here. */
  readonly differs?: Difference;
  /** The difference between runtimes where one cannot show it (test/runtimes/differences.json). */
  readonly unless?: string;
}

/** Runs a case with both. */
export async function contract(each: Case): Promise<void> {
  const [theirs, ours] = await Promise.all([
    outcomeOf(each, (options) => nodemailer.createTransport(options, each.defaults)),
    outcomeOf(each, (options) => replaced(each, options)),
  ]);
  expect(theirs, "Nodemailer's own transport").toMatchObject(each.outcome);
  compare(each, theirs, ours);
}

function compare({ differs, name }: Case, theirs: Outcome, ours: Outcome): void {
  if (differs === undefined) {
    expect(ours, "with the transport replaced").toEqual(theirs);
    return;
  }
  expect(ours, `with the transport replaced, row ${String(differs.row)}`).toEqual(
    laidOver(theirs, typeof differs.here === "function" ? differs.here(theirs) : differs.here),
  );
  if (isDeepStrictEqual(ours, theirs)) throw new Error(`"${name}" comes out the same: it names a row for nothing`);
}

/** Only the transport is another one. */
function replaced({ helper, defaults }: Case, options: object): Transporter {
  if (!helper) return nodemailer.createTransport(new plugin.NetSmtpTransport(options), defaults);
  return plugin.createNetSmtpTransport(nodemailer, options, defaults);
}

async function outcomeOf(each: Case, create: (options: object) => Transporter): Promise<Outcome> {
  const server = await each.server();
  try {
    const given = typeof each.options === "function" ? await each.options(server) : each.options;
    const options = { host: "127.0.0.1", port: server.port, name: "me.example", ...given };
    const came = await attempt(each, server, options, create);
    // Whoever did not take a socket does not close it.
    for (const name of ["connection", "socket"] as const)
      (given as Record<string, Socket> | undefined)?.[name]?.destroy();
    const saw = await server.saw();
    return { ...came, saw: each.see ? each.see(saw) : saw };
  } finally {
    await server.close();
  }
}

async function attempt(
  each: Case,
  server: ContractServer,
  options: object,
  create: (options: object) => Transporter,
): Promise<Outcome> {
  let transporter: Transporter | undefined;
  try {
    transporter = create(options);
    if (each.run) return { value: plain(await each.run(transporter, server, options)) };
    const given = typeof each.mail === "function" ? each.mail() : each.mail;
    return { info: plainInfo(await transporter.sendMail(usual(given))) };
  } catch (error) {
    return { error: plainError(error) };
  } finally {
    transporter?.close();
  }
}

/** The usual message, with what a case lays over it; an envelope of its own for every use. */
export function usual(over: object = {}): object {
  return { ...message, envelope: { from: "a@x.example", to: ["b@y.example"] }, ...over };
}

/** What a scripted server saw on one connection: these lines and perhaps others. */
export function lines(...some: readonly string[]): object {
  return { lines: expect.arrayContaining([...some]) };
}

/** The one connection had these lines; a function makes them of those that Nodemailer's had. */
export function saw(lines: string[] | ((theirs: string[]) => string[])): object {
  return {
    saw: ([seen]: [{ lines: string[] }]) => [
      { ...seen, lines: typeof lines === "function" ? lines(seen.lines) : lines },
    ],
  };
}

/** In place of what came of it: this error. */
export function fails(error: object): object {
  return { info: undefined, value: undefined, error: () => error };
}

/** The transport was not even made here: an option was not taken. */
export const NOT_TAKEN: object = {
  info: undefined,
  value: undefined,
  error: () => ({ code: "SMTP_ARGUMENT", name: "SmtpArgumentError" }),
  saw: () => [],
};

/** What comes of the usual message where the server says the usual things and offers nothing. */
export const USUAL_INFO: object = {
  accepted: ["b@y.example"],
  rejected: [],
  messageSize: 25,
  response: "250 2.0.0 Taken",
  envelope: { from: "a@x.example", to: ["b@y.example"] },
  messageId: "<1@x.example>",
  times: [true, true],
};

/** An error's keys of Nodemailer's contract. */
export function plainError(error: unknown): object {
  if (typeof error !== "object" || error === null) return { thrown: String(error) };
  const given = error as Record<string, unknown>;
  const keys = "code command response responseCode permanent originalCode timeoutType recipient rejected".split(" ");
  const known = keys.filter((key) => given[key] !== undefined).map((key) => [key, given[key]]);
  const { rejectedErrors, name } = given;
  return {
    ...Object.fromEntries(known),
    ...(/^(Abort|Smtp)/.test(String(name)) ? { name } : {}),
    ...(Array.isArray(rejectedErrors) ? { rejectedErrors: rejectedErrors.map(plainError) } : {}),
  };
}

/** A result's keys of Nodemailer's contract. Times are whole milliseconds and otherwise what they are. */
export function plainInfo(info: Record<string, unknown>): object {
  const { envelopeTime, messageTime, rejectedErrors, recipients: _ours, ...rest } = info;
  return {
    ...rest,
    times: [envelopeTime, messageTime].map((time) => Number.isInteger(time) && (time as number) >= 0),
    ...(Array.isArray(rejectedErrors) ? { rejectedErrors: rejectedErrors.map(plainError) } : {}),
  };
}

function plain(value: unknown): unknown {
  return value === undefined ? "undefined" : value;
}

/** `over` laid over `under`, key by key; arrays and plain values take the place, undefined takes away, a function makes it. */
function laidOver(under: unknown, over: unknown): unknown {
  if (typeof over === "function") return over(under);
  if (!isRecord(over) || !isRecord(under)) return over;
  const all: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) delete all[key];
    else all[key] = laidOver(all[key], value);
  }
  return all;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The real server, and what it saw once it was closed. */
export async function real(options?: ServerOptions): Promise<ContractServer> {
  const server = await startSmtpServer(options);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= server.close();
    return closed;
  };
  return {
    port: server.port,
    async saw(): Promise<unknown> {
      await close();
      return {
        connections: server.connections.length,
        helo: server.connections.map(({ helo }) => helo ?? "none"),
        messages: server.messages.map(({ raw, ...rest }) => ({
          ...rest,
          user: rest.user ?? "nobody",
          raw: String(raw),
        })),
      };
    },
    close,
  };
}
