/** examples/retry.ts, which docs/delivery.md shows: who is sent to again, and who never is. */

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { deliver } from "../../examples/retry.ts";
import { type Delivery, NetSmtp } from "../../mod.ts";
import { network, type PlayedServer, play } from "../support/play.ts";
import { hello } from "../support/session.ts";

const FROM = "a@x.example";
const TO = ["b@y.example", "c@y.example"];

/** A connection that says what follows its envelope of these recipients. */
function connection(to: readonly string[], rest: string): PlayedServer {
  const rcpts = to.map((address) => `C: RCPT TO:<${address}>`).join("\n");
  return play(`${hello("PIPELINING")}\nC: MAIL FROM:<${FROM}>\n${rcpts}\nC: DATA\n${rest}`);
}

const END = "C: x\nC: .\n";
const BYE = "\nC: QUIT\nS: 221 bye";

function sender(...servers: PlayedServer[]): (to: string[]) => Promise<Delivery> {
  const smtp = new NetSmtp("mx.example", 25, { network: network(...servers), recipientPolicy: "collect" });
  return (to) => smtp.start({}, () => smtp.sendMessage("x", FROM, to));
}

async function told(...servers: PlayedServer[]): Promise<{ results: string[]; pauses: number[] }> {
  const pauses: number[] = [];
  const results = await deliver(sender(...servers), TO, 3, async (attempt) => pauses.push(attempt));
  for (const server of servers) server.finish();
  return { results: results.map(({ address, fate, retry = "" }) => `${address[0]} ${fate} ${retry}`.trim()), pauses };
}

describe("deliver()", () => {
  test("deliver() sends again only to whom the server said later", async () => {
    const first = connection(TO, `S: 250 ok\nS: 250 ok\nS: 450 busy\nS: 354 go\n${END}S: 250 taken${BYE}`);
    const second = connection(["c@y.example"], `S: 250 ok\nS: 250 ok\nS: 354 go\n${END}S: 250 taken${BYE}`);
    expect(await told(first, second)).toEqual({ results: ["b accepted", "c accepted"], pauses: [1] });
  });

  test("deliver() never sends again what may have arrived", async () => {
    const lost = connection(TO, `S: 250 ok\nS: 250 ok\nS: 550 no\nS: 354 go\n${END}S: <close>`);
    expect(await told(lost)).toEqual({ results: ["b unknown ask", "c refused never"], pauses: [] });
  });

  test("deliver() gives up after so many attempts, and says what is owed", async () => {
    const busy = (): PlayedServer => play("S: 421 too many\nC: <close>");
    expect(await told(busy(), busy(), busy())).toEqual({
      results: ["b unsent later", "c unsent later"],
      pauses: [1, 2],
    });
  });

  test("deliver() lets bad input and foreign errors be what they are", async () => {
    expect(await deliver(sender(play(`${hello()}${BYE}`)), ["b@y.example> SIZE=1"])).toMatchObject([
      { fate: "unsent", retry: "never" },
    ]);
    await expect(deliver(() => Promise.reject(new RangeError("mine")), TO)).rejects.toThrow("mine");
  });
});

test("docs/delivery.md shows the loop as it is", () => {
  const root = new URL("../../", import.meta.url);
  const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
  const [, shown] = />>>\n([\s\S]*)\/\/ <<</.exec(read("examples/retry.ts")) ?? [];
  expect(read("docs/delivery.md")).toContain(`\`\`\`ts\n${shown}\`\`\``);
});
