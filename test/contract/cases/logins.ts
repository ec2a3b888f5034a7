/** Sections 2 and 3 of the contract: logins. */

import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect } from "vitest";
import { certificates } from "../../support/certificates.ts";
import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, fails, lines, NOT_TAKEN, plainInfo, real, saw, usual } from "../harness.ts";

const users = { me: "secret", you: "other" };
const auth = { user: "me", pass: "secret" };

function offering(methods: string, answers: Answers = {}): () => Promise<ContractServer> {
  return () => answering({ EHLO: `250-mx.example\n250 AUTH ${methods}`, ...answers });
}

const PLAIN = "AUTH PLAIN AG1lAHNlY3JldA==";
const server = (): Promise<ContractServer> =>
  real({ users, allowInsecureAuth: true, authMethods: ["PLAIN", "LOGIN", "CRAM-MD5"] });
const LOGGED_IN = { saw: { messages: [{ user: "me" }] } };
const SECRET_TOKEN = btoa("user=me\x01auth=Bearer token\x01\x01");

/** A server that offers XOAUTH2, and beside it one that answers about tokens. */
function withTokens(answer: object): () => Promise<ContractServer & { tokens: number }> {
  return async () => {
    const smtp = await offering("XOAUTH2")();
    const tokens = createServer((await certificates()).server, (_request, response) =>
      response.end(JSON.stringify(answer)),
    );
    await new Promise<void>((resolve) => tokens.listen(0, "127.0.0.1", resolve));
    const close = async (): Promise<void> => {
      tokens.close().closeAllConnections();
      await smtp.close();
    };
    return { ...smtp, close, tokens: (tokens.address() as AddressInfo).port };
  };
}

async function oauth2(server: ContractServer): Promise<object> {
  const accessUrl = `https://localhost:${(server as ContractServer & { tokens: number }).tokens}/`;
  const { ca } = await certificates();
  const auth = { type: "OAuth2", user: "me", clientId: "id", clientSecret: "secret", refreshToken: "refresh" };
  return { auth: { ...auth, accessUrl, tls: { ca } } };
}

export const logins: readonly Case[] = [
  { name: "option: auth", server, options: { auth }, outcome: LOGGED_IN },
  { name: "option: auth.type login", server, options: { auth: { ...auth, type: "login" } }, outcome: LOGGED_IN },
  {
    name: "option: auth {} is no login",
    server,
    options: { auth: {} },
    outcome: { saw: { messages: [{ user: "nobody" }] } },
  },
  { name: "option: auth.method LOGIN", server, options: { auth: { ...auth, method: "LOGIN" } }, outcome: LOGGED_IN },
  {
    name: "option: auth.method CRAM-MD5",
    server,
    options: { auth: { ...auth, method: "cram-md5" } },
    outcome: LOGGED_IN,
  },
  {
    name: "option: authMethod",
    server: offering("PLAIN LOGIN", { AUTH: "334 VXNlcm5hbWU6", login: ["334 UGFzc3dvcmQ6", "235 Welcome"] }),
    options: { auth, authMethod: "LOGIN" },
    outcome: { saw: [lines("AUTH LOGIN", btoa("me"), btoa("secret"))] },
  },
  {
    name: "PLAIN goes before LOGIN and CRAM-MD5",
    server: offering("CRAM-MD5 LOGIN PLAIN"),
    options: { auth },
    outcome: { saw: [lines(PLAIN)] },
  },
  {
    name: "LOGIN goes before CRAM-MD5",
    server: offering("CRAM-MD5 LOGIN", { AUTH: "334 VXNlcm5hbWU6", login: ["334 UGFzc3dvcmQ6", "235 Welcome"] }),
    options: { auth },
    outcome: { saw: [lines("AUTH LOGIN")] },
  },
  {
    name: "CRAM-MD5 where nothing else is offered",
    server: offering("CRAM-MD5", { AUTH: "334 PDFAbXguZXhhbXBsZT4=" }),
    options: { auth },
    outcome: { saw: [lines("AUTH CRAM-MD5")] },
    differs: {
      row: "cram-md5",
      here: { ...fails({ code: "EAUTH", command: "AUTH" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "SCRAM is offered beside PLAIN",
    server: offering("SCRAM-SHA-256 PLAIN", { AUTH: "535 5.7.8 No" }),
    options: { auth },
    outcome: { error: { code: "EAUTH", command: "AUTH PLAIN", responseCode: 535 }, saw: [lines(PLAIN)] },
    differs: {
      row: "scram",
      here: {
        error: { command: "AUTH SCRAM-SHA-256" },
        ...saw(() => expect.arrayContaining([expect.stringMatching(/^AUTH SCRAM-SHA-256 biwsbj1tZSxyP/)])),
      },
    },
  },
  {
    name: "only unknown mechanisms are offered",
    server: offering("NTLM"),
    options: { auth },
    outcome: { saw: [lines(PLAIN)] },
    differs: {
      row: "auth-not-offered",
      here: { ...fails({ code: "EAUTH", command: "AUTH" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "a login that is not offered",
    server: () => answering(),
    options: { auth },
    outcome: { info: { accepted: ["b@y.example"] } },
    differs: {
      row: "auth-not-offered",
      here: { ...fails({ code: "EAUTH", command: "AUTH" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "option: forceAuth",
    server: () => answering(),
    options: { auth, forceAuth: true },
    outcome: { saw: [lines(PLAIN)] },
  },
  {
    name: "a login after HELO",
    server: () => answering({ EHLO: "502 5.5.1 What" }),
    options: { auth },
    outcome: { saw: [lines("HELO me.example", PLAIN)] },
    differs: {
      row: "auth-not-offered",
      here: { ...fails({ code: "EAUTH", command: "AUTH" }), ...saw(["EHLO me.example", "HELO me.example"]) },
    },
  },
  {
    name: "code: EAUTH, a wrong password",
    server,
    options: { auth: { ...auth, pass: "wrong" } },
    outcome: { error: { code: "EAUTH", command: "AUTH PLAIN", responseCode: 535, permanent: true } },
  },
  {
    name: "code: EAUTH, a wrong password by LOGIN",
    server,
    options: { auth: { ...auth, pass: "wrong", method: "LOGIN" } },
    outcome: { error: { code: "EAUTH", command: "AUTH LOGIN", responseCode: 535 } },
  },
  {
    name: "code: EAUTH, a wrong password by CRAM-MD5",
    server,
    options: { auth: { ...auth, pass: "wrong", method: "CRAM-MD5" } },
    outcome: { error: { code: "EAUTH", command: "AUTH CRAM-MD5", responseCode: 535 } },
  },
  {
    name: "code: EAUTH, a server that is busy",
    server: offering("PLAIN", { AUTH: "454 4.7.0 Later" }),
    options: { auth },
    outcome: { error: { code: "EAUTH", command: "AUTH PLAIN", responseCode: 454, permanent: false } },
  },
  {
    name: "code: EAUTH, no password",
    server: offering("PLAIN"),
    options: { auth: { user: "me" } },
    outcome: { error: { code: "EAUTH", command: "API" } },
    differs: { row: "checked-first", here: { saw: () => [] } },
  },
  {
    name: "code: EAUTH, an unknown method",
    server: offering("PLAIN"),
    options: { auth: { ...auth, method: "NTLM" } },
    outcome: { error: { code: "EAUTH", command: "API" } },
    differs: { row: "checked-options", here: NOT_TAKEN },
  },
  {
    name: "auth of a message",
    server,
    options: { auth },
    mail: { auth: { user: "you", pass: "other" } },
    outcome: { saw: { messages: [{ user: "you" }] } },
  },
  {
    name: "auth of a message, password alone",
    server,
    options: { auth: { user: "me", pass: "old" } },
    mail: { auth: { pass: "secret" } },
    outcome: LOGGED_IN,
  },
  { name: "auth of a message, no transport's", server, mail: { auth }, outcome: LOGGED_IN },
  {
    name: "auth of a message, a method in it is not taken",
    server: offering("PLAIN LOGIN"),
    options: { auth },
    mail: { auth: { ...auth, method: "LOGIN" } },
    outcome: { saw: [lines(PLAIN)] },
    differs: { row: "message-auth", here: { ...fails({ code: "EAUTH", command: "API" }), saw: () => [] } },
  },
  {
    name: "OAuth2: an access token",
    server: offering("PLAIN XOAUTH2"),
    options: { auth: { type: "OAuth2", user: "me", accessToken: "token" } },
    outcome: { saw: [lines(`AUTH XOAUTH2 ${SECRET_TOKEN}`)] },
  },
  {
    name: "OAuth2: a token of the message",
    server: offering("PLAIN XOAUTH2"),
    options: { auth: { type: "OAuth2" } },
    mail: { auth: { user: "me", accessToken: "token" } },
    outcome: { saw: [lines(`AUTH XOAUTH2 ${SECRET_TOKEN}`)] },
  },
  {
    name: "OAuth2: a token that the server refuses",
    server: offering("XOAUTH2", { AUTH: "334 eyJzdGF0dXMiOiI0MDEifQ==", login: "535 5.7.8 No" }),
    options: { auth: { type: "OAuth2", user: "me", accessToken: "token" } },
    outcome: { error: { code: "EAUTH", command: "AUTH XOAUTH2", responseCode: 535 } },
    differs: {
      row: "oauth2-refused",
      here: saw((lines) => lines.slice(0, 3)),
    },
  },
  {
    name: "OAuth2: no token and none to be had",
    server: offering("XOAUTH2"),
    options: { auth: { type: "OAuth2", user: "me" } },
    outcome: { error: { code: "EAUTH", command: "AUTH XOAUTH2" } },
    differs: { row: "checked-first", here: { error: { command: "API", originalCode: undefined }, saw: () => [] } },
  },
  {
    name: "verify() with a login",
    server,
    options: { auth },
    run: (transporter) => transporter.verify(),
    outcome: { value: true },
  },
  {
    name: "verify() with a wrong login",
    server,
    options: { auth: { ...auth, pass: "wrong" } },
    run: (transporter) => transporter.verify(),
    outcome: { error: { code: "EAUTH", command: "AUTH PLAIN", responseCode: 535 } },
  },
  {
    name: "code: ENOAUTH",
    server: offering("PLAIN"),
    options: { forceAuth: true },
    run: (transporter) => transporter.verify(),
    outcome: { error: { code: "ENOAUTH" } },
  },
  {
    name: "option: customAuth",
    server: offering("X-KEY", { AUTH: "334 Key", login: "235 Welcome" }),
    options: {
      auth: { type: "custom", method: "X-KEY", user: "me", pass: "secret" },
      customAuth: {
        "X-KEY": async ({ auth: { credentials }, sendCommand }: CustomContext): Promise<void> => {
          await sendCommand("AUTH X-KEY");
          const { status } = await sendCommand(credentials.pass);
          if (status !== 235) throw new Error("No");
        },
      },
    },
    outcome: { saw: [lines("AUTH X-KEY", "secret")] },
  },
  {
    name: "option: customAuth, refused",
    server: offering("X-KEY", { AUTH: "535 5.7.8 No" }),
    options: {
      auth: { type: "custom", method: "X-KEY", user: "me", pass: "secret" },
      customAuth: {
        "X-KEY": ({ sendCommand, reject }: CustomContext): void => {
          void sendCommand("AUTH X-KEY", () => reject(new Error("No")));
        },
      },
    },
    outcome: { error: { code: "EAUTH", command: "AUTH X-KEY", responseCode: 535 } },
  },
  {
    name: "option: customAuth, a line end in a command",
    server: offering("X-KEY", { AUTH: "235 Welcome" }),
    options: {
      auth: { type: "custom", method: "X-KEY", user: "me", pass: "secret" },
      customAuth: {
        "X-KEY": async ({ sendCommand }: CustomContext): Promise<void> =>
          void (await sendCommand("AUTH X-KEY\r\nNOOP")),
      },
    },
    outcome: { saw: [lines("AUTH X-KEY", "NOOP")] },
    differs: {
      row: "send-command",
      here: { ...fails({ code: "EAUTH", command: "API" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "option: customAuth that ends before the server has said yes",
    server: offering("X-KEY", { AUTH: "334 Key", login: "501 Given up" }),
    options: {
      auth: { type: "custom", method: "X-KEY", user: "me", pass: "secret" },
      customAuth: {
        "X-KEY": async ({ sendCommand }: CustomContext): Promise<void> => void (await sendCommand("AUTH X-KEY")),
      },
    },
    outcome: { saw: [lines("AUTH X-KEY", "MAIL FROM:<a@x.example>")] },
    differs: {
      row: "custom-auth-end",
      here: { ...fails({ code: "EAUTH", command: "AUTH X-KEY" }), ...saw(["EHLO me.example", "AUTH X-KEY", "*"]) },
    },
  },
  {
    name: "option: auth.type custom, no function for it",
    server: offering("X-KEY"),
    options: { auth: { type: "custom", method: "X-KEY", user: "me", pass: "secret" } },
    outcome: { error: { code: "EAUTH" } },
    differs: { row: "checked-options", here: NOT_TAKEN },
  },
  {
    name: "option: auth, a key that nobody knows",
    server: offering("PLAIN"),
    options: { auth: { ...auth, service: "gmail" } },
    outcome: { info: { accepted: ["b@y.example"] } },
    differs: { row: "unknown-option", here: NOT_TAKEN },
  },
  {
    name: "option: auth.accessUrl without TLS",
    server: offering("XOAUTH2"),
    options: {
      auth: { type: "OAuth2", user: "me", clientId: "id", refreshToken: "refresh", accessUrl: "http://127.0.0.1:1/" },
    },
    outcome: { error: { code: "EAUTH", originalCode: "EFETCH" } },
    differs: { row: "access-url", here: NOT_TAKEN },
  },
  {
    name: "option: forceAuth, STARTTLS refused",
    server: offering("PLAIN", { EHLO: "250-mx.example\n250-STARTTLS\n250 AUTH PLAIN", STARTTLS: "454 4.7.0 Not now" }),
    options: { auth, forceAuth: true, opportunisticTLS: true },
    outcome: { info: { accepted: ["b@y.example"] }, saw: [lines(PLAIN)] },
    differs: {
      row: "force-auth",
      here: {
        ...fails({
          code: "ETLS",
          command: "STARTTLS",
          response: "454 4.7.0 Not now",
          responseCode: 454,
          permanent: false,
        }),
        ...saw(["EHLO me.example", "STARTTLS"]),
      },
    },
  },
  {
    name: "set oauth2_provision_cb",
    server: offering("XOAUTH2"),
    options: { auth: { type: "OAuth2", user: "me" } },
    run: async (transporter) => {
      transporter.set(
        "oauth2_provision_cb",
        (_user: string, _renew: boolean, done: (error: null, token: string) => void) => done(null, "token"),
      );
      return plainInfo(await transporter.sendMail(usual()));
    },
    outcome: { value: { accepted: ["b@y.example"] }, saw: [lines(`AUTH XOAUTH2 ${SECRET_TOKEN}`)] },
  },
  {
    name: "OAuth2: a token from the refresh token, and the event token",
    server: withTokens({ access_token: "token", expires_in: 3600 }),
    options: oauth2,
    run: async (transporter) => {
      const events: unknown[] = [];
      transporter.on("token", ({ user, accessToken }) => events.push([user, accessToken]));
      await transporter.sendMail(usual());
      return events;
    },
    outcome: { value: [["me", "token"]], saw: [lines(`AUTH XOAUTH2 ${SECRET_TOKEN}`)] },
  },
  {
    name: "code: EAUTH for EOAUTH2, a refresh token that is refused",
    server: withTokens({ error: "invalid_grant" }),
    options: oauth2,
    outcome: { error: { code: "EAUTH", command: "AUTH XOAUTH2", originalCode: "EOAUTH2" } },
  },
  {
    name: "code: EAUTH for EOAUTH2, a token that cannot be renewed",
    server: offering("XOAUTH2"),
    options: ({ port }) => ({
      auth: {
        type: "OAuth2",
        user: "me",
        clientId: "id",
        clientSecret: "secret",
        refreshToken: "refresh",
        accessUrl: `https://127.0.0.1:${port}/`,
      },
    }),
    outcome: { error: { code: "EAUTH", command: "AUTH XOAUTH2", originalCode: "EFETCH" } },
    see: () => "not compared",
  },
];

interface CustomContext {
  auth: { credentials: { user: string; pass: string } };
  sendCommand(command: string, done?: (error: unknown, reply: { status: number }) => void): Promise<{ status: number }>;
  reject(error: Error): void;
}
