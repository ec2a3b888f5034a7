/**
 * One run: a dialogue over a network, to its end and beyond. Its law: whatever happens it settles, and it is judged only
 * when the session is finished and nothing moves any more.
 *
 * @module
 */

import { vi } from "vitest";
import { NetSmtp, type SmtpError, type SmtpOptions } from "../../mod.ts";
import type { SmtpNetwork } from "../../src/net/stream.ts";
import { type Cut, CutWire } from "./cut.ts";
import { type Dialogue, type Planned, source } from "./dialogues.ts";
import type { Evidence, Told } from "./judge.ts";
import { CountedSignal, Watch } from "./watch.ts";

/** What a run over any network leaves behind. */
export interface Conversation {
  readonly told: readonly Told[];
  readonly listeners: number;
}

/** Sends the messages of a dialogue and finishes the session. */
export async function converse(
  { mode, policy, messages }: Dialogue,
  network: SmtpNetwork,
  endpoint: { readonly host: string; readonly port: number; readonly options?: SmtpOptions },
): Promise<Conversation> {
  const signals = [new CountedSignal(), new CountedSignal(), new CountedSignal()] as const;
  const options = { ...mode.options, ...endpoint.options, recipientPolicy: policy, network };
  const smtp = new NetSmtp(endpoint.host, endpoint.port, options);
  const listeners = (): number => signals.reduce((sum, signal) => sum + signal.listeners, 0);
  try {
    await smtp.start({ helo: "me", signal: signals[0].signal });
  } catch {
    return { told: messages.map(neverAsked), listeners: listeners() };
  }
  const told: Promise<Told>[] = [];
  for (const [index, message] of messages.entries()) {
    // Only some have a signal: with one a message takes another way through the engine.
    const signal = signals[index]?.signal;
    const send = smtp.sendMessage(source(message, mode), message.from, [...message.to], index > 0 ? { signal } : {});
    told.push(outcome(send));
    if (!mode.overlap) await told.at(-1);
  }
  const all = await Promise.all(told);
  await smtp.finish();
  return { told: all, listeners: listeners() };
}

/** The session did not start, so the caller had nothing to ask. */
function neverAsked({ to }: Planned): Told {
  return { recipients: to.map((address) => ({ address, fate: "unsent" })) };
}

function outcome(send: Promise<Pick<Told, "recipients">>): Promise<Told> {
  return send.then(
    ({ recipients }) => ({ recipients }),
    ({ recipients, fate, retry, name }: SmtpError) => ({ recipients, fate, retry, name }),
  );
}

const turn: () => Promise<void> = () => new Promise((resolve) => later(resolve));
// Taken before the clock is replaced.
const later: (callback: () => void) => void = globalThis.setImmediate.bind(globalThis);

/** Time stands still and moves only when nothing else does. */
export function stopClocks(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
}

/** What a run on a wire in memory leaves: evidence, or undefined if a send never settled. */
export async function runInMemory(dialogue: Dialogue, cut?: Cut): Promise<readonly [Evidence | undefined, CutWire]> {
  const wire = new CutWire(dialogue.offer, cut, dialogue.mode.streamed);
  const watch = new Watch(wire);
  const begun = performance.now();
  let done: Conversation | undefined;
  void converse(dialogue, watch, { host: "recorder", port: 24 }).then((conversation) => {
    done = conversation;
  });
  for (;;) {
    await turn();
    if (done) break;
    if (wire.step()) continue;
    if (vi.getTimerCount() === 0) return [undefined, wire];
    vi.advanceTimersToNextTimer();
  }
  // What the engine had written arrives although it is gone.
  while (wire.step());
  const waited = performance.now() - begun;
  const left = { streams: watch.open, timers: vi.getTimerCount(), listeners: done.listeners };
  vi.clearAllTimers();
  const { stored, answers } = wire.recorder;
  const { written, heard } = watch;
  return [{ dialogue, told: done.told, stored, answers, written, heard, waited, left }, wire];
}
