/** The conversation in clear leaves nothing behind that would keep the process alive. */
import { afterEach, expect, test, vi } from "vitest";
import { NetSmtp } from "../mod.ts";
import { network, play } from "./support/play.ts";

afterEach(() => {
  vi.useRealTimers();
});

test("finish() after STARTTLS leaves no timer", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const server = play(
    "S: 220 ready\nC: EHLO localhost\nS: 250-mx\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO localhost\nS: 250 mx\nC: QUIT\nS: 221 bye",
  );
  const smtp = await new NetSmtp("mx.example", 25, { network: network(server), greetingTimeout: 30_000 }).start();
  await smtp.finish();
  expect(vi.getTimerCount()).toBe(0);
  server.finish();
});
