import { describe, expect, test } from "vitest";
import type { Timeouts } from "../src/deadlines.ts";
import { Dialogue } from "../src/dialogue.ts";
import { SmtpConnectionError, SmtpLatchedError, SmtpProtocolError, SmtpServerBusy } from "../src/errors.ts";
import { play } from "./support/play.ts";

const timeouts: Timeouts = {
  openTimeout: 1_000,
  readTimeout: 1_000,
  finalTimeout: 1_000,
  writeTimeout: 1_000,
  quitTimeout: 1_000,
};

function codes(replies: readonly { status: string }[]): string[] {
  return replies.map(({ status }) => status);
}

describe("flight()", () => {
  test("flight() writes its lines at once and gives the replies in order", async () => {
    const server = play(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 550-5.1.1 no
      S: 550 5.1.1 such user`);
    const dialogue = new Dialogue(server, timeouts);
    const replies = await dialogue.flight(["MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>"]);
    expect(codes(replies)).toEqual(["250", "550"]);
    expect(server.writes).toEqual(["MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n"]);
    server.finish();
  });

  test("flight() rejects with SmtpConnectionError when the connection is lost, and tells what came before", async () => {
    const server = play(`
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: <close>`);
    const dialogue = new Dialogue(server, timeouts);
    const replies: { status: string }[] = [];
    const flight = dialogue.flight(["MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>"], replies as never);
    await expect(flight).rejects.toBeInstanceOf(SmtpConnectionError);
    await expect(flight).rejects.toMatchObject({ phase: "rcpt", command: "RCPT TO:<b@y.example>" });
    expect(codes(replies)).toEqual(["250"]);
  });

  test("flight() takes no reply that came before its command was written", async () => {
    const server = play(`
      S: 220 ready
      S: 250 too early`);
    const dialogue = new Dialogue(server, timeouts);
    await expect(dialogue.greeting(1_000)).rejects.toBeInstanceOf(SmtpProtocolError);
    await expect(dialogue.flight(["NOOP"])).rejects.toBeInstanceOf(SmtpLatchedError);
  });

  test("flight() ends with a 421 and writes nothing more", async () => {
    const server = play(`
      C: MAIL FROM:<a@x.example>
      S: 421 4.3.2 closing`);
    const dialogue = new Dialogue(server, timeouts);
    expect(codes(await dialogue.flight(["MAIL FROM:<a@x.example>"]))).toEqual(["421"]);
    await expect(dialogue.flight(["NOOP"])).rejects.toBeInstanceOf(SmtpServerBusy);
    expect(server.writes).toHaveLength(1);
  });
});
