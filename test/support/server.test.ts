import { connect } from "node:net";
import nodemailer from "nodemailer";
import { afterEach, describe, expect, test } from "vitest";
import { certificates } from "./certificates.ts";
import { playServer } from "./play.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "./server.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options?: ServerOptions): Promise<RunningServer> {
  const server = await startSmtpServer(options);
  closing.push(() => server.close());
  return server;
}

describe("startSmtpServer()", () => {
  test("keeps what it was sent, and refuses by address", async () => {
    const server = await start();
    const transport = nodemailer.createTransport({ host: "127.0.0.1", port: server.port, name: "me.example" });
    const to = ["b@y.example", "refuse-550@y.example", "busy-451.x@y.example", "c@y.example"];
    const info = await transport.sendMail({
      envelope: { from: "a@x.example", to },
      raw: "Subject: hi\r\n\r\n.dot\r\n",
    });
    expect(info.rejected).toEqual([to[1], to[2]]);
    expect(info.rejectedErrors?.map((error) => (error as { responseCode?: number }).responseCode)).toEqual([550, 451]);
    expect(server.messages).toMatchObject([
      {
        from: "a@x.example",
        to: [to[0], to[3]],
        params: {},
        rcptParams: [{}, {}],
        user: undefined,
        secure: false,
        connection: 0,
      },
    ]);
    expect(server.messages[0]?.raw.toString()).toBe("Subject: hi\r\n\r\n.dot\r\n");
    expect(server.connections).toMatchObject([{ helo: "me.example", messages: 1 }]);
  });

  test("refuses a message at its end", async () => {
    const server = await start();
    const transport = nodemailer.createTransport({ host: "127.0.0.1", port: server.port });
    const message = { envelope: { from: "a@x.example", to: "b@y.example" }, raw: "X-Refuse: 554\r\n\r\n" };
    await expect(transport.sendMail(message)).rejects.toMatchObject({ responseCode: 554, command: "DATA" });
    expect(server.messages).toEqual([]);
  });

  test("speaks STARTTLS and knows its users", async () => {
    const made = await certificates();
    const server = await start({ ...made.server, users: { user: "secret" } });
    const login = (pass: string) =>
      nodemailer.createTransport({
        host: "localhost",
        port: server.port,
        requireTLS: true,
        tls: { ca: made.ca },
        auth: { user: "user", pass },
      });
    const message = { envelope: { from: "a@x.example", to: "b@y.example" }, raw: "hi\r\n" };
    await login("secret").sendMail(message);
    expect(server.messages).toMatchObject([{ user: "user", secure: true }]);
    await expect(login("wrong").sendMail(message)).rejects.toMatchObject({ responseCode: 535 });
  });
});

describe("playServer()", () => {
  test("plays a script to each connection, and tells what went wrong", async () => {
    const server = await playServer(["S: 220 first\nC: <anything>\nC: QUIT\nS: <close>", "S: 220 second\nC: QUIT"]);
    closing.push(() => server.close());
    const talk = async (line: string): Promise<string> => {
      const socket = connect(server.port, "127.0.0.1", () => socket.write(line));
      let text = "";
      for await (const chunk of socket) text += chunk;
      return text;
    };
    expect(await talk("EHLO me\r\nQUIT\r\n")).toBe("220 first\r\n");
    await talk("NOOP\r\n").catch(() => undefined);
    expect(server.connections).toBe(2);
    await expect(server.finish()).rejects.toThrow('Expected C: QUIT\nbut got  C: "NOOP"');
  });

  test("fails if it cannot listen", async () => {
    await expect(playServer("", { path: "/nowhere/at/all.sock" })).rejects.toThrow();
  });
});
