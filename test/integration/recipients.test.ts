/** A thousand recipients, and a real server that takes fifty at a time: by a session, a pool, and the real Nodemailer. */
import { Readable } from "node:stream";
import nodemailer, { type SendMailOptions } from "nodemailer";
import { afterEach, describe, expect, test } from "vitest";
import { NetSmtp, NetSmtpPool } from "../../mod.ts";
import { NetSmtpTransport, type NetSmtpTransportError } from "../../src/nodemailer/mod.ts";
import { crowd } from "../support/crowd.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";
import { FROM, failure, told } from "../support/told.ts";

const servers: RunningServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function start(maxRecipients: number): Promise<RunningServer> {
  const server = await startSmtpServer({ maxRecipients });
  servers.push(server);
  return server;
}

const THOUSAND = Array.from({ length: 1_000 }, (_, at) => `${at % 100 === 7 ? "refuse-550" : "r"}.${at}@y.example`);
const GOOD = THOUSAND.filter((address) => address.startsWith("r."));
const OPTIONS = { recipientPolicy: "collect", starttls: false } as const;

function reached(server: RunningServer): string[] {
  expect(Math.max(...server.messages.map(({ to }) => to.length))).toBeLessThanOrEqual(50);
  return server.messages.flatMap(({ to }) => to).sort();
}

describe("452 after 50 from a real server", () => {
  test("a session delivers to all once, and tells each fate", async () => {
    const server = await start(50);
    const delivery = await NetSmtp.start("127.0.0.1", server.port, OPTIONS, (smtp) =>
      smtp.sendMessage("Subject: hi\r\n\r\n.dot\r\n", FROM, THOUSAND),
    );
    expect(delivery.recipients.map(({ address }) => address)).toEqual(THOUSAND);
    expect(delivery.accepted.map(({ address }) => address)).toEqual(GOOD);
    expect(delivery.refused.every(({ response }) => response?.status === "550")).toBe(true);
    expect(reached(server)).toEqual([...GOOD].sort());
    expect(new Set(server.messages.map(({ raw }) => raw.toString())).size).toBe(1);
  });

  test("so does a pool, messages beside each other", async () => {
    const server = await start(50);
    const pool = new NetSmtpPool("127.0.0.1", server.port, { ...OPTIONS, maxConnections: 2 });
    const lists = [THOUSAND.slice(0, 300), THOUSAND.slice(300, 600), THOUSAND.slice(600)];
    const deliveries = await Promise.all(lists.map((to) => pool.sendMessage("x", FROM, to)));
    await pool.close();
    expect(deliveries.flatMap(({ accepted }) => accepted.map(({ address }) => address))).toEqual(GOOD);
    expect(reached(server)).toEqual([...GOOD].sort());
  });

  test("a pool that has opened a message ahead has it made anew for each part", async () => {
    const server = await start(1);
    const pool = new NetSmtpPool("127.0.0.1", server.port, { ...OPTIONS, maxConnections: 1 });
    const to = ["b@y.example", "c@y.example", "d@y.example"];
    const made: number[] = [];
    const sent = [1, 2, 3].map((number) => {
      const source = (): string[] => {
        made.push(number);
        return [`${number}`];
      };
      return pool.sendMessage(source, FROM, to, { openAhead: true });
    });
    expect((await Promise.all(sent)).map(({ accepted }) => accepted.length)).toEqual([3, 3, 3]);
    await pool.close();
    expect(made).toHaveLength(9);
    expect(server.messages).toHaveLength(9);
  });

  test("so does the plugin, and what Nodemailer has composed is the same in each part", async () => {
    const server = await start(50);
    const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "127.0.0.1", port: server.port }));
    const mail: SendMailOptions = {
      envelope: { from: FROM, to: THOUSAND },
      subject: "hi",
      text: "x",
      html: "<p>x</p>",
    };
    const info = await transporter.sendMail(mail);
    expect(info.accepted).toEqual(GOOD);
    expect(info.rejected).toHaveLength(10);
    expect(reached(server)).toEqual([...GOOD].sort());
    expect(new Set(server.messages.map(({ raw }) => raw.toString())).size).toBe(1);
  });

  const LONG = Buffer.alloc(200_000, "x\r\n");

  test.each([
    ["short, its attachment a stream", () => Readable.from(["attached"])],
    ["long, its attachment in memory", () => LONG],
    ["long, its attachment a stream", () => Readable.from([LONG])],
  ])("a composed message, %s, goes in parts", async (_name, content) => {
    const server = await start(1);
    const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "127.0.0.1", port: server.port }));
    const attachments = [{ filename: "a.bin", content: content() }];
    const to = ["b@y.example", "c@y.example", "d@y.example"];
    const info = await transporter.sendMail({ envelope: { from: FROM, to }, subject: "hi", text: "x", attachments });
    expect(info.accepted).toEqual(to);
    expect(server.messages.map((message) => message.to)).toEqual(to.map((address) => [address]));
    expect(new Set(server.messages.map(({ raw }) => raw.toString())).size).toBe(1);
  });

  test("one longer than replayLimit goes to those taken first, the rest is unsent, and the error says why", async () => {
    const server = await start(1);
    const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "127.0.0.1", port: server.port }));
    const attachments = [{ filename: "a.bin", content: Readable.from([LONG, LONG, LONG, LONG, LONG, LONG]) }];
    const envelope = { from: FROM, to: ["b@y.example", "c@y.example"] };
    const error = await transporter
      .sendMail({ envelope, subject: "hi", text: "x", attachments })
      .then(() => Promise.reject(new Error("Expected a rejection")))
      .catch((thrown: NetSmtpTransportError) => thrown);
    expect(error.recipients?.map(({ fate }) => fate)).toEqual(["accepted", "unsent"]);
    expect(error.message).toContain("longer than replayLimit, 1048576 octets");
    expect(server.messages.map(({ to }) => to)).toEqual([["b@y.example"]]);
  });
});

describe("a pool and the LIMITS of a session", () => {
  test("RCPTDOMAINMAX: a message that does not fit a session goes on another", async () => {
    const network = crowd({ offers: ["PIPELINING", "LIMITS RCPTDOMAINMAX=1"] });
    const pool = new NetSmtpPool("mx.example", 25, { ...OPTIONS, network, maxConnections: 1 });
    for (const domain of ["one", "two", "one"]) await pool.sendMessage("x", FROM, `b@${domain}.example`);
    await pool.close();
    expect(network.stored.map(({ to }) => to[0])).toEqual(["b@one.example", "b@two.example", "b@one.example"]);
    expect(network.opened).toBe(3);
  });

  test("MAILMAX counts the transactions of a message: the next message gets another session", async () => {
    const network = crowd({ offers: ["PIPELINING", "LIMITS RCPTMAX=1 MAILMAX=3"] });
    const pool = new NetSmtpPool("mx.example", 25, { ...OPTIONS, network, maxConnections: 1 });
    const to = ["b@y.example", "c@y.example", "d@y.example"];
    await pool.sendMessage("x", FROM, to);
    await pool.sendMessage("x", FROM, to);
    const error = await failure(pool.sendMessage("x", FROM, [...to, "e@y.example"]));
    expect(told(error)).toBe("b accepted 250, c accepted 250, d accepted 250, e unsent");
    expect(error.recipients[3]?.retry).toBe("now");
    await pool.close();
    expect(network.opened).toBe(3);
    expect(network.stored).toHaveLength(9);
  });
});
