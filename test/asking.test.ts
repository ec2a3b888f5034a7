/** VRFY, EXPN, NOOP and HELP, command by command. */
import { describe, expect, test } from "vitest";
import type { NetSmtp } from "../mod.ts";
import { session } from "./support/session.ts";
import { failure } from "./support/told.ts";

describe("VRFY and EXPN (RFC 5321 3.5, RFC 6531 3.7.4.2)", () => {
  test("250, 251 and 252 are given, with their lines", async () => {
    const { smtp, server } = await session(`
      C: VRFY Smith
      S: 250 Joe Smith <smith@y.example>
      C: VRFY b@y.example
      S: 251 2.1.0 User not local
      C: VRFY c@y.example
      S: 252 2.5.2 Cannot VRFY, send some mail
      C: EXPN staff
      S: 250-Joe <joe@y.example>
      S: 250 Ann <ann@y.example>`);
    expect(`${await smtp.vrfy("Smith")}`).toBe("250 Joe Smith <smith@y.example>");
    expect((await smtp.vrfy("b@y.example")).code).toBe(251);
    const neither = await smtp.vrfy("c@y.example");
    expect([neither.success, neither.enhancedCode]).toEqual([true, "2.5.2"]);
    expect((await smtp.expn("staff")).lines).toHaveLength(2);
    server.finish();
  });

  test.each([
    ["550 5.1.1 no such user", "SmtpFatalError"],
    ["553 ambiguous", "SmtpFatalError"],
    ["502 5.5.1 not implemented", "SmtpSyntaxError"],
    ["450 later", "SmtpServerBusy"],
  ])("%s is thrown as %s, and does not latch", async (reply, name) => {
    const { smtp, server } = await session(`
      C: VRFY b@y.example
      S: ${reply}
      C: EXPN staff
      S: ${reply}
      C: NOOP
      S: 250 ok`);
    const errors = [await failure(smtp.vrfy("b@y.example")), await failure(smtp.expn("staff"))];
    expect(errors.map((error) => [error.name, error.command, error.response?.status])).toEqual(
      ["VRFY", "EXPN"].map((command) => [name, command, reply.slice(0, 3)]),
    );
    await smtp.noop();
    server.finish();
  });

  test("what is not ASCII says SMTPUTF8, and so does who asks for UTF-8 in the reply", async () => {
    const { smtp, server } = await session(
      `
      C: VRFY jürgen@y.example SMTPUTF8
      S: 250 ok
      C: EXPN 名簿 SMTPUTF8
      S: 250 ok
      C: VRFY b@y.example SMTPUTF8
      S: 250 Jürgen <jürgen@y.example>
      C: VRFY b@y.example
      S: 250 ok`,
      { extensions: ["SMTPUTF8"] },
    );
    await smtp.vrfy("jürgen@y.example");
    await smtp.expn("名簿");
    expect(`${await smtp.vrfy("b@y.example", { smtputf8: true })}`).toContain("Jürgen");
    await smtp.vrfy("b@y.example");
    server.finish();
  });

  test("without SMTPUTF8 that is an error, and nothing is written", async () => {
    const { smtp, server } = await session("C: NOOP\nS: 250 ok");
    expect((await failure(smtp.vrfy("jürgen@y.example"))).message).toBe(
      'Parameter "address" is not ASCII; expected ASCII, or a server that offers SMTPUTF8',
    );
    const asked = await failure(smtp.expn("staff", { smtputf8: true }));
    expect([asked.name, asked.command]).toEqual(["SmtpUnsupportedCommand", "EXPN"]);
    const wrong = await failure(smtp.vrfy("b@y.example", { utf8: true } as object));
    expect(wrong.message).toContain('"utf8"');
    await smtp.noop();
    server.finish();
  });
});

describe("NOOP and HELP (RFC 5321 4.1.1.8, 4.1.1.9)", () => {
  test("with and without their argument", async () => {
    const { smtp, server } = await session(`
      C: NOOP
      S: 250 ok
      C: NOOP are you there
      S: 250 ok
      C: HELP
      S: 214-Commands:
      S: 214 HELO EHLO
      C: HELP MAIL
      S: 211 MAIL FROM:<sender>
      C: HELP
      S: 502 no help`);
    expect((await smtp.noop()).code).toBe(250);
    await smtp.noop("are you there");
    expect((await smtp.help()).lines).toHaveLength(2);
    expect((await smtp.help("MAIL")).status).toBe("211");
    expect((await failure(smtp.help())).name).toBe("SmtpSyntaxError");
    server.finish();
  });
});

const CALLS: [string, (smtp: NetSmtp, text: string) => Promise<unknown>][] = [
  ["vrfy", (smtp, text) => smtp.vrfy(text)],
  ["expn", (smtp, text) => smtp.expn(text)],
  ["noop", (smtp, text) => smtp.noop(text)],
  ["help", (smtp, text) => smtp.help(text)],
];

describe.each(CALLS)("%s()", (_name, call) => {
  test.each([
    ["a\r\nRSET"],
    ["a\nRSET"],
    ["a\rb"],
    ["a\0"],
    ["a\x7f"],
    ["\u2028é\u0085"],
    ["\ud800"],
    [""],
    [" "],
    [7],
    [{ toString: () => "a" }],
    [null],
  ])("%j is bad input, and nothing is written", async (text) => {
    const { smtp, server } = await session("C: NOOP\nS: 250 ok", { extensions: ["SMTPUTF8"] });
    expect((await failure(call(smtp, text as string))).name).toBe("SmtpArgumentError");
    await smtp.noop();
    server.finish();
  });

  test("while latched it gives the dummy reply, and nothing is written", async () => {
    const { smtp, server } = await session("C: <close>");
    await failure(smtp.critical(() => Promise.reject(new Error("mine"))));
    expect(await call(smtp, "x")).toMatchObject({ dummy: true, status: "200" });
    await smtp.finish();
    server.finish();
  });

  test("before a start it says so", async () => {
    const { smtp } = await session("C: QUIT\nS: 221 bye\nC: <close>");
    await smtp.finish();
    expect((await failure(call(smtp, "x"))).name).toBe("SmtpSessionError");
  });
});
