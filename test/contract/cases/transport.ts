/** Sections 1.1 and 1.5 of the contract: what Nodemailer's Mail does with a transport, and what it gives only to its own. */

import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, Socket } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { format } from "node:util";
import type { SendMailOptions, Transporter } from "nodemailer";
import { certificates } from "../../support/certificates.ts";
import { type Answers, answering, type ContractServer } from "../answering.ts";
import { type Case, fails, NOT_TAKEN, plainInfo, real, saw, usual } from "../harness.ts";

function answers(given: Answers = {}): () => Promise<ContractServer> {
  return () => answering(given);
}

async function connected({ port }: ContractServer): Promise<object> {
  const connection = connect(port, "127.0.0.1");
  await once(connection, "connect");
  return { port: 1, connection };
}

const OK = { info: { accepted: ["b@y.example"] } };
const nothing = (): string => "not compared";
const composed = {
  raw: undefined,
  from: "a@x.example",
  to: "b@y.example",
  date: new Date(0),
  baseBoundary: "contract",
};
// 1024 bits, for a signature in a test alone.
const DKIM_KEY = (): string =>
  generateKeyPairSync("rsa", {
    modulusLength: 1024,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  }).privateKey;

/** A logger that keeps what it is told. */
interface Kept {
  readonly entries: unknown[][];
}

function kept(): Kept {
  const entries: unknown[][] = [];
  const keep = (...given: unknown[]): void => void entries.push(given);
  return { entries, ...{ trace: keep, debug: keep, info: keep, warn: keep, error: keep, fatal: keep } };
}

async function logged(transporter: Transporter, _server: unknown, { logger }: { logger: Kept }): Promise<object> {
  await transporter.sendMail(usual());
  const components = new Set(logger.entries.map(([fields]) => (fields as { component: string }).component));
  const lines = logger.entries.map((entry) => format(...(entry.slice(1) as [string])));
  return {
    components: [...components],
    dialogue: lines.some((line) => line.includes("EHLO me.example")),
    content: lines.some((line) => line.includes("Subject: hi")),
  };
}

async function called(transporter: Transporter, name: "sendMail" | "verify", data?: SendMailOptions): Promise<unknown> {
  return await new Promise((resolve) => {
    const done = (error: unknown, value: unknown): void => resolve([error === null, typeof value]);
    if (name === "verify") void transporter.verify(done as never);
    else transporter.sendMail(data as SendMailOptions, done);
  });
}

function messages(saw: { messages: { raw: string }[] }): unknown {
  return saw.messages.map(({ raw }) => raw);
}

export const transport: readonly Case[] = [
  {
    name: "send, with a callback",
    server: answers(),
    run: (transporter) => called(transporter, "sendMail", usual()),
    outcome: { value: [true, "object"] },
  },
  {
    name: "send, one after another and at once",
    server: () => real(),
    run: async (transporter) => {
      await transporter.sendMail(usual());
      const both = await Promise.all([transporter.sendMail(usual()), transporter.sendMail(usual())]);
      return both.map(({ accepted }) => accepted);
    },
    outcome: { value: [["b@y.example"], ["b@y.example"]], saw: { connections: 3 } },
  },
  {
    name: "name and version",
    server: answers(),
    run: ({ transporter: { name, version } }) => [typeof name, typeof version],
    outcome: { value: ["string", "string"] },
  },
  {
    name: "mailer is the transporter",
    server: answers(),
    run: (transporter) => transporter.transporter.mailer === (transporter as unknown),
    outcome: { value: true },
  },
  {
    name: "supportsAbortSignal",
    server: answers(),
    run: ({ transporter }) => transporter.supportsAbortSignal,
    outcome: { value: true },
  },
  { name: "verify()", server: answers(), run: (transporter) => transporter.verify(), outcome: { value: true } },
  {
    name: "verify() with a callback",
    server: answers(),
    run: (transporter) => called(transporter, "verify"),
    outcome: { value: [true, "boolean"] },
  },
  {
    name: "verify() ends with QUIT",
    server: () => answering({}, { keepQuit: true }),
    run: (transporter) => transporter.verify(),
    outcome: { saw: [{ lines: ["EHLO me.example", "QUIT"] }] },
  },
  {
    name: "verify() of nothing there",
    server: answers(),
    options: { port: 1 },
    run: (transporter) => transporter.verify(),
    outcome: { error: { code: "ESOCKET", originalCode: "ECONNREFUSED" } },
  },
  {
    name: "verify(), the connection lost",
    server: answers({ EHLO: "<close>" }),
    run: (transporter) => transporter.verify(),
    outcome: { error: { code: "ECONNECTION", command: "CONN" } },
  },
  {
    name: "close(), and a message after it",
    server: answers(),
    run: async (transporter) => {
      const closed = transporter.close();
      return [typeof closed, ((await transporter.sendMail(usual())) as { accepted: string[] }).accepted];
    },
    outcome: { value: ["undefined", ["b@y.example"]] },
    differs: { row: "close", here: { value: () => ["object", ["b@y.example"]] } },
  },
  {
    name: "isIdle() where there is no pool",
    server: answers(),
    run: (transporter) => transporter.isIdle(),
    outcome: { value: false },
    differs: { row: "is-idle", here: { value: true } },
  },
  {
    name: "a plugin: compile and stream",
    server: answers(),
    run: async (transporter) => {
      const steps: string[] = [];
      for (const step of ["compile", "stream"] as const) {
        transporter.use(step, (mail, done) => {
          steps.push(step);
          mail.data.messageId = "<2@x.example>";
          done();
        });
      }
      const { messageId } = (await transporter.sendMail({ ...composed, text: "hello" })) as { messageId: string };
      return [...steps, messageId];
    },
    outcome: { value: ["compile", "stream", "<2@x.example>"] },
    see: nothing,
  },
  {
    name: "a message's list, priority and attachDataUrls",
    server: () => real(),
    mail: {
      ...composed,
      list: { unsubscribe: "https://x.example/u" },
      priority: "high",
      attachDataUrls: true,
      html: '<img src="data:image/png;base64,AAAA">',
    },
    outcome: OK,
    see: ({ messages: [{ raw }] }) => raw.replace(/cid:[^"]+|Content-Id: .*/gi, ""),
  },
  {
    name: "dkim, by the defaults",
    server: () => real(),
    defaults: { dkim: { domainName: "x.example", keySelector: "s", privateKey: DKIM_KEY() } },
    mail: { ...composed, text: "hello" },
    outcome: OK,
    see: (saw) => /^DKIM-Signature: /.test(String(messages(saw))),
  },
  ...(
    ["dkim", "attachDataUrls", "disableFileAccess", "disableUrlAccess", "maxRecipients", "normalizeHeaderKey"] as const
  ).map(
    (name): Case => ({
      name: `option: ${name}, of Mail`,
      server: answers(),
      options: {
        [name]: { dkim: {}, maxRecipients: 10, normalizeHeaderKey: (key: string) => key }[name as string] ?? true,
      },
      outcome: { info: { messageId: "<1@x.example>" } },
      differs: { row: "mail-options", here: NOT_TAKEN },
    }),
  ),
  {
    name: "option: maxRecipients, by the helper",
    server: answers(),
    helper: true,
    options: { maxRecipients: 1 },
    mail: { envelope: undefined, from: "a@x.example", to: ["b@y.example", "c@y.example"] },
    outcome: { error: { code: "EMAXRECIPIENTS" } },
  },
  {
    name: "option: dkim, by the helper",
    server: () => real(),
    helper: true,
    options: { dkim: { domainName: "x.example", keySelector: "s", privateKey: DKIM_KEY() } },
    mail: { ...composed, text: "hello" },
    outcome: { saw: true },
    see: (saw) => /^DKIM-Signature: /.test(String(messages(saw))),
  },
  {
    name: "option: disableFileAccess, by the helper",
    server: answers(),
    helper: true,
    options: { disableFileAccess: true },
    mail: { ...composed, attachments: [{ path: "/nothing/there" }] },
    outcome: { error: { originalCode: "EFILEACCESS" } },
    see: nothing,
  },
  {
    name: "option: proxy with a handler, by the helper",
    server: answers(),
    helper: true,
    options: { proxy: "test://127.0.0.1:1" },
    run: async (transporter) => {
      transporter.set("proxy_handler_test", handler());
      return plainInfo(await transporter.sendMail(usual()));
    },
    outcome: { value: { accepted: ["b@y.example"] } },
  },
  {
    name: "setupProxy() with a handler, getSocket is set once",
    server: answers(),
    run: async (transporter) => {
      const asked: unknown[] = [];
      transporter.set("proxy_handler_test", handler(asked));
      transporter.setupProxy("test://127.0.0.1:1");
      const info = plainInfo(await transporter.sendMail(usual()));
      return [info, asked, typeof transporter.transporter.getSocket];
    },
    outcome: { value: [{ accepted: ["b@y.example"] }, ["127.0.0.1"], "function"] },
  },
  {
    name: "setupProxy() and verify()",
    server: answers(),
    run: (transporter) => {
      transporter.set("proxy_handler_test", handler());
      transporter.setupProxy("test://127.0.0.1:1");
      return transporter.verify();
    },
    outcome: { value: true },
  },
  {
    name: "code: the proxy's own, a handler that fails",
    server: answers(),
    run: async (transporter) => {
      transporter.set("proxy_handler_test", (_proxy: object, _options: object, done: (error: Error) => void) =>
        done(Object.assign(new Error("No way"), { code: "EPROXY" })),
      );
      transporter.setupProxy("test://127.0.0.1:1");
      return plainInfo(await transporter.sendMail(usual()));
    },
    outcome: { error: { code: "EPROXY" }, saw: [] },
    differs: { row: "more-keys", here: { error: { command: "CONN", originalCode: "EPROXY" } } },
  },
  {
    name: "a proxy of an unknown kind",
    server: answers(),
    run: async (transporter) => {
      transporter.setupProxy("nothing://127.0.0.1:1");
      return plainInfo(await transporter.sendMail(usual()));
    },
    outcome: { error: { code: "EPROXY" }, saw: [] },
    differs: { row: "more-keys", here: { error: { command: "CONN", originalCode: "EPROXY" } } },
  },
  {
    name: "setupProxy() with HTTP CONNECT",
    server: answers(),
    run: async (transporter) => {
      const proxy = createServer().on("connect", ({ url = "" }, client) => {
        const [host, port] = url.split(":");
        const target = connect(Number(port), host, () => {
          client.write("HTTP/1.1 200 Ok\r\n\r\n");
          target.pipe(client).pipe(target);
        });
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      try {
        transporter.setupProxy(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
        return plainInfo(await transporter.sendMail(usual()));
      } finally {
        proxy.close();
      }
    },
    outcome: { value: { accepted: ["b@y.example"] } },
  },
  {
    name: "option: getSocket",
    server: answers(),
    options: ({ port }: ContractServer) => ({
      port: 1,
      getSocket: (_options: object, done: (error: null, socket: object) => void) => {
        const connection = connect(port, "127.0.0.1", () => done(null, { connection }));
      },
    }),
    outcome: OK,
  },
  {
    name: "option: service",
    server: answers({ end: "250 2.0.0 OK <AM0PR01MB1234.prod.outlook.com> [Hostname=x]" }),
    options: ({ port }: ContractServer) => ({
      service: "Outlook365",
      host: "mine.example",
      getSocket: (options: { host: string; port: number }, done: (error: Error | null, socket?: object) => void) => {
        if (options.host !== "smtp.office365.com" || options.port !== 587) return done(new Error("Not the service's"));
        const connection = connect(port, "127.0.0.1", () => done(null, { connection }));
      },
    }),
    outcome: OK,
  },
  {
    name: "option: service, one that nobody knows",
    server: answers(),
    options: { service: "Nowhere" },
    outcome: OK,
    differs: { row: "service", here: { ...fails({ code: "ECONFIG", command: "API" }), saw: () => [] } },
  },
  {
    name: "option: getSocket, its answer changes the name",
    server: answers(),
    options: ({ port }: ContractServer) => ({
      getSocket: (_options: object, done: (error: null, socket: object) => void) => {
        const connection = connect(port, "127.0.0.1", () => done(null, { connection, name: "you.example" }));
      },
    }),
    outcome: OK,
    differs: { row: "get-socket", here: { ...fails({ code: "ECONFIG", command: "API" }), ...saw([]) } },
  },
  {
    name: "option: getSocket that fails without a code",
    server: answers(),
    options: { getSocket: (_options: object, done: (error: Error) => void) => done(new Error("No")) },
    outcome: { error: {}, saw: [] },
    differs: { row: "more-keys", here: { error: { code: "ECONNECTION", command: "CONN" } } },
  },
  {
    name: "option: connection, for a second message",
    server: answers(),
    options: connected,
    run: async (transporter) => {
      const first = await transporter.sendMail(usual()).then(() => "sent");
      return [
        first,
        await transporter.sendMail(usual()).then(
          () => "sent",
          ({ code }) => code,
        ),
      ];
    },
    outcome: { value: ["sent", "ECONNECTION"] },
    differs: { row: "own-socket", here: { value: () => ["sent", "ECONFIG"] } },
  },
  {
    name: "option: connection, with a login in clear",
    server: answers({ EHLO: "250-mx.example\n250 AUTH PLAIN" }),
    options: async (server: ContractServer) => ({ ...(await connected(server)), auth: { user: "me", pass: "secret" } }),
    outcome: OK,
    differs: {
      row: "clear-login",
      here: { ...fails({ code: "ETLS", command: "STARTTLS" }), ...saw(["EHLO me.example"]) },
    },
  },
  {
    name: "option: getSocket that fails",
    server: answers(),
    options: {
      getSocket: (_options: object, done: (error: Error) => void) =>
        done(Object.assign(new Error("No"), { code: "ERR_ACCESS_DENIED" })),
    },
    outcome: { error: { code: "ERR_ACCESS_DENIED" }, saw: [] },
    differs: { row: "more-keys", here: { error: { command: "CONN", originalCode: "ERR_ACCESS_DENIED" } } },
  },
  {
    name: "option: connection",
    server: answers(),
    options: connected,
    outcome: OK,
  },
  {
    name: "option: secured, of a connection",
    server: async () => answering({}, { tls: (await certificates()).server, secure: true }),
    options: async ({ port }: ContractServer) => {
      const connection = tlsConnect({ port, host: "127.0.0.1", ca: (await certificates()).ca });
      await once(connection, "secureConnect");
      return { port: 1, connection, secured: true, secure: true };
    },
    outcome: OK,
  },
  {
    name: "option: socket",
    server: answers(),
    options: () => ({ socket: new Socket() }),
    outcome: OK,
  },
  {
    name: "option: socketCloseTimeout",
    server: answers(),
    options: { socketCloseTimeout: 0 },
    outcome: OK,
  },
  {
    name: "option: allowInternalNetworkInterfaces",
    server: answers(),
    options: { allowInternalNetworkInterfaces: true },
    outcome: OK,
  },
  {
    name: "option: dnsTimeout",
    server: answers(),
    options: { host: "localhost", dnsTimeout: 5000 },
    outcome: OK,
  },
  {
    name: "option: logger",
    server: answers(),
    options: () => ({ logger: kept() }),
    run: logged,
    outcome: { value: { dialogue: false, content: false } },
    differs: { row: "logger", here: { value: { components: () => ["net-smtp"] } } },
  },
  {
    name: "option: component",
    server: answers(),
    options: () => ({ logger: kept(), component: "mine" }),
    run: logged,
    outcome: { value: { components: ["mine"] } },
  },
  {
    name: "option: transactionLog",
    server: answers(),
    options: () => ({ logger: kept(), component: "mine", transactionLog: true }),
    run: logged,
    outcome: { value: { dialogue: true, content: false } },
  },
  {
    name: "option: debug",
    server: answers(),
    options: () => ({ logger: kept(), component: "mine", debug: true }),
    run: logged,
    outcome: { value: { dialogue: true, content: true } },
    differs: { row: "logger", here: { value: { content: false } } },
  },
  {
    name: "option: logger, no password in it",
    server: answers({ EHLO: "250-mx.example\n250 AUTH PLAIN" }),
    options: () => ({ logger: kept(), component: "mine", debug: true, auth: { user: "me", pass: "hunter2" } }),
    run: async (transporter, _server, { logger }: { logger: Kept }) => {
      await transporter.sendMail(usual());
      const text = JSON.stringify(logger.entries);
      return [btoa("\0me\0hunter2"), "hunter2"].map((secret) => text.includes(secret));
    },
    outcome: { value: [false, false] },
  },
];

type ProxyHandler = Parameters<Transporter["set"]>[1];

/** Connects itself, and may keep which host it was asked for. */
function handler(asked: unknown[] = []): ProxyHandler {
  return (_proxy: unknown, options: { host?: string; port?: number | string }, done: Done) => {
    asked.push(options.host);
    const connection = connect(Number(options.port), options.host ?? "", () => done(null, { connection }));
  };
}

type Done = (error: null, socket: { connection: Socket }) => void;
