/**
 * Command by command: the words of SMTP, one method each, as in Ruby's Net::SMTP.
 *
 *     node build/examples/commands.js HOST PORT        (compiled by `npm start`; Node 22.18 and later run the .ts file)
 *
 * @module
 */

import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { NetSmtp } from "../mod.ts";

/** Sends one message in a transaction of its own, then asks the server a question. Gives what it said. */
export async function commands(host: string, port: number): Promise<string[]> {
  const said: string[] = [];
  const message = "Subject: Command by command\r\n\r\nMAIL, RCPT, DATA.\r\n";

  const smtp = new NetSmtp(host, port);
  await smtp.start({ helo: "client.example.com" });
  try {
    await smtp.mailFrom("from@example.com");
    const stored = await smtp.rcptToList(["a@example.com", "b@example.com"], ({ refused }) => {
      for (const { address, response } of refused) said.push(`${address} refused: ${response}`);
      return smtp.data(message);
    });
    said.push(`DATA ${stored}`);
    said.push(`NOOP ${await smtp.getOk("NOOP")}`);
  } finally {
    await smtp.finish();
  }
  return said;
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  console.log((await commands(argv[2] ?? "localhost", Number(argv[3] ?? 25))).join("\n"));
}
