/**
 * A retry loop that cannot send twice: only recipients whose message certainly did not go are sent to again.
 *
 *     node build/examples/retry.js HOST PORT        (compiled by `npm start`; Node 22.18 and later run the .ts file)
 *
 * @module
 */

import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import { type Delivery, isSmtpError, NetSmtp, type RecipientResult } from "../mod.ts";

// docs/delivery.md shows what is between these lines. >>>
/** Sends until each recipient has an answer that counts, `attempts` times at most. Gives what became of each. */
export async function deliver(
  send: (to: string[]) => Promise<Delivery>,
  to: string[],
  attempts = 5,
  pause: (attempt: number) => Promise<unknown> = backoff,
): Promise<RecipientResult[]> {
  const settled: RecipientResult[] = [];
  let owed = to;
  for (let attempt = 1; ; attempt++) {
    const results = await once(send, owed);
    // "ask" is not among them: that message may have arrived, and a person or a ledger has to say.
    const again = results.filter(({ retry }) => retry === "now" || retry === "later");
    settled.push(...results.filter((result) => !again.includes(result)));
    if (again.length === 0 || attempt === attempts) return [...settled, ...again];
    await pause(attempt);
    owed = again.map(({ address }) => address);
  }
}

/** One attempt, as results, whether it was a delivery or an error. */
async function once(send: (to: string[]) => Promise<Delivery>, to: string[]): Promise<readonly RecipientResult[]> {
  try {
    return (await send(to)).recipients;
  } catch (error) {
    if (!isSmtpError(error)) throw error;
    // Without recipients no message had begun: the connection could not be made, or the input was bad.
    if (error.recipients.length > 0) return error.recipients;
    return to.map((address) => ({ address, fate: error.fate, retry: error.retry }));
  }
}

/** 1 s, 2 s, 4 s, … at most five minutes, and up to half of it less, so that many who wait do not come back together. */
function backoff(attempt: number): Promise<unknown> {
  const longest = Math.min(300_000, 1000 * 2 ** (attempt - 1));
  return new Promise((resolve) => setTimeout(resolve, longest * (1 - Math.random() / 2)));
}
// <<<

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const [host, port] = [argv[2] ?? "localhost", Number(argv[3] ?? 25)];
  const send = (to: string[]): Promise<Delivery> =>
    NetSmtp.start(host, port, { recipientPolicy: "collect" }, (smtp) =>
      smtp.sendMessage("Subject: Once\n\nNot twice.\n", "from@example.com", to),
    );
  const results = await deliver(send, ["a@example.com", "b@example.com"]);
  for (const { address, fate, response } of results) console.log(`${address} ${fate} ${response ?? ""}`);
}
