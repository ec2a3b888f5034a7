/**
 * What arrived: the mailboxes as the server wrote them, held against what was sent. The law here: every file in a mailbox
 * is read, and each must be a message that was sent to it, once, octet for octet after what the transport put in front.
 *
 * @module
 */

import { type FSWatcher, readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import type { Letter } from "./letters.ts";

/** How a server stores. */
export interface Storage {
  /** The headers that it puts in front of what was sent, in their order; one with `?` may be missing. */
  readonly adds: readonly string[];
  /** How lines end in its files. */
  readonly lineEnd: "\r\n" | "\n";
}

/** A message in a mailbox. */
export interface Arrived {
  /** The mailbox. */
  readonly box: string;
  /** Its Message-ID. */
  readonly id: string;
  /** What the transport put in front. */
  readonly added: string;
  /** The rest, with CRLF. */
  readonly octets: Buffer;
}

const PATIENCE = 30_000;

/** The mailboxes of a server. */
export class Mailroom {
  readonly #mail: string;
  readonly #storage: Storage;
  readonly #read = new Map<string, Arrived>();
  readonly #watchers: FSWatcher[];
  #look: (() => void) | undefined;

  /** `mail` is the folder of the maildirs. */
  constructor(mail: string, storage: Storage) {
    this.#mail = mail;
    this.#storage = storage;
    this.#watchers = this.#folders().map((folder) => watch(folder, () => this.#look?.()));
  }

  /** Everything that is there. */
  all(): Arrived[] {
    const found: Arrived[] = [];
    for (const box of readdirSync(this.#mail)) {
      for (const part of ["new", "cur"]) {
        for (const name of this.#names(join(this.#mail, box, part))) found.push(this.#open(box, part, name));
      }
    }
    return found;
  }

  /** What is there, once `count` of these letters are. */
  async of(ids: ReadonlySet<string>, count: number): Promise<Arrived[]> {
    const theirs = () => this.all().filter(({ id }) => ids.has(id));
    await this.until(
      () => theirs().length >= count,
      () => `${theirs().length} of ${count} messages arrived`,
    );
    return theirs();
  }

  /** Waits until it holds, looking whenever something moved in a mailbox or `look` is called. */
  async until(holds: () => boolean, failing: () => string): Promise<void> {
    const { promise, resolve, reject } = withResolvers();
    const late = setTimeout(() => reject(new Error(`After ${PATIENCE} ms: ${failing()}`)), PATIENCE);
    this.#look = () => holds() && resolve();
    try {
      this.#look();
      await promise;
    } finally {
      clearTimeout(late);
      this.#look = undefined;
    }
  }

  /** Something may have changed. */
  look(): void {
    this.#look?.();
  }

  /** Ends the watching. */
  close(): void {
    for (const watcher of this.#watchers) watcher.close();
  }

  #folders(): string[] {
    return readdirSync(this.#mail).map((box) => join(this.#mail, box, "new"));
  }

  #names(folder: string): string[] {
    return readdirSync(folder).sort();
  }

  #open(box: string, part: string, name: string): Arrived {
    const path = join(this.#mail, box, part, name);
    const known = this.#read.get(path);
    if (known) return known;
    const { added, octets } = withoutAdded(readFileSync(path), this.#storage, path);
    const id = /^Message-ID: <([^>]*)>/im.exec(octets.subarray(0, 4_096).toString("latin1"))?.[1] ?? `none in ${path}`;
    const arrived = { box, id, added, octets };
    this.#read.set(path, arrived);
    return arrived;
  }
}

/** Takes off exactly the headers that the transport is known to add, one after the other, with their folded lines. */
function withoutAdded(file: Buffer, { adds, lineEnd }: Storage, path: string): { added: string; octets: Buffer } {
  const text = file.toString("latin1");
  let at = 0;
  for (const header of adds) {
    const name = header.replace("?", "");
    if (text.slice(at, at + name.length + 1).toLowerCase() !== `${name}:`.toLowerCase()) {
      if (name !== header) continue;
      throw new Error(
        `${path} has no ${name} where the transport puts it: ${JSON.stringify(text.slice(at, at + 200))}`,
      );
    }
    do at = text.indexOf("\n", at) + 1;
    while (text[at] === " " || text[at] === "\t");
  }
  const rest = file.subarray(at);
  const octets = lineEnd === "\n" ? Buffer.from(rest.toString("latin1").replaceAll("\n", "\r\n"), "latin1") : rest;
  return { added: text.slice(0, at), octets };
}

/** What is wrong with what arrived, a line each. */
export function differences(
  sent: readonly { letter: Letter; boxes: readonly string[] }[],
  arrived: readonly Arrived[],
): string[] {
  const wrong: string[] = [];
  const left = new Set(arrived);
  for (const { letter, boxes } of sent) {
    for (const box of boxes) {
      const copies = arrived.filter((each) => each.id === letter.id && each.box === box);
      for (const copy of copies) left.delete(copy);
      if (copies.length !== 1) wrong.push(`${letter.id} is ${copies.length} times in ${box}`);
      for (const { octets } of copies) {
        if (!octets.equals(letter.octets))
          wrong.push(`${letter.id} in ${box}: ${firstDifference(letter.octets, octets)}`);
      }
    }
  }
  for (const { id, box, octets } of left) {
    wrong.push(`${id} in ${box} was not sent there: ${JSON.stringify(octets.subarray(0, 300).toString())}`);
  }
  return wrong;
}

function firstDifference(sent: Buffer, arrived: Buffer): string {
  let at = 0;
  while (at < sent.length && sent[at] === arrived[at]) at++;
  const near = (octets: Buffer) => JSON.stringify(octets.subarray(Math.max(0, at - 20), at + 40).toString("latin1"));
  return `octet ${at} of ${sent.length} sent, ${arrived.length} arrived: sent ${near(sent)}, arrived ${near(arrived)}`;
}

function withResolvers() {
  let resolve!: () => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<void>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}
