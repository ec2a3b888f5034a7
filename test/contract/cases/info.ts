/** Sections 1.2 and 1.3 of the contract: what is read of a message, and what is told of one that went. */

import { Readable } from "node:stream";
import nodemailer, { type SentMessageInfo } from "nodemailer";
import { expect } from "vitest";
import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, fails, lines, plainInfo, real, saw, USUAL_INFO, usual } from "../harness.ts";

const three = { from: "a@x.example", to: ["b@y.example", "refuse-550@y.example", "busy-451@y.example"] };
const OK = { info: { accepted: ["b@y.example"] } };

const saidSize = saw((lines) => lines.map((line) => line.replace(/^MAIL .*/, "$& SIZE=21")));

function answers(given: Answers): () => Promise<ContractServer> {
  return () => answering(given);
}

async function* source(): AsyncGenerator<string> {
  yield "Subject: hi\r\n";
  yield "\r\nhello\r\n";
}

export const info: readonly Case[] = [
  { name: "info: accepted, envelope, messageId, response", server: answers({}), outcome: { info: USUAL_INFO } },
  {
    name: "info: rejected, rejectedErrors",
    server: () => real(),
    mail: () => ({ envelope: structuredClone(three) }),
    outcome: {
      info: {
        accepted: ["b@y.example"],
        rejected: ["refuse-550@y.example", "busy-451@y.example"],
        rejectedErrors: [
          {
            code: "EENVELOPE",
            command: "RCPT TO",
            recipient: "refuse-550@y.example",
            responseCode: 550,
            permanent: true,
          },
          {
            code: "EENVELOPE",
            command: "RCPT TO",
            recipient: "busy-451@y.example",
            responseCode: 451,
            permanent: false,
          },
        ],
      },
    },
  },
  {
    name: "info: ehlo",
    server: answers({ EHLO: "250-mx.example hello\n250-PIPELINING\n250-SIZE 1000\n250 8BITMIME" }),
    outcome: { info: { ehlo: ["PIPELINING", "SIZE 1000", "8BITMIME"] } },
    differs: { row: "size", here: saidSize },
  },
  {
    name: "info: ehlo, as the server wrote it",
    server: answers({ EHLO: "250-mx.example\n250-Size  1000 \n250 X-Thing" }),
    outcome: { info: { ehlo: ["Size  1000", "X-Thing"] } },
    differs: { row: ["ehlo", "size"], here: { info: { ehlo: ["SIZE 1000", "X-THING"] }, ...saidSize } },
  },
  {
    name: "info: ehlo, absent after HELO",
    server: answers({ EHLO: "502 What" }),
    outcome: { info: USUAL_INFO, saw: [lines("HELO me.example")] },
  },
  {
    name: "info: messageSize, stuffed dots and the end included",
    server: answers({}),
    mail: { raw: "Subject: hi\n\n.dot\n..\nno end" },
    outcome: { info: { messageSize: 38 } },
  },
  {
    name: "info: response in several lines",
    server: answers({ end: "250-2.0.0 Taken\n250 2.0.0 as 1" }),
    outcome: { info: { response: "250-2.0.0 Taken\n250 2.0.0 as 1" } },
  },
  {
    name: "info: response, characters that move a cursor",
    server: answers({ end: "250 Taken\u001b[2J" }),
    outcome: { info: { response: "250 Taken\u001b[2J" } },
    differs: { row: "printable", here: { info: { response: "250 Taken\\x1b[2J" } } },
  },
  {
    name: "info: serverMessageId",
    server: answers({ end: "250 2.0.0 OK <AM0PR01MB1234.prod.outlook.com> [Hostname=AM0PR01.prod.exchangelabs.com]" }),
    outcome: { info: { serverMessageId: "<AM0PR01MB1234.prod.outlook.com>" } },
  },
  {
    name: "info: getTestMessageUrl() reads it",
    server: answers({ end: "250 Accepted [STATUS=new MSGID=abc]" }),
    run: async (transporter) => nodemailer.getTestMessageUrl((await transporter.sendMail(usual())) as SentMessageInfo),
    outcome: { value: "https://ethereal.email/message/abc" },
  },
  {
    name: "info: the null sender",
    server: () => real(),
    mail: () => ({ envelope: { from: false, to: "b@y.example" } }),
    outcome: OK,
  },
  { name: "message: no sender", server: answers({}), mail: { envelope: undefined, to: "b@y.example" }, outcome: OK },
  {
    name: "message: a recipient twice",
    server: answers({}),
    mail: () => ({ envelope: { from: "a@x.example", to: ["b@y.example", "b@y.example"] } }),
    outcome: OK,
  },
  {
    name: "message: addresses of the fields, Bcc left out of the content",
    server: () => real(),
    mail: {
      raw: undefined,
      envelope: undefined,
      from: "A <a@x.example>",
      to: "b@y.example",
      bcc: "c@y.example",
      subject: "hi",
      text: "hello",
      date: new Date(0),
    },
    outcome: { saw: { messages: [{ to: ["b@y.example", "c@y.example"], raw: expect.not.stringContaining("Bcc") }] } },
  },
  {
    name: "message: text, html and an attachment",
    server: () => real(),
    mail: () => ({
      raw: undefined,
      from: "a@x.example",
      to: "b@y.example",
      text: "hello",
      html: "<b>hello</b>",
      date: new Date(0),
      baseBoundary: "contract",
      attachments: [{ filename: "a.txt", content: "text" }],
    }),
    outcome: OK,
  },
  {
    name: "message: raw from a stream",
    server: () => real(),
    mail: () => ({ raw: Readable.from(source()) }),
    outcome: OK,
  },
  {
    name: "message: line ends of every kind",
    server: answers({}),
    mail: { raw: "Subject: hi\n\na\rb\r\r\nc\n\rd" },
    outcome: { saw: [lines("Subject: hi\r\n\r\na\r\nb\r\n\r\nc\r\n\r\nd\r\n")] },
  },
  {
    name: "message: octets above 0x7F",
    server: () => real(),
    mail: { raw: Buffer.from("Subject: hi\r\n\r\nGr\u00fc\u00dfe\r\n") },
    outcome: { ...OK, saw: { messages: [{ params: {} }] } },
    differs: {
      row: "8bitmime",
      here: { saw: { messages: ([stored]: [object]) => [{ ...stored, params: { BODY: "8BITMIME" } }] } },
    },
  },
  {
    name: "message: an address in UTF-8",
    server: answers({ EHLO: "250-mx.example\n250 SMTPUTF8" }),
    mail: () => ({ envelope: { from: "a@x.example", to: ["gr\u00fc\u00dfe@y.example"] } }),
    outcome: { saw: [lines("MAIL FROM:<a@x.example> SMTPUTF8")] },
  },
  {
    name: "message: an address in UTF-8 where it is not offered",
    server: answers({}),
    mail: () => ({ envelope: { from: "a@x.example", to: ["gr\u00fc\u00dfe@y.example"] } }),
    outcome: { info: { rejected: [] } },
    differs: {
      row: "smtputf8",
      here: { ...fails({ code: "EENVELOPE", command: "API" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "message: envelope.size",
    server: answers({ EHLO: "250-mx.example\n250 SIZE 1000" }),
    mail: () => ({ envelope: { from: "a@x.example", to: ["b@y.example"], size: 20 } }),
    outcome: { saw: [lines("MAIL FROM:<a@x.example> SIZE=20")] },
  },
  {
    name: "code: EMESSAGE, envelope.size over the server's limit",
    server: answers({ EHLO: "250-mx.example\n250 SIZE 10" }),
    mail: () => ({ envelope: { from: "a@x.example", to: ["b@y.example"], size: 20 } }),
    outcome: { error: { code: "EMESSAGE", command: "MAIL FROM" } },
  },
  {
    name: "message: envelope.use8BitMime",
    server: answers({ EHLO: "250-mx.example\n250 8BITMIME" }),
    mail: () => ({ envelope: { from: "a@x.example", to: ["b@y.example"], use8BitMime: true } }),
    outcome: { saw: [lines("MAIL FROM:<a@x.example> BODY=8BITMIME")] },
  },
  {
    name: "message: dsn",
    server: answers({ EHLO: "250-mx.example\n250 DSN" }),
    mail: { dsn: { id: "id 1", return: "headers", notify: ["success", "failure"], recipient: "c@z.example" } },
    outcome: {
      saw: [
        lines(
          "MAIL FROM:<a@x.example> RET=HDRS ENVID=id+201",
          "RCPT TO:<b@y.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c@z.example",
        ),
      ],
    },
  },
  {
    name: "message: dsn of the envelope",
    server: answers({ EHLO: "250-mx.example\n250 DSN" }),
    mail: () => ({ envelope: { from: "a@x.example", to: ["b@y.example"], dsn: { return: "full", notify: "never" } } }),
    outcome: { saw: [lines("MAIL FROM:<a@x.example> RET=FULL", "RCPT TO:<b@y.example> NOTIFY=NEVER")] },
  },
  {
    name: "message: dsn, wrong",
    server: answers({ EHLO: "250-mx.example\n250 DSN" }),
    mail: { dsn: { notify: "always" } },
    outcome: { error: { code: "EENVELOPE", command: "API" } },
    differs: { row: "checked-first", here: { saw: () => [] } },
  },
  {
    name: "message: dsn where it is not offered",
    server: answers({}),
    mail: { dsn: { return: "headers" } },
    outcome: { saw: [lines("MAIL FROM:<a@x.example>")] },
    differs: {
      row: "dsn-not-offered",
      here: { ...fails({ code: "EENVELOPE", command: "MAIL FROM" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "code: EREQUIRETLS, no TLS",
    server: answers({}),
    mail: { requireTLSExtensionEnabled: true },
    outcome: { error: { code: "EREQUIRETLS", command: "MAIL FROM" } },
  },
  {
    name: "message: mail.message is closed after a failure",
    server: answers({ MAIL: "550 No" }),
    run: async (transporter) => {
      const content = Readable.from(source());
      const failed = await transporter.sendMail(usual({ raw: content })).then(plainInfo, ({ code }) => code);
      return [failed, content.destroyed];
    },
    outcome: { value: ["EENVELOPE", true] },
  },
];
