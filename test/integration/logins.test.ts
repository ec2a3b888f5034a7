/** Each login against a real smtp-server, right and wrong. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetSmtp, SmtpAuthenticationError, type SmtpOptions, SmtpUnsupportedCommand } from "../../mod.ts";
import { type RunningServer, startSmtpServer } from "../support/server.ts";

const METHODS = ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"];
let server: RunningServer;

beforeAll(async () => {
  server = await startSmtpServer({ authMethods: METHODS, users: { "me@x.example": "gehéim" } });
});

afterAll(() => server.close());

function start(options: SmtpOptions): Promise<NetSmtp> {
  return NetSmtp.start("127.0.0.1", server.port, { user: "me@x.example", ...options });
}

describe.each(METHODS)("login by %s", (authType) => {
  test("lets the right secret in, given or from a function", async () => {
    for (const secret of ["gehéim", async () => "gehéim"]) {
      const smtp = await start({ authType, secret });
      await smtp.finish();
    }
  });

  test("refuses a wrong one with SmtpAuthenticationError, and leaves what was offered readable", async () => {
    const smtp = new NetSmtp("127.0.0.1", server.port);
    const started = smtp.start({ user: "me@x.example", secret: "wrong", authType });
    await expect(started).rejects.toBeInstanceOf(SmtpAuthenticationError);
    await expect(started).rejects.toMatchObject({ phase: "auth", temporary: false, retry: "never" });
    expect(smtp.started).toBe(false);
    expect(smtp.capabilities?.has("AUTH")).toBe(true);
  });
});

test("authenticate() and its named forms log a started session in", async () => {
  for (const login of ["authPlain", "authLogin", "authCramMd5"] as const) {
    const smtp = await NetSmtp.start("127.0.0.1", server.port);
    expect((await smtp[login]("me@x.example", "gehéim")).code).toBe(235);
    await smtp.finish();
  }
});

test("a login that is not offered is not tried", async () => {
  const other = await startSmtpServer({ authMethods: ["LOGIN"], users: { me: "x" } });
  await expect(
    NetSmtp.start("127.0.0.1", other.port, { user: "me", secret: "x", authType: "plain" }),
  ).rejects.toBeInstanceOf(SmtpUnsupportedCommand);
  const smtp = await NetSmtp.start("127.0.0.1", other.port, { user: "me", secret: "x" });
  await smtp.finish();
  await other.close();
});
