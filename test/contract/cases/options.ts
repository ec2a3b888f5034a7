/** Section 2 of the contract: the options of the connection, but for those about logins and TLS. */

import { answering } from "../answering.ts";
import { type Case, lines, NOT_TAKEN, real, saw, USUAL_INFO } from "../harness.ts";

const PIPELINING = { EHLO: "250-mx.example\n250 PIPELINING" };
const OK = { info: { accepted: ["b@y.example"], rejected: [] } };

export const options: readonly Case[] = [
  { name: "no option but the server's", server: () => real(), outcome: OK },
  { name: "option: host, default localhost", server: () => real(), options: { host: undefined }, outcome: OK },
  {
    name: "option: host, an IPv6 address",
    server: () => answering({}, { host: "::1" }),
    options: { host: "::1" },
    outcome: OK,
  },
  {
    name: "option: host, nothing there",
    server: () => real(),
    options: { host: "127.0.0.1", port: 1 },
    outcome: { error: { code: "ESOCKET", command: "CONN", originalCode: "ECONNREFUSED" } },
  },
  { name: "option: port, as text", server: () => real(), options: ({ port }) => ({ port: String(port) }), outcome: OK },
  {
    name: "option: name",
    server: () => answering(),
    options: { name: "you.example" },
    outcome: { saw: [lines("EHLO you.example", "MAIL FROM:<a@x.example>")] },
  },
  { name: "option: name, default the host's", server: () => answering(), options: { name: undefined }, outcome: OK },
  {
    name: "option: name with a line end in it",
    server: () => answering(),
    options: { name: "you.example\r\nMAIL FROM:<>" },
    outcome: { saw: [lines("EHLO you.exampleMAIL FROM:<>")] },
    differs: { row: "name", here: NOT_TAKEN },
  },
  {
    name: "option: localAddress",
    server: () => answering(),
    options: { localAddress: "127.0.0.2" },
    outcome: { saw: [{ from: "127.0.0.2" }] },
  },
  {
    name: "option: connectionTimeout, TLS that never begins",
    server: () => answering({ greeting: "<silence>" }),
    options: { secure: true, connectionTimeout: 300 },
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "CONNECT_TIMEOUT" } },
    unless: "a socket destroyed in the handshake",
  },
  {
    name: "option: connectionTimeout, a late greeting",
    server: () => answering({ greeting: "220 mx.example<late>" }),
    options: { connectionTimeout: 300 },
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "GREETING_TIMEOUT" } },
  },
  {
    name: "option: greetingTimeout",
    server: () => answering({ greeting: "<silence>" }),
    options: { greetingTimeout: 300 },
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "GREETING_TIMEOUT" } },
  },
  {
    name: "option: socketTimeout, no reply to a command",
    server: () => answering({ MAIL: "<silence>" }),
    options: { socketTimeout: 300 },
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "SOCKET_TIMEOUT" } },
  },
  {
    name: "option: socketTimeout, a late reply to the message",
    server: () => answering({ end: "250 2.0.0 Taken<late>" }),
    options: { socketTimeout: 300 },
    outcome: { error: { code: "ETIMEDOUT", command: "CONN", timeoutType: "SOCKET_TIMEOUT" } },
    differs: {
      row: "final-timeout",
      here: { error: undefined, info: USUAL_INFO },
    },
  },
  {
    name: "option: url",
    server: () => answering(),
    options: ({ port }) => ({ host: "192.0.2.1", port: 1, url: `smtp://127.0.0.1:${port}?name=you.example` }),
    outcome: { saw: [lines("EHLO you.example")] },
  },
  {
    name: "option: url with a login",
    server: () => real({ users: { "me@x.example": "p:ss/word" }, allowInsecureAuth: true }),
    options: ({ port }) => ({ url: `smtp://me%40x.example:p%3Ass%2Fword@127.0.0.1:${port}` }),
    outcome: { saw: { messages: [{ user: "me@x.example" }] } },
  },
  {
    name: "option: url, numbers and words of the query",
    server: () => answering({ greeting: "<silence>" }),
    options: ({ port }) => ({ url: `smtp://127.0.0.1:${port}?greetingTimeout=100&ignoreTLS=true&debug=false` }),
    outcome: { error: { timeoutType: "GREETING_TIMEOUT" } },
  },
  {
    name: "option: one that nobody knows",
    server: () => answering(),
    options: { requireTls: true },
    outcome: OK,
    differs: { row: "unknown-option", here: NOT_TAKEN },
  },
  {
    name: "option: port, out of range",
    server: () => answering(),
    options: { port: 70_000 },
    outcome: { error: { code: "ECONNECTION", originalCode: "ERR_SOCKET_BAD_PORT" } },
    differs: { row: "checked-options", here: NOT_TAKEN },
  },
  {
    name: "the session ends with QUIT",
    server: () => answering(PIPELINING, { keepQuit: true }),
    outcome: { saw: [{ lines: { length: 5 } }] },
    differs: {
      row: "quit",
      here: saw((lines) => [...lines, "QUIT"]),
    },
  },
];
