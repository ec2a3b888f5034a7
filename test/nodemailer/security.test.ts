import { afterEach, describe, expect, test, vi } from "vitest";
import type { SmtpNetwork, SmtpStream } from "../../src/net/stream.ts";
import { messageAuth } from "../../src/nodemailer/auth.ts";
import { NetSmtpTransport, type NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { failure, mail, message, play, plugin, send, start } from "./support.ts";

/** While it is off, connections to 127.0.0.1 count as going over the network. */
const machine = vi.hoisted(() => ({ loopback: true }));
vi.mock("../../src/net/node.ts", async (original) => {
  const { nodeNetwork } = await original<{ nodeNetwork: SmtpNetwork }>();
  const connect: SmtpNetwork["connect"] = async (...given) => away(await nodeNetwork.connect(...given));
  return { nodeNetwork: { ...nodeNetwork, connect } };
});

function away(stream: SmtpStream): SmtpStream {
  return new Proxy(stream, {
    get(target, key: keyof SmtpStream) {
      if (key === "loopback") return machine.loopback && target.loopback;
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

afterEach(() => {
  machine.loopback = true;
});

const users = { me: "secret" };
const auth = { user: "me", pass: "secret" };

describe("TLS", () => {
  test("STARTTLS is used where it is offered, and the certificate is checked against the host", async () => {
    const { server: identity, ca, wrongName } = await certificates();
    const server = await start({ ...identity, users });
    await send(plugin(server, { host: "localhost", tls: { ca }, auth }));
    expect(server.messages).toMatchObject([{ secure: true, user: "me" }]);
    const untrusted = await failure(send(plugin(server, { host: "localhost" })));
    expect(untrusted).toMatchObject({ code: "ESOCKET", command: "CONN", phase: "tls", fate: "unsent" });
    expect(untrusted.originalCode).toMatch(/^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/);
    const other = await start({ ...wrongName });
    const misnamed = await failure(send(plugin(other, { host: "localhost", tls: { ca } })));
    expect(misnamed).toMatchObject({ code: "ESOCKET", originalCode: "ERR_TLS_CERT_ALTNAME_INVALID" });
    await send(plugin(other, { tls: { ca }, servername: "wrong.example" }));
    await send(plugin(other, { tls: { rejectUnauthorized: false } }));
    expect(other.messages).toHaveLength(2);
  });

  test("secure speaks TLS from the first byte", async () => {
    const { server: identity, ca } = await certificates();
    const server = await start({ ...identity, secure: true, users });
    await send(plugin(server, { host: "localhost", secure: true, tls: { ca }, auth, requireTLS: true }));
    expect(server.messages).toMatchObject([{ secure: true, user: "me" }]);
  });

  test("requireTLS is an error where STARTTLS is not offered, ignoreTLS goes in clear", async () => {
    const server = await start();
    const error = await failure(send(plugin(server, { requireTLS: true })));
    expect(error).toMatchObject({ code: "ETLS", command: "STARTTLS", fate: "unsent" });
    const { server: identity } = await certificates();
    const other = await start({ ...identity });
    await send(plugin(other, { ignoreTLS: true }));
    expect([server.messages, other.messages]).toMatchObject([[], [{ secure: false }]]);
  });

  test("with a login off loopback STARTTLS is required, whatever ignoreTLS says", async () => {
    const server = await start({ users, allowInsecureAuth: true });
    machine.loopback = false;
    const stripped = await failure(send(plugin(server, { auth })));
    expect(stripped).toMatchObject({ code: "ETLS", command: "STARTTLS", fate: "unsent" });
    const ignored = await failure(send(plugin(server, { auth, ignoreTLS: true })));
    expect(ignored).toMatchObject({ code: "EAUTH", command: "AUTH", fate: "unsent" });
    expect(ignored.message).toContain('use TLS, or set "allowInsecureAuth"');
    expect(server.messages).toEqual([]);
    await send(plugin(server, { auth, ignoreTLS: true, allowInsecureAuth: true }));
    expect(server.messages).toMatchObject([{ user: "me", secure: false }]);
  });
});

describe("login", () => {
  const insecure = { users, allowInsecureAuth: true, authMethods: ["PLAIN", "LOGIN", "CRAM-MD5"] };

  test.each(["plain", "LOGIN", "cram-md5", undefined, false as const])("by method %s", async (method) => {
    const server = await start(insecure);
    await send(plugin(server, { auth: { ...auth, method } }));
    await send(plugin(server, { auth: { ...auth, type: "Login" }, authMethod: method || undefined }));
    expect(server.messages.map(({ user }) => user)).toEqual(["me", "me"]);
  });

  test.each<[string, NetSmtpTransportOptions["auth"]]>([
    ["a token", { type: "OAuth2", user: "me", accessToken: "secret" }],
    ["a function that gives it", { type: "oauth2", user: "me", accessToken: async () => "secret" }],
    ["the method", { method: "xoauth2", user: "me", accessToken: "secret" }],
    ["the method and a password", { method: "XOAUTH2", user: "me", pass: "secret" }],
  ])("by XOAUTH2 with %s", async (_, given) => {
    const xoauth2 = `AUTH XOAUTH2 ${btoa("user=me\x01auth=Bearer secret\x01\x01")}`;
    const server = await play(`
      S: 220 mx.example
      C: EHLO me.example
      S: 250-mx.example
      S: 250 AUTH PLAIN XOAUTH2
      C: ${xoauth2}
      S: 235 Ok
      C: QUIT
      S: 221 Bye`);
    expect(await plugin(server, { auth: given }).verify()).toBe(true);
    await server.finish();
  });

  test.each<NetSmtpTransportOptions["auth"]>([
    { type: "oauth2", method: "oauthbearer", user: "me", accessToken: "secret" },
    { method: "OAUTHBEARER", user: "me", accessToken: "secret" },
    { method: "OAUTHBEARER", user: "me", pass: "secret" },
  ])("by OAUTHBEARER with %o", async (given) => {
    const server = await play(`
      S: 220 mx.example
      C: EHLO me.example
      S: 250-mx.example
      S: 250 AUTH XOAUTH2 OAUTHBEARER
      C: <anything>
      S: 235 Ok`);
    const lines: string[] = [];
    const log = (_entry: unknown, text: string): unknown => lines.push(text);
    const logger = { debug: log, info: log, warn: log, error: log };
    await plugin(server, { auth: given, logger, debug: true }).verify();
    expect(lines.join("\n")).toContain("AUTH OAUTHBEARER ****");
  });

  test.each<[string, NetSmtpTransportOptions["auth"], string]>([
    ["EXTERNAL", { method: "EXTERNAL" }, "="],
    ["EXTERNAL", { method: "external", user: "me", authzid: "you" }, btoa("you")],
    ["ANONYMOUS", { method: "ANONYMOUS", user: "me" }, btoa("me")],
    ["PLAIN", { user: "me", pass: "secret", authzid: "you" }, btoa("you\0me\0secret")],
  ])("by %s with %o", async (name, given, said) => {
    const server = await play(`
      S: 220 mx.example
      C: EHLO me.example
      S: 250-mx.example
      S: 250 AUTH ${name}
      C: AUTH ${name} ${said}
      S: 235 Ok
      C: QUIT
      S: 221 Bye`);
    expect(await plugin(server, { auth: given }).verify()).toBe(true);
    await server.finish();
  });

  test("whom the transport's user acts for is not whom the message's user does", () => {
    const ours = { user: "me", pass: "secret", authzid: "you" };
    expect(messageAuth(ours, { pass: "other" })).toMatchObject({ user: "me", pass: "other", authzid: "you" });
    expect(messageAuth(ours, { user: "she", pass: "other" })?.authzid).toBeUndefined();
    expect(() => messageAuth(ours, { authzid: "she" })).toThrow(/"authzid".*is the transport's/);
  });

  test('type "oauth2" with a method that takes no token: EAUTH', async () => {
    const given = { type: "oauth2", method: "SCRAM-SHA-256", user: "me", accessToken: "secret" };
    const error = await failure(new NetSmtpTransport({ host: "127.0.0.1", port: 1, auth: given }).verify());
    expect(error).toMatchObject({ code: "EAUTH", command: "API", message: expect.stringContaining("OAUTHBEARER") });
  });

  test("a token that cannot be sent: EAUTH, and it is not", async () => {
    const server = await play(`
      S: 220 mx.example
      C: EHLO me.example
      S: 250-mx.example
      S: 250 AUTH XOAUTH2
      C: <close>`);
    const accessToken = "secret\n";
    const error = await failure(send(plugin(server, { auth: { type: "oauth2", user: "me", accessToken } })));
    expect(error).toMatchObject({ code: "EAUTH", command: "API", fate: "unsent" });
    expect(error.message).not.toContain("secret\n");
    await server.finish();
  });

  test("refused: EAUTH with the reply", async () => {
    const server = await start(insecure);
    const error = await failure(send(plugin(server, { auth: { ...auth, pass: "hunter2" } })));
    expect(error).toMatchObject({
      code: "EAUTH",
      command: "AUTH PLAIN",
      responseCode: 535,
      permanent: true,
      phase: "auth",
    });
    expect(error.recipients).toEqual([{ address: "b@y.example", fate: "unsent", retry: "never" }]);
    expect(await failure(plugin(server, { auth: { ...auth, pass: "hunter2" } }).verify())).toMatchObject({
      code: "EAUTH",
    });
  });

  test("not offered: EAUTH, and the message does not go without it", async () => {
    const server = await start();
    const error = await failure(send(plugin(server, { auth })));
    expect(error).toMatchObject({ code: "EAUTH", fate: "unsent" });
    expect(error.message).toContain("no login");
    expect(server.messages).toEqual([]);
  });

  test.each<NonNullable<NetSmtpTransportOptions["auth"]> & object>([
    { user: "me" },
    { user: "me", pass: "" },
    { pass: "secret" },
    { user: undefined, pass: undefined },
    { type: "oauth2", user: "me", pass: "secret" },
    { type: "oauth2", user: "me", method: "PLAIN", accessToken: "secret" },
    { user: "me", accessToken: "secret" },
  ])("EAUTH before a connection for %j", async (given) => {
    const server = await start(insecure);
    const error = await failure(send(plugin(server, { auth: given })));
    expect(error).toMatchObject({ code: "EAUTH", command: "API", fate: "unsent", phase: "auth" });
    expect(error.message).toMatch(/auth\.(user|pass|accessToken|method)"/);
    expect(error.message).not.toContain("secret");
    expect(server.connections).toEqual([]);
  });

  test("no login for auth {}, null and false", async () => {
    const server = await start(insecure);
    for (const given of [{}, null, false as const, undefined]) await send(plugin(server, { auth: given }));
    expect(server.messages.map(({ user }) => user)).toEqual([undefined, undefined, undefined, undefined]);
  });

  test("a message's own auth goes over the transport's, key by key", async () => {
    const server = await start({ ...insecure, users: { ...users, you: "other" } });
    await send(plugin(server, { auth: { ...auth, method: "LOGIN" } }), {
      ...message,
      auth: { user: "you", pass: "other" },
    });
    await send(plugin(server), { ...message, auth });
    await send(plugin(server, { auth: { ...auth, pass: "old" } }), { ...message, auth: { pass: "secret" } });
    expect(server.messages.map(({ user }) => user)).toEqual(["you", "me", "me"]);
  });

  test.each([
    [{ user: "you", method: "PLAIN" }, 'Key "method" in "auth of a message" is the transport\'s'],
    [{ user: "you", clientSecret: "secret" }, 'Key "clientSecret" in "auth of a message" is the transport\'s'],
    [{ user: "you", accessUrl: "https://evil.example/" }, 'Key "accessUrl" in "auth of a message" is the transport\'s'],
    [{ user: "you", usr: "secret" }, "unknown"],
    [{ type: "ntlm" }, "unknown"],
    [{ pass: 12 }, "number"],
    ["me:secret", "string"],
  ])("a message's auth %j is refused", async (given, text) => {
    const server = await start(insecure);
    const error = await failure(plugin(server, { auth }).send(mail({ auth: given })));
    expect(error).toMatchObject({ code: "EAUTH", command: "API", fate: "unsent" });
    expect(error.message).toContain(text);
    expect(error.message).not.toContain("secret");
    expect(server.connections).toEqual([]);
  });
});
