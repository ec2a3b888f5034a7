import { describe, expect, test } from "vitest";
import { SmtpTlsError } from "../../src/errors.ts";
import type { SmtpStream, StreamSink } from "../../src/net/stream.ts";
import { network, play } from "./play.ts";

const TLS = { hostname: "mail.example", verify: true, options: {} };

/** Records what a stream says, and answers each chunk with what `lines` gives next. */
function client(stream: SmtpStream, ...lines: string[]): { heard: string[]; closed: Promise<Error | undefined> } {
  const heard: string[] = [];
  let resolve: (error?: Error) => void = () => {};
  const closed = new Promise<Error | undefined>((settle) => {
    resolve = settle;
  });
  const sink: StreamSink = {
    data(bytes) {
      heard.push(new TextDecoder().decode(bytes));
      const line = lines.shift();
      if (line !== undefined) stream.write(new TextEncoder().encode(line));
    },
    drain: () => heard.push("(drain)"),
    close(error) {
      heard.push(error ? `(error ${error.message})` : "(close)");
      resolve(error);
    },
  };
  stream.open(sink);
  return { heard, closed };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("play()", () => {
  test("gives out one chunk for each block, after the lines above it", async () => {
    const server = play(`
      S: 220 ready
      C: EHLO me
      S: 250-hi
      S| 250 PIPE
      S: LINING
      C: QUIT
      S: 221 first

      S: 221 second
      S: <close>
    `);
    const { heard, closed } = client(server, "EHLO me\r\n", "QUIT\r\n");
    expect(await closed).toBeUndefined();
    server.finish();
    expect(heard).toEqual([
      "220 ready\r\n",
      "250-hi\r\n250 PIPELINING\r\n",
      "221 first\r\n",
      "221 second\r\n",
      "(close)",
    ]);
    expect(server.writes).toEqual(["EHLO me\r\n", "QUIT\r\n"]);
  });

  test("gives out octet by octet", async () => {
    const server = play("S: 220 é\nC: QUIT\nS: <close>", { bytewise: true });
    const { heard, closed } = client(server, "", "", "", "", "", "", "", "QUIT\r\n");
    await closed;
    server.finish();
    expect(heard).toHaveLength(9);
  });

  const wrong: [name: string, script: string, lines: string[], message: RegExp][] = [
    ["a wrong line", "S: 220 x\nC: EHLO me\nS: 250 x", ["HELO me\r\n"], /Expected C: EHLO me\nbut got {2}C: "HELO me"/],
    ["a wrong part of a line", "S: 220 x\nC: EHLO me\nS: 250 x", ["X"], /got {2}C: "X"/],
    [
      "a line before the reply above it",
      "S: 220 x\nC: A\nS: 250 x\nC: B",
      ["A\r\nB\r\n"],
      /Expected S: "250 x\\r\\n"\nbut got {2}C: "B"/,
    ],
    ["a line that ends in LF alone", "S: 220 x\nC: A\nC: B", ["A\nB\r\n"], /got {2}C: "A\\nB"/],
    ["a line after the end of the script", "S: 220 x\nC: A", ["A\r\nB\r\n"], /the script is over.*\n.*"B"/],
  ];
  test.each(wrong)("fails by %s", async (_name, script, lines, message) => {
    const server = play(script);
    const { closed } = client(server, ...lines);
    expect((await closed)?.message).toMatch(message);
    expect(() => server.finish()).toThrow(message);
  });

  test("compares octets: the script is UTF-8", async () => {
    const server = play("S: 220 x\nC: \u00e9\u{1f600}\nS: <close>");
    await client(server, "\u00e9\u{1f600}\r\n").closed;
    server.finish();
    const other = play("S: 220 x\nC: \u00e9");
    const { closed } = client(other);
    await turn();
    other.write(Uint8Array.of(0xe9, 13, 10));
    expect((await closed)?.message).toContain("Expected C: \u00e9");
  });

  test("fails by what is left, and by a line that is incomplete", async () => {
    const server = play("S: 220 x\nC: EHLO me\nS: 250 ok");
    expect(() => server.finish()).toThrow('Left of the script:\nS: "220 x\\r\\n"\nC: EHLO me\nS: "250 ok\\r\\n"');
    const other = play("S: 220 x\nC: EHLO me");
    client(other, "EHLO");
    await turn();
    await turn();
    expect(() => other.finish()).toThrow('but got  C: "EHLO"');
  });

  test("swallows anything until the next line, or until the server's step", async () => {
    const server = play("S: 220 x\nC: <anything>\nC: .\nS: 250 ok\nC: <anything>\nS: <reset>");
    const { closed } = client(server, "a\r\nb\r\n.\r\n", "some");
    expect(await closed).toMatchObject({ code: "ECONNRESET" });
    server.finish();
  });

  test("is closed by the client", async () => {
    const server = play("S: 220 x\nC: <close>");
    const { closed } = client(server);
    await turn();
    server.end();
    expect(await closed).toBeUndefined();
    expect(server.closed).toBe("end");
    server.finish();
    const other = play("S: 220 x\nC: QUIT");
    client(other);
    await turn();
    other.destroy();
    expect(() => other.finish()).toThrow('Expected C: QUIT\nbut got  C: "(the end of the connection)"');
  });

  test("holds what is written back while stalled, and drains", async () => {
    const server = play("S: 220 x\nC: A\nC: B\nS: 250 ok", { highWaterMark: 2 });
    const { heard } = client(server);
    await turn();
    server.stalled = true;
    expect(server.write(new TextEncoder().encode("A\r\n"))).toBe(false);
    await turn();
    expect(heard).toEqual(["220 x\r\n"]);
    server.stalled = false;
    await turn();
    expect(heard).toEqual(["220 x\r\n", "(drain)"]);
    expect(server.write(new TextEncoder().encode("B"))).toBe(true);
    server.write(new TextEncoder().encode("\r\n"));
    await turn();
    expect(heard.at(-1)).toBe("250 ok\r\n");
    server.finish();
  });

  test("secures the stream where the script says so", async () => {
    const server = play("S: 220 x\nC: STARTTLS\nS: 220 go\nTLS\nC: EHLO me\nS: 250 ok\nS: <close>");
    const first = client(server, "STARTTLS\r\n");
    while (first.heard.length < 2) await turn();
    const secured = await server.startTls(TLS);
    expect([server.tls, secured.tls]).toEqual([false, true]);
    const second = client(secured);
    secured.write(new TextEncoder().encode("EHLO me\r\n"));
    await second.closed;
    server.finish();
    expect(first.heard).toEqual(["220 x\r\n", "220 go\r\n"]);
    expect(second.heard).toEqual(["250 ok\r\n", "(close)"]);
    expect(server.handshakes).toEqual([TLS]);
  });

  test("speaks first after an implicit handshake, and fails a handshake", async () => {
    const server = play("TLS\nS: 220 x\nS: <close>");
    const { heard, closed } = client(await server.startTls(TLS));
    await closed;
    expect(heard).toEqual(["220 x\r\n", "(close)"]);
    server.finish();
    await expect(play("TLS <failure>").startTls(TLS)).rejects.toThrow(SmtpTlsError);
    await expect(play("S: 220 x").startTls(TLS)).rejects.toThrow("(a TLS handshake)");
  });

  test("refuses a script that is none", () => {
    expect(() => play("X: no")).toThrow('not "X: no"');
  });
});

describe("network()", () => {
  test("gives the streams in order, and the errors", async () => {
    const streams = [play(""), play("")] as const;
    const played = network(streams[0], new Error("refused"), streams[1]);
    const target = { address: "192.0.2.1", port: 25, localAddress: undefined };
    const { signal } = new AbortController();
    expect(await played.resolve("mail.example")).toEqual(["192.0.2.1"]);
    expect(await played.connect(target, signal)).toBe(streams[0]);
    await expect(played.connect(target, signal)).rejects.toThrow("refused");
    expect(await played.connect(target, signal)).toBe(streams[1]);
    await expect(played.connect(target, signal)).rejects.toThrow("no stream left");
    expect(played.targets).toHaveLength(4);
    expect(played.wrap(streams[0], false)).toBe(streams[0]);
  });
});
