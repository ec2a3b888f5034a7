/** What Nodemailer's messages ask of the extensions, to the real server by the real Nodemailer. */

import nodemailer, { type SendMailOptions } from "nodemailer";
import { describe, expect, test } from "vitest";
import { NetSmtpTransport, type NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";
import { failure, message, plugin, send, start } from "./support.ts";

const DSN: ServerOptions = { hideDSN: false };

function given(data: object, envelope: object = {}): SendMailOptions {
  return { ...message, ...data, envelope: { ...(message.envelope as object), ...envelope } } as SendMailOptions;
}

/** The parameters of MAIL and of each RCPT of the last message. */
function said({ messages }: RunningServer): string[] {
  const { params = {}, rcptParams = [] } = messages.at(-1) ?? {};
  return [params, ...rcptParams].map((all) =>
    Object.entries(all)
      .map(([keyword, value]) => (value === true ? keyword : `${keyword}=${value}`))
      .join(" "),
  );
}

describe("dsn", () => {
  test.each<[object, string[]]>([
    [{}, ["", ""]],
    [{ id: "1 2", return: "headers", notify: "success, delay" }, ["RET=HDRS ENVID=1 2", "NOTIFY=SUCCESS,DELAY"]],
    [{ envid: "x+y", ret: "Body", notify: ["never"] }, ["RET=FULL ENVID=x+y", "NOTIFY=NEVER"]],
    [{ ret: "full", notify: ["failure", "DELAY"] }, ["RET=FULL", "NOTIFY=FAILURE,DELAY"]],
    [{ recipient: "old+x@z.example" }, ["", "ORCPT=rfc822;old+x@z.example"]],
    [{ orcpt: "x400;/C=us/", notify: "" }, ["", "ORCPT=x400;/C=us/"]],
    [{ id: null, ret: false, notify: undefined, recipient: "" }, ["", ""]],
  ])("%j of a message, and of an envelope", async (dsn, parameters) => {
    const server = await start(DSN);
    await send(plugin(server), given({ dsn }));
    expect(said(server)).toEqual(parameters);
    await send(plugin(server), given({}, { dsn }));
    expect(said(server)).toEqual(parameters);
  });

  test("is said as Nodemailer's own transport says it", async () => {
    const dsn = { id: "a b+c=d", return: "hdrs", notify: ["success", "failure"], recipient: "old@z.example" } as const;
    const server = await start(DSN);
    await nodemailer
      .createTransport({ host: "127.0.0.1", port: server.port, ignoreTLS: true })
      .sendMail(given({ dsn }));
    const theirs = said(server);
    await send(plugin(server), given({ dsn }));
    expect(said(server)).toEqual(theirs);
    expect(theirs.join()).toContain("ENVID=");
  });

  test("one recipient's ORCPT is never said of several: each has its own address, and the log says so", async () => {
    const server = await start(DSN);
    const warnings: string[] = [];
    const logger = { warn: (_: object, text: string) => warnings.push(text) };
    const to = ["b@y.example", "c@y.example"];
    await send(plugin(server, { logger }), given({ dsn: { recipient: "old@z.example" } }, { to }));
    expect(said(server)).toEqual(["", "ORCPT=rfc822;b@y.example", "ORCPT=rfc822;c@y.example"]);
    expect(warnings.join()).toContain("ORCPT is of one recipient");
  });

  test("not offered: EENVELOPE before MAIL; whenNotOffered: left out, and the log says so", async () => {
    const server = await start();
    const wish = given({ dsn: { id: "1", notify: "never" } });
    const error = await failure(send(plugin(server), wish));
    expect(error).toMatchObject({ code: "EENVELOPE", command: "MAIL FROM", fate: "unsent", phase: "mail" });
    expect(error.message).toContain('"dsn" asks for DSN, which the server does not offer');
    expect(server.messages).toEqual([]);
    const warnings: string[] = [];
    const logger = { warn: (_: object, text: string) => warnings.push(text) };
    await send(plugin(server, { logger, whenNotOffered: "omit" }), wish);
    expect([said(server), warnings.join()]).toEqual([["", ""], expect.stringContaining("ENVID=1 was left out")]);
  });

  test.each<[object | string, string]>([
    ["all", '"dsn" is "all"'],
    [[1], '"dsn" is an array'],
    [{ when: "never" }, 'unknown key "when"'],
    [{ ret: "all" }, "dsn.ret"],
    [{ ret: 1 }, "dsn.ret"],
    [{ notify: "always" }, "dsn.notify"],
    [{ notify: "never,success" }, "dsn.notify"],
    [{ notify: 5 }, "dsn.notify"],
    [{ id: "a\r\nRSET" }, "dsn.envid"],
    [{ id: 5 }, "dsn.envid"],
    [{ id: "x".repeat(101) }, "dsn.envid"],
    [{ recipient: "b@y\r\nRSET" }, "dsn.orcpt"],
    [{ recipient: ["b@y"] }, "dsn.recipient"],
  ])("%j: EENVELOPE, nothing sent", async (dsn, text) => {
    const server = await start(DSN);
    const error = await failure(send(plugin(server), given({ dsn })));
    expect(error).toMatchObject({ code: "EENVELOPE", command: "API", fate: "unsent", retry: "never" });
    expect(error.message).toContain(text);
    expect(server.messages).toEqual([]);
  });
});

describe("envelope.size", () => {
  test.each<[unknown, string]>([
    [100, "SIZE=100"],
    ["100", "SIZE=100"],
    [0, "SIZE=21"],
    ["", "SIZE=21"],
    [null, "SIZE=21"],
    [undefined, "SIZE=21"],
  ])("%j is said as %j where SIZE is offered, else the size of the message", async (size, text) => {
    const server = await start({ size: 1_000 });
    await send(plugin(server), given({}, { size }));
    expect(said(server)[0]).toBe(text);
  });

  test("is not said where SIZE is not offered", async () => {
    const server = await start();
    await send(plugin(server), given({}, { size: 5 }));
    expect(said(server)).toEqual(["", ""]);
  });

  test("over the limit: EMESSAGE at MAIL FROM, as Nodemailer says it, nothing sent", async () => {
    const server = await start({ size: 1_000 });
    const theirs = nodemailer.createTransport({ host: "127.0.0.1", port: server.port, ignoreTLS: true });
    const wish = given({}, { size: 1_001 });
    const keys = { code: "EMESSAGE", command: "MAIL FROM" };
    expect(await failure(theirs.sendMail(wish))).toMatchObject(keys);
    const error = await failure(send(plugin(server, { whenNotOffered: "omit" }), wish));
    expect(error).toMatchObject({ ...keys, fate: "unsent", retry: "never" });
    expect(error.message).toContain("expected at most 1000");
    expect(server.messages).toEqual([]);
  });

  test.each([1.5, -1, Number.NaN, "5 BODY=7BIT", "5\r\nRSET", {}, true])(
    "%j: EENVELOPE, nothing sent",
    async (size) => {
      const server = await start({ size: 1_000 });
      const error = await failure(send(plugin(server), given({}, { size })));
      expect(error).toMatchObject({ code: "EENVELOPE", command: "API", fate: "unsent" });
      expect(server.messages).toEqual([]);
    },
  );
});

describe("envelope.use8BitMime", () => {
  test("is said where it is offered; else EENVELOPE before MAIL", async () => {
    const server = await start();
    await send(plugin(server), given({}, { use8BitMime: true }));
    expect(said(server)[0]).toBe("BODY=8BITMIME");
    const without = await start({ hide8BITMIME: true });
    const error = await failure(send(plugin(without), given({}, { use8BitMime: true })));
    expect(error).toMatchObject({ code: "EENVELOPE", command: "MAIL FROM", fate: "unsent" });
    expect(without.messages).toEqual([]);
  });
});

describe("requireTLSExtensionEnabled", () => {
  async function secured(options: ServerOptions): Promise<[RunningServer, NetSmtpTransportOptions]> {
    const { server: identity, ca } = await certificates();
    const { key, cert } = identity;
    const server = await start({ key, cert, ...options });
    return [server, { host: "localhost", port: server.port, name: "me.example", tls: { ca } }];
  }

  test("of a message, an envelope or the transport is said inside verified TLS", async () => {
    const [server, options] = await secured({ hideREQUIRETLS: false });
    const wish = { requireTLSExtensionEnabled: true };
    const all = [
      [options, given(wish)],
      [options, given({}, wish)],
      [{ ...options, ...wish }, given({})],
    ] as const;
    for (const [settings, data] of all) {
      await send(new NetSmtpTransport(settings), data);
      expect(said(server)).toEqual(["REQUIRETLS", ""]);
    }
    await send(new NetSmtpTransport(options));
    expect(said(server)).toEqual(["", ""]);
  });

  test("not offered, in clear, or without verification: EREQUIRETLS at MAIL FROM, nothing sent", async () => {
    const wish = given({ requireTLSExtensionEnabled: true });
    const [without, options] = await secured({});
    const [server, others] = await secured({ hideREQUIRETLS: false });
    const all: [RunningServer, NetSmtpTransportOptions][] = [
      [without, { ...options, whenNotOffered: "omit" }],
      [server, { ...others, ignoreTLS: true }],
      [server, { ...others, tls: { rejectUnauthorized: false } }],
    ];
    for (const [{ messages }, settings] of all) {
      const error = await failure(send(new NetSmtpTransport(settings), wish));
      expect(error).toMatchObject({ code: "EREQUIRETLS", command: "MAIL FROM", fate: "unsent", retry: "never" });
      expect(messages).toEqual([]);
    }
  });
});

test("an internationalised message arrives at the real server, and is EENVELOPE before MAIL at one without SMTPUTF8", async () => {
  const envelope = { from: "ü@x.example", to: ["ä@bücher.example"] };
  const server = await start();
  await send(plugin(server), { ...given({}, envelope), raw: "Subject: ß\r\n\r\nhi\r\n" });
  expect([server.messages[0]?.from, said(server)[0]]).toEqual(["ü@x.example", "BODY=8BITMIME SMTPUTF8"]);
  expect(server.messages[0]?.raw.toString()).toContain("Subject: ß");
  const without = await startSmtpServer({ hideSMTPUTF8: true });
  try {
    expect(await failure(send(plugin(without), given({}, envelope)))).toMatchObject({
      code: "EENVELOPE",
      fate: "unsent",
    });
    await send(plugin(without), given({}, { to: ["b@bücher.example"] }));
    expect(without.messages.map(({ to }) => to)).toEqual([
      [expect.stringMatching(/^b@(xn--bcher-kva|bücher)\.example$/)],
    ]);
  } finally {
    await without.close();
  }
});
