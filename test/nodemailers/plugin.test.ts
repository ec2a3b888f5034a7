/**
 * What the plugin does under every Nodemailer from 6 on. `npm test` runs it under the newest, `npm run test:nodemailers`
 * under each.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import { createRequire } from "node:module";
import process from "node:process";
import { Readable } from "node:stream";
import nodemailer, { type SendMailOptions } from "nodemailer";
import newest from "nodemailer/package.json" with { type: "json" };
import { expect, test } from "vitest";
import { NetSmtpTransport, type NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { failure, plugin, start } from "../nodemailer/support.ts";

const major = process.env.NODEMAILER_MAJOR ?? "10";
const users = { me: "secret" };

const composed: SendMailOptions = {
  from: "A <a@x.example>",
  to: ["b@y.example", "refuse-550@y.example"],
  bcc: "c@y.example",
  subject: "hi",
  text: "hello",
  html: "<b>hello</b>",
  attachments: [{ filename: "a.txt", content: Readable.from(["an attachment"]) }],
};

test("it is the Nodemailer that is meant", () => {
  expect(newest.version.split(".")[0]).toBe(major);
  const { version } = createRequire(import.meta.url)(
    major === "10" ? "nodemailer/package.json" : `nodemailer-${major}/package.json`,
  );
  expect(version).toBe(newest.version);
});

test("sends a composed message, and tells who got it", async () => {
  const server = await start();
  const transporter = nodemailer.createTransport(plugin(server), { headers: { "X-Default": "yes" } });
  const info = await transporter.sendMail(composed);
  expect(info).toMatchObject({
    accepted: ["b@y.example", "c@y.example"],
    rejected: ["refuse-550@y.example"],
    rejectedErrors: [{ code: "EENVELOPE", responseCode: 550, recipient: "refuse-550@y.example" }],
    response: "250 Stored as 1",
    envelope: { from: "a@x.example", to: ["b@y.example", "refuse-550@y.example", "c@y.example"] },
    messageId: expect.stringMatching(/^<.+@x\.example>$/),
  });
  expect(info.recipients.map(({ fate }) => fate)).toEqual(["accepted", "refused", "accepted"]);
  const raw = String(server.messages[0]?.raw);
  expect(raw).toContain("X-Default: yes");
  expect(raw).toContain("a.txt");
  expect(raw).not.toContain("c@y.example");
});

test("sends with a callback, a login, TLS off, and from a URL", async () => {
  const server = await start({ users, allowInsecureAuth: true });
  const transport = new NetSmtpTransport(`smtp://me:secret@127.0.0.1:${server.port}?ignoreTLS=true`);
  const transporter = nodemailer.createTransport(transport);
  const told = await new Promise((resolve) => {
    transporter.sendMail({ ...composed, attachments: [] }, (error, info) => resolve([error, info.accepted]));
  });
  expect(told).toEqual([null, ["b@y.example", "c@y.example"]]);
  expect(server.messages[0]?.user).toBe("me");
});

test("verify() by promise and by callback, close() and isIdle()", async () => {
  const server = await start();
  const transporter = nodemailer.createTransport(plugin(server));
  expect(transporter.isIdle()).toBe(true);
  expect(await transporter.verify()).toBe(true);
  const told = await new Promise((resolve) => transporter.verify((error, value) => resolve([error, value])));
  expect(told).toEqual([null, true]);
  expect(await (transporter.close() as unknown)).toEqual({ unsent: [] });
});

test("errors have Nodemailer's keys and ours", async () => {
  const server = await start({ users, allowInsecureAuth: true });
  const sent = (options: NetSmtpTransportOptions, data: SendMailOptions = {}): Promise<unknown> =>
    nodemailer
      .createTransport(plugin(server, options))
      .sendMail({ from: "a@x.example", to: "b@y.example", text: "", ...data });
  expect(await failure(sent({ port: 1 }))).toMatchObject({
    code: "ESOCKET",
    command: "CONN",
    originalCode: "ECONNREFUSED",
    fate: "unsent",
  });
  expect(await failure(sent({ auth: { user: "me", pass: "wrong" } }))).toMatchObject({
    code: "EAUTH",
    command: "AUTH PLAIN",
    responseCode: 535,
    retry: "never",
  });
  expect(await failure(sent({}, { to: "refuse-550@y.example" }))).toMatchObject({
    code: "EENVELOPE",
    command: "RCPT TO",
    rejected: ["refuse-550@y.example"],
    fate: "refused",
  });
  expect(await failure(sent({}, { headers: { "X-Refuse": "554" } }))).toMatchObject({
    code: "EMESSAGE",
    command: "DATA",
    responseCode: 554,
  });
  expect(await failure(sent({}, { to: [] }))).toMatchObject({ code: "EENVELOPE", command: "API" });
  expect(await failure(sent({}, { attachments: [{ path: "/nothing/there" }] }))).toMatchObject({
    code: "ESTREAM",
    originalCode: "ENOENT",
    fate: "unsent",
  });
});

test("signal cancels, also under a Nodemailer that does not know it", async () => {
  const server = await start();
  const transporter = nodemailer.createTransport(plugin(server));
  const data = { from: "a@x.example", to: "b@y.example", text: "", signal: AbortSignal.abort() };
  expect(await failure(transporter.sendMail(data))).toMatchObject({ name: "AbortError", code: "EABORT" });
  expect(server.messages).toEqual([]);
});

test("plugins, DKIM and access flags by the defaults", async () => {
  const server = await start();
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 1024,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const dkim = { domainName: "x.example", keySelector: "s", privateKey };
  const transporter = nodemailer.createTransport(plugin(server), { dkim, disableFileAccess: true });
  transporter.use("compile", (mail, done) => {
    mail.data.subject = "compiled";
    done();
  });
  await transporter.sendMail({ from: "a@x.example", to: "b@y.example", text: "hello" });
  const raw = String(server.messages[0]?.raw);
  expect(raw).toMatch(/^DKIM-Signature: /);
  expect(raw).toContain("Subject: compiled");
  const file = { from: "a@x.example", to: "b@y.example", attachments: [{ path: "/etc/hostname" }] };
  expect(await failure(transporter.sendMail(file))).toMatchObject({ code: "ESTREAM", fate: "unsent" });
});

test("the event idle comes again at the transporter", async () => {
  const server = await start();
  const transporter = nodemailer.createTransport(plugin(server));
  const idle = new Promise((resolve) => transporter.on("idle", () => resolve("idle")));
  await transporter.sendMail({ from: "a@x.example", to: "b@y.example", text: "" });
  expect(await idle).toBe("idle");
});

/** Options that are not there yet are an error; once they are, what is asked of them is asked under each Nodemailer. */
const LATER: readonly (readonly [string, NetSmtpTransportOptions])[] = [
  ["the pool", { pool: true, maxConnections: 1 } as NetSmtpTransportOptions],
  [
    "OAuth2 with a token of its own making",
    {
      auth: { type: "oauth2", user: "me", accessToken: "secret", refreshToken: "r", clientId: "c" },
    } as NetSmtpTransportOptions,
  ],
];

test.each(LATER)("%s sends, or says that it is not there yet", async (_, options) => {
  const server = await start({ users, allowInsecureAuth: true, authMethods: ["XOAUTH2"] });
  const make = (): NetSmtpTransport => plugin(server, options);
  try {
    make();
  } catch (error) {
    expect(String(error)).toContain("not supported yet");
    return;
  }
  const transporter = nodemailer.createTransport(make());
  const data = { from: "a@x.example", to: "b@y.example", text: "" };
  const sent = await Promise.all([transporter.sendMail(data), transporter.sendMail(data)]);
  expect(sent.map(({ accepted }) => accepted)).toEqual([["b@y.example"], ["b@y.example"]]);
  transporter.close();
});
