/** LMTP against a real smtp-server: over TCP, TLS, STARTTLS and a unix socket, by the engine and by the plugin. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import nodemailer from "nodemailer";
import { afterEach, describe, expect, test } from "vitest";
import { NetSmtp, type SmtpOptions } from "../../mod.ts";
import { NetSmtpTransport, type NetSmtpTransportError } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";
import { failure, told } from "../support/told.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function serve(options: ServerOptions = {}): Promise<RunningServer> {
  const server = await startSmtpServer({ lmtp: true, ...options });
  closing.push(() => server.close());
  return server;
}

const FROM = "a@x.example";
const MESSAGE = "Subject: hi\r\n\r\n.hello\r\n";
const TO = ["b@y.example", "late-552@y.example", "refuse-550@y.example", "late-450@y.example", "c@y.example"];
const FATES = "b accepted 250, late-552 refused 552, refuse-550 refused 550, late-450 refused 450, c accepted 250";

async function deliver(port: number, options: SmtpOptions): Promise<void> {
  const settings: SmtpOptions = { lmtp: true, recipientPolicy: "collect", ...options };
  await NetSmtp.start("localhost", port, settings, async (smtp) => {
    const [first, second] = await Promise.all([
      smtp.sendMessage(MESSAGE, FROM, TO),
      smtp.sendMessage(MESSAGE, FROM, "d@y.example"),
    ]);
    expect([told(first), told(second)]).toEqual([FATES, "d accepted 250"]);
    expect(first.response.message).toContain("Stored as 1");
    const error = await failure(smtp.sendMessage(MESSAGE, FROM, ["late-552@y.example", "late-450@y.example"]));
    expect(told(error)).toBe("late-552 refused 552, late-450 refused 450");
    expect(error).toMatchObject({ name: "SmtpServerBusy", phase: "final", fate: "refused", retry: "later" });
    expect(told(await smtp.sendMessage(MESSAGE, FROM, "e@y.example"))).toBe("e accepted 250");
  });
}

function stored(server: RunningServer): string[] {
  return server.messages.map(({ to, raw }) => `${to.join()} ${raw.toString() === MESSAGE}`);
}

const STORED = ["b@y.example,c@y.example true", "d@y.example true", "e@y.example true"];

describe("the engine, over", () => {
  test("TCP", async () => {
    const server = await serve();
    await deliver(server.port, {});
    expect(stored(server)).toEqual(STORED);
  });

  test.each([
    ["TLS", true],
    ["STARTTLS", false],
  ])("%s", async (_name, tls) => {
    const { ca, server: identity } = await certificates();
    const server = await serve({ ...identity, secure: tls, users: { me: "secret" } });
    const options: SmtpOptions = { tls, starttls: tls ? false : "always", tlsOptions: { ca } };
    await deliver(server.port, { ...options, user: "me", secret: "secret" });
    expect(stored(server)).toEqual(STORED);
    expect(server.messages).toMatchObject(STORED.map(() => ({ secure: true, user: "me" })));
  });

  test("a unix socket, whatever the port", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lmtp-"));
    closing.push(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, "lmtp");
    const server = await serve({ path: socketPath });
    await deliver(25, { socketPath });
    expect(stored(server)).toEqual(STORED);
  });
});

test("a server that merges who is named twice answers once, and the other is in doubt, not the next message", async () => {
  const server = await serve();
  const settings: SmtpOptions = { lmtp: true, recipientPolicy: "collect", finalTimeout: 100 };
  await NetSmtp.start("localhost", server.port, settings, async (smtp) => {
    const [first, second] = await Promise.all([
      failure(smtp.sendMessage(MESSAGE, FROM, ["b@y.example", "b@y.example"])),
      failure(smtp.sendMessage(MESSAGE, FROM, "c@y.example")),
    ]);
    expect([told(first), told(second)]).toEqual(["b accepted 250, b unknown", "c unsent"]);
    expect(first).toMatchObject({ name: "SmtpReadTimeout", fate: "unknown", retry: "ask" });
  });
});

describe("the plugin", () => {
  const mail = { messageId: "<1@x.example>", raw: MESSAGE };

  test("tells who was refused, and how, as Nodemailer does", async () => {
    const server = await serve();
    const envelope = { from: FROM, to: TO };
    const options = { host: "127.0.0.1", port: server.port, lmtp: true };
    const info = await nodemailer.createTransport(new NetSmtpTransport(options)).sendMail({ ...mail, envelope });
    const own = await nodemailer.createTransport(options).sendMail({ ...mail, envelope });
    expect(info.accepted).toEqual(own.accepted);
    expect([...info.rejected].sort()).toEqual([...own.rejected].map(String).sort());
    const theirs = new Map((own.rejectedErrors ?? []).map((error) => [error.recipient, error]));
    expect(info.rejectedErrors).toHaveLength(theirs.size);
    for (const error of info.rejectedErrors ?? []) {
      const { code, command, responseCode, response } = theirs.get(error.recipient as string) as NetSmtpTransportError;
      expect(error).toMatchObject({ code, command, responseCode, response, fate: "refused" });
    }
    expect(info.recipients.map(({ fate }) => fate)).toEqual(["accepted", "refused", "refused", "refused", "accepted"]);
    expect(info.response).toContain("Stored as 1");
  });

  test("fails if everybody was refused after the message", async () => {
    const server = await serve();
    const transport = new NetSmtpTransport({ host: "127.0.0.1", port: server.port, lmtp: true });
    const envelope = { from: FROM, to: ["late-552@y.example", "late-450@y.example"] };
    const sent = nodemailer.createTransport(transport).sendMail({ ...mail, envelope });
    const error = (await failure(sent)) as unknown as NetSmtpTransportError;
    expect(error).toMatchObject({ code: "EMESSAGE", command: "DATA", responseCode: 450, fate: "refused" });
    expect(error).toMatchObject({ rejected: envelope.to, retry: "later" });
    expect(error.rejectedErrors).toMatchObject([
      { code: "EMESSAGE", command: "DATA", recipient: "late-552@y.example", responseCode: 552, phase: "final" },
      { code: "EMESSAGE", command: "DATA", recipient: "late-450@y.example", responseCode: 450, phase: "final" },
    ]);
  });

  test("a policy that does not collect tells who got it", async () => {
    const server = await serve();
    const options = { host: "127.0.0.1", port: server.port, lmtp: true, recipientPolicy: "all-or-nothing" } as const;
    const envelope = { from: FROM, to: ["b@y.example", "late-552@y.example"] };
    const sent = nodemailer.createTransport(new NetSmtpTransport(options)).sendMail({ ...mail, envelope });
    const error = (await failure(sent)) as unknown as NetSmtpTransportError;
    expect(error).toMatchObject({ code: "EMESSAGE", responseCode: 552, fate: "accepted", retry: "never" });
    expect(error.recipients.map(({ fate }) => fate)).toEqual(["accepted", "refused"]);
    expect(error).toMatchObject({ rejected: ["late-552@y.example"], recipient: "late-552@y.example" });
    expect(stored(server)).toEqual(["b@y.example true"]);
  });
});
