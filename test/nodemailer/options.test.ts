import { hostname } from "node:os";
import { describe, expect, test, vi } from "vitest";
import { SmtpArgumentError } from "../../mod.ts";
import { NetSmtpTransport, type NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { type TransportSettings, transportSettings } from "../../src/nodemailer/options.ts";

vi.mock("node:os", async (original) => ({ ...(await original<object>()), hostname: vi.fn(() => "host") }));

describe("transportSettings()", () => {
  test("has Nodemailer's defaults", () => {
    const { host, port, smtp, auth, log } = transportSettings(undefined);
    expect([host, port, auth]).toEqual(["localhost", 587, undefined]);
    expect(log).toEqual({ logger: false, debug: false, component: "net-smtp" });
    expect(smtp).toMatchObject({
      helo: "[127.0.0.1]",
      tls: false,
      starttls: "auto",
      openTimeout: 120_000,
      greetingTimeout: 30_000,
      readTimeout: 600_000,
      writeTimeout: 600_000,
      finalTimeout: 600_000,
      recipientPolicy: "collect",
    });
  });

  test.each<[NetSmtpTransportOptions, number, boolean]>([
    [{}, 587, false],
    [{ secure: true }, 465, true],
    [{ secure: false }, 587, false],
    [{ port: 465 }, 465, true],
    [{ port: "465" }, 465, true],
    [{ port: 465, secure: false }, 465, false],
    [{ port: "2525", secure: true }, 2525, true],
    [{ port: 25 }, 25, false],
    [{ url: "smtp://h" }, 587, false],
    [{ url: "smtps://h" }, 465, true],
    [{ url: "smtp://h:465" }, 465, false],
    [{ url: "smtps://h", port: 2525, secure: false }, 2525, true],
  ])("%j connects to port %d, TLS from the first byte: %s", (options, port, tls) => {
    const settings = transportSettings(options);
    expect([settings.port, settings.smtp.tls]).toEqual([port, tls]);
  });

  test.each<[NetSmtpTransportOptions, unknown]>([
    [{}, "auto"],
    [{ requireTLS: true }, "always"],
    [{ opportunisticTLS: true }, "opportunistic"],
    [{ opportunisticTLS: true, requireTLS: true }, "always"],
    [{ opportunisticTLS: true, ignoreTLS: true }, false],
    [{ requireTLS: true, ignoreTLS: true }, "always"],
    [{ ignoreTLS: true }, false],
    [{ requireTLS: true, secure: true }, "auto"],
    [{ requireTLS: false, ignoreTLS: false }, "auto"],
  ])("%j means STARTTLS %s", (options, starttls) => {
    expect(transportSettings(options).smtp.starttls).toBe(starttls);
  });

  test.each<[NetSmtpTransportOptions, Partial<TransportSettings["smtp"]>]>([
    [{ connectionTimeout: 1000 }, { openTimeout: 1000, finalTimeout: 600_000 }],
    [{ greetingTimeout: 2000 }, { greetingTimeout: 2000 }],
    [{}, { dnsTimeout: 30_000, closeTimeout: 5_000, maxReplySize: undefined, forceAuth: undefined }],
    [
      { dnsTimeout: 1, socketCloseTimeout: 0, maxResponseSize: 1_048_576, forceAuth: true },
      { dnsTimeout: 1, closeTimeout: 0, maxReplySize: 1_048_576, forceAuth: true },
    ],
    [{ allowInternalNetworkInterfaces: true }, { localAddress: undefined }],
    [{ socketTimeout: 3000 }, { readTimeout: 3000, writeTimeout: 3000, finalTimeout: 600_000 }],
    [{ socketTimeout: 900_000 }, { readTimeout: 900_000, finalTimeout: 900_000 }],
    [
      { socketTimeout: 900_000, finalTimeout: 4000 },
      { readTimeout: 900_000, finalTimeout: 4000 },
    ],
    [{ localAddress: "127.0.0.2" }, { localAddress: "127.0.0.2" }],
    [{ servername: "mx.example" }, { tlsHostname: "mx.example" }],
    [{ tls: { ca: "x" } }, { tlsOptions: { ca: "x" } }],
    [
      { recipientPolicy: "net-smtp", strict: true, allowInsecureAuth: true, pipelining: false, chunking: false },
      { recipientPolicy: "net-smtp", strict: true, pipelining: false, chunking: false },
    ],
  ])("%j is the engine's %j", (options, smtp) => {
    expect(transportSettings(options).smtp).toMatchObject(smtp);
  });

  test.each([
    ["mx.example.com", "mx.example.com"],
    ["host", "[127.0.0.1]"],
    ["bad name.example", "[127.0.0.1]"],
  ])("a host called %j says EHLO %s", (name, helo) => {
    vi.mocked(hostname).mockReturnValueOnce(name);
    expect(transportSettings({}).smtp.helo).toBe(helo);
  });

  test("a host name that may not be known is [127.0.0.1]", () => {
    vi.mocked(hostname).mockImplementationOnce(() => {
      throw new Error("Requires sys access");
    });
    expect(transportSettings({}).smtp.helo).toBe("[127.0.0.1]");
  });

  test("null, undefined, and what is empty of the mailer are no wish", () => {
    const nothing = {
      host: null,
      auth: null,
      logger: null,
      proxy: "",
      service: undefined,
      tls: undefined,
    };
    expect(transportSettings(nothing as never)).toEqual(transportSettings({}));
  });

  test("the caller's objects are not kept", () => {
    const tls = { ca: "x" };
    const auth = { user: "me", pass: "secret" };
    const settings = transportSettings({ tls, auth });
    Object.assign(tls, { rejectUnauthorized: false });
    auth.user = "you";
    expect([settings.smtp.tlsOptions, settings.auth]).toEqual([{ ca: "x" }, { user: "me", pass: "secret" }]);
  });
});

describe("new NetSmtpTransport()", () => {
  const cases: readonly (readonly [unknown, string])[] = [
    [12, 'Parameter "options" is no object'],
    [[], 'Parameter "options" is no object'],
    [{ host: "" }, 'Option "host" is "", expected a host name or an IP address'],
    [{ host: "a b" }, 'Option "host" is "a b"'],
    [{ host: "a\r\nb" }, 'Option "host" is "a\\r\\nb"'],
    [{ port: 0 }, 'Option "port" is 0, expected a whole number from 1 to 65535'],
    [{ port: 65_536 }, 'Option "port" is 65536'],
    [{ port: "25x" }, 'Option "port" is "25x"'],
    [{ secure: "true" }, 'Option "secure" is "true", expected true or false'],
    [{ name: "a b" }, 'Option "name" is "a b", expected a host name or an address literal'],
    [{ name: "a\r\nMAIL FROM:<>" }, 'Option "name" is'],
    [{ connectionTimeout: 0 }, 'Option "connectionTimeout" is 0, expected a number of milliseconds above 0'],
    [{ socketTimeout: "1000" }, 'Option "socketTimeout" is "1000"'],
    [{ tls: true }, 'Option "tls" is true, expected an object'],
    [{ logger: "console" }, 'Option "logger" is "console"'],
    [{ recipientPolicy: "some" }, 'Option "recipientPolicy" is "some", expected one of'],
    [{ beforeEnd: true }, 'Option "beforeEnd" is true, expected a function'],
    [{ authMethod: "NTLM" }, 'Option "authMethod" is "NTLM", expected one of SCRAM-SHA-256-PLUS'],
    [{ auth: "me:secret" }, 'Option "auth" is a value of type string, expected an object with user and pass'],
    [{ auth: { user: "me", pass: 1234 } }, 'Option "auth.pass" is a value of type number, expected a string'],
    [{ auth: { user: "me", method: "NTLM" } }, 'Option "auth.method" is "NTLM", expected one of SCRAM-SHA-256-PLUS'],
    [{ auth: { user: "me", type: "custom" } }, 'Option "auth.type" is "custom", and "customAuth" has no function'],
    [{ auth: { user: "me", type: "ntlm" } }, 'Option "auth.type" is unknown: "ntlm", expected one of login'],
    [
      { auth: { user: "me", refreshToken: 12 } },
      'Option "auth.refreshToken" is a value of type number, expected a str',
    ],
    [{ auth: { user: "me", provisionCallback: 1 } }, 'Option "auth.provisionCallback" is a value of type number'],
    [{ auth: { user: "me", options: [] } }, 'Option "auth.options" is a value of type array, expected an object'],
    [{ auth: { user: "me", serviceClient: "x" } }, 'Option "auth.serviceClient" is there without "auth.privateKey"'],
    [{ auth: { accessUrl: "http://token.example/secret" } }, 'Option "auth.accessUrl" is no https URL'],
    [{ auth: { accessUrl: "http://127.0.0.1/" } }, "http is for 127.0.0.1 and [::1], with"],
    [{ auth: { accessUrl: "http://localhost/" }, allowInsecureAuth: true }, "is no https URL"],
    [{ auth: { accessUrl: "token.example" } }, "is no https URL"],
    [{ customAuth: { "a b": () => 1 } }, 'Option "customAuth" has "a b", expected a function for each mechanism'],
    [{ customAuth: { X: 1 } }, 'Option "customAuth" has "X"'],
    [{ customAuth: [] }, 'Option "customAuth" is an array'],
    [{ service: 1 }, 'Option "service" is 1, expected a string'],
    [{ dnsTimeout: 0 }, 'Option "dnsTimeout" is 0'],
    [{ socketCloseTimeout: -1 }, 'Option "socketCloseTimeout" is -1, expected a number of milliseconds, 0 for at once'],
    [{ maxResponseSize: 100 }, 'Option "maxResponseSize" is 100, expected a whole number of octets from 512'],
    [{ getSocket: {} }, 'Option "getSocket" is an object, expected a function'],
    [{ connection: 1 }, 'Option "connection" is 1, expected an object'],
    [{ socket: 1 }, 'Option "socket" is 1, expected an object'],
    [{ secured: 1 }, 'Option "secured" is 1, expected true or false'],
    [{ opportunisticTLS: 1 }, 'Option "opportunisticTLS" is 1, expected true or false'],
    [{ forceAuth: 1 }, 'Option "forceAuth" is 1, expected true or false'],
    [{ proxy: "http://p" }, 'Option "proxy" is not the transport\'s: use createNetSmtpTransport(nodemailer, options)'],
    [{ auth: { usr: "me" } }, 'Key "usr" in "auth" is unknown, did you mean "user"?'],
    [{ pool: "yes" }, 'Option "pool" is "yes", expected true or false'],
    [{ maxConnections: 0 }, 'Option "maxConnections" is 0, expected a whole number from 1, or Infinity'],
    [{ maxMessages: 1.5 }, 'Option "maxMessages" is 1.5'],
    [{ maxRequeues: "5" }, 'Option "maxRequeues" is "5", expected a whole number; below 0 is without limit'],
    [{ idleTimeout: -1 }, 'Option "idleTimeout" is -1, expected a number of milliseconds, 0 or more'],
    [{ rateLimit: -1 }, 'Option "rateLimit" is -1, expected a whole number from 0'],
    [{ rateDelta: 0 }, 'Option "rateDelta" is 0, expected a number of milliseconds above 0'],
    [{ maxAge: -1 }, 'Option "maxAge" is -1'],
    [{ maxPending: -1 }, 'Option "maxPending" is -1, expected a whole number from 0, or Infinity'],
    [{ deadline: "1" }, 'Option "deadline" is "1"'],
    [{ inFlight: 0 }, 'Option "inFlight" is 0, expected a whole number from 1'],
    [{ throttleDelay: -1 }, 'Option "throttleDelay" is -1'],
    [{ maxThrottleDelay: -1 }, 'Option "maxThrottleDelay" is -1'],
    [{ lmtp: "yes" }, 'Option "lmtp" is "yes", expected true or false'],
    [{ lmtp: true }, 'Option "port" is missing, with option "lmtp" expected the port'],
    [{ lmtp: true, port: "25" }, 'Option "port" is 25, with option "lmtp" expected the port'],
    [
      { dkim: {} },
      'Option "dkim" is not the transport\'s: give it to Nodemailer, createTransport(transport, { dkim })',
    ],
    [{ helo: "x" }, 'Option "helo" is unknown: Nodemailer\'s name for it is name'],
    [{ password: "secret" }, 'Option "password" is unknown: Nodemailer\'s name for it is auth.pass'],
    [{ requireTls: true }, 'Option "requireTls" is unknown, did you mean "requireTLS"?'],
    [{ hots: "x" }, 'Option "hots" is unknown, did you mean "host"?'],
    [{ somethingElse: 1 }, 'Option "somethingElse" is unknown, expected one of url, service, host, port'],
    [{ ["x".repeat(100_000)]: 1 }, "is unknown, expected one of"],
  ];

  test.each(cases)("throws for %j", (options, text) => {
    const make = (): unknown => new NetSmtpTransport(options as never);
    expect(make).toThrow(SmtpArgumentError);
    expect(make).toThrow(text);
    expect(make).not.toThrow("secret");
  });
});
