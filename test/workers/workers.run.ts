/** The engine in workerd: real servers on this machine, the Worker of worker.ts dials them through `cloudflare:sockets`. */

import { createServer, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { certificates, type Identity } from "../support/certificates.ts";
import { playServer, type RealPlayedServer } from "../support/play-server.ts";
import { teachScram } from "../support/scram.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";
import type { Job, Outcome, Told } from "./worker.ts";
import { bundle, startWorker, type Workerd } from "./workerd.ts";

const HELLO = "Subject: hi\r\n\r\nhello\r\n";
const USERS = { me: "S3cret" };
/** Dots at the line's beginning, eight bits, no line end at the last line: what a stream can spoil. */
const HARD = Buffer.from("Subject: \xe4\xf6\xfc\r\n\r\n.\r\n..\r\n.x\r\n\xff\x80\r\nlast", "latin1");

let workerd: Workerd;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  await teachScram();
  workerd = await startWorker("test/workers/worker.ts");
});
afterAll(() => workerd.close());
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(options: ServerOptions = {}): Promise<RunningServer> {
  const server = await startSmtpServer(options);
  closing.push(() => server.close());
  return server;
}

async function played(script: string | string[], identity?: Identity): Promise<RealPlayedServer> {
  const server = await playServer(script, identity ? { tls: identity } : {});
  closing.push(() => server.close());
  return server;
}

/** Accepts connections and does with them what it is told. */
async function raw(accept: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    accept(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as { port: number }).port;
}

const base64 = (bytes: Buffer): string => bytes.toString("base64");

async function run(name: string, port: number, job: Partial<Job> = {}): Promise<Outcome> {
  return await workerd.run(name, { address: "127.0.0.1", port, ...job });
}

/** A delivery; what failed in its place is shown. */
async function sent(port: number, job: Partial<Job> = {}): Promise<NonNullable<Outcome["delivery"]>> {
  const { delivery, error } = await run("send", port, job);
  if (!delivery) throw new Error(JSON.stringify(error));
  return delivery;
}

async function failing(name: string, port: number, job: Partial<Job> = {}): Promise<Told> {
  const { error, ...rest } = await run(name, port, job);
  if (!error) throw new Error(`It did not fail: ${JSON.stringify(rest)}`);
  return error;
}

/** What went over the wire until STARTTLS or EHLO is answered. */
const GREETED = `S: 220 ready\nC: EHLO localhost\nS: 250-mx\nS: 250 PIPELINING\n`;
const ENVELOPE = "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nS: 250 ok\nS: 250 ok\n";
const SENT = `${ENVELOPE}C: DATA\nS: 354 go\n`;
const CONTENT = "C: Subject: hi\nC: \nC: hello\nC: .\n";
const QUIT = "C: QUIT\nS: 221 bye\nC: <close>";

describe("a bundle for Workers", () => {
  test.each(["test/workers/worker.ts", "examples/worker.ts"])("of %s reaches nothing of Node's", async (path) => {
    const { files, imports } = await bundle(path);
    expect(files).toContain("src/workers/mod.ts");
    expect(files.filter((file) => /net\/(node|diagnostics|binding)|nodemailer|mx\.ts/.test(file))).toEqual([]);
    expect([...new Set(imports)]).toEqual(["cloudflare:sockets"]);
  });

  test("of the entry for Node does not run there, so this test can fail", async () => {
    await expect(bundle("mod.ts")).rejects.toThrow("node:net");
  });

  test("runs without nodejs_compat: there is neither Buffer nor process", async () => {
    expect((await run("runtime", 1)).value).toEqual(["undefined", "undefined", "Cloudflare-Workers"]);
  });
});

describe("a message", () => {
  const ways: [string, ServerOptions, Job["options"]][] = [
    ["in clear", {}, { starttls: false }],
    ["by STARTTLS", { hideSTARTTLS: false }, { starttls: "always" }],
    ["by TLS", { secure: true }, { tls: true }],
  ];
  test.each(ways)("arrives byte for byte [%s]", async (_way, server, options) => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve({ ...(options?.starttls === false ? {} : identity), ...server });
    const { delivery } = await run("send", port, { options: options ?? {}, message: base64(HARD) });
    expect(delivery?.recipients).toEqual([{ address: "b@y.example", fate: "accepted", status: "250" }]);
    expect(delivery?.tls).toBe(options?.starttls !== false);
    expect(messages.map(({ raw, secure }) => [raw.toString("latin1"), secure])).toEqual([
      [`${HARD.toString("latin1")}\r\n`, delivery?.tls],
    ]);
  });

  test.each([false, true])("of 8 MB arrives whole [tls: %s]", async (tls) => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve(tls ? { ...identity, secure: true } : {});
    const extra = 8_000_000;
    const { delivery } = await run("send", port, { options: { tls }, message: base64(Buffer.from(HELLO)), extra });
    const lines = Math.ceil(extra / 78);
    expect(delivery?.recipients[0]?.fate).toBe("accepted");
    expect(messages[0]?.raw.equals(Buffer.from(HELLO + `${"x".repeat(76)}\r\n`.repeat(lines)))).toBe(true);
  });

  test("goes in chunks where the server takes them, all in one flight", async () => {
    const hello = GREETED.replace("S: 250 PIPELINING", "S: 250-PIPELINING\nS: 250 CHUNKING");
    const flight =
      "C: MAIL FROM:<a@x.example>\nC: RCPT TO:<b@y.example>\nC: BDAT 22 LAST\nC: Subject: hi\nC: \nC: hello\n";
    const server = await played(`${hello}${flight}S: 250 ok\nS: 250 ok\nS: 250 ok\n${QUIT}`);
    const delivery = await sent(server.port, { options: { recipientPolicy: "collect" } });
    expect(delivery.recipients[0]?.fate).toBe("accepted");
    await server.finish();
  });
});

describe("a login", () => {
  const types = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"];
  const scram = { users: USERS, seen: [] };

  test.each(types)("by %s", async (authType) => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve({ ...identity, users: USERS, authMethods: types, scram } as ServerOptions);
    const options = { user: "me", secret: USERS.me, authType };
    expect((await run("send", port, { options })).delivery?.tls).toBe(true);
    expect(messages.map(({ user }) => user)).toEqual(["me"]);
  });

  test("that is refused is an error, and nothing is sent", async () => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve({ ...identity, users: USERS });
    const error = await failing("send", port, { options: { user: "me", secret: "wrong" } });
    expect(error).toMatchObject({ name: "SmtpAuthenticationError", phase: "auth" });
    expect(messages).toEqual([]);
  });

  test("never goes in clear, not even to 127.0.0.1: the runtime does not tell who the peer is", async () => {
    const { port, connections } = await serve({ users: USERS, allowInsecureAuth: true, hideSTARTTLS: true });
    const options = { user: "me", secret: USERS.me };
    expect(await failing("send", port, { options })).toMatchObject({ name: "SmtpUnsupportedCommand", phase: "tls" });
    const clear = await failing("send", port, { options: { ...options, starttls: false } });
    expect(clear).toMatchObject({ phase: "auth" });
    const allowed = await run("send", port, { options: { ...options, starttls: false, allowInsecureAuth: true } });
    expect(allowed.delivery?.recipients[0]?.fate).toBe("accepted");
    expect(connections.length).toBe(3);
  });
});

describe("a pool", () => {
  test("sends many messages of a request, each once", async () => {
    const { server: identity } = await certificates();
    const { port, messages, connections } = await serve({ ...identity, users: USERS });
    const options = { user: "me", secret: USERS.me, maxConnections: 2 };
    const { fates, value } = await run("pool", port, { options, count: 20 });
    expect(fates).toEqual(Array(20).fill("accepted"));
    expect(value).toContain("connections: 0 busy, 0 idle");
    const subjects = messages.map(({ raw }) => Number(/Subject: (\d+)/.exec(raw.toString())?.[1]));
    expect(subjects.sort((one, other) => one - other)).toEqual(Array.from({ length: 20 }, (_, at) => at));
    expect(connections.length).toBe(2);
  });
});

describe("fates", () => {
  test("a refused recipient among good ones", async () => {
    const { port, messages } = await serve();
    const to = ["b@y.example", "refuse-550@y.example", "c@y.example"];
    const { delivery } = await run("send", port, { to, options: { recipientPolicy: "collect" } });
    expect(delivery?.recipients.map(({ address, fate, status }) => `${address} ${fate} ${status}`)).toEqual([
      "b@y.example accepted 250",
      "refuse-550@y.example refused 550",
      "c@y.example accepted 250",
    ]);
    expect(messages[0]?.to).toEqual(["b@y.example", "c@y.example"]);
  });

  test("refused at its end", async () => {
    const { port } = await serve();
    const error = await failing("send", port, { message: base64(Buffer.from(`X-Refuse: 554\r\n${HELLO}`)) });
    expect(error).toMatchObject({ phase: "final", fate: "refused", retry: "never" });
  });

  test.each(["S: <close>", "S: <reset>"])(
    "unsent: the connection was lost before the end was written [%s]",
    async (end) => {
      const server = await played(`${GREETED}${ENVELOPE}C: DATA\n${end}`);
      const error = await failing("send", server.port);
      expect(error).toMatchObject({ name: "SmtpConnectionError", phase: "data", fate: "unsent" });
      expect(error.recipients?.map(({ fate }) => fate)).toEqual(["unsent"]);
    },
  );

  test.each(["S: <close>", "S: <reset>"])("unknown: the connection was lost behind the dot [%s]", async (end) => {
    const server = await played(`${GREETED}${SENT}${CONTENT}${end}`);
    const error = await failing("send", server.port);
    expect(error).toMatchObject({ name: "SmtpConnectionError", phase: "final", fate: "unknown", retry: "ask" });
  });

  test("unknown inside TLS, where nothing is a TLS error any more", async () => {
    const { server: identity } = await certificates();
    const hello = GREETED.replace("PIPELINING", "STARTTLS");
    const tls = `C: STARTTLS\nS: 220 go\nTLS\n${GREETED.replace("S: 220 ready\n", "")}`;
    const server = await played(`${hello}${tls}${SENT}${CONTENT}S: <close>`, identity);
    const error = await failing("send", server.port);
    expect(error).toMatchObject({ name: "SmtpConnectionError", phase: "final", fate: "unknown" });
  });

  test("accepted, whatever the server does behind its answer", async () => {
    const server = await played(`${GREETED}${SENT}${CONTENT}S: 250 ok\nS: <close>`);
    expect((await sent(server.port)).recipients[0]?.fate).toBe("accepted");
  });
});

describe("what is put in behind the consent to STARTTLS", () => {
  const hello = GREETED.replace("PIPELINING", "STARTTLS");

  test.each([
    ["a reply", "S: 250 evil", "SmtpProtocolError"],
    ["a fragment", "S| 250-ev", "SmtpTlsError"],
  ])("in the same segment breaks the session [%s]", async (_what, evil, name) => {
    const { server: identity } = await certificates();
    const server = await played(`${hello}C: STARTTLS\nS: 220 go\n${evil}\nC: <close>`, identity);
    expect(await failing("send", server.port, { options: { starttls: "always" } })).toMatchObject({ name });
    await server.finish();
  });

  test("in a segment of its own goes to TLS, which refuses it; it is no reply to anything", async () => {
    const { server: identity } = await certificates();
    let heard = "";
    const port = await raw((socket) => {
      const steps = ["250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"];
      socket.write("220 mx\r\n");
      socket.on("data", (bytes) => {
        const step = steps.shift();
        if (step) socket.write(step);
        else heard += bytes.toString("latin1");
        // The client's hello has come: what is written now in clear comes first inside its handshake.
        if (!step) socket.write("250-evil\r\n250 AUTH PLAIN\r\n");
      });
    });
    expect(identity.cert).toContain("BEGIN");
    const error = await failing("send", port, { options: { starttls: "always" } });
    expect(error).toMatchObject({ name: "SmtpTlsError", phase: "tls" });
    expect(heard).not.toMatch(/EHLO|MAIL/);
  });

  test("a consent that comes in pieces is waited for", async () => {
    const { server: identity } = await certificates();
    const inside = `TLS\n${GREETED.replace("S: 220 ready\n", "")}`;
    const server = await played(`${hello}C: STARTTLS\nS| 220\n\nS:  go on\n${inside}${QUIT}`, identity);
    expect(await run("starttls", server.port)).toEqual({ value: expect.stringContaining("250") });
  });

  test("a refusal of STARTTLS leaves the session as it was", async () => {
    const server = await played(`${hello}C: STARTTLS\nS: 454 not now\nC: <close>`);
    const error = await failing("send", server.port, { options: { starttls: "always" } });
    expect(error).toMatchObject({ name: "SmtpServerBusy", phase: "tls" });
  });
});

describe("a certificate", () => {
  const bad: ["selfSigned" | "wrongName" | "expired", boolean][] = [
    ["selfSigned", true],
    ["selfSigned", false],
    ["wrongName", true],
    ["wrongName", false],
    ["expired", true],
    ["expired", false],
  ];

  test.each(bad)("that is %s is refused, and nothing is said inside [tls: %s]", async (name, tls) => {
    const identity = (await certificates())[name];
    let heard = "";
    const port = await raw((socket) => {
      const secured = (): void => {
        socket.removeAllListeners("data");
        const inside = new TLSSocket(socket, { ...identity, isServer: true }).on("error", () => {});
        inside.on("data", (bytes) => {
          heard += bytes.toString("latin1");
        });
        if (tls) inside.write("220 mx\r\n");
      };
      if (tls) return secured();
      socket.write("220 mx\r\n");
      const steps = ["250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"];
      socket.on("data", () => socket.write(steps.shift() ?? "") && steps.length === 0 && secured());
      return undefined;
    });
    const options = { ...(tls ? { tls } : { starttls: "always" as const }), user: "me", secret: USERS.me };
    const error = await failing("send", port, { address: "localhost", options });
    expect(error).toMatchObject({ name: "SmtpTlsError", code: "SMTP_TLS", phase: "tls" });
    expect(error.message).toMatch(/the certificate may not be trusted or not be for "localhost"/);
    expect(heard).toBe("");
  });

  test.each([false, true])("must carry `tlsHostname`, whatever was dialled [tls: %s]", async (tls) => {
    const { nameOnly } = await certificates();
    const { port } = await serve({ ...nameOnly, secure: tls });
    const options = tls ? { tls } : { starttls: "always" as const };
    expect(await failing("send", port, { options })).toMatchObject({ name: "SmtpTlsError" });
    const named = await run("send", port, { options: { ...options, tlsHostname: "localhost" } });
    expect(named.delivery?.tls).toBe(true);
  });
});

describe("an address", () => {
  test.each(["::1", "[::1]", "localhost"])("may be %s", async (address) => {
    const host = address === "localhost" ? "127.0.0.1" : "::1";
    const server = await playServer(`${GREETED}${SENT}${CONTENT}S: 250 ok\n${QUIT}`, { host });
    closing.push(() => server.close());
    const { delivery, error } = await run("send", server.port, { address });
    expect(error).toBeUndefined();
    expect(delivery?.recipients[0]?.fate).toBe("accepted");
  });

  test("that is no name is an error before anything is dialled", async () => {
    const error = await failing("send", 25, { address: "a b.example" });
    expect(error).toMatchObject({ fate: "unsent", phase: "connect" });
  });
});

describe("what Workers cannot do", () => {
  test.each([
    ["tlsVerify", false],
    ["tlsOptions", { ca: "…" }],
    ["tlsOptions", { cert: "…", key: "…" }],
    ["localAddress", "127.0.0.1"],
    ["socketPath", "/run/smtp.sock"],
  ])("is refused when a session or pool is made, by name [%s]", async (name, value) => {
    const made = (await run("make", 1, { options: { [name]: value } })).value as Told[];
    expect(made).toHaveLength(2);
    for (const error of made) {
      expect(error).toMatchObject({ name: "SmtpArgumentError", phase: "connect" });
      expect(error.message).toContain(`Option "${name}"`);
      expect(error.message).toContain("Cloudflare Workers");
    }
  });

  test("is refused before a connection, if it was set later", async () => {
    let connections = 0;
    const port = await raw(() => {
      connections++;
    });
    expect(await failing("later", port)).toMatchObject({ name: "SmtpArgumentError" });
    // What comes behind it is there, so one before it would have been counted.
    await failing("send", port, { options: { readTimeout: 50 } });
    expect(connections).toBe(1);
  });

  test("what holds there anyway may be asked for", async () => {
    const options = { tlsVerify: true, tlsOptions: { rejectUnauthorized: true } };
    expect((await run("make", 1, { options })).value).toEqual([null, null]);
  });
});

describe("time", () => {
  test("a port where nobody listens: the error names it and says what the runtime says", async () => {
    const server = await serve();
    await server.close();
    const error = await failing("send", server.port);
    expect(error).toMatchObject({ name: "SmtpConnectionError", phase: "connect", retry: "later" });
    expect(error.message).toContain(`127.0.0.1:${server.port} `);
    expect(error.cause).toMatch(/cannot connect/);
  });

  test("a server that does not greet", async () => {
    const port = await raw(() => {});
    const error = await failing("send", port, { options: { readTimeout: 100 } });
    expect(error).toMatchObject({ name: "SmtpReadTimeout", phase: "greeting" });
  });

  test.each([true, false])("a server that does not shake hands [tls: %s]", async (tls) => {
    const port = await raw((socket) => {
      if (tls) return;
      socket.write("220 mx\r\n");
      const steps = ["250-mx\r\n250 STARTTLS\r\n", "220 go\r\n"];
      socket.on("data", () => socket.write(steps.shift() ?? ""));
    });
    const error = await failing("send", port, { options: { tls, readTimeout: 200 } });
    expect(error.name).toBe("SmtpReadTimeout");
  });

  test("a server that takes nothing: writing waits, and its time is over", async () => {
    let got = 0;
    let last: Socket | undefined;
    const port = await raw((socket) => {
      last = socket;
      socket.write("220 mx\r\n");
      const replies = ["250 mx\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"];
      socket.on("data", (bytes) => {
        got += bytes.length;
        if (replies.length === 0) return;
        socket.write(replies.shift() ?? "");
        if (replies.length === 0) socket.pause();
      });
    });
    const extra = 30_000_000;
    const error = await failing("send", port, { options: { writeTimeout: 300 }, extra });
    expect(error).toMatchObject({ name: "SmtpWriteTimeout", phase: "content", fate: "unsent" });
    // The connection was dropped with what was queued: reading on comes to an end long before the message's.
    const ended = new Promise((resolve) => last?.once("close", resolve).once("end", resolve));
    last?.resume();
    await ended;
    expect(got).toBeLessThan(extra / 2);
  });

  test("a signal that aborts drops the connection", async () => {
    const gone: string[] = [];
    const closed = new Promise<void>((resolve) => {
      closing.push(resolve);
      void raw((socket) => socket.on("close", () => resolve(void gone.push("closed")))).then(async (port) => {
        const error = await failing("send", port, { abortAfter: 100 });
        gone.unshift(error.name, error.cause ?? "");
      });
    });
    await closed;
    await expect.poll(() => gone).toEqual(["AbortError", "Error: enough", "closed"]);
  });
});

describe("a request", () => {
  test("owns its connections: in another one they are lost, and a message is never lost in silence", async () => {
    const { port, messages } = await serve();
    expect((await run("keep", port)).value).toContain("started=true");
    const error = await failing("useKept", port);
    expect(error).toMatchObject({ name: "SmtpConnectionError", fate: "unsent" });
    expect(messages).toHaveLength(1);
  });

  test("finds the sessions of a pool that was kept lost, and opens one: each message goes once", async () => {
    const { port, messages, connections } = await serve();
    await run("keep", port);
    for (const _ of ["another request", "and another"]) {
      expect((await run("useKeptPool", port)).delivery?.recipients[0]?.fate).toBe("accepted");
    }
    expect([messages.length, connections.length]).toEqual([3, 4]); // one of them is the session's that was kept
  });
});

describe("a socket of the caller's", () => {
  test("is spoken over, and TLS is made on it", async () => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve(identity);
    const { delivery } = await run("supplied", port, { options: { starttls: "always" } });
    expect(delivery?.tls).toBe(true);
    expect(messages).toHaveLength(1);
  });

  test("a function in place of the runtime's connect", async () => {
    const { port, messages } = await serve();
    expect((await run("over", port)).value).toEqual([{ hostname: "127.0.0.1", port: 2525 }]);
    expect(messages).toHaveLength(1);
  });
});

describe("examples/worker.ts", () => {
  async function post(form: Record<string, string>, port: number): Promise<string> {
    const { MAIL_TO = "office@y.example", ...fields } = form;
    const env = { SMTP_HOST: "localhost", SMTP_PORT: `${port}`, SMTP_USER: "me", SMTP_SECRET: USERS.me };
    const site = await startWorker("examples/worker.ts", { ...env, MAIL_FROM: "web@x.example", MAIL_TO });
    try {
      const headers = { "Content-Type": "application/x-www-form-urlencoded" };
      const body = new URLSearchParams(fields).toString();
      const response = await site.fetch("", { method: "POST", headers, body });
      return `${response.status} ${await response.text()}`;
    } finally {
      await site.close();
    }
  }
  const form = { email: "a@b.example", message: "Grüße\n.\nhello" };

  test("mails the form and says so", async () => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve({ ...identity, users: USERS });
    expect(await post(form, port)).toMatch(/^200 /);
    const [message] = messages;
    const [head = "", body = ""] = (message?.raw.toString() ?? "").split("\r\n\r\n");
    expect(head).toContain("\r\nReply-To: a@b.example\r\n");
    expect(Buffer.from(body, "base64").toString()).toBe(form.message);
    expect([message?.from, message?.to, message?.user]).toEqual(["web@x.example", ["office@y.example"], "me"]);
  });

  test("answers by fate", async () => {
    const { server: identity } = await certificates();
    const { port, messages } = await serve({ ...identity, users: USERS });
    const forms = [
      { ...form, email: "a@b.example\r\nBcc: c@d.example" },
      { ...form, MAIL_TO: "refuse-550@y.example" },
      { ...form, MAIL_TO: "busy-450@y.example" },
    ];
    const answers = await Promise.all(forms.map((each) => post(each, port)));
    expect(answers.map((text) => text.slice(0, 4))).toEqual(["400 ", "502 ", "503 "]);
    expect(messages).toEqual([]);
    const hello = GREETED.replace("PIPELINING", "STARTTLS").replace("localhost", "x.example");
    const inside = `${GREETED.replace("S: 220 ready\n", "").replace("localhost", "x.example").replace("PIPELINING", "AUTH PLAIN")}`;
    const login = "C: <anything>\nS: 235 ok\n";
    const mail =
      "C: MAIL FROM:<web@x.example>\nS: 250 ok\nC: RCPT TO:<office@y.example>\nS: 250 ok\nC: DATA\nS: 354 go\n";
    const lost = `${hello}C: STARTTLS\nS: 220 go\nTLS\n${inside}${login}${mail}C: <anything>\nC: .\nS: <close>`;
    const server = await played(lost, identity);
    expect(await post(form, server.port)).toMatch(/^202 /);
  });
});
