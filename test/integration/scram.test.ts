/** SCRAM, EXTERNAL, ANONYMOUS and OAUTHBEARER in whole sessions: smtp-server over TLS, taught SCRAM, and played dialogues. */
import { createHash, X509Certificate } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type DialogueEvent,
  NetSmtp,
  NetSmtpPool,
  SmtpArgumentError,
  SmtpAuthenticationError,
  type SmtpOptions,
  SmtpUnsupportedCommand,
} from "../../mod.ts";
import { NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { certificates } from "../support/certificates.ts";
import { differs } from "../support/differences.ts";
import { network, play } from "../support/play.ts";
import { type Lies, type ScramOptions, teachScram } from "../support/scram.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";
import { hello } from "../support/session.ts";
import { failure } from "../support/told.ts";

const ALL = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN"];
const SECRET = "S3ntinel~Of~a~Secret";
const running: RunningServer[] = [];

beforeAll(teachScram);
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

interface Served {
  readonly server: RunningServer;
  readonly seen: ScramOptions["seen"];
  readonly options: SmtpOptions;
}

async function serve(authMethods: string[], more: ServerOptions & { lies?: Lies } = {}): Promise<Served> {
  const { ca, server: identity } = await certificates();
  const endPoint = createHash("sha256").update(new X509Certificate(identity.cert).raw).digest();
  const { lies, ...options } = more;
  const scram: ScramOptions = { users: { me: SECRET }, seen: [], endPoint, ...(lies && { lies }) };
  const given = { ...identity, secure: true, authMethods, users: { me: SECRET }, scram, ...options };
  const server = await startSmtpServer(given as ServerOptions);
  running.push(server);
  const tls = given.secure;
  return { server, seen: scram.seen, options: { tls, tlsOptions: { ca }, user: "me", secret: SECRET } };
}

function start({ server, options }: Served, more: SmtpOptions = {}): Promise<NetSmtp> {
  return new NetSmtp("localhost", server.port, { ...options, ...more }).start() as Promise<NetSmtp>;
}

describe("SCRAM over TLS", () => {
  test.each([
    ["TLS", true],
    ["STARTTLS", false],
  ])("is bound to it: the best that is offered [%s]", async (_how, secure) => {
    const served = await serve([...ALL].reverse(), { secure });
    await (await start(served)).finish();
    const flag = differs("no exporter of TLS") ? "p=tls-server-end-point" : "p=tls-exporter";
    expect(served.seen).toEqual([{ user: "me", flag, authzid: "", method: "SCRAM-SHA-256-PLUS" }]);
  });

  test("of version 1.2 is bound by the certificate", async () => {
    const served = await serve(ALL, { maxVersion: "TLSv1.2" });
    await (await start(served)).finish();
    expect(served.seen).toMatchObject([{ flag: "p=tls-server-end-point", method: "SCRAM-SHA-256-PLUS" }]);
  });

  test.each(ALL.slice(0, 4))("%s, named, logs in, and sends", async (authType) => {
    const served = await serve(ALL);
    const smtp = await start(served, { authType: authType.toLowerCase().replaceAll("-", "_"), authzid: "other" });
    await smtp.sendMessage("Subject: hi\r\n\r\n", "a@x.example", "b@y.example");
    await smtp.finish();
    expect(served.seen).toMatchObject([{ user: "me", authzid: "other", method: authType }]);
    expect(served.server.messages).toMatchObject([{ user: "me" }]);
  });

  test("-PLUS is not offered: y says that it could have been", async () => {
    const served = await serve(["SCRAM-SHA-256", "PLAIN"]);
    await (await start(served)).finish();
    expect(served.seen).toMatchObject([{ flag: "y", method: "SCRAM-SHA-256" }]);
  });

  test.each(ALL.slice(0, 4))("%s refused: one choice, no weaker one after it", async (method) => {
    const served = await serve(ALL.slice(ALL.indexOf(method)));
    const error = await failure(start(served, { secret: "wrong" }));
    expect(error).toBeInstanceOf(SmtpAuthenticationError);
    expect(error).toMatchObject({ phase: "auth", temporary: false, retry: "never", response: { code: 535 } });
    expect(served.seen).toMatchObject([{ method, error: "invalid-proof" }]);
  });

  test("a server that lies is told * before the session ends, and never believed", async () => {
    const lies: Lies[] = [
      { first: (said) => said.replace(/i=\d+/, "i=1") },
      { first: (said) => said.replace(/i=\d+/, "i=1000000000") },
      { first: (said) => said.replace(/^r=./, "r=!") },
      { first: (said) => `m=x,${said}` },
      { final: () => "v=AAAA" },
      { final: () => "e=invalid-proof" },
    ];
    for (const lie of lies) {
      const served = await serve(["SCRAM-SHA-256"], { lies: lie });
      const error = await failure(start(served));
      expect(error).toMatchObject({ name: "SmtpAuthenticationError", phase: "auth", fate: "unsent" });
      expect(served.seen).toMatchObject([{ error: "cancelled" }]);
    }
  });

  test("nothing that a password could be guessed by is shown", async () => {
    for (const secret of [SECRET, "wrong"]) {
      for (const lies of [undefined, { final: () => "v=AAAA" }]) {
        const served = await serve(["SCRAM-SHA-256"], lies && { lies });
        const lines: string[] = [];
        const events: DialogueEvent[] = [];
        const both = { write: (text: string) => lines.push(text) };
        const outcome = await start(served, { secret, debugOutput: both }).catch((error) => error);
        await start(served, { secret, debugOutput: (event) => events.push(event) }).catch(() => undefined);
        const shown = [lines.join(""), inspect(events), inspect(outcome, { depth: null, showHidden: true })].join("\n");
        expect(shown).toContain("AUTH SCRAM-SHA-256 ****");
        expect(shown).not.toMatch(/S3ntinel|3rfcNHYJY1ZVvWVs7j|n=me|i=4096|p=\w|c2FsdA|biws|biwsbj|cj1|Yz1iaXdz|dj1/);
      }
    }
  });

  test("a message's login in a pool is for whom it says, not for whom the pool's is", async () => {
    const served = await serve(ALL);
    const { options, server, seen } = served;
    await using pool = new NetSmtpPool("localhost", server.port, { ...options, authzid: "other" });
    const send = (login?: { user: string; secret: string; authzid?: string }) =>
      pool.sendMessage("Subject: hi\r\n\r\n", "a@x.example", "b@y.example", login && { login });
    await send();
    await send({ user: "me", secret: SECRET });
    await send({ user: "me", secret: SECRET, authzid: "other" });
    await send({ user: "me", secret: SECRET, authzid: "third" });
    expect(seen.map(({ authzid }) => authzid)).toEqual(["other", "", "third"]);
  });

  test("the plugin takes the names", async () => {
    const served = await serve(ALL);
    const { options, server, seen } = served;
    for (const method of ["SCRAM-SHA-1", "scram_sha_256_plus", undefined]) {
      const auth = { user: "me", pass: SECRET, authzid: "other", ...(method && { method }) };
      const transport = new NetSmtpTransport({
        host: "localhost",
        port: server.port,
        secure: true,
        tls: options.tlsOptions ?? {},
        auth,
      });
      expect(await transport.verify()).toBe(true);
      await transport.close();
    }
    expect(seen.map(({ method }) => method)).toEqual(["SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS"]);
    expect(seen.every(({ authzid }) => authzid === "other")).toBe(true);
  });
});

const encoded = (text: string): string => Buffer.from(text).toString("base64");

async function played(script: string, options: SmtpOptions, loopback = true): Promise<Error | NetSmtp> {
  const server = play(`${script}\nC: <close>`, { loopback });
  const smtp = new NetSmtp("mx.example", 25, { ...options, network: network(server) });
  const outcome = await smtp.start().then(
    () => smtp,
    (error: Error) => error,
  );
  if (smtp.started) await smtp.finish();
  server.finish();
  return outcome;
}

const QUIT = "C: QUIT\nS: 221 bye";

describe("SCRAM in clear", () => {
  test("off loopback it is not sent", async () => {
    const options = { user: "me", secret: "s", starttls: false } as const;
    const outcome = await played(hello("AUTH SCRAM-SHA-256"), options, false);
    expect(outcome).toMatchObject({ name: "SmtpAuthenticationError", fate: "unsent" });
  });

  test("-PLUS alone is offered: nothing is chosen; named, nothing is sent", async () => {
    for (const more of [{}, { authType: "SCRAM-SHA-256-PLUS" }]) {
      const outcome = await played(hello("AUTH SCRAM-SHA-256-PLUS"), { user: "me", secret: "s", ...more });
      expect(outcome).toBeInstanceOf(SmtpUnsupportedCommand);
    }
  });

  test("a password that SASLprep prohibits is bad input, and nothing is sent", async () => {
    const outcome = await played(hello("AUTH SCRAM-SHA-256"), { user: "me", secret: "s\u0007" });
    expect(outcome).toBeInstanceOf(SmtpArgumentError);
    expect(outcome).toMatchObject({ phase: "auth" });
  });

  test("235 straight after the first message: refused", async () => {
    const script = `${hello("AUTH SCRAM-SHA-256")}\nC: <anything>\nS: 235 welcome`;
    const outcome = await played(script, { user: "me", secret: "s" });
    expect(outcome).toMatchObject({ name: "SmtpAuthenticationError", message: /before its last step/ });
  });
});

describe("EXTERNAL (RFC 4422)", () => {
  test.each([
    ["=", { authType: "EXTERNAL" }],
    ["=", { authType: "EXTERNAL", user: "" }],
    [encoded("me"), { authType: "external", user: "me" }],
    [encoded("other"), { authType: "EXTERNAL", user: "me", authzid: "other" }],
  ])("says %s, and needs no secret", async (said, options) => {
    const script = `${hello("AUTH EXTERNAL")}\nC: AUTH EXTERNAL ${said}\nS: 235 ok\n${QUIT}`;
    expect(await played(script, options)).toBeInstanceOf(NetSmtp);
  });

  test("not offered: an error, also without a user", async () => {
    expect(await played(hello("AUTH PLAIN"), { authType: "EXTERNAL" })).toBeInstanceOf(SmtpUnsupportedCommand);
  });

  test("in clear off loopback it is not sent", async () => {
    const outcome = await played(hello("AUTH EXTERNAL"), { authType: "EXTERNAL", starttls: false }, false);
    expect(outcome).toBeInstanceOf(SmtpAuthenticationError);
  });

  test("authenticate() takes it without a secret", async () => {
    const server = play(`${hello("AUTH EXTERNAL")}\nC: AUTH EXTERNAL =\nS: 235 ok\n${QUIT}`, { loopback: true });
    const smtp = await new NetSmtp("mx.example", 25, { network: network(server) }).start();
    expect((await smtp.authenticate("", "", "EXTERNAL")).code).toBe(235);
    await expect(smtp.authenticate("", "", "PLAIN")).rejects.toBeInstanceOf(SmtpArgumentError);
    await smtp.finish();
  });
});

describe("ANONYMOUS (RFC 4505)", () => {
  test.each([
    ["=", { authType: "ANONYMOUS" }],
    [encoded("sirhc"), { authType: "ANONYMOUS", user: "sirhc" }],
  ])("says %s", async (said, options) => {
    const script = `${hello("AUTH ANONYMOUS")}\nC: AUTH ANONYMOUS ${said}\nS: 235 ok\n${QUIT}`;
    expect(await played(script, options)).toBeInstanceOf(NetSmtp);
  });
});

describe("PLAIN with authzid (RFC 4616)", () => {
  test("says it first", async () => {
    const script = `${hello("AUTH PLAIN")}\nC: AUTH PLAIN ${encoded("ulf\0tim\0s")}\nS: 235 ok\n${QUIT}`;
    expect(await played(script, { user: "tim", secret: "s", authzid: "ulf" })).toBeInstanceOf(NetSmtp);
  });

  test("LOGIN cannot: nothing is sent", async () => {
    const outcome = await played(hello("AUTH LOGIN"), { user: "tim", secret: "s", authzid: "ulf" });
    expect(outcome).toBeInstanceOf(SmtpArgumentError);
  });
});

describe("OAUTHBEARER (RFC 7628)", () => {
  const said = encoded("n,a=me,\x01host=mx.example\x01port=25\x01auth=Bearer t\x01\x01");

  test("is used when it is named", async () => {
    const script = `${hello("AUTH PLAIN OAUTHBEARER")}\nC: AUTH OAUTHBEARER ${said}\nS: 235 ok\n${QUIT}`;
    expect(await played(script, { user: "me", secret: "t", authType: "oauthbearer" })).toBeInstanceOf(NetSmtp);
  });

  test("its error is answered by AQ==, and the 535 is told", async () => {
    const script = `${hello("AUTH OAUTHBEARER")}\nC: AUTH OAUTHBEARER ${said}
S: 334 eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=\nC: AQ==\nS: 535 5.7.1 no`;
    const outcome = await played(script, { user: "me", secret: "t", authType: "OAUTHBEARER" });
    expect(outcome).toMatchObject({ name: "SmtpAuthenticationError", response: { code: 535 } });
  });
});
