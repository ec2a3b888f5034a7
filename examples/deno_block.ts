/**
 * A session as a block: started, used, finished, whatever happens. For Deno, and for Node and Bun.
 *
 *     deno run --allow-net=HOST:PORT examples/deno_block.ts HOST PORT
 *
 * @module
 */

import process, { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { isSmtpError, NetSmtp } from "../mod.ts";

/** Sends two messages over one connection. Gives a line about every recipient of each. */
export async function block(host: string, port: number): Promise<string[]> {
  return await NetSmtp.start(host, port, { helo: "client.example.com", recipientPolicy: "collect" }, async (smtp) => {
    const to = ["a@example.com", "b@example.com"];
    const text = "Subject: From a block\n\nThe session ends with the block.\n";
    // Nobody waits for the first before the second: they travel together if the server lets them.
    const deliveries = await Promise.all([
      smtp.sendMessage(text, "from@example.com", to),
      smtp.openMessageStream("from@example.com", to, async (writer) => {
        await writer.puts("Subject: Written piece by piece", "");
        await writer.printf("Sent by %s.\n", "a writer");
      }),
    ]);
    return deliveries.flatMap(({ recipients }) =>
      recipients.map((one) => `${one.address} ${one.fate}: ${one.response}`),
    );
  });
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  try {
    console.log((await block(argv[2] ?? "localhost", Number(argv[3] ?? 25))).join("\n"));
  } catch (error) {
    if (!isSmtpError(error)) throw error;
    console.error(`${error.message} (fate: ${error.fate}, retry: ${error.retry})`);
    process.exitCode = 1;
  }
}
