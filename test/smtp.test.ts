/** Whole messages: options, signal, deadline, aliases. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { isSmtpError, NetSmtp } from "../mod.ts";
import { network, play } from "./support/play.ts";
import { hello, session } from "./support/session.ts";
import { FROM, failure, told, turns } from "./support/told.ts";

const TO = "b@y.example";
const ENVELOPE = "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nS: 250 ok\nS: 250 ok";
const MESSAGE = `${ENVELOPE}\nC: DATA\nS: 354 go\nC: x\nC: .\nS: 250 queued`;
const IN_TURN = MESSAGE.replace("C: RCPT", "S: 250 ok\nC: RCPT").replace(
  "S: 250 ok\nS: 250 ok\nC: DATA",
  "S: 250 ok\nC: DATA",
);
const RESET = `C: RSET\n${MESSAGE.replace("S: 250 ok", "S: 250 ok\nS: 250 ok")}`;

afterEach(() => {
  vi.useRealTimers();
});

async function wrote(server: { writes: string[] }, text: string): Promise<void> {
  while (!server.writes.join("").includes(text)) await turns(1);
}

describe("sendMessage()", () => {
  test("sendMessage() gives a delivery: recipients in the order given, duplicates kept, response, size", async () => {
    const { smtp, server } = await session(`C: MAIL FROM:<>
      C: RCPT TO:<b@y.example>
      C: RCPT TO:<c@y.example>
      C: RCPT TO:<b@y.example>
      S: 250 ok
      S: 250 ok
      S: 251 ok
      S: 250 ok
      C: DATA
      S: 354 go
      C: ..x
      C: .
      S: 250 queued`);
    const delivery = await smtp.sendMessage(".x", "", [TO, ["c@y.example", [TO]]]);
    expect(told(delivery)).toBe("b accepted 250, c accepted 250, b accepted 250");
    expect(delivery).toMatchObject({ size: 8, tls: false, refused: [], response: { status: "250" } });
    server.finish();
  });

  test("sendMail(), ready() and openMessageStream() are the same door", async () => {
    const { smtp, server } = await session([MESSAGE, MESSAGE, MESSAGE].join("\n"));
    await smtp.sendMail("x", FROM, TO);
    await smtp.ready(FROM, TO, (writer) => writer.puts("x"));
    await smtp.openMessageStream(FROM, TO, (writer) => writer.write("x"));
    server.finish();
  });

  test("sendMessage() overrides the session's policy for one message", async () => {
    const { smtp, server } = await session(
      "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nC: RCPT TO:<c@y.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 550 no\nS: 354 go\nC: x\nC: .\nS: 250 ok",
    );
    const delivery = await smtp.sendMessage("x", FROM, [TO, "c@y.example"], { recipientPolicy: "collect" });
    expect(told(delivery)).toBe("b accepted 250, c refused 550");
    server.finish();
  });

  test("a message lost after its end is unknown, the one behind it unsent, and each error is its own", async () => {
    const { smtp } = await session(
      `${MESSAGE.replace("S: 250 queued", "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nS: <close>")}`,
    );
    const [first, second, third] = await Promise.all([1, 2, 3].map(() => failure(smtp.sendMessage("x", FROM, TO))));
    expect([first, second, third].map((error) => told(error as never))).toEqual(["b unknown", "b unsent", "b unsent"]);
    expect(third).toMatchObject({ name: "SmtpLatchedError", retry: "now" });
    expect(first).not.toBe(second);
    expect([first, second, third].every(isSmtpError)).toBe(true);
  });

  test.each([
    ["a second reply", "S: 250 again"],
    ["a line that is no reply", "S: hello there"],
    ["a reply of two codes", "S: 250-a\nS: 550 b"],
  ])("sendMessage() tells unknown when %s stands in the chunk of its final reply [law 3]", async (_what, extra) => {
    const { smtp, server } = await session(`${MESSAGE}\n${extra}\nC: <close>`);
    const error = await failure(smtp.sendMessage("x", FROM, TO));
    expect(error).toMatchObject({ name: "SmtpProtocolError", fate: "unknown", retry: "ask" });
    expect([smtp.errorOccurred, server.closed]).toEqual([true, "destroy"]);
    server.finish();
  });

  test("sendMessage() stands by what it told when the extra reply comes later: the session breaks", async () => {
    const { smtp } = await session(`${MESSAGE}\n\nS: 250 again`);
    expect(told(await smtp.sendMessage("x", FROM, TO))).toBe("b accepted 250");
    await turns();
    expect(smtp.errorOccurred).toBe(true);
    expect(await failure(smtp.sendMessage("x", FROM, TO))).toMatchObject({ name: "SmtpLatchedError", fate: "unsent" });
  });

  test("sendMessage() is accepted when a 421 stands behind its final reply", async () => {
    const { smtp } = await session(`${MESSAGE}\nS: 421 bye`);
    expect(told(await smtp.sendMessage("x", FROM, TO))).toBe("b accepted 250");
    expect(await failure(smtp.sendMessage("x", FROM, TO))).toMatchObject({ name: "SmtpServerBusy", retry: "now" });
  });

  test.each([
    ["MAIL", "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nS: 421 bye\nS: <close>", "b refused 421"],
    ["RCPT", "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nS: 250 ok\nS: 421 bye", "b refused 421"],
    ["DATA", `${ENVELOPE}\nC: DATA\nS: 421 bye`, "b refused 421"],
    ["the end", MESSAGE.replace("250 queued", "421 bye"), "b refused 421"],
    ["nothing", "\nS: 421 bye", "b unsent"],
  ])("sendMessage() with a 421 to %s may be sent again now", async (_to, script, fates) => {
    const { smtp } = await session(script);
    await turns();
    const error = await failure(smtp.sendMessage("x", FROM, TO));
    expect(told(error)).toBe(fates);
    expect(error).toMatchObject({ retry: "now", temporary: true });
  });
});

describe("signal", () => {
  test("a signal aborted already writes nothing", async () => {
    const { smtp, server } = await session(MESSAGE);
    const before = server.writes.length;
    const error = await failure(smtp.sendMessage("x", FROM, TO, { signal: AbortSignal.abort("no") }));
    expect(error).toMatchObject({ name: "AbortError", cause: "no", fate: "unsent" });
    await turns();
    expect(server.writes).toHaveLength(before);
    await smtp.sendMessage("x", FROM, TO);
    server.finish();
  });

  test("an abort in the queue: unsent, and the queue goes on", async () => {
    const { smtp, server } = await session(`${IN_TURN}\n${IN_TURN}`, { extensions: [] });
    const controller = new AbortController();
    const first = smtp.sendMessage("x", FROM, TO);
    const second = failure(smtp.sendMessage("x", FROM, TO, { signal: controller.signal }));
    const third = smtp.sendMessage("x", FROM, TO);
    controller.abort();
    expect(await second).toMatchObject({ name: "AbortError", fate: "unsent" });
    await Promise.all([first, third]);
    server.finish();
  });

  test("an abort in the envelope: unsent, the next message pays RSET", async () => {
    const { smtp, server } = await session(`${ENVELOPE}\n${RESET}`);
    const controller = new AbortController();
    const sent = failure(smtp.sendMessage("x", FROM, TO, { signal: controller.signal }));
    controller.abort();
    expect(told(await sent)).toBe("b unsent");
    await smtp.sendMessage("x", FROM, TO);
    expect(smtp.errorOccurred).toBe(false);
    server.finish();
  });

  test("an abort in the content: no dot, closed, unsent", async () => {
    const { smtp, server } = await session(`${ENVELOPE}\nC: DATA\nS: 354 go\nC: one\nC: <close>`);
    const controller = new AbortController();
    const source = async function* () {
      yield "one\n";
      await new Promise(() => undefined);
    };
    const sent = failure(smtp.sendMessage(source(), FROM, TO, { signal: controller.signal }));
    await wrote(server, "one");
    controller.abort();
    expect(await sent).toMatchObject({ name: "AbortError", fate: "unsent" });
    await turns();
    expect([server.closed, smtp.errorOccurred]).toEqual(["destroy", true]);
    server.finish();
  });

  test("an abort while the final reply is awaited: unknown, and the session goes on", async () => {
    const { smtp, server } = await session(`${IN_TURN}\n${IN_TURN}`, { extensions: [] });
    const controller = new AbortController();
    const sent = failure(
      smtp.sendMessage("x", FROM, TO, {
        signal: controller.signal,
        beforeEnd: () => Reflect.set(server, "stalled", true),
      }),
    );
    await wrote(server, "\r\n.\r\n");
    controller.abort();
    expect(await sent).toMatchObject({ name: "AbortError", fate: "unknown", retry: "ask" });
    server.stalled = false;
    expect(told(await smtp.sendMessage("x", FROM, TO))).toBe("b accepted 250");
    server.finish();
  });

  test("one listener a message, gone when it settles", async () => {
    const { smtp } = await session(`${MESSAGE}\n${MESSAGE}`);
    const { signal } = new AbortController();
    const [add, remove] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
    await smtp.sendMessage("x", FROM, TO, { signal });
    await smtp.sendMessage("x", FROM, TO, { signal });
    await turns(1);
    expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([2, 2]);
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener));
  });
});

describe("deadline", () => {
  async function timed(): Promise<{ smtp: NetSmtp; server: ReturnType<typeof play> }> {
    const server = play(`${hello("PIPELINING")}\n${MESSAGE.replace("S: 250 queued", "")}`);
    const smtp = new NetSmtp("mx.example", 25, { network: network(server) });
    await smtp.start();
    return { smtp, server };
  }

  test("a deadline that passes is an AbortError whose cause is a TimeoutError, with the fates", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { smtp, server } = await timed();
    const sent = failure(smtp.sendMessage("x", FROM, TO, { deadline: 500 }));
    await wrote(server, "\r\n.\r\n");
    await vi.advanceTimersByTimeAsync(500);
    expect(await sent).toMatchObject({ name: "AbortError", fate: "unknown", cause: { name: "TimeoutError" } });
  });

  test("a deadline on a session that is over leaves no timer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { smtp } = await session("S: <close>");
    await turns();
    expect(await failure(smtp.sendMessage("x", FROM, TO, { deadline: 5_000 }))).toMatchObject({ fate: "unsent" });
    await turns();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("NetSmtp.start()", () => {
  const forms: [string, (options: object) => Promise<unknown>][] = [
    ["address, port, options, block", (options) => NetSmtp.start("mx.example", 25, options, (smtp) => smtp.port)],
    ["address, options, block", (options) => NetSmtp.start("mx.example", options, (smtp) => smtp.port)],
    ["address, undefined, options, block", (o) => NetSmtp.start("mx.example", undefined, o, (smtp) => smtp.port)],
  ];
  test.each(forms)("NetSmtp.start() takes %s", async (_form, start) => {
    const server = play(`${hello()}\nC: QUIT\nS: 221 bye`);
    expect(await start({ network: network(server) })).toBe(25);
    server.finish();
  });

  test("NetSmtp.start() without a block gives the started session", async () => {
    const smtp = await NetSmtp.start("mx.example", { network: network(play(hello())) });
    expect(String(smtp)).toBe("#<NetSmtp mx.example:25 started=true>");
  });

  test("NetSmtp.start() refuses a block that is none", async () => {
    await expect(NetSmtp.start("mx.example", 25, {}, "block" as never)).rejects.toThrow('Parameter "block"');
  });
});
