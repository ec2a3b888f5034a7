/**
 * A ledger in a file: a line of JSON for each thing that became known, only ever appended to. The law here: a line is in
 * the file before its promise resolves, so that a killed process leaves behind everything it waited for; a line that was
 * cut off by the end of the process was waited for by nobody, and counts as not written.
 *
 * @module
 */

import { type FileHandle, open } from "node:fs/promises";

/** What is known of one recipient. */
export interface Line {
  readonly to: string;
  /** `in doubt` is written before the end of its message; the others say how that went. */
  readonly state: "in doubt" | "accepted" | "refused" | "owed";
  /** To look for in the server's log, where a line stays in doubt. */
  readonly messageId?: string;
  /** The server's words. */
  readonly response?: string;
}

/** The file. */
export class FileLedger {
  /** The last state of each recipient. */
  readonly states: Map<string, Line["state"]>;
  readonly #file: FileHandle;
  readonly #durable: boolean;

  private constructor(file: FileHandle, states: Map<string, Line["state"]>, durable: boolean) {
    this.#file = file;
    this.states = states;
    this.#durable = durable;
  }

  /** Opens it, or makes it, and reads what is there. `durable`: each line is on the disk, for machines that lose power; slower. */
  static async open(path: string, { durable = false }: { durable?: boolean } = {}): Promise<FileLedger> {
    const file = await open(path, "a+");
    try {
      const lines = (await file.readFile("utf8")).split("\n");
      if (lines.at(-1) !== "") await file.appendFile("\n");
      return new FileLedger(file, statesOf(lines.slice(0, -1)), durable);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Appends a line. */
  async write(line: Line): Promise<void> {
    this.states.set(line.to, line.state);
    await this.#file.appendFile(`${JSON.stringify(line)}\n`);
    if (this.#durable) await this.#file.datasync();
  }

  /** Nothing is written any more. */
  close(): Promise<void> {
    return this.#file.close();
  }
}

function statesOf(lines: readonly string[]): Map<string, Line["state"]> {
  const states = new Map<string, Line["state"]>();
  for (const text of lines) {
    const line = parsed(text);
    if (line !== undefined) states.set(line.to, line.state);
  }
  return states;
}

/** Undefined for what an earlier end of the process cut off. */
function parsed(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
