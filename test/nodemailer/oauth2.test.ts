/**
 * OAuth 2.0 tokens, by Nodemailer's own XOAuth2 and a token server that is real.
 *
 * @module
 */

import { createVerify, generateKeyPairSync } from "node:crypto";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer } from "node:https";
import nodemailer from "nodemailer";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { NetSmtpAuth, NetSmtpTransport, NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { Tokens } from "../../src/nodemailer/oauth2.ts";
import { certificates } from "../support/certificates.ts";
import type { RunningServer } from "../support/server.ts";
import { failure, HELLO, mail, message, play, plugin, send, start } from "./support.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface TokenServer {
  readonly url: string;
  /** The forms that were posted. */
  readonly asked: URLSearchParams[];
  /** What is answered next; by default tokens in turn, token-1 first. */
  answer: (form: URLSearchParams) => [status: number, body: string];
}

async function tokenServer(secure = true): Promise<TokenServer> {
  const { server: identity } = await certificates();
  const tokens: TokenServer = {
    url: "",
    asked: [],
    answer: () => [200, JSON.stringify({ access_token: `token-${tokens.asked.length}`, expires_in: 3600 })],
  };
  const listener: RequestListener = async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    tokens.asked.push(new URLSearchParams(body));
    const [status, text] = tokens.answer(new URLSearchParams(body));
    response.writeHead(status).end(text);
  };
  const server = secure ? createServer(identity, listener) : createHttpServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  return Object.assign(tokens, { url: `http${secure ? "s" : ""}://127.0.0.1:${port}/token` });
}

/** Takes the token that `users` has as the password. */
async function mailServer(token: string): Promise<RunningServer & { users: Record<string, string> }> {
  const users = { me: token };
  const server = await start({ users, allowInsecureAuth: true, authMethods: ["XOAUTH2", "PLAIN"] });
  return Object.assign(server, { users });
}

let tokens: TokenServer;
let ca: string;
let auth: NetSmtpAuth;
beforeEach(async () => {
  tokens = await tokenServer();
  ({ ca } = await certificates());
  auth = {
    type: "OAuth2",
    user: "me",
    clientId: "id",
    clientSecret: "client-secret",
    refreshToken: "refresh-secret",
    accessUrl: tokens.url,
    tls: { ca },
  };
});

describe("a refresh token", () => {
  test("gets a token when it is needed, which is kept and told to who listens for it", async () => {
    const server = await mailServer("token-1");
    const transport = plugin(server, { auth });
    const transporter = nodemailer.createTransport(transport);
    const heard: unknown[] = [];
    transporter.on("token", (token) => heard.push(token));
    expect(tokens.asked).toEqual([]);
    await transporter.sendMail(message);
    await transporter.sendMail(message);
    expect(await transporter.verify()).toBe(true);
    expect(server.messages.map(({ user }) => user)).toEqual(["me", "me"]);
    expect(tokens.asked.map((form) => Object.fromEntries(form))).toEqual([
      {
        client_id: "id",
        client_secret: "client-secret",
        refresh_token: "refresh-secret",
        grant_type: "refresh_token",
      },
    ]);
    expect(heard).toEqual([{ user: "me", accessToken: "token-1", expires: expect.any(Number) }]);
  });

  test("is used once for connections that wait together, of copies too", async () => {
    const server = await mailServer("token-1");
    const transport = plugin(server, { auth });
    const copy = { ...transport } as NetSmtpTransport;
    await Promise.all([transport, copy, transport, copy].map((one) => send(one)));
    expect([server.messages.length, tokens.asked.length]).toEqual([4, 1]);
  });

  test("gives another token after the server refused the one it had, once, on the same connection", async () => {
    const server = await mailServer("token-1");
    const transport = plugin(server, { auth: { ...auth, accessToken: "old", expires: Date.now() + 3_600_000 } });
    await send(transport);
    expect([server.messages.length, server.connections.length, tokens.asked.length]).toEqual([1, 1, 1]);
    server.users.me = "nothing fits";
    const error = await failure(send(transport));
    expect(error).toMatchObject({ code: "EAUTH", command: "AUTH XOAUTH2", responseCode: 535, fate: "unsent" });
    expect([server.connections.length, tokens.asked.length]).toEqual([2, 2]);
  });

  test("gives another after the server's error in JSON, as Google's", async () => {
    const said = (token: string): string => `AUTH XOAUTH2 ${btoa(`user=me\x01auth=Bearer ${token}\x01\x01`)}`;
    const server = await play(`${HELLO.replace("250 PIPELINING", "250 AUTH XOAUTH2")}
      C: ${said("old")}
      S: 334 ${btoa('{"status":"401"}')}
      C:
      S: 535 5.7.8 Bad token
      C: ${said("token-1")}
      S: 235 Ok
      C: QUIT
      S: 221 Bye`);
    expect(await plugin(server, { auth: { ...auth, accessToken: "old" } }).verify()).toBe(true);
    await server.finish();
  });

  test("is not used for a trouble of the server's own", async () => {
    const server = await play(`${HELLO.replace("250 PIPELINING", "250 AUTH XOAUTH2")}
      C: AUTH XOAUTH2 ${btoa("user=me\x01auth=Bearer old\x01\x01")}
      S: 454 4.7.0 Temporary authentication failure
      C: <close>`);
    const error = await failure(plugin(server, { auth: { ...auth, accessToken: "old" } }).verify());
    expect(error).toMatchObject({ code: "EAUTH", responseCode: 454, temporary: true, retry: "later" });
    await server.finish();
    expect(tokens.asked).toEqual([]);
  });

  test("is used once for connections whose token was refused at the same time", async () => {
    const server = await mailServer("token-1");
    const transport = plugin(server, { auth: { ...auth, accessToken: "old" } });
    await Promise.all([1, 2, 3].map(() => send(transport)));
    expect([server.messages.length, tokens.asked.length]).toEqual([3, 1]);
  });

  test("is used shortly before the token expires; should that fail, the token is good until it does", async () => {
    const server = await mailServer("old");
    const transport = plugin(server, { auth: { ...auth, accessToken: "old", expires: Date.now() + 3_600_000 } });
    await send(transport);
    const { now } = Date;
    vi.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000 - 30_000);
    try {
      tokens.answer = () => [500, "<html>"];
      await send(transport);
      expect([server.messages.length, tokens.asked.length]).toEqual([2, 1]);
      tokens.answer = () => [200, '{"access_token":"new","expires_in":3600}'];
      server.users.me = "new";
      await send(transport);
      await send(transport);
      expect([server.messages.length, tokens.asked.length]).toEqual([4, 2]);
    } finally {
      vi.restoreAllMocks();
    }
  });

  test("of a message goes with the application's secrets, and its token is kept", async () => {
    const server = await mailServer("token-1");
    const transport = plugin(server, { auth: { ...auth, user: "nobody", refreshToken: undefined } });
    const own = { user: "me", refreshToken: "mine" };
    for (let sent = 0; sent < 2; sent++) await transport.send(mail({ auth: own }));
    expect(server.messages).toHaveLength(2);
    expect(tokens.asked.map((form) => [form.get("client_secret"), form.get("refresh_token")])).toEqual([
      ["client-secret", "mine"],
    ]);
  });
});

describe("a token that cannot be had", () => {
  test.each<[string, [number, string], object]>([
    [
      "refused",
      [400, '{"error":"invalid_grant","error_description":"Bad Request"}'],
      { originalCode: "EOAUTH2", retry: "never", temporary: false },
    ],
    [
      "for a while",
      [503, '{"error":"temporarily_unavailable"}'],
      { originalCode: "EOAUTH2", retry: "later", temporary: true },
    ],
    ["no JSON", [200, "access_token=leaked-secret"], { retry: "later", temporary: true }],
    ["no object", [200, "12"], { originalCode: "EOAUTH2", retry: "never" }],
    ["no token", [200, "{}"], { originalCode: "EOAUTH2", retry: "never" }],
  ])("%s: EAUTH, nothing is sent, no secret is shown", async (_, answer, keys) => {
    const server = await mailServer("token-1");
    tokens.answer = () => answer;
    const lines: string[] = [];
    const info = (fields: object, text: string): void => void lines.push(text, JSON.stringify(fields));
    const error = await failure(send(plugin(server, { auth, logger: { info, debug: info }, debug: true })));
    expect(error).toMatchObject({ code: "EAUTH", command: "AUTH XOAUTH2", phase: "auth", fate: "unsent", ...keys });
    expect(error.message).toContain(
      `Access token could not be had: ${answer[1].startsWith("acc") ? "the token s" : ""}`,
    );
    const cause = error.cause as Error;
    expect(`${error.stack}${cause.stack}${(cause.cause as Error).stack}${lines}`).not.toMatch(/-secret|leaked/);
    expect(server.messages).toEqual([]);
  });

  test("where the certificate of its server does not verify", async () => {
    const server = await mailServer("token-1");
    const error = await failure(send(plugin(server, { auth: { ...auth, tls: undefined } })));
    expect(error).toMatchObject({ code: "EAUTH", fate: "unsent", retry: "later" });
    expect(tokens.asked).toEqual([]);
  });
});

test("an access URL in clear is for this machine, and only if the caller allows it", async () => {
  const clear = await tokenServer(false);
  const options: NetSmtpTransportOptions = { auth: { ...auth, accessUrl: clear.url } };
  const server = await mailServer("token-1");
  expect(() => plugin(server, options)).toThrow('Option "auth.accessUrl" is no https URL');
  await send(plugin(server, { ...options, allowInsecureAuth: true }));
  expect([server.messages.length, clear.asked.length]).toEqual([1, 1]);
});

test("a service account signs what it asks for", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const server = await mailServer("token-1");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  const { type, user, accessUrl, tls } = auth;
  const account = {
    type,
    user,
    accessUrl,
    tls,
    serviceClient: "client",
    privateKey: pem,
    scope: "https://mail.example/",
  };
  await send(plugin(server, { auth: account }));
  const [head, body, signature] = (tokens.asked[0]?.get("assertion") ?? "").split(".") as [string, string, string];
  expect(createVerify("RSA-SHA256").update(`${head}.${body}`).verify(publicKey, signature, "base64url")).toBe(true);
  expect(JSON.parse(Buffer.from(body, "base64url").toString())).toMatchObject({
    iss: "client",
    sub: "me",
    aud: tokens.url,
    scope: "https://mail.example/",
  });
  expect(server.messages).toHaveLength(1);
});

describe("a provision callback", () => {
  test("gives the token, and is told that one was refused", async () => {
    const server = await mailServer("second");
    const asked: unknown[][] = [];
    const given = ["first", "second"];
    const transport = plugin(server, {
      auth: {
        type: "oauth2",
        user: "me",
        provisionCallback: (user, renew, callback) => {
          asked.push([user, renew]);
          setImmediate(() => callback(null, given.shift(), Date.now() + 3_600_000));
        },
      },
    });
    await send(transport);
    await send(transport);
    expect(asked).toEqual([
      ["me", false],
      ["me", true],
    ]);
    expect([server.messages.length, server.connections.length]).toEqual([2, 2]);
  });

  test("that is set on the transporter, after the transport was made, goes before it", async () => {
    const server = await mailServer("theirs");
    const transport = plugin(server, { auth: { type: "oauth2", user: "me" } });
    const transporter = nodemailer.createTransport(transport);
    expect(await failure(transporter.sendMail(message))).toMatchObject({ code: "EAUTH", command: "API" });
    transporter.set("oauth2_provision_cb", (_user, _renew, callback) => callback(null, "theirs"));
    await transporter.sendMail(message);
    expect(server.messages).toMatchObject([{ user: "me" }]);
  });

  test.each<[string, NonNullable<NetSmtpAuth["provisionCallback"]>]>([
    ["calls back with an error", (_user, _renew, callback) => callback(new Error("no token today"))],
    ["rejects", () => Promise.reject(new Error("no token today"))],
    [
      "throws",
      () => {
        throw new Error("no token today");
      },
    ],
  ])("that %s: EAUTH", async (_, provisionCallback) => {
    const server = await mailServer("x");
    const error = await failure(send(plugin(server, { auth: { type: "oauth2", user: "me", provisionCallback } })));
    expect(error).toMatchObject({ code: "EAUTH", command: "AUTH XOAUTH2", fate: "unsent", retry: "later" });
    expect(error.message).toContain("no token today");
  });

  test("that never answers does not hold a message that is aborted", async () => {
    const server = await mailServer("x");
    const controller = new AbortController();
    const provisionCallback = (): void => void setImmediate(() => controller.abort());
    const transport = plugin(server, { auth: { type: "oauth2", user: "me", provisionCallback } });
    expect(await failure(transport.send(mail({ signal: controller.signal })))).toMatchObject({ code: "EABORT" });
    await expect.poll(() => transport.isIdle()).toBe(true);
  });
});

describe("Tokens", () => {
  /** An XOAuth2 as it was in Nodemailer 6: every call fetches. */
  function older() {
    const fetches: ((error: unknown, token?: string) => void)[] = [];
    const source = {
      accessToken: "",
      on: () => source,
      getToken: (_: boolean, done: () => void) => fetches.push(done),
    };
    const give = (token: string): void => {
      source.accessToken = token;
      for (const done of fetches.splice(0)) done(undefined, token);
    };
    const createTransport = () => ({ transporter: { auth: { oauth2: source } } });
    return { fetches, give, tokens: new Tokens({ nodemailer: { createTransport }, mailer: undefined }) };
  }
  const login = { user: "me", refreshToken: "r" };

  test("fetch once for all who wait, whatever version of Nodemailer it is", async () => {
    const { fetches, give, tokens: made } = older();
    const secret = made.secret(login) as (refused?: string) => Promise<string>;
    expect(made.secret({ ...login })).toBe(secret);
    const waiting = [secret(), secret(), secret("old")];
    await expect.poll(() => fetches.length).toBe(1);
    give("new");
    expect(await Promise.all(waiting)).toEqual(["new", "new", "new"]);
  });

  test("do not fetch again for one who comes late with a token that was replaced already", async () => {
    const { fetches, give, tokens: made } = older();
    const secret = made.secret(login) as (refused?: string) => Promise<string>;
    const first = secret();
    await expect.poll(() => fetches.length).toBe(1);
    give("new");
    await first;
    expect(await secret("old")).toBe("new");
    expect(fetches).toEqual([]);
  });

  test("are kept for so many logins and no more", () => {
    const { tokens: made } = older();
    const first = made.secret(login);
    for (let other = 0; other < 100; other++) made.secret({ ...login, user: `user-${other}` });
    expect(made.secret(login)).not.toBe(first);
  });
});

test("a function that gives the token is told the one that was refused, and may give another", async () => {
  const server = await mailServer("second");
  const told: unknown[] = [];
  const accessToken = (refused?: string): string => {
    told.push(refused);
    return refused === undefined ? "first" : "second";
  };
  await send(plugin(server, { auth: { type: "oauth2", user: "me", accessToken } }));
  expect(told).toEqual([undefined, "first"]);
  const once = await play(`${HELLO.replace("250 PIPELINING", "250 AUTH XOAUTH2")}
    C: AUTH XOAUTH2 ${btoa("user=me\x01auth=Bearer first\x01\x01")}
    S: 535 5.7.8 Bad token
    C: <close>`);
  const same = await failure(send(plugin(once, { auth: { type: "oauth2", user: "me", accessToken: () => "first" } })));
  expect(same).toMatchObject({ code: "EAUTH", responseCode: 535 });
  await once.finish();
  const password = await failure(send(plugin(server, { auth: { user: "me", pass: accessToken } })));
  expect(password).toMatchObject({ code: "EAUTH", command: "AUTH PLAIN" });
  expect(told).toEqual([undefined, "first", undefined]);
});
