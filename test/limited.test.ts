/** The deadline of a start: what it leaves behind. */

import { expect, test } from "vitest";
import { OpenDeadline } from "../src/limited.ts";
import { CountedSignal } from "./campaign/watch.ts";

test("OpenDeadline listens to nothing more once its time is over, although the step never settles", async () => {
  const counted = new CountedSignal();
  const deadline = new OpenDeadline({ openTimeout: 1, signal: counted.signal });
  const step = deadline.run((signal) => {
    expect(signal.aborted).toBe(false);
    return new Promise(() => {});
  }, "tls");
  expect(counted.listeners).toBe(1);
  await expect(step).rejects.toMatchObject({ code: "SMTP_OPEN_TIMEOUT", phase: "tls" });
  expect(counted.listeners).toBe(0);
});
