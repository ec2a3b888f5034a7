/** Real TLS against a real smtp-server: what verifies is used, what does not is refused before a login or a message. */
import { mkdtempSync } from "node:fs";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { NetSmtp, SmtpAuthenticationError, type SmtpOptions, SmtpTlsError, SmtpUnsupportedCommand } from "../../mod.ts";
import { certificates, type Identity } from "../support/certificates.ts";
import { playServer } from "../support/play-server.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";

const running: { close(): Promise<void> }[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function serve(options: ServerOptions): Promise<RunningServer> {
  const server = await startSmtpServer(options);
  running.push(server);
  return server;
}

const MESSAGE = "Subject: hi\r\n\r\nhello\r\n";

async function send(server: RunningServer, options: SmtpOptions, address = "localhost"): Promise<boolean> {
  return await NetSmtp.start(address, server.port, options, async (smtp) => {
    const delivery = await smtp.sendMessage(MESSAGE, "a@x.example", "b@y.example");
    return delivery.tls;
  });
}

describe("a verified certificate", () => {
  test.each([
    ["STARTTLS", "localhost", false],
    ["STARTTLS by IP address", "127.0.0.1", false],
    ["TLS from the first byte", "localhost", true],
    ["TLS from the first byte by IP address", "127.0.0.1", true],
  ])("%s carries login and message", async (_name, address, tls) => {
    const { ca, server: identity } = await certificates();
    const server = await serve({ ...identity, secure: tls, users: { me: "secret" } });
    const options: SmtpOptions = { tls, tlsOptions: { ca }, user: "me", secret: "secret" };
    expect(await send(server, options, address)).toBe(true);
    expect(server.messages).toMatchObject([{ secure: true, user: "me", from: "a@x.example", to: ["b@y.example"] }]);
    expect(server.messages[0]?.raw.toString()).toBe(MESSAGE);
  });

  test("tlsHostname names the certificate where the address does not", async () => {
    const { ca, wrongName } = await certificates();
    const server = await serve({ ...wrongName, secure: true });
    expect(await send(server, { tls: true, tlsOptions: { ca }, tlsHostname: "wrong.example" })).toBe(true);
  });

  test("a client certificate is shown to a server that asks for one", async () => {
    const { ca, server: identity, client } = await certificates();
    const server = await serve({ ...identity, ca, secure: true, requestCert: true, rejectUnauthorized: true });
    expect(await send(server, { tls: true, tlsOptions: { ca, ...client } })).toBe(true);
    await expect(send(server, { tls: true, tlsOptions: { ca } })).rejects.toMatchObject({ fate: "unsent" });
    expect(server.messages).toHaveLength(1);
  });
});

describe("a certificate that does not verify", () => {
  const cases: [string, (made: Awaited<ReturnType<typeof certificates>>) => Identity, boolean][] = [
    ["wrong name", (made) => made.wrongName, true],
    ["expired", (made) => made.expired, true],
    ["self-signed", (made) => made.selfSigned, true],
    ["unknown authority", (made) => made.server, false],
  ];
  for (const [name, choose, trusted] of cases) {
    for (const tls of [true, false]) {
      test(`${name} is refused ${tls ? "from the first byte" : "after STARTTLS"}`, async () => {
        const made = await certificates();
        const server = await serve({ ...choose(made), secure: tls, users: { me: "secret" } });
        const tlsOptions = trusted ? { ca: made.ca } : {};
        const sent = send(server, { tls, tlsOptions, user: "me", secret: "secret" });
        await expect(sent).rejects.toBeInstanceOf(SmtpTlsError);
        await expect(sent).rejects.toMatchObject({ code: "SMTP_TLS", phase: "tls", fate: "unsent" });
        expect(server.messages).toEqual([]);
      });

      test(`${name} is taken with tlsVerify false ${tls ? "from the first byte" : "after STARTTLS"}`, async () => {
        const made = await certificates();
        const server = await serve({ ...choose(made), secure: tls });
        expect(await send(server, { tls, tlsVerify: false })).toBe(true);
      });
    }
  }
});

describe("no TLS", () => {
  test("a delivery in clear says so", async () => {
    const server = await serve({});
    await NetSmtp.start("localhost", server.port, async (smtp) => {
      const delivery = await smtp.sendMessage(MESSAGE, "a@x.example", "b@y.example");
      expect(delivery.tls).toBe(false);
      expect(delivery.warnings).toEqual([expect.stringContaining("in clear")]);
    });
  });

  test('starttls "always" refuses a server without STARTTLS', async () => {
    const server = await serve({});
    await expect(send(server, { starttls: "always" })).rejects.toBeInstanceOf(SmtpUnsupportedCommand);
    expect(server.messages).toEqual([]);
  });

  test("a login off loopback is not sent to a server without STARTTLS; a supplied socket counts as off loopback", async () => {
    const script = `
      S: 220 ready
      C: EHLO localhost
      S: 250-mx
      S: 250 AUTH PLAIN
      C: <close>`;
    const played = await playServer([script, script]);
    running.push(played);
    const socket = (): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const made = connectSocket(played.port, "127.0.0.1", () => resolve(made)).on("error", reject);
      });
    const login = { user: "me", secret: "secret" };
    await expect(NetSmtp.start("localhost", 25, { socket, ...login })).rejects.toBeInstanceOf(SmtpUnsupportedCommand);
    const off = NetSmtp.start("localhost", 25, { socket, starttls: false, ...login });
    await expect(off).rejects.toBeInstanceOf(SmtpAuthenticationError);
    await played.finish();
  });

  test("allowInsecureAuth opens it", async () => {
    const server = await serve({ users: { me: "secret" } });
    const socket = connectSocket(server.port, "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    const smtp = await NetSmtp.start("localhost", 25, {
      socket,
      allowInsecureAuth: true,
      user: "me",
      secret: "secret",
    });
    await smtp.sendMessage(MESSAGE, "a@x.example", "b@y.example");
    await smtp.finish();
    expect(server.messages).toMatchObject([{ user: "me", secure: false }]);
  });
});

describe("other ways to connect", () => {
  test("a unix socket counts as loopback", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "net-smtp-")), "smtp.sock");
    const played = await playServer(
      `
      S: 220 ready
      C: EHLO localhost
      S: 250-mx
      S: 250 AUTH PLAIN
      C: AUTH PLAIN AG1lAHNlY3JldA==
      S: 235 welcome
      C: QUIT
      S: 221 bye`,
      { path },
    );
    running.push(played);
    await NetSmtp.start("localhost", 25, { socketPath: path, user: "me", secret: "secret" }, () => undefined);
    await played.finish();
  });

  test("bytes behind the reply to STARTTLS are an attack", async () => {
    const { server: identity } = await certificates();
    for (const injected of ["S: 220 go\n      S: 250-evil", "S: 220 go\n      S| 250-evil"]) {
      const played = await playServer(
        `
      S: 220 ready
      C: EHLO localhost
      S: 250-mx
      S: 250 STARTTLS
      C: STARTTLS
      ${injected}
      C: <close>`,
        { tls: { ...identity } },
      );
      running.push(played);
      const started = NetSmtp.start("127.0.0.1", played.port, { tlsVerify: false });
      await expect(started).rejects.toMatchObject({ phase: "tls" });
      await played.finish();
    }
  });
});
