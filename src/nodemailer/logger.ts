/**
 * What goes to a logger: connections and messages, and with `debug` the dialogue. The law here: a logger never harms a
 * message, whatever it throws, and no secret gets here, since the engine's transcript has masked it.
 *
 * @module
 */

import { printable } from "../printable.ts";
import type { DialogueEvent } from "../transcript.ts";
import type { LogSettings } from "./options.ts";
import type { NetSmtpLogger } from "./types.ts";

/** How important a line is. */
export type Level = "debug" | "info" | "warn" | "error";

/** Where a level goes that a logger does not have, as in Nodemailer. */
const SUBSTITUTES: readonly string[] = ["info", "debug", "log", "trace", "warn", "error"];

const PREFIXES: Readonly<Record<string, string>> = { client: "C: ", server: "S: " };

/** The log of a transport: the lines of a message carry its Message-ID, those of a connection its `sid`. */
export class Log {
  readonly #logger: NetSmtpLogger;
  readonly #debug: boolean;
  readonly #component: string;

  /** Undefined without a logger. */
  static of({ logger, debug, component }: LogSettings): Log | undefined {
    if (logger === false) return undefined;
    return new Log(logger === true ? consoleLogger : logger, debug, component);
  }

  private constructor(logger: NetSmtpLogger, debug: boolean, component: string) {
    this.#logger = logger;
    this.#debug = debug;
    this.#component = component;
  }

  /** For the engine's `debugOutput`: its remarks always, what was said with `debug`. */
  readonly dialogue = ({ connection, side, text }: DialogueEvent): void => {
    const sid = connection.slice(0, 8);
    if (side === "engine") this.line("info", { sid, tnx: "network" }, text);
    else if (this.#debug) this.line("debug", { sid, tnx: side }, text);
  };

  /** One line. `fields` go with it; the message is complete, there is nothing to format. */
  line(level: Level, fields: object, message: string): void {
    const logger = this.#logger as Record<string, unknown>;
    const name = [level, ...SUBSTITUTES].find((candidate) => typeof logger[candidate] === "function");
    if (name === undefined) return;
    try {
      const result = (logger[name] as NonNullable<NetSmtpLogger["info"]>)(
        { component: this.#component, ...fields },
        message,
      );
      if (typeof result === "object" && result !== null) Promise.resolve(result).catch(() => undefined);
    } catch {
      // The law: the message goes on.
    }
  }
}

/** What `logger: true` means: a line each on the console. */
const consoleLogger: NetSmtpLogger = {
  debug: (fields, message) => print("DEBUG", fields, message),
  info: (fields, message) => print("INFO ", fields, message),
  warn: (fields, message) => print("WARN ", fields, message),
  error: (fields, message) => print("ERROR", fields, message),
};

function print(level: string, fields: object, message: string): void {
  const { sid, tnx = "" } = fields as { sid?: string; tnx?: string };
  const whose = sid === undefined ? "" : `[${sid}] `;
  const time = new Date().toISOString().slice(0, 19).replace("T", " ");
  // biome-ignore lint/suspicious/noConsole: the caller asked for it
  console.log(`[${time}] ${level} ${whose}${PREFIXES[tnx] ?? ""}${printable(message)}`);
}
