/**
 * The campaign over real sockets, through a proxy that cuts the octets of TCP, in clear and under TLS. Its law is the
 * campaign's; here it is the runtime's sockets that lose what they lose. How much of it is run is in size.ts.
 *
 * @module
 */

import { afterAll, describe, expect, test } from "vitest";
import type { SmtpOptions } from "../../mod.ts";
import { nodeNetwork } from "../../src/net/node.ts";
import { type Certificates, certificates } from "../support/certificates.ts";
import { type Cut, FAULTS } from "./cut.ts";
import { type Dialogue, dialogue, MODES, SOME_REFUSED } from "./dialogues.ts";
import { judge } from "./judge.ts";
import { CuttingProxy } from "./proxy.ts";
import { converse } from "./run.ts";
import { RecordingServer } from "./server.ts";
import { size } from "./size.ts";
import { Tally } from "./tally.ts";
import { Watch } from "./watch.ts";

/** So many connections at a time; each has a server and a proxy of its own. */
const LANES = 4;
/** What a silent connection is waited for, in milliseconds. */
const PATIENCE = 60;
/** One silent cut for so many others. */
const SELDOM = 10;

const tally = new Tally();
const wanted = size();

class Lane {
  readonly #proxy: CuttingProxy;
  readonly #server: RecordingServer;
  readonly #options: SmtpOptions;

  private constructor(server: RecordingServer, proxy: CuttingProxy, options: SmtpOptions) {
    this.#server = server;
    this.#proxy = proxy;
    this.#options = options;
  }

  static async open({ offer }: Dialogue, { ca, server }: Certificates): Promise<Lane> {
    const recording = await RecordingServer.start(offer, server);
    return new Lane(recording, await CuttingProxy.start(recording.port), { tlsOptions: { ca } });
  }

  /** One run, judged and counted if it was cut; gives the octets that passed. */
  async run(dialogue: Dialogue, cut?: Cut): Promise<Record<Cut["direction"], number>> {
    const link = this.#proxy.next(cut);
    const watch = new Watch(nodeNetwork);
    const silent = cut?.fault === "silence" ? PATIENCE : 10_000;
    // Not openTimeout: a connection given up before the proxy has seen it would leave a link that never ends.
    const timeouts = { greetingTimeout: silent, readTimeout: silent, finalTimeout: silent, quitTimeout: silent };
    const endpoint = { host: "127.0.0.1", port: this.#proxy.port, options: { ...this.#options, ...timeouts } };
    const name = `${dialogue.name}, ${JSON.stringify(cut)}`;
    const { told, listeners } = await inTime(converse(dialogue, watch, endpoint), `a send, ${name}`);
    if (watch.failure) throw new Error(`No connection: ${name}`, { cause: watch.failure });
    await inTime(link.over, `the end at the proxy, ${name}`);
    const connection = this.#server.connections.pop();
    if (connection) await inTime(connection.over, `the end at the server, ${name}`);
    const { stored = [], answers = [] } = connection?.recorder ?? {};
    const { written, heard } = watch;
    const left = { streams: watch.open, listeners, connections: this.#server.connections.length };
    const verdict = judge({ dialogue, told, stored, answers, written, heard, waited: 0, left });
    if (cut ? link.done : verdict.violations.length > 0) {
      const { direction, offset, fault } = cut ?? { direction: "client", offset: -1, fault: "fin" };
      tally.add(dialogue.mode.name, `${dialogue.name}, ${direction} ${offset} ${fault}`, fault, verdict);
    }
    return link.passed;
  }

  async close(): Promise<void> {
    await this.#proxy.close();
    await this.#server.close();
  }
}

/** What never comes fails in a minute, by its name, and not as a test that takes too long. */
async function inTime<T>(promise: Promise<T>, name: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing within a minute: ${name}`)), 60_000);
  });
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Every so many octets; more seldom in silence, which has to be waited for. */
function* cutsOf(passed: Record<Cut["direction"], number>, every: number): Generator<Cut> {
  for (const direction of ["client", "server"] as const)
    for (const fault of FAULTS) {
      const step = fault === "silence" ? SELDOM * every : every;
      for (let offset = 0; offset <= passed[direction]; offset += step) yield { direction, offset, fault };
    }
}

async function cutAll(dialogue: Dialogue): Promise<void> {
  const lanes = await Promise.all(Array.from({ length: LANES }, async () => Lane.open(dialogue, await certificates())));
  const [first] = lanes as [Lane];
  const passed = await first.run(dialogue);
  // Under TLS the octets are many more, and what they mean is not seen: one in a few will do.
  const octets = passed.client + passed.server;
  const every = Math.max(1, Math.round(octets / (wanted.sample === undefined ? 1_000 : 8)));
  const cuts = cutsOf(passed, every);
  const work = async (lane: Lane): Promise<void> => {
    for (const cut of cuts) await lane.run(dialogue, cut);
  };
  await Promise.all(lanes.map(work));
  await Promise.all(lanes.map((lane) => lane.close()));
}

/** The sockets of this process, once what is closing is closed. */
async function sockets(atMost = Number.POSITIVE_INFINITY): Promise<number> {
  for (let turn = 0; ; turn++) {
    const open = process.getActiveResourcesInfo().filter((kind) => /TCPSocket|TLS/.test(kind)).length;
    if (open <= atMost || turn === 50) return open;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("the campaign over sockets", () => {
  afterAll(() => console.log(`The campaign over sockets, one line a mode, policy "collect"\n${tally}`));

  test.each(MODES.map(({ name }) => name))("%s", { timeout: 600_000 }, async (name) => {
    const mode = MODES.find((mode) => mode.name === name) as (typeof MODES)[number];
    const before = await sockets();
    await cutAll(dialogue(mode, "collect", SOME_REFUSED));
    expect(tally.examples).toEqual([]);
    expect(tally.cutsByName.get(name)).toBeGreaterThan(15);
    expect(await sockets(before)).toBe(before);
  });
});
