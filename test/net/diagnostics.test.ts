/**
 * What is published on `node:diagnostics_channel`: on Node, Deno and Bun, and where there is no tracing channel.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import * as channels from "node:diagnostics_channel";
import { afterEach, describe, expect, test } from "vitest";
import { NetSmtp } from "../../mod.ts";
import { type DiagnosticsModule, diagnosticsOf, nodeDiagnostics } from "../../src/net/diagnostics.ts";
import { nodeNetwork } from "../../src/net/node.ts";
import type { SmtpDiagnostics } from "../../src/net/stream.ts";
import { network, play } from "../support/play.ts";
import { ENVELOPE, hello } from "../support/session.ts";

const runtime = channels as unknown as DiagnosticsModule;
const kinds: [string, SmtpDiagnostics][] = [
  ["the runtime's tracing channels", nodeDiagnostics],
  ["plain channels, where the runtime has no others", diagnosticsOf({ channel: runtime.channel })],
];
const STEPS = ["start", "end", "asyncStart", "asyncEnd", "error"] as const;

interface Published {
  readonly step: string;
  readonly message: Readonly<Record<string, unknown>>;
  readonly keys: string;
}

const undo: (() => void)[] = [];

afterEach(() => {
  for (const each of undo.splice(0)) each();
});

/** Everything that is published on a name, plain or the five of a tracing channel. */
function subscribed(...names: readonly string[]): Published[] {
  const published: Published[] = [];
  for (const name of names) {
    const listener = (message: unknown): void => {
      const known = message as Published["message"];
      const keys = ["result", "error"].filter((key) => key in known).join();
      published.push({ step: name.split(":").at(-1) ?? "", message: known, keys });
    };
    channels.subscribe(name, listener);
    undo.push(() => channels.unsubscribe(name, listener));
  }
  return published;
}

function tracing(name: string): Published[] {
  return subscribed(...STEPS.map((step) => `tracing:${name}:${step}`));
}

const script = `${hello("PIPELINING")}
${ENVELOPE}
C: hello
C: .
S: 250 queued
C: QUIT
S: 221 bye`.replaceAll(/^ +/gm, "");

function observed(diagnostics: SmtpDiagnostics, text: string = script) {
  const server = play(text, { loopback: true });
  return { server, smtp: new NetSmtp("mx.example", 25, { network: { ...network(server), diagnostics } }) };
}

const OPTIONS = { id: "m1", recipientPolicy: "collect" } as const;

describe.each(kinds)("on %s", (_, diagnostics) => {
  test("net-smtp:connect tells of a start, and gives nobody the connection", async () => {
    const published = tracing("net-smtp:connect");
    const { smtp } = observed(diagnostics);
    await smtp.start();
    expect(published.map(({ step, keys }) => `${step} ${keys}`)).toEqual([
      "start ",
      "end ",
      "asyncStart result",
      "asyncEnd result",
    ]);
    const connection = expect.stringMatching(/^[0-9a-f-]{36}$/);
    expect(published[0]?.message).toEqual({ host: "mx.example", port: 25, connection, result: { tls: false } });
  });

  test("net-smtp:connect tells why a start failed", async () => {
    const published = tracing("net-smtp:connect");
    const { smtp } = observed(diagnostics, "S: 554 no\nC: <close>");
    const error = await smtp.start().catch((reason) => reason);
    expect(published.map(({ step }) => step)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
    expect(published[0]?.message.error).toBe(error);
  });

  test("net-smtp:send tells of a message, its recipients only by their number", async () => {
    const published = tracing("net-smtp:send");
    const { smtp } = observed(diagnostics);
    await smtp.start();
    const sent = smtp.sendMessage("hello\r\n", "a@x.example", ["b@y.example"], { ...OPTIONS, attempt: 3 });
    expect(published.map(({ step }) => step)).toEqual(["start", "end"]);
    const result = await sent;
    await smtp.finish();
    expect(published.map(({ step, keys }) => `${step} ${keys}`).slice(2)).toEqual([
      "asyncStart result",
      "asyncEnd result",
    ]);
    expect(published[0]?.message).toEqual({
      connection: expect.any(String),
      host: "mx.example",
      port: 25,
      id: "m1",
      attempt: 3,
      from: "a@x.example",
      to: 1,
      result,
    });
  });

  test("net-smtp:send tells why a message failed", async () => {
    const published = tracing("net-smtp:send");
    const { smtp } = observed(diagnostics, script.replace("S: 250 queued", "S: 554 no"));
    await smtp.start();
    const error = await smtp.sendMessage("hello\r\n", "a@x.example", "b@y.example", OPTIONS).catch((reason) => reason);
    await smtp.finish();
    expect(published.map(({ step }) => step)).toEqual(["start", "end", "error", "asyncStart", "asyncEnd"]);
    expect(published[0]?.message.error).toBe(error);
  });

  test("net-smtp:reply tells of replies, those of a login masked", async () => {
    const published = subscribed("net-smtp:reply");
    const login = `${hello("AUTH LOGIN")}
C: AUTH LOGIN
S: 334 VXNlcm5hbWU6
C: bWU=
S: 334 UGFzc3dvcmQ6
C: c2VzYW1l
S: 235 2.7.0 ok`;
    const { smtp } = observed(diagnostics, login);
    await smtp.start({ user: "me", secret: "sesame", authType: "login" });
    expect(published.map(({ message }) => `${message.response}`)).toEqual([
      "220 mx.example ready",
      "250 mx.example AUTH LOGIN",
      "334 ****",
      "334 ****",
      "235 2.7.0 ok",
    ]);
    expect(published[0]?.message).toMatchObject({ connection: expect.any(String), host: "mx.example", port: 25 });
  });

  test("a message that nobody subscribed to is not looked at", async () => {
    const { smtp } = observed(diagnostics);
    await smtp.start();
    expect([diagnostics.connect.listening, diagnostics.send.listening, diagnostics.reply.listening]).toEqual([
      false,
      false,
      false,
    ]);
    await smtp.sendMessage("hello\r\n", "a@x.example", "b@y.example", OPTIONS);
    await smtp.finish();
  });

  test("who subscribes while a session is open hears of its next message", async () => {
    const { smtp } = observed(diagnostics);
    await smtp.start();
    const published = tracing("net-smtp:send");
    await smtp.sendMessage("hello\r\n", "a@x.example", "b@y.example", OPTIONS);
    await smtp.finish();
    expect(published).toHaveLength(4);
  });
});

test.each(STEPS)("who subscribes to %s alone is heard", async (step) => {
  const published = subscribed(`tracing:net-smtp:send:${step}`);
  expect(nodeDiagnostics.send.listening).toBe(true);
  const { smtp } = observed(nodeDiagnostics, script.replace("S: 250 queued", "S: 554 no"));
  await smtp.start();
  await smtp.sendMessage("hello\r\n", "a@x.example", "b@y.example", OPTIONS).catch(() => undefined);
  await smtp.finish();
  expect(published.map((each) => each.step)).toEqual([step]);
});

test("the network of Node, Deno and Bun has them", () => {
  expect(nodeNetwork.diagnostics).toBe(nodeDiagnostics);
  expect(runtime.tracingChannel).toBeTypeOf("function");
});

test("a store that is bound to the start of a message holds in what follows", async () => {
  const storage = new AsyncLocalStorage<unknown>();
  const start = channels.channel("tracing:net-smtp:send:start");
  start.bindStore(storage, (message) => (message as { id: string }).id);
  undo.push(() => start.unbindStore(storage));
  const { smtp } = observed(nodeDiagnostics);
  await smtp.start();
  const seen: unknown[] = [];
  const beforeEnd = (): unknown => seen.push(storage.getStore());
  await smtp.sendMessage("hello\r\n", "a@x.example", "b@y.example", { ...OPTIONS, beforeEnd });
  await smtp.finish();
  expect(seen).toEqual(["m1"]);
});
