/**
 * `createNetSmtpTransport` gives what `createTransport(options)` gives the built-in transport.
 *
 * @module
 */

import { generateKeyPairSync } from "node:crypto";
import { inspect } from "node:util";
import nodemailer from "nodemailer";
import type { createTransport as CreateTransport8 } from "nodemailer-types-8";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../mod.ts";
import { createNetSmtpTransport, type NetSmtpMailOptions, NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { failure, message, start } from "./support.ts";

async function made(options: NetSmtpMailOptions = {}, defaults?: object) {
  const server = await start({ users: { me: "secret" }, allowInsecureAuth: true });
  const base = { host: "127.0.0.1", port: server.port, name: "me.example" };
  return { server, transporter: createNetSmtpTransport(nodemailer, { ...base, ...options }, defaults) };
}

describe("createNetSmtpTransport()", () => {
  test("makes Nodemailer's own transporter on this transport, with defaults and types", async () => {
    const { server, transporter } = await made({ auth: { user: "me", pass: "secret" } }, { from: "a@x.example" });
    expect(transporter.constructor).toBe(nodemailer.createTransport({}).constructor);
    expect(transporter.transporter).toBeInstanceOf(NetSmtpTransport);
    const { recipients } = await transporter.sendMail({ to: "b@y.example", text: "hello" });
    expect(recipients.map(({ fate }) => fate)).toEqual(["accepted"]);
    expect(server.messages).toMatchObject([{ from: "a@x.example", user: "me" }]);
    expect(await transporter.verify()).toBe(true);
    const called = await new Promise<string[]>((resolve, reject) => {
      void transporter.sendMail({ to: "b@y.example" }, (error, info) =>
        error ? reject(error) : resolve(info.accepted),
      );
    });
    expect(called).toEqual(["b@y.example"]);
  });

  test("takes a URL, and the Nodemailer of @types/nodemailer 8", async () => {
    const { server } = await made();
    const other = nodemailer as unknown as { createTransport: typeof CreateTransport8 };
    const transporter = createNetSmtpTransport(other, `smtp://127.0.0.1:${server.port}?name=me.example`);
    const { fate } = (await transporter.sendMail(message as object)).recipients[0] ?? {};
    expect([fate, server.messages.length]).toEqual(["accepted", 1]);
  });

  test("signs with dkim", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    const { server, transporter } = await made({
      dkim: { domainName: "x.example", keySelector: "s", privateKey: pem },
    });
    await transporter.sendMail({ from: "a@x.example", to: "b@y.example", text: "hello" });
    expect(server.messages[0]?.raw.toString()).toMatch(/^DKIM-Signature: v=1; a=rsa-sha256; .*d=x\.example;.*s=s;/s);
  });

  test("limits recipients, keeps files and URLs closed, and turns data URIs into attachments", async () => {
    const { server, transporter } = await made({
      maxRecipients: 1,
      disableFileAccess: true,
      disableUrlAccess: true,
      attachDataUrls: true,
      normalizeHeaderKey: (key) => key.toUpperCase(),
    });
    const to = ["b@y.example", "c@y.example"];
    expect(await failure(transporter.sendMail({ ...message, envelope: { from: "a@x.example", to } }))).toMatchObject({
      code: "EMAXRECIPIENTS",
    });
    const file = { to: "b@y.example", attachments: [{ path: import.meta.filename }] };
    expect(await failure(transporter.sendMail(file))).toMatchObject({ cause: { cause: { code: "EFILEACCESS" } } });
    const html = '<img src="data:image/png;base64,AAAA">';
    await transporter.sendMail({ from: "a@x.example", to: "b@y.example", subject: "hi", html });
    const raw = server.messages.map((stored) => stored.raw.toString()).join();
    expect(raw).toMatch(/SUBJECT: hi/);
    expect(raw).toMatch(/<img src="cid:/);
  });

  test("goes through the proxy, and to no server past it", async () => {
    const { server, transporter } = await made({ proxy: "http://127.0.0.1:1" });
    expect(await failure(transporter.sendMail(message))).toMatchObject({
      originalCode: "ECONNREFUSED",
      fate: "unsent",
    });
    expect(server.connections).toEqual([]);
  });

  test("shows the login neither in the transporter nor in what it keeps of the options", async () => {
    const { transporter } = await made({ auth: { user: "me", pass: "s3nt1nel" }, logger: false });
    expect(inspect(transporter, { depth: 9, showHidden: true })).not.toContain("s3nt1nel");
    expect(JSON.stringify(transporter.options)).not.toContain("s3nt1nel");
  });

  test.each<[unknown, unknown, string]>([
    [nodemailer, { requireTls: true }, 'Option "requireTls" is unknown, did you mean "requireTLS"?'],
    [nodemailer, { dkmi: {} }, 'Option "dkmi" is unknown'],
    [{}, {}, 'Parameter "nodemailer" has no createTransport, expected Nodemailer'],
    [undefined, {}, 'Parameter "nodemailer"'],
  ])("throws for %j and %j", (given, options, text) => {
    const make = (): unknown => createNetSmtpTransport(given as typeof nodemailer, options as NetSmtpMailOptions);
    expect(make).toThrow(SmtpArgumentError);
    expect(make).toThrow(text);
  });
});
