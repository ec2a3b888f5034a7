/** Section 3 of the contract: LMTP. */

import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, lines } from "../harness.ts";

const three = (): object => ({ envelope: { from: "a@x.example", to: ["b@y.example", "c@y.example", "d@y.example"] } });

function answers(given: Answers): () => Promise<ContractServer> {
  return () => answering({ EHLO: "500 What", ...given });
}

export const lmtp: readonly Case[] = [
  {
    name: "option: lmtp",
    server: answers({}),
    options: { lmtp: true },
    outcome: { info: { accepted: ["b@y.example"], response: "250 2.0.0 Taken" }, saw: [lines("LHLO me.example")] },
  },
  {
    name: "option: lmtp, LHLO refused",
    server: answers({ LHLO: "500 What" }),
    options: { lmtp: true },
    outcome: { error: { code: "EPROTOCOL", command: "LHLO", responseCode: 500 } },
  },
  {
    name: "option: lmtp, a reply for each recipient",
    server: answers({ end: "250 b\n452 4.2.2 Full\n250 d" }),
    options: { lmtp: true },
    mail: three,
    outcome: {
      info: {
        accepted: ["b@y.example", "d@y.example"],
        rejected: ["c@y.example"],
        rejectedErrors: [
          { code: "EMESSAGE", command: "DATA", recipient: "c@y.example", responseCode: 452, permanent: false },
        ],
        response: "250 d",
      },
    },
    differs: { row: "lmtp-response", here: { info: { response: "250 b" } } },
  },
  {
    name: "option: lmtp, every recipient refused in the end",
    server: answers({ end: "550 b\n550 c\n550 d" }),
    options: { lmtp: true },
    mail: three,
    outcome: { info: { accepted: [], rejected: ["b@y.example", "c@y.example", "d@y.example"] } },
    differs: {
      row: "lmtp-all-refused",
      here: {
        info: undefined,
        error: () => ({
          code: "EMESSAGE",
          command: "DATA",
          response: "550 b",
          responseCode: 550,
          permanent: true,
          rejected: ["b@y.example", "c@y.example", "d@y.example"],
          rejectedErrors: ["b", "c", "d"].map((name) => ({
            code: "EMESSAGE",
            command: "DATA",
            response: `550 ${name}`,
            responseCode: 550,
            permanent: true,
            recipient: `${name}@y.example`,
          })),
        }),
      },
    },
  },
  {
    name: "option: lmtp, the connection lost between the replies",
    server: answers({ end: "250 b\n250 c<close>" }),
    options: { lmtp: true },
    mail: three,
    outcome: { error: { code: "ECONNECTION", command: "CONN" } },
  },
];
