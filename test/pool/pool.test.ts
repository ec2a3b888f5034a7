/** The pool against played servers: what is opened, who gets it, how it ends. */
import { describe, expect, test } from "vitest";
import { NetSmtpPool } from "../../mod.ts";
import { network, play } from "../support/play.ts";
import { hello } from "../support/session.ts";

const FROM = "a@x.example";
const TO = "b@y.example";

function script(...parts: string[]): string {
  return parts
    .join("\n")
    .split("\n")
    .map((line) => line.trimStart())
    .join("\n");
}

const HELLO = hello("PIPELINING");
const ENVELOPE = `
  C: MAIL FROM:<a@x.example>
  C: RCPT TO:<b@y.example>
  S: 250 ok
  S: 250 ok
  C: DATA
  S: 354 go`;
const QUIT = `
  C: QUIT
  S: 221 bye
  C: <close>`;

function message(text: string): string {
  return `${ENVELOPE}
  C: ${text}
  C: .
  S: 250 ${text} stored`;
}

describe("sendMessage()", () => {
  test("opens a session for the first, and uses it again", async () => {
    const server = play(script(HELLO, message("one"), message("two"), QUIT));
    const dialled = network(server);
    const pool = new NetSmtpPool("mx.example", 25, { network: dialled });
    expect(`${pool}`).toBe(
      "#<NetSmtpPool mx.example:25 0 waiting, 0 under way; connections: 0 busy, 0 idle, 0 opening>",
    );
    const one = pool.sendMessage("one", FROM, TO);
    expect(`${pool}`).toContain("1 waiting, 0 under way; connections: 0 busy, 0 idle, 1 opening");
    expect(`${(await one).response}`).toBe("250 one stored");
    expect(`${(await pool.sendMessage("two", FROM, TO)).response}`).toBe("250 two stored");
    expect(`${pool}`).toContain("connections: 0 busy, 1 idle, 0 opening");
    expect(await pool.close()).toEqual({ unsent: [] });
    expect(dialled.targets).toHaveLength(1);
    server.finish();
  });
});
