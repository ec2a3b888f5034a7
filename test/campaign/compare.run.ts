/**
 * The same cuts for two clients behind Nodemailer's `sendMail`: its own SMTP transport and this package's. One message to
 * one recipient over DATA, through the proxy that cuts, at every octet of either direction, by FIN and RST. `npm run
 * campaign:compare` runs it and writes docs/campaign.md. Its law: each client is read as its documentation says, through
 * what `sendMail` resolves with or rejects with, and counted by the same rule.
 *
 * The rule: cuts after which the caller sees the same are a group. If the server had stored the message after all cuts
 * of a group, or after none, these cuts are *told apart*: from what he sees, the caller could tell.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import nodemailer, { type SendMailOptions } from "nodemailer";
import { expect, test } from "vitest";
import { NetSmtpTransport, type NetSmtpTransportError } from "../../src/nodemailer/mod.ts";
import type { Cut } from "./cut.ts";
import { CuttingProxy, type Link } from "./proxy.ts";
import { RecordingServer } from "./server.ts";

type Send = (port: number) => Promise<unknown>;

/** What the caller sees, and how often the message had been stored then, and not. */
type Groups = Map<string, { stored: number; not: number }>;

const PATIENCE = 10_000;
const MESSAGE: SendMailOptions = {
  envelope: { from: "one@x.example", to: ["a@y.example"] },
  raw: "Subject: hi\r\n\r\nhello\r\n",
};

const nodemailerSends: Send = async (port) => {
  const timeouts = { connectionTimeout: PATIENCE, greetingTimeout: PATIENCE, socketTimeout: PATIENCE };
  const transport = nodemailer.createTransport({ host: "127.0.0.1", port, name: "me.example", ...timeouts });
  return transport.sendMail(MESSAGE).finally(() => transport.close());
};

const netSmtpSends: Send = (port) => {
  const options = { host: "127.0.0.1", port, name: "me.example", socketTimeout: PATIENCE };
  return nodemailer.createTransport(new NetSmtpTransport(options)).sendMail(MESSAGE);
};

/** All that is documented of its errors, and the text. */
function nodemailerSigns(error: NetSmtpTransportError): string {
  const { code, command, responseCode, message } = error;
  return `${message}; code ${code}, command ${command ?? "–"}, responseCode ${responseCode ?? "–"}`;
}

function netSmtpSigns({ fate }: NetSmtpTransportError): string {
  return `fate ${fate}`;
}

async function cutEverywhere(send: Send, signs: (error: NetSmtpTransportError) => string): Promise<Groups> {
  const server = await RecordingServer.start({ pipelining: true, chunking: false, starttls: false });
  const proxy = await CuttingProxy.start(server.port);
  const groups: Groups = new Map();
  const run = async (link: Link): Promise<readonly [string, boolean]> => {
    const sign = await send(proxy.port).then(() => "delivered", signs);
    await link.over;
    const connection = server.connections.pop();
    await connection?.over;
    return [sign, (connection?.recorder.stored.length ?? 0) > 0];
  };
  const whole = proxy.next();
  await run(whole);
  for (const cut of cutsOf(whole.passed)) {
    const link = proxy.next(cut);
    const [sign, stored] = await run(link);
    const group = groups.get(sign) ?? { stored: 0, not: 0 };
    group[stored ? "stored" : "not"]++;
    groups.set(sign, group);
  }
  await proxy.close();
  await server.close();
  return groups;
}

function* cutsOf(passed: Readonly<Record<Cut["direction"], number>>): Generator<Cut> {
  for (const direction of ["client", "server"] as const)
    for (const fault of ["fin", "rst"] as const)
      for (let offset = 0; offset <= passed[direction]; offset++) yield { direction, offset, fault };
}

interface Figures {
  cuts: number;
  apart: number;
}

function figures(groups: Groups): Figures {
  const all = [...groups.values()];
  const sum = (some: typeof all): number => some.reduce((total, { stored, not }) => total + stored + not, 0);
  return { cuts: sum(all), apart: sum(all.filter(({ stored, not }) => stored === 0 || not === 0)) };
}

function table(name: string, groups: Groups): string {
  const { cuts, apart } = figures(groups);
  const rows = [...groups].map(([sign, { stored, not }]) => `| ${sign} | ${stored + not} | ${stored} | ${not} |`);
  return `## ${name}

${cuts} cuts, ${apart} told apart (${((100 * apart) / cuts).toFixed(1)} %).

| what the caller sees | cuts | stored | not stored |
| --- | --: | --: | --: |
${rows.join("\n")}
`;
}

function page(ours: Groups, theirs: Groups): string {
  return `# What a caller is told after a cut

\`npm run campaign:compare\` wrote this (test/campaign/compare.run.ts), on Node ${process.versions.node} with Nodemailer ${nodemailer.createTransport({}).transporter.version?.split("[")[0] ?? ""}.

One message to one recipient over DATA, by Nodemailer's \`sendMail\` with two transports, through a proxy that ends the connection after
every octet of either direction, by FIN and by RST; the server records whether it stored the message. The two differ in what they write (groups of
commands, the name in EHLO), so the numbers of their cuts differ too.

Cuts after which the caller sees the same are a group. Where the message was stored after all cuts of a group, or after none, they are *told
apart*. Where the end of the message is on its way and the reply is not there, no client can know: what differs is
whether these cuts have a sign of their own, or share one with cuts that are certain.

${table("net-smtp, `NetSmtpTransport`: `err.fate`", ours)}
${table("Nodemailer's SMTP transport: `err.message`, `err.code`, `err.command`, `err.responseCode`", theirs)}
The campaign of net-smtp itself, which cuts three messages in eight modes under three policies and knows \`silence\` too, is \`npm run campaign\`
(test/campaign/campaign.test.ts, test/campaign/sockets.test.ts).
`;
}

test("the comparison", { timeout: 600_000 }, async () => {
  const ours = await cutEverywhere(netSmtpSends, netSmtpSigns);
  const theirs = await cutEverywhere(nodemailerSends, nodemailerSigns);
  console.log(ours, theirs);
  expect(ours.get("fate unsent")?.stored ?? 0).toBe(0);
  expect(ours.get("delivered")?.not ?? 0).toBe(0);
  writeFileSync(new URL("../../docs/campaign.md", import.meta.url), page(ours, theirs));
});
