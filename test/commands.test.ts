/** Each command by itself: exactly the line it names, and what its reply does. */
import { describe, expect, test } from "vitest";
import { type NetSmtp, SmtpAddress, type SmtpResponse } from "../mod.ts";
import { session } from "./support/session.ts";
import { FROM, failure, told } from "./support/told.ts";

describe("each command writes exactly its line", () => {
  const cases: [name: string, line: string, call: (smtp: NetSmtp) => Promise<SmtpResponse>, phase: string][] = [
    ["helo()", "HELO me.example", (smtp) => smtp.helo("me.example"), "ehlo"],
    ["ehlo()", "EHLO [192.0.2.1]", (smtp) => smtp.ehlo("[192.0.2.1]"), "ehlo"],
    ["mailFrom()", "MAIL FROM:<a@x.example>", (smtp) => smtp.mailFrom(FROM), "mail"],
    ["mailFrom() of the null sender", "MAIL FROM:<>", (smtp) => smtp.mailFrom(""), "mail"],
    [
      "mailFrom() with parameters",
      "MAIL FROM:<a@x.example> SIZE=42",
      (smtp) => smtp.mailFrom(new SmtpAddress(FROM, { size: 42 })),
      "mail",
    ],
    ["rcptTo()", "RCPT TO:<b@y.example>", (smtp) => smtp.rcptTo("b@y.example"), "rcpt"],
    ["rset()", "RSET", (smtp) => smtp.rset(), "mail"],
    ["quit()", "QUIT", (smtp) => smtp.quit(), "quit"],
    ["getOk()", "NOOP", (smtp) => smtp.getOk("NOOP"), "command"],
  ];
  test.each(cases)("%s gives the reply", async (_name, line, call) => {
    const { smtp, server } = await session(`C: ${line}\nS: 250-one\nS: 250 two`);
    expect((await call(smtp)).string).toBe("250-one\n250 two");
    server.finish();
  });

  test.each(cases)(
    "%s throws a refusal by its class, with phase and command, not latched",
    async (_name, line, call, phase) => {
      const { smtp, server } = await session(`C: ${line}\nS: 451 4.3.0 later`);
      const error = await failure(call(smtp));
      expect(error).toMatchObject({ name: "SmtpServerBusy", phase, temporary: true, retry: "later" });
      expect(error.message).toBe(`Server refused ${error.command}: 451 4.3.0 later`);
      expect(line.startsWith(error.command ?? "?")).toBe(true);
      expect(smtp.errorOccurred).toBe(false);
      server.finish();
    },
  );
});

test("ehlo() replaces what was offered, helo() forgets it [capabilities: the latest EHLO replaces all]", async () => {
  const { smtp } = await session(
    "C: EHLO me\nS: 250-mx\nS: 250 8BITMIME\nC: HELO me\nS: 250 mx\nC: EHLO me\nS: 502 no",
    {
      extensions: ["SIZE"],
    },
  );
  expect(smtp.capable("SIZE")).toBe(true);
  await smtp.ehlo("me");
  expect([smtp.capable("SIZE"), smtp.capable("8bitmime")]).toEqual([false, true]);
  await smtp.helo("me");
  expect([smtp.capabilities, smtp.capable("8BITMIME"), smtp.capablePlainAuth]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  await failure(smtp.ehlo("me"));
  expect(smtp.capabilities).toBeUndefined();
});

test("starttls() sends, upgrades, and drops what was offered; the caller says ehlo again", async () => {
  const { smtp, server } = await session("C: STARTTLS\nS: 220 go\nTLS\nC: EHLO me\nS: 250-mx\nS: 250 AUTH PLAIN", {
    extensions: ["STARTTLS", "SIZE"],
    options: { starttls: false },
  });
  await smtp.starttls();
  expect(smtp.capabilities).toBeUndefined();
  await smtp.ehlo("me");
  expect(smtp.capablePlainAuth).toBe(true);
  server.finish();
});

test("starttls() refused goes on in clear, not latched", async () => {
  const { smtp, server } = await session("C: STARTTLS\nS: 454 no\nC: NOOP\nS: 250 ok", {
    options: { starttls: false },
  });
  expect(await failure(smtp.starttls())).toMatchObject({ name: "SmtpServerBusy", phase: "tls" });
  expect((await smtp.getOk("NOOP")).status).toBe("250");
  server.finish();
});

test("mailFrom() adds SMTPUTF8 where it is offered; else the domain is an A-label and a local part an error [a non-ASCII address]", async () => {
  const offered = await session("C: MAIL FROM:<ä@x.example> SMTPUTF8\nS: 250 ok", { extensions: ["SMTPUTF8"] });
  await offered.smtp.mailFrom("ä@x.example");
  offered.server.finish();
  const not = await session("C: MAIL FROM:<a@xn--4ca.example>\nS: 250 ok");
  await not.smtp.mailFrom("a@ä.example");
  expect((await failure(not.smtp.rcptTo("ä@x.example"))).message).toContain("SMTPUTF8");
  not.server.finish();
});

describe("rcptToList()", () => {
  const LIST = ["b@y.example", ["c@y.example"]];
  const script = (b: string, c: string): string =>
    `C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@y.example>\nC: RCPT TO:<c@y.example>\nS: ${b} b\nS: ${c} c`;
  const DATA = "C: DATA\nS: 354 go\nC: x\nC: .\nS: 250 queued";

  test("rcptToList() gives the block's value, and tells it who was accepted and refused", async () => {
    const { smtp, server } = await session(script("250", "450"));
    await smtp.mailFrom(FROM);
    const value = await smtp.rcptToList(
      LIST,
      ({ accepted, refused }) =>
        [accepted, refused].map((list) => list.map(({ address, response }) => `${address} ${response.code}`)),
      { recipientPolicy: "collect" },
    );
    expect(value).toEqual([["b@y.example 250"], ["c@y.example 450"]]);
    server.finish();
  });

  test("rcptToList() throws 53x after the block, with the fates [RCPT refused 53x]", async () => {
    const { smtp, server } = await session(`${script("250", "530")}\n${DATA}`);
    await smtp.mailFrom(FROM);
    const error = await failure(smtp.rcptToList(LIST, () => smtp.data("x")));
    expect(error).toMatchObject({ name: "SmtpAuthenticationError", message: 'failed to deliver for "c@y.example"' });
    expect(told(error)).toBe("b accepted 250, c refused 530");
    server.finish();
  });

  test.each([
    ["550", "net-smtp", "SmtpFatalError", "Server refused recipient <c@y.example>: 550 c"],
    ["530", "all-or-nothing", "SmtpAuthenticationError", "Server refused recipient <c@y.example>: 530 c"],
  ] as const)(
    "rcptToList() with %s under %s does not run the block; the next mailFrom() pays RSET",
    async (code, recipientPolicy, name, message) => {
      const { smtp, server } = await session(
        `${script("250", code)}\nC: RSET\nC: MAIL FROM:<a@x.example>\nS: 250 ok\nS: 250 ok`,
      );
      await smtp.mailFrom(FROM);
      const error = await failure(smtp.rcptToList(LIST, () => expect.unreachable("the block"), { recipientPolicy }));
      expect(error).toMatchObject({ name, message, phase: "rcpt" });
      expect(told(error)).toBe(`b unsent, c refused ${code}`);
      await smtp.mailFrom(FROM);
      server.finish();
    },
  );

  test("rcptToList() lets the block's error win", async () => {
    const { smtp } = await session(script("250", "530"));
    await smtp.mailFrom(FROM);
    const error = new Error("block");
    await expect(smtp.rcptToList(LIST, () => Promise.reject(error))).rejects.toBe(error);
  });

  test("rcptToList() all refused 53x: mail destination not given", async () => {
    const { smtp } = await session(script("535", "530"));
    await smtp.mailFrom(FROM);
    const error = await failure(smtp.rcptToList(LIST, () => expect.unreachable("the block")));
    expect(error).toMatchObject({ name: "SmtpAuthenticationError", message: "mail destination not given" });
  });
});

describe("data()", () => {
  const MANUAL = "C: MAIL FROM:<a@x.example>\nS: 250 ok\nC: RCPT TO:<b@y.example>\nS: 250 ok\nC: DATA\nS: 354 go";

  test("data() takes what a block writes: puts, print, printf, write, append [writer]", async () => {
    const { smtp, server } = await session(`${MANUAL}\nC: one\nC: two\nC: 3\nC: ..four\nC: .\nS: 250 queued`);
    await smtp.mailFrom(FROM);
    await smtp.rcptTo("b@y.example");
    const reply = await smtp.data(async (writer) => {
      await writer.puts("one");
      writer.append("two\n");
      writer.printf("%d\n", 3);
      writer.print(".four");
    });
    expect(reply.string).toBe("250 queued");
    server.finish();
  });

  test("data() lost after the dot: unknown, with the recipients; lost before: unsent", async () => {
    for (const [rest, fate] of [
      ["C: x\nC: .\nS: <close>", "b unknown"],
      ["S: <reset>", "b unsent"],
    ]) {
      const { smtp } = await session(`${MANUAL}\n${rest}`);
      await smtp.mailFrom(FROM);
      await smtp.rcptTo("b@y.example");
      const source = rest === "S: <reset>" ? new ReadableStream() : "x";
      expect(told(await failure(smtp.data(source)))).toBe(fate);
      expect(smtp.errorOccurred).toBe(true);
    }
  });

  test("data() answered 250 instead of 354 is SmtpProtocolError", async () => {
    const { smtp, server } = await session("C: DATA\nS: 250 ok\nC: <close>");
    expect(await failure(smtp.data("x"))).toMatchObject({ name: "SmtpProtocolError", phase: "data" });
    server.finish();
  });

  test("data() taken although every recipient was refused is a contradiction: unknown", async () => {
    const script = MANUAL.replace("S: 250 ok\nC: DATA", "S: 550 no\nC: DATA");
    const { smtp } = await session(`${script}\nC: x\nC: .\nS: 250 queued`);
    await smtp.mailFrom(FROM);
    await failure(smtp.rcptTo("b@y.example"));
    expect(told(await failure(smtp.data("x")))).toBe("b unknown 250");
  });
});
