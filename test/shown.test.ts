/** What a dialogue shows of itself, event by event: who said it, what stands for it, how many octets it was, what is masked. */

import { describe, expect, test } from "vitest";
import { type DialogueEvent, NetSmtp, type SmtpOptions } from "../mod.ts";
import { network, play } from "./support/play.ts";
import { ENVELOPE, hello } from "./support/session.ts";

type Row = readonly [side: string, kind: string, text: string, octets: number, masked: boolean];

async function shown(script: string, options: SmtpOptions, use: (smtp: NetSmtp) => Promise<unknown>): Promise<Row[]> {
  const events: Row[] = [];
  const debugOutput = ({ side, kind, text, octets, masked }: DialogueEvent): unknown =>
    events.push([side, kind, text, octets, masked]);
  const server = play(script, { loopback: true });
  const smtp = new NetSmtp("mx.example", 25, { network: network(server), debugOutput, ...options });
  await smtp.start();
  await use(smtp);
  server.finish();
  return events.filter(([side]) => side !== "engine");
}

const said = (text: string, octets = text.length + 2, masked = false): Row => [
  "client",
  "command",
  text,
  octets,
  masked,
];
const heard = (text: string, octets = text.length + 2, masked = false): Row => [
  "server",
  "reply",
  text,
  octets,
  masked,
];
const content = (octets: number): Row => ["client", "content", `(${octets} octets of the message)`, octets, false];

const HELLO = [heard("220 mx.example ready"), said("EHLO localhost"), heard("250-mx.example")];
const TAKEN = ["250 ok", "250 ok"].map((text) => heard(text));

describe("debugOutput", () => {
  test("debugOutput is shown a login by what stands for it, its challenges too, and what follows as it is", async () => {
    const script = `${hello("AUTH LOGIN")}
      C: AUTH LOGIN
      S: 334 VXNlcm5hbWU6
      C: bWU=
      S: 334 UGFzc3dvcmQ6
      C: c2VjcmV0
      S: 235 welcome
      C: NOOP
      S: 334 odd
      C: QUIT
      S: 221 bye`;
    const login = { user: "me", secret: "secret", authType: "LOGIN" };
    const events = await shown(script, login, async (smtp) => {
      await smtp.getResponse("NOOP");
      await smtp.finish();
    });
    expect(events).toEqual([
      ...HELLO,
      heard("250 AUTH LOGIN"),
      said("AUTH LOGIN", 12, true),
      heard("334 ****", 18, true),
      said("****", 6, true),
      heard("334 ****", 18, true),
      said("****", 10, true),
      heard("235 welcome"),
      said("NOOP"),
      heard("334 odd"),
      said("QUIT"),
      heard("221 bye"),
    ]);
  });

  test("debugOutput is shown a message by DATA: each line of its group, its octets without the dot, the dot", async () => {
    const script = `${hello("PIPELINING")}${ENVELOPE}
      C: hello
      C: .
      S: 250 taken`;
    const events = await shown(script, { recipientPolicy: "collect" }, (smtp) =>
      smtp.sendMessage("hello", "a@x.example", "b@y.example"),
    );
    expect(events).toEqual([
      ...HELLO,
      heard("250 PIPELINING"),
      said("MAIL FROM:<a@x.example>"),
      said("RCPT TO:<b@y.example>"),
      said("DATA"),
      ...TAKEN,
      heard("354 go"),
      content("hello\r\n.\r\n".length),
      said(".", 3),
      heard("250 taken"),
    ]);
  });

  test("debugOutput is shown the lone dot without a message", async () => {
    const script = `${hello("PIPELINING")}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: DATA
      S: 250 ok
      S: 550 no
      S: 354 go
      C: .
      S: 554 nobody`;
    const events = await shown(script, { recipientPolicy: "collect" }, (smtp) =>
      smtp.sendMessage("hello", "a@x.example", "b@y.example").catch(() => undefined),
    );
    expect(events.slice(-3)).toEqual([heard("354 go"), said(".", 3), heard("554 nobody")]);
  });

  test("debugOutput is shown a message by BDAT: its command, and its octets", async () => {
    const script = `${hello("PIPELINING", "CHUNKING")}
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      C: BDAT 7 LAST
      C: hello
      S: 250 ok
      S: 250 ok
      S: 250 taken`;
    const events = await shown(script, { recipientPolicy: "collect" }, (smtp) =>
      smtp.sendMessage("hello", "a@x.example", "b@y.example"),
    );
    expect(events.slice(-6)).toEqual([
      said("RCPT TO:<b@y.example>"),
      said("BDAT 7 LAST"),
      content(7),
      ...TAKEN,
      heard("250 taken"),
    ]);
  });
});
