/**
 * `service`: Nodemailer's own list, looked up before the first connection.
 *
 * @module
 */

import { connect } from "node:net";
import nodemailer from "nodemailer";
import { describe, expect, test } from "vitest";
import { createNetSmtpTransport, type NetSmtpGetSocket, NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { locatedSettings, transportSettings } from "../../src/nodemailer/options.ts";
import { failure, message, start } from "./support.ts";

describe("service", () => {
  test.each([
    ["Gmail", "smtp.gmail.com", 465, true],
    ["google mail", "smtp.gmail.com", 465, true],
    ["me@googlemail.com", "smtp.gmail.com", 465, true],
    ["Mailgun", "smtp.mailgun.org", 465, true],
    ["Outlook365", "smtp.office365.com", 587, false],
  ])("%s is %s:%d", async (service, host, port, secure) => {
    const settings = await locatedSettings(transportSettings({ service }), undefined);
    expect([settings.host, settings.port, settings.smtp.tls]).toEqual([host, port, secure]);
  });

  test("goes before the URL, which goes before the options; the rest stays", async () => {
    const given = transportSettings({
      url: "smtp://url.example:25?service=gmail&name=me.example",
      host: "mine.example",
    });
    const { host, port, smtp, service } = await locatedSettings(given, nodemailer);
    expect([host, port, smtp.tls, smtp.helo, service]).toEqual(["smtp.gmail.com", 465, true, "me.example", undefined]);
  });

  test("is Nodemailer's precedence and list to the letter", async () => {
    const { options } = nodemailer.createTransport({ service: "Outlook365", host: "mine" }).transporter as unknown as {
      options: { host: string; requireTLS?: boolean };
    };
    const { host, smtp } = await locatedSettings(transportSettings({ service: "Outlook365", host: "mine" }), undefined);
    expect([host, smtp.starttls === "always"]).toEqual([options.host, options.requireTLS ?? false]);
  });

  test("that is not on the list is an error, and nothing is sent", async () => {
    const transport = new NetSmtpTransport({ service: "gmial", host: "127.0.0.1" });
    expect(`${transport}`).toBe("#<NetSmtpTransport gmial>");
    for (const attempt of [() => nodemailer.createTransport(transport).sendMail(message), () => transport.verify()]) {
      const error = await failure(attempt());
      expect(error).toMatchObject({ code: "ECONFIG", command: "API", phase: "connect", retry: "never" });
      expect(error.message).toContain('Option "service" is "gmial", expected one that Nodemailer knows');
    }
  });

  test("is looked up once, and where the message goes", async () => {
    const server = await start();
    const asked: object[] = [];
    let looked = 0;
    const given = {
      createTransport: (...[options, defaults]: Parameters<typeof nodemailer.createTransport>) => {
        looked++;
        return nodemailer.createTransport(options as object, defaults);
      },
    };
    const getSocket: NetSmtpGetSocket = ({ host, port }, callback) => {
      asked.push({ host, port });
      const connection = connect(server.port, "127.0.0.1", () => callback(null, { connection, secured: true }));
    };
    const transport = new NetSmtpTransport({ service: "gmail", getSocket, name: "me.example" }, given);
    await Promise.all([1, 2].map(() => nodemailer.createTransport(transport).sendMail(message)));
    expect([server.messages.length, looked]).toEqual([2, 1]);
    expect(asked).toEqual(Array(2).fill({ host: "smtp.gmail.com", port: 465 }));
    const transporter = createNetSmtpTransport(nodemailer, { service: "gmail", getSocket, name: "me.example" });
    await transporter.sendMail(message);
    expect(server.messages).toHaveLength(3);
  });
});
