import { describe, expect, test } from "vitest";
import {
  type Phase,
  SmtpAbortError,
  SmtpArgumentError,
  SmtpAuthenticationError,
  SmtpConnectionError,
  SmtpError,
  type SmtpErrorDetails,
  SmtpFatalError,
  SmtpLatchedError,
  SmtpOpenTimeout,
  SmtpProtocolError,
  SmtpReadTimeout,
  SmtpResponse,
  SmtpServerBusy,
  SmtpSessionError,
  SmtpSourceError,
  SmtpSyntaxError,
  SmtpTlsError,
  SmtpUnknownError,
  SmtpUnsupportedCommand,
  SmtpWriteTimeout,
} from "../../mod.ts";
import * as engine from "../../src/errors.ts";
import { transportError } from "../../src/nodemailer/errors.ts";

function runtime(code: string, syscall?: string): Error {
  return Object.assign(new Error(code), { code, ...(syscall === undefined ? {} : { syscall }) });
}

function reply(text: string): SmtpResponse {
  return new SmtpResponse(text);
}

type Make = new (message: string, details?: SmtpErrorDetails) => Error;

/** What the engine throws, and Nodemailer's keys for it; keys that are not named are not there. */
const table: readonly (readonly [Make, SmtpErrorDetails, object])[] = [
  [SmtpOpenTimeout, { phase: "tls" }, { code: "ETIMEDOUT", command: "CONN", timeoutType: "CONNECT_TIMEOUT" }],
  [SmtpOpenTimeout, {}, { code: "ETIMEDOUT", command: "CONN", timeoutType: "CONNECT_TIMEOUT" }],
  [
    SmtpOpenTimeout,
    { phase: "tls", command: "STARTTLS" },
    { code: "ETIMEDOUT", command: "CONN", timeoutType: "UPGRADE_TIMEOUT" },
  ],
  [SmtpReadTimeout, { phase: "greeting" }, { code: "ETIMEDOUT", command: "CONN", timeoutType: "GREETING_TIMEOUT" }],
  [SmtpReadTimeout, { phase: "final" }, { code: "ETIMEDOUT", command: "CONN", timeoutType: "SOCKET_TIMEOUT" }],
  [SmtpWriteTimeout, {}, { code: "ETIMEDOUT", command: "CONN", timeoutType: "SOCKET_TIMEOUT" }],
  [SmtpConnectionError, {}, { code: "ECONNECTION", command: "CONN" }],
  [SmtpConnectionError, { phase: "final", command: "DATA" }, { code: "ECONNECTION", command: "CONN" }],
  [
    SmtpConnectionError,
    { cause: runtime("ENOTFOUND", "getaddrinfo") },
    { code: "EDNS", command: "CONN", originalCode: "ENOTFOUND" },
  ],
  [SmtpConnectionError, { cause: runtime("EAI_AGAIN") }, { code: "EDNS", command: "CONN", originalCode: "EAI_AGAIN" }],
  [
    SmtpConnectionError,
    { cause: runtime("ETIMEOUT", "queryA") },
    { code: "EDNS", command: "CONN", originalCode: "ETIMEOUT" },
  ],
  [
    SmtpConnectionError,
    { cause: runtime("ECONNREFUSED", "connect") },
    { code: "ESOCKET", command: "CONN", originalCode: "ECONNREFUSED" },
  ],
  [
    SmtpConnectionError,
    { cause: new AggregateError([runtime("ENETUNREACH"), runtime("ECONNREFUSED")]) },
    { code: "ESOCKET", command: "CONN", originalCode: "ENETUNREACH" },
  ],
  [
    SmtpConnectionError,
    { cause: runtime("ERR_ACCESS_DENIED") },
    { code: "ERR_ACCESS_DENIED", command: "CONN", originalCode: "ERR_ACCESS_DENIED" },
  ],
  [SmtpConnectionError, { cause: new SmtpFatalError("x") }, { code: "ECONNECTION", command: "CONN" }],
  [SmtpTlsError, {}, { code: "ETLS", command: "CONN" }],
  [
    SmtpTlsError,
    { cause: runtime("DEPTH_ZERO_SELF_SIGNED_CERT") },
    { code: "ESOCKET", command: "CONN", originalCode: "DEPTH_ZERO_SELF_SIGNED_CERT" },
  ],
  [SmtpProtocolError, { phase: "greeting" }, { code: "EPROTOCOL", command: "CONN" }],
  [
    SmtpProtocolError,
    { phase: "rcpt", response: reply("250 Twice") },
    { code: "EPROTOCOL", command: "RCPT TO", response: "250 Twice", responseCode: 250, permanent: false },
  ],
  [SmtpSourceError, {}, { code: "ESTREAM", command: "API" }],
  [SmtpSourceError, { cause: runtime("ENOENT") }, { code: "ESTREAM", command: "API", originalCode: "ENOENT" }],
  [SmtpAbortError, {}, { name: "AbortError", code: "EABORT" }],
  [SmtpSessionError, {}, { code: "ECONNECTION", command: "API" }],
  [SmtpLatchedError, {}, { code: "ECONNECTION", command: "API" }],
  [SmtpArgumentError, { phase: "connect" }, { code: "ECONFIG", command: "API" }],
  [SmtpArgumentError, { phase: "auth" }, { code: "EAUTH", command: "API" }],
  [SmtpArgumentError, { phase: "rcpt" }, { code: "EENVELOPE", command: "API" }],
  [SmtpArgumentError, { phase: "content" }, { code: "EMESSAGE", command: "API" }],
  [SmtpArgumentError, {}, { code: "EENVELOPE", command: "API" }],
  [SmtpUnsupportedCommand, { phase: "tls", command: "STARTTLS" }, { code: "ETLS", command: "STARTTLS" }],
  [SmtpUnsupportedCommand, { phase: "auth", command: "AUTH" }, { code: "EAUTH", command: "AUTH" }],
  [SmtpAuthenticationError, { phase: "auth", command: "AUTH LOGIN" }, { code: "EAUTH", command: "AUTH LOGIN" }],
  [
    SmtpAuthenticationError,
    { phase: "auth", command: "AUTH PLAIN", response: reply("535 5.7.8 No") },
    {
      code: "EAUTH",
      command: "AUTH PLAIN",
      response: "535 5.7.8 No",
      responseCode: 535,
      permanent: true,
      enhancedCode: "5.7.8",
    },
  ],
  [SmtpUnknownError, { phase: "data", command: "DATA" }, { code: "EENVELOPE", command: "DATA" }],
  [SmtpError, { phase: "connect" }, { code: "ECONNECTION", command: "CONN" }],
];

const refusals: readonly (readonly [Phase, string | undefined, string, string, string | undefined])[] = [
  ["greeting", undefined, "554 No", "EPROTOCOL", "CONN"],
  ["greeting", undefined, "421 No", "EPROTOCOL", "CONN"],
  ["ehlo", "EHLO", "550 No", "EPROTOCOL", "EHLO"],
  ["ehlo", "HELO", "550 No", "EPROTOCOL", "HELO"],
  ["ehlo", "EHLO", "421 No", "ECONNECTION", "EHLO"],
  ["tls", "STARTTLS", "454 No", "ETLS", "STARTTLS"],
  ["auth", "AUTH XOAUTH2", "535 No", "EAUTH", "AUTH XOAUTH2"],
  ["mail", "MAIL FROM", "550 No", "EENVELOPE", "MAIL FROM"],
  ["mail", "MAIL FROM:<a@x.example> SIZE=1", "421 No", "EENVELOPE", "MAIL FROM"],
  ["mail", "RSET", "500 No", "EPROTOCOL", "RSET"],
  ["rcpt", "RCPT TO:<b@y.example>", "503 No", "EENVELOPE", "RCPT TO"],
  ["rcpt", undefined, "550 No", "EENVELOPE", "RCPT TO"],
  ["data", "DATA", "451 No", "EENVELOPE", "DATA"],
  ["content", "DATA", "552 No", "EMESSAGE", "DATA"],
  ["final", "DATA", "554-No\n554 never", "EMESSAGE", "DATA"],
  ["final", "DATA", "421 No", "EMESSAGE", "DATA"],
  ["command", undefined, "421 No", "ECONNECTION", "CONN"],
  ["command", "NOOP", "500 No", "EPROTOCOL", "NOOP"],
];

const OURS = ["phase", "fate", "recipients", "retry", "temporary"];

describe("transportError()", () => {
  test.each(table)("%s %o is %o", (Class, details, keys) => {
    const cause = new Class("What happened", details);
    const error = transportError(cause, [], "mail");
    expect(error).toMatchObject({ ...keys, message: "What happened", cause });
    expect(Object.keys(error).sort()).toEqual([...Object.keys(keys), ...OURS].sort());
    expect(Object.getPrototypeOf(error)).toBe(Error.prototype);
  });

  test("knows every class of the engine", () => {
    const known = new Set(
      table.map(([Class]) => Class.name).concat("SmtpServerBusy", "SmtpSyntaxError", "SmtpFatalError"),
    );
    const classes = Object.keys(engine).filter((name) => /^Smtp[A-Z]/.test(name));
    expect(classes.filter((name) => !known.has(name))).toEqual([]);
    expect(classes.length).toBeGreaterThan(15);
  });

  test.each(refusals)("a refusal in phase %s of %s, %j, is %s of %s", (phase, command, text, code, said) => {
    const Class =
      { "4": SmtpServerBusy, "50": SmtpSyntaxError }[text.slice(0, text[0] === "4" ? 1 : 2)] ?? SmtpFatalError;
    const response = reply(text);
    const error = transportError(new Class("Server refused it", { phase, command, response }), [], "mail");
    const responseCode = Number(text.slice(0, 3));
    expect(error).toMatchObject({ code, response: text, responseCode, phase });
    expect(error.command).toBe(said);
    expect(error.permanent).toBe(responseCode >= 500 && responseCode !== 503);
    expect(error.temporary).toBe(responseCode < 500);
  });

  test("keys are strings and numbers, so that they survive structuredClone", () => {
    const response = reply("550 5.1.1 No\u001b[2J");
    const recipients = [
      { address: "a@y.example", fate: "refused", response, retry: "never" },
      { address: "b@y.example", fate: "unsent", retry: "now" },
    ] as const;
    const failure = new SmtpFatalError("x", { phase: "rcpt", command: "RCPT TO:<a@y.example>", response, recipients });
    const { rejectedErrors, ...keys } = { ...transportError(failure, [], "mail") };
    expect(structuredClone(keys)).toEqual({
      code: "EENVELOPE",
      command: "RCPT TO",
      response: "550 5.1.1 No\\x1b[2J",
      responseCode: 550,
      permanent: true,
      recipient: "a@y.example",
      rejected: ["a@y.example"],
      phase: "rcpt",
      fate: "refused",
      recipients: [
        { address: "a@y.example", fate: "refused", response: "550 5.1.1 No\\x1b[2J", retry: "never" },
        { address: "b@y.example", fate: "unsent", retry: "now" },
      ],
      retry: "now",
      temporary: false,
      enhancedCode: "5.1.1",
    });
    expect(rejectedErrors).toHaveLength(1);
  });

  test("a failure before the envelope tells of every recipient that it is unsent", () => {
    const error = transportError(
      new SmtpConnectionError("x", { retry: "now" }),
      ["a@y.example", "b@y.example"],
      "auth",
    );
    expect(error).toMatchObject({ fate: "unsent", retry: "now" });
    expect(error.recipients).toEqual([
      { address: "a@y.example", fate: "unsent", retry: "now" },
      { address: "b@y.example", fate: "unsent", retry: "now" },
    ]);
  });

  test("an argument without a phase of its own belongs to the stage", () => {
    const error = new SmtpArgumentError('Invalid "secret"');
    expect(transportError(error, [], "auth").code).toBe("EAUTH");
    expect(transportError(error, [], "mail").code).toBe("EENVELOPE");
  });

  test("what is not the engine's gets a code too", () => {
    expect(transportError(new Error("a\u001bb"), ["b@y.example"], "mail")).toMatchObject({
      message: "Message could not be read: a\\x1bb",
      code: "EENVELOPE",
      command: "API",
      fate: "unsent",
    });
    expect(transportError("no", [], "auth")).toMatchObject({
      message: "Connection could not be made: no",
      code: "ECONNECTION",
      command: "CONN",
    });
  });
});
