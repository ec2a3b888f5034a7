/** Every public name of the name table exists, under Net::SMTP's word in camelCase. */
import { describe, expect, test } from "vitest";
import * as engine from "../mod.ts";
import { NetSmtp, SmtpAddress, SmtpResponse } from "../mod.ts";
import { session } from "./support/session.ts";

const INSTANCE = `
  address port esmtp openTimeout readTimeout debugOutput setDebugOutput started errorOccurred
  tls ssl enableTls enableSsl disableTls disableSsl
  starttlsMode starttlsAlways starttlsAuto enableStarttls enableStarttlsAuto disableStarttls
  capable capabilities capableStarttls capablePlainAuth capableLoginAuth capableCramMd5Auth authCapable capableAuthTypes
  start finish helo ehlo starttls mailFrom rcptTo rcptToList data rset quit
  sendMessage sendMail openMessageStream ready
  authenticate authPlain authLogin authCramMd5
  getResponse getOk critical validateLine toString`;

const RESPONSE = `status string message success continue statusTypeChar capabilities exceptionClass code lines enhancedCode`;

const ERRORS = `SmtpError SmtpAuthenticationError SmtpServerBusy SmtpSyntaxError SmtpFatalError SmtpUnknownError
  SmtpUnsupportedCommand SmtpOpenTimeout SmtpReadTimeout SmtpSessionError SmtpLatchedError SmtpProtocolError
  SmtpConnectionError SmtpTlsError SmtpAbortError`;

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}

test.each(words(INSTANCE))("a session has %s", (name) => {
  expect(name in new NetSmtp("localhost")).toBe(true);
});

test.each(words(RESPONSE))("a reply has %s", (name) => {
  expect(name in new SmtpResponse("250 ok")).toBe(true);
});

test.each(words(ERRORS))("%s extends SmtpError and isSmtpError() knows it", (name) => {
  const Class = (Object.entries(engine).find(([key]) => key === name) ?? [])[1] as typeof engine.SmtpError;
  const error = new Class("what happened");
  expect(error).toBeInstanceOf(engine.SmtpError);
  expect(engine.isSmtpError(error)).toBe(true);
  expect(error.name).toBe(name === "SmtpAbortError" ? "AbortError" : name);
  expect(error).toMatchObject({
    code: expect.stringMatching(/^SMTP_/),
    phase: expect.any(String),
    fate: "unsent",
    recipients: [],
  });
});

describe("constants and statics", () => {
  test("the ports and the TLS context are Net::SMTP's", () => {
    const { defaultPort, defaultSubmissionPort, defaultTlsPort, defaultSslPort } = NetSmtp;
    expect([defaultPort, defaultSubmissionPort, defaultTlsPort, defaultSslPort]).toEqual([25, 587, 465, 465]);
    expect(NetSmtp.defaultTlsContext()).toEqual({ minVersion: "TLSv1.2", rejectUnauthorized: true });
    expect(new NetSmtp("localhost").port).toBe(25);
  });

  test("the seeds' aliases are kept", () => {
    expect(engine.NetSmtpSession).toBe(NetSmtp);
    const { CRAM_BUFSIZE, IMASK, OMASK, DEFAULT_AUTH_TYPE } = engine;
    expect([CRAM_BUFSIZE, IMASK, OMASK, DEFAULT_AUTH_TYPE]).toEqual([64, 0x36, 0x5c, "PLAIN"]);
    expect(engine.VERSION).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test("SmtpArgumentError is a TypeError and one of the family", () => {
    const error = new engine.SmtpArgumentError("wrong");
    expect(error).toBeInstanceOf(TypeError);
    expect(engine.isSmtpError(error)).toBe(true);
    expect(engine.isSmtpError(new Error("other"))).toBe(false);
    expect(engine.isSmtpError(null)).toBe(false);
  });

  test("SmtpAddress holds an address and its parameters", () => {
    const address = new SmtpAddress("a@x.example", { size: 42 });
    expect(address.address).toBe("a@x.example");
    expect(`${address}`).toContain("a@x.example");
  });

  test("toString() and inspect() show what Net::SMTP's inspect shows, and no secret", async () => {
    const { inspect } = await import("node:util");
    const smtp = new NetSmtp("mx.example", 587, { user: "me", secret: "hunter2" });
    expect(`${smtp}`).toBe("#<NetSmtp mx.example:587 started=false>");
    expect(inspect(smtp, { depth: null, showHidden: true })).toBe(`${smtp}`);
    expect(JSON.stringify(smtp)).not.toContain("hunter2");
  });
});

describe("capabilities", () => {
  test("are undefined before EHLO, then what the server offers", async () => {
    const fresh = new NetSmtp("localhost");
    expect([fresh.capable("SIZE"), fresh.capabilities, fresh.capableAuthTypes, fresh.capableStarttls]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const { smtp } = await session("", { extensions: ["Pipelining", "SIZE 1000", "AUTH PLAIN cram-md5"] });
    expect([smtp.capable("pipelining"), smtp.capable("SIZE"), smtp.capable("DSN")]).toEqual([true, true, false]);
    expect(smtp.capabilities?.get("SIZE")).toEqual(["1000"]);
    expect(smtp.capableAuthTypes).toEqual(["PLAIN", "CRAM-MD5"]);
    const { capablePlainAuth, capableLoginAuth, capableCramMd5Auth, capableStarttls } = smtp;
    expect([capablePlainAuth, capableLoginAuth, capableCramMd5Auth, capableStarttls]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([smtp.authCapable("cram_md5"), smtp.authCapable("xoauth2")]).toEqual([true, false]);
  });
});

describe("settings", () => {
  test("TLS from the first byte and STARTTLS always exclude each other", () => {
    const smtp = new NetSmtp("localhost");
    smtp.enableStarttls();
    expect([smtp.starttlsMode, smtp.starttlsAlways, smtp.starttlsAuto]).toEqual(["always", true, false]);
    expect(() => smtp.enableTls()).toThrow(engine.SmtpArgumentError);
    smtp.disableStarttls();
    expect(smtp.starttlsMode).toBe(false);
    smtp.enableSsl({ ca: "x" });
    expect([smtp.tls, smtp.ssl]).toEqual([true, true]);
    expect(() => smtp.enableStarttls()).toThrow(engine.SmtpArgumentError);
    expect(() => smtp.enableStarttlsAuto()).toThrow(engine.SmtpArgumentError);
    smtp.disableSsl();
    smtp.enableStarttlsAuto();
    expect([smtp.tls, smtp.starttlsMode]).toEqual([false, "auto"]);
    smtp.enableTls();
    smtp.disableTls();
    expect(smtp.tls).toBe(false);
    expect(() => new NetSmtp("localhost", 465, { tls: true, starttls: "always" })).toThrow(engine.SmtpArgumentError);
  });

  test("setters check what they are given", () => {
    const smtp = new NetSmtp("localhost");
    smtp.openTimeout = 1_000;
    smtp.readTimeout = 2_000;
    smtp.esmtp = false;
    expect([smtp.openTimeout, smtp.readTimeout, smtp.esmtp]).toEqual([1_000, 2_000, false]);
    expect(() => (smtp.readTimeout = 0)).toThrow('"readTimeout"');
    expect(() => (smtp.openTimeout = Number.NaN)).toThrow('"openTimeout"');
    expect(() => smtp.setDebugOutput(1 as never)).toThrow('"debugOutput"');
    const output = { write: () => true };
    smtp.setDebugOutput(output);
    expect(smtp.debugOutput).toBe(output);
    smtp.debugOutput = undefined;
    expect(smtp.debugOutput).toBe(undefined);
  });
});
