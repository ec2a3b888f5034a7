/**
 * Classes I, M and O: a login that is made weaker, a token that comes late or never, and sessions beside each other.
 * The law here: one mechanism is chosen and no other is tried; 235 counts only when the mechanism has said all it has to;
 * a secret is asked for once a login; and what one session knows no other one learns.
 */
import { describe, expect, test } from "vitest";
import { NetSmtp, type SaslMechanism, SmtpAuthenticationError, type SmtpOptions } from "../../mod.ts";
import { failure, turns } from "../support/told.ts";
import { Peer, type PeerOptions } from "./peer.ts";

const LOGIN = { user: "me", secret: "secret" };

async function login(peer: PeerOptions, options: SmtpOptions) {
  const server = new Peer(peer);
  const smtp = new NetSmtp("mx.example", 25, { ...LOGIN, ...options, network: server });
  const outcome: unknown = await smtp.start().catch((error) => error);
  return { server, outcome, said: server.lines.filter((_line, at) => /AUTH|answer/.test(server.verbs[at] ?? "")) };
}

/** A mechanism of two steps that checks the server's last word, as SCRAM does. */
const mutual: SaslMechanism = {
  name: "X-MUTUAL",
  *exchange() {
    const signature = yield "client first";
    if (signature !== "v=right") throw new Error("server signature is wrong");
    yield "";
  },
};

describe("I: a weaker login", () => {
  test.each([
    "535 5.7.8 no\r\n",
    "454 4.7.0 later\r\n",
    "504 5.5.4 unknown\r\n",
    "534 5.7.9 too weak\r\n",
    "500 what\r\n",
  ])("AUTH answered %j: no weaker one is tried, and no message goes", async (reply) => {
    const offered = {
      extensions: ["AUTH PLAIN LOGIN CRAM-MD5"],
      say: (verb: string, honest: string) => (verb === "AUTH" ? reply : honest),
    };
    const { outcome, said, server } = await login(offered, {});
    expect(outcome).toMatchObject({ phase: "auth", fate: "unsent" });
    expect([said, server.verbs]).toEqual([["AUTH PLAIN AG1lAHNlY3JldA=="], ["EHLO", "AUTH"]]);
  });

  test.each(["", "AUTH", "AUTH CRAM-MD5 XOAUTH2", "AUTH LOGIN", "X-AUTH PLAIN", "AUTHPLAIN"])(
    "the named mechanism is taken from %j: no other is used",
    async (offer) => {
      const { outcome, said } = await login({ extensions: offer === "" ? [] : [offer] }, { authType: "PLAIN" });
      expect(outcome).toMatchObject({ name: "SmtpUnsupportedCommand" });
      expect(said).toEqual([]);
    },
  );

  test.each(["CRAM-MD5", "XOAUTH2", "X-OWN"])("%s alone is offered: unnamed, it is not used", async (name) => {
    const { outcome, said } = await login({ extensions: [`AUTH ${name}`] }, {});
    expect([(outcome as Error).name, said]).toEqual(["SmtpUnsupportedCommand", []]);
  });

  test("235 straight after AUTH, before the mechanism has said all: no success", async () => {
    const say = (verb: string, honest: string): string => (verb === "AUTH" ? "235 welcome\r\n" : honest);
    for (const [authType, mechanisms] of [
      ["LOGIN", []],
      ["CRAM-MD5", []],
      ["X-MUTUAL", [mutual]],
    ] as const) {
      const { outcome } = await login({ extensions: [`AUTH ${authType}`], say }, { authType, mechanisms });
      expect(outcome).toBeInstanceOf(SmtpAuthenticationError);
    }
  });

  test.each([
    ["v=right", true],
    ["v=wrong", false],
    ["", false],
  ])("a mechanism that checks the server is asked before 235 counts: %j", async (signature, right) => {
    const challenge = `334 ${Buffer.from(signature).toString("base64")}\r\n`;
    const say = (verb: string, honest: string): string =>
      verb === "AUTH" ? challenge : verb === "" ? "235 ok\r\n" : honest;
    const server = new Peer({ extensions: ["AUTH X-MUTUAL"], say });
    const smtp = new NetSmtp("mx.example", 25, {
      ...LOGIN,
      authType: "X-MUTUAL",
      mechanisms: [mutual],
      network: server,
    });
    const outcome = await smtp.start().catch((error) => error);
    expect(outcome instanceof NetSmtp).toBe(right);
  });

  test.each([
    "334 ****\r\n",
    "334 YQ\r\n",
    "334 YQ==\r\n334 YQ==\r\n",
    "250 ok\r\n",
    "354 go\r\n",
    "334-YQ==\r\n334 YQ==\r\n",
  ])("a challenge %j is not guessed at", async (challenge) => {
    const say = (verb: string, honest: string): string => (verb === "AUTH" ? challenge : honest);
    const { outcome, server } = await login({ extensions: ["AUTH CRAM-MD5"], say }, { authType: "CRAM-MD5" });
    expect(outcome).toMatchObject({ fate: "unsent" });
    expect(server.verbs).not.toContain("MAIL");
    expect(server.wire).not.toContain(Buffer.from("me ").toString("base64"));
  });
});

describe("M: a token", () => {
  const XOAUTH2 = { extensions: ["AUTH XOAUTH2"] };

  test("is asked for once a login, anew each time, and sent once", async () => {
    let asked = 0;
    const secret = async (): Promise<string> => `token-${++asked}`;
    const server = new Peer(XOAUTH2);
    const smtp = new NetSmtp("mx.example", 25, { user: "me", secret, authType: "XOAUTH2", network: server });
    for (let login = 1; login <= 2; login++) {
      await smtp.start();
      await smtp.finish();
      expect([asked, Buffer.from(server.lines.at(-2)?.split(" ")[2] ?? "", "base64").toString()]).toEqual([
        login,
        `user=me\x01auth=Bearer token-${login}\x01\x01`,
      ]);
    }
  });

  test.each([
    ["throws", () => Promise.reject(new Error("endpoint is down"))],
    ["gives an object", () => ({ toString: () => "token" })],
    ["gives nothing", () => undefined],
    ["gives a line more", () => "token\r\nRSET"],
    ["gives another mechanism's divider", () => "token\x01auth=Bearer other"],
  ])("whose function %s: no AUTH goes out", async (_name, secret) => {
    const { outcome, server } = await login(XOAUTH2, { secret: secret as () => string, authType: "XOAUTH2" });
    expect(outcome).toMatchObject({ fate: "unsent" });
    expect(server.verbs).toEqual(["EHLO"]);
  });

  test("is asked for only where it may be sent", async () => {
    let asked = 0;
    const secret = (): string => `token${++asked}`;
    for (const options of [{ loopback: false }, { extensions: [] }]) {
      const { outcome } = await login({ ...XOAUTH2, ...options }, { secret, authType: "XOAUTH2", starttls: false });
      expect(outcome).toMatchObject({ phase: "auth" });
    }
    expect(asked).toBe(0);
  });

  test("refused by a 334 with the reason: answered by an empty line, and the 535 is told; no second try", async () => {
    const say = (verb: string, honest: string): string =>
      verb === "AUTH"
        ? "334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"
        : verb === "(answer)" || verb === ""
          ? "535 5.7.8 bad token\r\n"
          : honest;
    const { outcome, server } = await login({ ...XOAUTH2, say }, { authType: "XOAUTH2" });
    expect(outcome).toMatchObject({ name: "SmtpAuthenticationError", response: { status: "535" } });
    expect(server.lines.slice(2)).toEqual([""]);
  });
});

describe("O: sessions beside each other", () => {
  test("each has its own connection and login, and learns nothing of the other's", async () => {
    const server = new Peer({ extensions: ["AUTH PLAIN"] });
    const of = (user: string): Promise<NetSmtp> =>
      new NetSmtp("mx.example", 25, { network: server }).start({ user, secret: user });
    const [one, two] = await Promise.all([of("one"), of("two")]);
    await Promise.all([
      one.sendMessage("1", "one@x.example", "b@y.example"),
      two.sendMessage("2", "two@x.example", "b@y.example"),
    ]);
    expect(server.connections).toBe(2);
    const logins = server.lines
      .filter((line) => line.startsWith("AUTH"))
      .map((line) => Buffer.from(line.split(" ")[2] ?? "", "base64").toString());
    expect(logins.sort()).toEqual(["\0one\0one", "\0two\0two"]);
    await two.critical(() => Promise.reject(new Error("mine"))).catch(() => undefined);
    expect([one.errorOccurred, two.errorOccurred]).toEqual([false, true]);
    await Promise.all([one.finish(), two.finish()]);
  });

  test("a start's login does not outlive it", async () => {
    const server = new Peer({ extensions: ["AUTH PLAIN"] });
    const smtp = new NetSmtp("mx.example", 25, { network: server });
    await smtp.start(LOGIN);
    await smtp.finish();
    await smtp.start();
    await smtp.finish();
    expect(server.verbs.filter((verb) => verb === "AUTH")).toHaveLength(1);
  });

  test("what is said in EHLO is what was asked for, and never the machine's own name", async () => {
    const { hostname } = await import("node:os");
    const server = new Peer();
    await new NetSmtp("mx.example", 25, { network: server }).start();
    expect(server.lines).toEqual(["EHLO localhost"]);
    expect(server.wire).not.toContain(`EHLO ${hostname() === "localhost" ? "?" : hostname()}`);
  });

  test("a bad greeting inside TLS is told printable and short, and answered by nothing", async () => {
    const server = new Peer({
      say: (verb, honest) => (verb === "(greeting)" ? `HTTP/1.1 400\x1b[31m ${"x".repeat(3_000)}\r\n` : honest),
    });
    const error = await failure(new NetSmtp("mx.example", 465, { network: server }).start());
    await turns();
    expect(error.name).toBe("SmtpProtocolError");
    expect(error.message.length).toBeLessThan(300);
    expect(error.message).not.toMatch(/\p{Cc}/u);
    expect(server.wire).toBe("");
  });
});
