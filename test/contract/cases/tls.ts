/** Sections 2 and 3 of the contract: the options about TLS, and what becomes of STARTTLS. */

import { certificates } from "../../support/certificates.ts";
import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, fails, lines, real, saw, USUAL_INFO } from "../harness.ts";

const STARTTLS = { EHLO: ["250-mx.example\n250 STARTTLS", "250 mx.example"] };
const REFUSING = { ...STARTTLS, STARTTLS: "454 4.7.0 Not now" };

async function secured(answers: Answers, secure = false): Promise<ContractServer> {
  return answering(answers, { tls: (await certificates()).server, secure });
}

async function trusted(): Promise<object> {
  return { host: "localhost", tls: { ca: (await certificates()).ca } };
}

export const tls: readonly Case[] = [
  {
    name: "STARTTLS where it is offered",
    server: () => secured(STARTTLS),
    options: trusted,
    outcome: { saw: [{ tls: true, ...lines("STARTTLS", "MAIL FROM:<a@x.example>") }] },
  },
  {
    name: "option: secure",
    server: () => secured({}, true),
    options: async () => ({ ...(await trusted()), secure: true }),
    outcome: { saw: [{ tls: true, ...lines("EHLO me.example") }] },
  },
  {
    name: "option: secure, to a server that speaks in clear",
    server: () => answering(),
    options: { secure: true },
    outcome: { error: { code: "ESOCKET", command: "CONN", originalCode: "ERR_SSL_WRONG_VERSION_NUMBER" } },
  },
  {
    name: "option: ignoreTLS",
    server: () => secured(STARTTLS),
    options: { ignoreTLS: true },
    outcome: { saw: [{ tls: false }] },
  },
  {
    name: "option: requireTLS",
    server: () => secured(STARTTLS),
    options: async () => ({ ...(await trusted()), requireTLS: true }),
    outcome: { saw: [{ tls: true }] },
  },
  {
    name: "option: requireTLS goes before ignoreTLS",
    server: () => secured(STARTTLS),
    options: async () => ({ ...(await trusted()), requireTLS: true, ignoreTLS: true }),
    outcome: { saw: [{ tls: true }] },
  },
  {
    name: "option: requireTLS, not offered but known",
    server: () => secured({}),
    options: async () => ({ ...(await trusted()), requireTLS: true }),
    outcome: { info: { accepted: ["b@y.example"] }, saw: [{ tls: true }] },
    differs: {
      row: "require-tls",
      here: {
        info: undefined,
        error: () => ({ code: "ETLS", command: "STARTTLS" }),
        saw: ([seen]: [object]) => [{ ...seen, tls: false, lines: ["EHLO me.example"] }],
      },
    },
  },
  {
    name: "option: requireTLS, refused",
    server: () => answering(REFUSING),
    options: { requireTLS: true },
    outcome: { error: { code: "ETLS", command: "STARTTLS", responseCode: 454, permanent: false } },
  },
  {
    name: "STARTTLS offered and refused",
    server: () => answering(REFUSING),
    outcome: { error: { code: "ETLS", command: "STARTTLS", response: "454 4.7.0 Not now" } },
  },
  {
    name: "option: opportunisticTLS, refused",
    server: () => answering(REFUSING),
    options: { opportunisticTLS: true },
    outcome: { info: { accepted: ["b@y.example"] }, saw: [{ tls: false }] },
  },
  {
    name: "option: opportunisticTLS, refused, with a login",
    server: () => answering({ ...REFUSING, EHLO: "250-mx.example\n250-AUTH PLAIN\n250 STARTTLS" }),
    options: { opportunisticTLS: true, auth: { user: "me", pass: "secret" } },
    outcome: { info: { accepted: ["b@y.example"] }, saw: [{ tls: false }] },
  },
  {
    name: "option: tls.rejectUnauthorized",
    server: () => secured(STARTTLS),
    options: { host: "localhost", tls: { rejectUnauthorized: false } },
    outcome: { saw: [{ tls: true }] },
  },
  {
    name: "option: servername",
    server: async () => answering(STARTTLS, { tls: (await certificates()).wrongName }),
    options: async () => ({ ...(await trusted()), servername: "wrong.example" }),
    outcome: { saw: [{ tls: true }] },
  },
  {
    name: "option: tls.servername goes before servername",
    server: async () => answering(STARTTLS, { tls: (await certificates()).wrongName }),
    options: async () => ({
      servername: "other.example",
      tls: { ca: (await certificates()).ca, servername: "wrong.example" },
    }),
    outcome: { saw: [{ tls: true }] },
  },
  {
    name: "a certificate of nobody known, after STARTTLS",
    server: () => secured(STARTTLS),
    options: { host: "localhost" },
    outcome: { error: { code: "ESOCKET", command: "CONN", originalCode: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } },
  },
  {
    name: "a certificate of nobody known, TLS from the first octet",
    server: () => secured({}, true),
    options: { host: "localhost", secure: true },
    outcome: { error: { code: "ESOCKET", command: "CONN", originalCode: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } },
  },
  {
    name: "a certificate for another name",
    server: async () => answering(STARTTLS, { tls: (await certificates()).wrongName }),
    options: trusted,
    outcome: { error: { code: "ESOCKET", command: "CONN", originalCode: "ERR_TLS_CERT_ALTNAME_INVALID" } },
  },
  {
    name: "a handshake after STARTTLS that never ends",
    server: () => answering({ ...STARTTLS, STARTTLS: "220 Go" }),
    options: { connectionTimeout: 600, greetingTimeout: 400 },
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "UPGRADE_TIMEOUT" } },
  },
  {
    name: "option: greetingTimeout, a late handshake after STARTTLS",
    server: () => secured({ ...STARTTLS, STARTTLS: "220 Go<tls><late>" }),
    options: async () => ({ ...(await trusted()), greetingTimeout: 300 }),
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "UPGRADE_TIMEOUT" } },
    unless: "a handshake that a server begins late",
  },
  {
    name: "the connection lost in the handshake",
    server: () => answering({ ...STARTTLS, STARTTLS: "220 Go<close>" }),
    outcome: { error: { code: "ESOCKET", command: "CONN" } },
  },
  {
    name: "what came in clear behind the reply to STARTTLS",
    server: () => secured({ ...STARTTLS, STARTTLS: "220 Go\n250 injected<tls>" }),
    options: trusted,
    outcome: { info: { accepted: ["b@y.example"] } },
    differs: {
      row: "starttls-injection",
      here: {
        ...fails({
          code: "EPROTOCOL",
          command: "STARTTLS",
          response: "250 injected",
          responseCode: 250,
          permanent: false,
        }),
        ...saw(["EHLO me.example", "STARTTLS"]),
      },
    },
  },
  {
    name: "with the real server",
    server: async () => real((await certificates()).server),
    options: trusted,
    outcome: { saw: { messages: [{ secure: true }] } },
  },
  {
    name: "a login off this machine where STARTTLS is not offered",
    server: () => answering({ EHLO: "250-mx.example\n250 AUTH PLAIN" }),
    options: { auth: { user: "me", pass: "secret" } },
    remote: true,
    outcome: { info: USUAL_INFO, saw: [lines("AUTH PLAIN AG1lAHNlY3JldA==")] },
    differs: {
      row: "clear-login",
      here: { ...fails({ code: "ETLS", command: "STARTTLS" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "a login off this machine with ignoreTLS",
    server: () => answering({ EHLO: "250-mx.example\n250 AUTH PLAIN" }),
    options: { auth: { user: "me", pass: "secret" }, ignoreTLS: true },
    remote: true,
    outcome: { info: USUAL_INFO, saw: [lines("AUTH PLAIN AG1lAHNlY3JldA==")] },
    differs: {
      row: "clear-login",
      here: { ...fails({ code: "EAUTH", command: "AUTH" }), ...saw(["EHLO me.example"]) },
    },
  },
];
