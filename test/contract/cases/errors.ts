/** Sections 1.4 and 4.1 of the contract: the errors, each key and each code. */

import { Readable } from "node:stream";
import type { Transporter } from "nodemailer";
import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, fails, lines, NOT_TAKEN, real, saw, usual } from "../harness.ts";

function answers(given: Answers): () => Promise<ContractServer> {
  return () => answering(given);
}

/** A server that says nothing to this, and whose signal aborts when it has come. */
function abortingAt(key: string): () => Promise<ContractServer & { signal: AbortSignal }> {
  return async () => {
    const controller = new AbortController();
    const silence = (): string => {
      setImmediate(() => controller.abort());
      return "<silence>";
    };
    return { ...(await answering({ [key]: silence })), signal: controller.signal };
  };
}

async function aborted(transporter: Transporter, server: ContractServer): Promise<unknown> {
  const { signal } = server as ContractServer & { signal: AbortSignal };
  return await transporter.sendMail(usual({ signal }));
}

const PIPELINING = "250-mx.example\n250 PIPELINING";

function to(...addresses: readonly string[]): () => object {
  return () => ({ envelope: { from: "a@x.example", to: [...addresses] } });
}

async function* failing(): AsyncGenerator<string> {
  yield "Subject: hi\r\n\r\n";
  yield "hello\r\n".repeat(10_000);
  throw new Error("The source broke");
}

/** Refusals of the server, by the step; for each the code and command that are told. */
const REFUSALS: readonly (readonly [string, Answers, object])[] = [
  ["EPROTOCOL, greeting 554", { greeting: "554 No" }, { code: "EPROTOCOL", command: "CONN", responseCode: 554 }],
  ["EPROTOCOL, greeting 421", { greeting: "421 No" }, { code: "EPROTOCOL", command: "CONN", responseCode: 421 }],
  ["EPROTOCOL, no greeting of SMTP", { greeting: "HTTP/1.1 400 Bad" }, { code: "EPROTOCOL", command: "CONN" }],
  ["EPROTOCOL, EHLO and HELO refused", { EHLO: "502 What", HELO: "550 No" }, { code: "EPROTOCOL", command: "HELO" }],
  ["ECONNECTION, 421 to EHLO", { EHLO: "421 Busy<close>" }, { code: "ECONNECTION", responseCode: 421 }],
  ["EENVELOPE, MAIL refused", { MAIL: "550 5.7.1 No" }, { code: "EENVELOPE", command: "MAIL FROM", permanent: true }],
  ["EENVELOPE, MAIL refused with 451", { MAIL: "451 Later" }, { code: "EENVELOPE", permanent: false }],
  ["permanent, 503 is not", { MAIL: "503 Bad sequence" }, { code: "EENVELOPE", responseCode: 503, permanent: false }],
  [
    "EENVELOPE, 421 to MAIL",
    { MAIL: "421 Busy<close>" },
    { code: "EENVELOPE", command: "MAIL FROM", responseCode: 421 },
  ],
  [
    "EENVELOPE, the recipient refused",
    { RCPT: "550 5.1.1 No" },
    { code: "EENVELOPE", command: "RCPT TO", rejected: ["b@y.example"] },
  ],
  ["ECONNECTION, 421 to RCPT", { RCPT: "421 Busy<close>" }, { responseCode: 421, permanent: false }],
  ["EENVELOPE, DATA refused", { DATA: "451 Later" }, { code: "EENVELOPE", command: "DATA", responseCode: 451 }],
  ["EMESSAGE, 554 to the message", { end: "554 5.7.1 Spam" }, { code: "EMESSAGE", command: "DATA", permanent: true }],
  ["EMESSAGE, 451 to the message", { end: "451 4.3.0 Later" }, { code: "EMESSAGE", command: "DATA", permanent: false }],
  [
    "EMESSAGE, 421 to the message",
    { end: "421 Busy<close>" },
    { code: "EMESSAGE", command: "DATA", responseCode: 421 },
  ],
  [
    "response in several lines",
    { MAIL: "550-5.7.1 No\n550 5.7.1 never" },
    { response: "550-5.7.1 No\n550 5.7.1 never" },
  ],
  ["ECONNECTION, closed before the greeting", { greeting: "<close>" }, { code: "ECONNECTION", command: "CONN" }],
  ["ECONNECTION, closed at EHLO", { EHLO: "<close>" }, { code: "ECONNECTION", command: "CONN" }],
  ["ECONNECTION, closed at MAIL", { MAIL: "<close>" }, { code: "ECONNECTION", command: "CONN" }],
  ["ECONNECTION, closed after the message", { end: "<close>" }, { code: "ECONNECTION", command: "CONN" }],
  ["ESOCKET, reset at MAIL", { MAIL: "<reset>" }, { code: "ESOCKET", command: "CONN", originalCode: "ECONNRESET" }],
  [
    "ESOCKET, reset after the message",
    { end: "<reset>" },
    { code: "ESOCKET", command: "CONN", originalCode: "ECONNRESET" },
  ],
];

/** The same, and what is different here. */
const DIFFERENT: Readonly<Record<string, Case["differs"]>> = {
  "EPROTOCOL, no greeting of SMTP": { row: "replies", here: { error: { response: undefined } } },
  "ECONNECTION, 421 to RCPT, pipelined": {
    row: "421",
    here: {
      error: {
        code: "EENVELOPE",
        command: "RCPT TO",
        rejected: ["b@y.example"],
        rejectedErrors: [
          {
            code: "EENVELOPE",
            command: "RCPT TO",
            response: "421 Busy",
            responseCode: 421,
            permanent: false,
            recipient: "b@y.example",
          },
        ],
      },
    },
  },
};

export const errors: readonly Case[] = [
  ...REFUSALS.map(([name, given, error]): Case => {
    const differs = DIFFERENT[name];
    return { name: `code: ${name}`, server: answers(given), outcome: { error }, ...(differs ? { differs } : {}) };
  }),
  ...REFUSALS.slice(5, 17).map(([name, given, error]): Case => {
    const differs = DIFFERENT[`${name}, pipelined`];
    return {
      name: `code: ${name}, pipelined`,
      server: answers({ EHLO: PIPELINING, ...given }),
      outcome: { error },
      ...(differs ? { differs } : {}),
    };
  }),
  {
    name: "code: EDNS",
    server: answers({}),
    options: { host: "nothing.invalid" },
    outcome: { error: { code: "EDNS", command: "CONN", originalCode: "ENOTFOUND" } },
  },
  {
    name: "option: dnsTimeout, a name that does not exist",
    server: answers({}),
    options: { host: "nothing.invalid", dnsTimeout: 500 },
    outcome: { error: { code: "EDNS", command: "CONN" } },
  },
  {
    name: "code: ECONNECTION, EHLO refused where TLS is required",
    server: answers({ EHLO: "502 What" }),
    options: { requireTLS: true },
    outcome: { error: { code: "ECONNECTION", command: "EHLO", responseCode: 502 } },
    differs: {
      row: "require-tls-helo",
      here: { ...fails({ code: "ETLS", command: "STARTTLS" }), ...saw(["EHLO me.example", "HELO me.example"]) },
    },
  },
  {
    name: "option: maxResponseSize",
    server: answers({ EHLO: `250-mx.example\n${"250-X-THING and more of it\n".repeat(60_000)}250 OK` }),
    options: { maxResponseSize: 1000 },
    outcome: { error: { code: "EPROTOCOL", command: "CONN" } },
    differs: { row: "max-response-size", here: { error: { command: "EHLO" } } },
  },
  {
    name: "code: EENVELOPE, no recipients",
    server: answers({}),
    mail: to(),
    outcome: { error: { code: "EENVELOPE", command: "API" } },
    differs: { row: "checked-first", here: { saw: () => [] } },
  },
  {
    name: "rejected, rejectedErrors, recipient: all refused",
    server: () => real(),
    mail: to("refuse-550@y.example", "refuse-551@y.example"),
    outcome: {
      error: {
        code: "EENVELOPE",
        command: "RCPT TO",
        responseCode: 551,
        permanent: true,
        rejected: ["refuse-550@y.example", "refuse-551@y.example"],
        rejectedErrors: [{ recipient: "refuse-550@y.example" }, { recipient: "refuse-551@y.example" }],
      },
    },
    differs: { row: "first-refusal", here: { error: { response: "550 No such user", responseCode: 550 } } },
  },
  {
    name: "rejected: all refused, one of them for now",
    server: () => real(),
    mail: to("refuse-550@y.example", "busy-450@y.example"),
    outcome: { error: { code: "EENVELOPE", responseCode: 450, permanent: false } },
  },
  {
    name: "code: ESTREAM, the source breaks",
    server: answers({}),
    mail: () => ({ raw: Readable.from(failing()) }),
    outcome: { error: { code: "ESTREAM", command: "API" } },
    see: () => "half a message",
  },
  {
    name: "code: ESTREAM, a file that is not there",
    server: answers({}),
    mail: { raw: undefined, attachments: [{ path: "/nothing/there" }] },
    outcome: { error: { code: "ESTREAM", command: "API", originalCode: "ENOENT" } },
    see: () => "half a message",
  },
  {
    name: "code: EABORT, before it was sent",
    server: answers({}),
    mail: () => ({ signal: AbortSignal.abort("enough") }),
    outcome: { error: { code: "EABORT", name: "AbortError" }, saw: [] },
  },
  {
    name: "code: EABORT, under way",
    server: abortingAt("MAIL"),
    run: aborted,
    outcome: { error: { code: "EABORT", name: "AbortError" }, saw: [lines("MAIL FROM:<a@x.example>")] },
  },
  {
    name: "code: EABORT, after the message, k",
    server: abortingAt("end"),
    run: aborted,
    outcome: { error: { code: "EABORT", name: "AbortError" } },
  },
  {
    name: "code: EMAXRECIPIENTS, by the defaults",
    server: answers({}),
    defaults: { maxRecipients: 1 },
    mail: { envelope: undefined, from: "a@x.example", to: ["b@y.example", "c@y.example"] },
    outcome: { error: { code: "EMAXRECIPIENTS" }, saw: [] },
  },
  {
    name: "code: EFILEACCESS, by the defaults",
    server: answers({}),
    defaults: { disableFileAccess: true },
    mail: { raw: undefined, attachments: [{ path: "/nothing/there" }] },
    outcome: { error: { code: "ESTREAM", command: "API", originalCode: "EFILEACCESS" } },
    see: () => "half a message",
  },
  {
    name: "code: EURLACCESS, by the defaults",
    server: answers({}),
    defaults: { disableUrlAccess: true },
    mail: { raw: undefined, attachments: [{ href: "http://127.0.0.1:1/" }] },
    outcome: { error: { code: "ESTREAM", command: "API", originalCode: "EURLACCESS" } },
    see: () => "half a message",
  },
  {
    name: "code: EFETCH, a URL that cannot be had",
    server: answers({}),
    mail: { raw: undefined, attachments: [{ href: "http://127.0.0.1:1/" }] },
    outcome: { error: { code: "ESTREAM", command: "API", originalCode: "EFETCH" } },
    see: () => "half a message",
  },
  {
    name: "code: ECONFIG, an option of the wrong type",
    server: answers({}),
    options: { tls: "yes" },
    outcome: { info: { accepted: ["b@y.example"] } },
    differs: { row: "checked-options", here: NOT_TAKEN },
  },
];
