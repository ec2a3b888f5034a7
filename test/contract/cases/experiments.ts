/** Section 4.2 of the contract: servers that do what they should not, and what the caller is told. */

import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, fails, lines, saw, USUAL_INFO } from "../harness.ts";

const PIPELINING = "250-mx.example\n250 PIPELINING";

function answers(given: Answers): () => Promise<ContractServer> {
  return () => answering(given);
}

const three = (): object => ({ envelope: { from: "a@x.example", to: ["b@y.example", "c@y.example", "d@y.example"] } });

export const experiments: readonly Case[] = [
  {
    name: "b', a reply to the message that comes late, and whole",
    server: answers({ end: "250 2.0.0 Taken<late>" }),
    outcome: { info: USUAL_INFO },
  },
  {
    name: "d1, one of three refused",
    server: answers({ EHLO: PIPELINING, RCPT: ["250 Ok", "550 5.1.1 No", "250 Ok"] }),
    mail: three,
    outcome: { info: { accepted: ["b@y.example", "d@y.example"], rejected: ["c@y.example"] } },
  },
  {
    name: "d3, all of three refused",
    server: answers({ EHLO: PIPELINING, RCPT: "550 5.1.1 No", DATA: "503 No recipients" }),
    mail: three,
    outcome: {
      error: { code: "EENVELOPE", command: "RCPT TO", rejected: ["b@y.example", "c@y.example", "d@y.example"] },
    },
  },
  {
    name: "d5, all refused and yet 354: the lone dot",
    server: answers({ EHLO: PIPELINING, RCPT: "550 5.1.1 No", end: "554 No valid recipients" }),
    mail: three,
    outcome: { error: { code: "EENVELOPE", command: "RCPT TO", responseCode: 550 }, saw: [lines("DATA", "")] },
  },
  {
    name: "d7, MAIL refused and yet 354",
    server: answers({ EHLO: PIPELINING, MAIL: "550 No", RCPT: "503 No", DATA: "354 Go" }),
    outcome: { error: { code: "EENVELOPE", command: "MAIL FROM", responseCode: 550 } },
  },
  {
    name: "d11, a recipient refused, then the message",
    server: answers({ EHLO: PIPELINING, RCPT: ["250 Ok", "550 5.1.1 No", "250 Ok"], end: "451 4.3.0 Later" }),
    mail: three,
    outcome: { error: { code: "EMESSAGE", command: "DATA", responseCode: 451 } },
  },
  {
    name: "f, an EHLO reply of 300 lines",
    server: answers({ EHLO: `${"250-X-THING\n".repeat(300)}250 X-LAST` }),
    outcome: { info: { accepted: ["b@y.example"] } },
    differs: { row: "ehlo", here: { info: { ehlo: ["X-THING", "X-LAST"] } } },
  },
  {
    name: "f, a reply that does not end",
    server: answers({ EHLO: "250-X-THING and more of it\n".repeat(60_000) }),
    outcome: { error: { code: "EPROTOCOL" } },
    differs: { row: "replies", here: { error: { command: "EHLO" } } },
  },
  {
    name: "f4, replies that nobody asked for",
    server: answers({ EHLO: `250 mx.example\n${"250 ok\n".repeat(20)}250 ok` }),
    outcome: { info: { accepted: ["b@y.example"] } },
    differs: {
      row: "replies",
      here: {
        ...fails({ code: "EPROTOCOL", command: "EHLO", response: "250 ok", responseCode: 250, permanent: false }),
        ...saw(["EHLO me.example"]),
      },
    },
  },
  {
    name: "h, 552 in the middle of the content",
    server: answers({ content: "552 5.3.4 Too big", end: "<silence>" }),
    mail: () => ({ raw: `Subject: hi\r\n\r\n${"hello\r\n".repeat(100)}` }),
    outcome: { error: { code: "EMESSAGE", command: "DATA", responseCode: 552 } },
    see: () => "some of the content",
  },
  {
    name: "i, two replies to MAIL",
    server: answers({ MAIL: "250 Ok\n250 Ok" }),
    outcome: { error: { code: "EMESSAGE", response: "354 Go" } },
    differs: {
      row: "replies",
      here: {
        ...fails({ code: "EPROTOCOL", command: "MAIL FROM", response: "250 Ok", responseCode: 250, permanent: false }),
        ...saw(["EHLO me.example", "MAIL FROM:<a@x.example>"]),
      },
    },
  },
  {
    name: "j, the last reply is 25",
    server: answers({ end: "25" }),
    outcome: { info: { response: "25" } },
    differs: { row: "replies", here: fails({ code: "EPROTOCOL", command: "DATA" }) },
  },
  {
    name: "j, the last reply is 2xx",
    server: answers({ end: "2xx huh" }),
    outcome: { info: { response: "2xx huh" } },
    differs: { row: "replies", here: fails({ code: "EPROTOCOL", command: "DATA" }) },
  },
  {
    name: "j, the last reply is 299",
    server: answers({ end: "299 huh" }),
    outcome: { info: { response: "299 huh" } },
    differs: {
      row: "replies",
      here: fails({ code: "EPROTOCOL", command: "DATA" }),
    },
  },
  {
    name: "j, the last reply has two codes",
    server: answers({ end: "250-a\n550 b" }),
    outcome: { info: { response: "250-a\n550 b" } },
    differs: { row: "replies", here: fails({ code: "EPROTOCOL", command: "DATA" }) },
  },
  {
    name: "j, the last reply has no end",
    server: answers({ end: "250 Taken<raw><close>" }),
    outcome: { error: { code: "ECONNECTION" } },
  },
  {
    name: "j, the last refusal has no end",
    server: answers({ end: "550 No<raw><close>" }),
    outcome: { error: { code: "ECONNECTION", responseCode: 550 } },
    differs: {
      row: "replies",
      here: { error: { permanent: undefined, response: undefined, responseCode: undefined } },
    },
  },
  {
    name: "extensions, in the greeting line of EHLO",
    server: answers({ EHLO: "250-mx-pipelining.example size 5\n250 X-PIPELINING", RCPT: ["250 Ok", "550 No"] }),
    outcome: { info: { accepted: ["b@y.example"] } },
  },
];
