/**
 * The way frameworks hand a transport to Nodemailer: each copies, merges or keeps it in its own way, and a message must go
 * all the same, and no secret show in what is inspected. Those that are small are here themselves; of the others the
 * handing over is followed, by name and version.
 *
 * @module
 */

import { inspect } from "node:util";
import { Auth, skipCSRFCheck } from "@auth/core";
import Nodemailer from "@auth/core/providers/nodemailer";
import strapi from "@strapi/provider-email-nodemailer";
import _ from "lodash";
import nodemailer, { type Transporter } from "nodemailer";
import { expect, test } from "vitest";
import type { NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { plugin, start } from "../nodemailer/support.ts";
import type { RunningServer } from "../support/server.ts";

const SECRET = "hunter2";
const users = { me: SECRET };
const auth = { user: "me", pass: SECRET };
const data = { from: "a@x.example", to: "b@y.example", subject: "hi", text: "hello" };

/** A transport with a login, to a server that asks for it. */
async function logging(): Promise<{ server: RunningServer; transport: NetSmtpTransport }> {
  const server = await start({ users, allowInsecureAuth: true });
  return { server, transport: plugin(server, { auth }) };
}

/** What anyone can see of it. */
function shown(value: unknown): string {
  const seen = new WeakSet();
  const json = JSON.stringify(value, (_key, each) => {
    if (typeof each !== "object" || each === null) return each;
    if (seen.has(each)) return "again";
    seen.add(each);
    return each;
  });
  return `${inspect(value, { depth: 20, showHidden: true })} ${json} ${String(value)}`;
}

function expectStored(server: RunningServer, count = 1): void {
  expect(server.messages.map(({ to, user }) => [to, user])).toEqual(Array(count).fill([["b@y.example"], "me"]));
}

test("Strapi: @strapi/provider-email-nodemailer 5.54.0 itself, under its own Nodemailer 9", async () => {
  const { server, transport } = await logging();
  const settings = { defaultFrom: "a@x.example", defaultReplyTo: "r@x.example" };
  const provider = (strapi as unknown as { default?: StrapiProvider }).default ?? (strapi as unknown as StrapiProvider);
  const email = provider.init(transport, settings);
  expect(await email.verify()).toBe(true);
  await email.send({ to: "b@y.example", subject: "hi", text: "hello", attachments: [] });
  expectStored(server);
  expect(shown([email, email.getCapabilities(), transport])).not.toContain(SECRET);
  email.close();
});

interface StrapiProvider {
  init(options: unknown, settings: object): StrapiEmail;
}

interface StrapiEmail {
  send(message: object): Promise<unknown>;
  verify(): Promise<unknown>;
  getCapabilities(): unknown;
  close(): void;
}

test("Auth.js: @auth/core 0.41.3 itself, which merges the transport into its own default server", async () => {
  const { server, transport } = await logging();
  const tokens: unknown[] = [];
  const failures: unknown[] = [];
  const adapter = {
    getUserByEmail: async () => null,
    createVerificationToken: async (token: unknown) => void tokens.push(token),
    useVerificationToken: async () => null,
  };
  const provider = Nodemailer({ server: transport as never, from: "a@x.example" });
  for (const at of [1, 2]) {
    const response = await Auth(
      new Request("https://app.example/auth/signin/nodemailer", {
        method: "POST",
        body: new URLSearchParams({ email: "b@y.example" }),
      }),
      {
        providers: [provider],
        adapter: adapter as never,
        secret: "a secret of the application",
        trustHost: true,
        skipCSRFCheck,
        basePath: "/auth",
        logger: { error: (error) => failures.push(error) },
      },
    );
    expect(failures).toEqual([]);
    expect(response.headers.get("location")).toContain("verify-request");
    expectStored(server, at);
  }
  expect(tokens).toHaveLength(2);
  expect(shown([provider, transport])).not.toContain(SECRET);
});

test("NestJS: @nestjs-modules/mailer 2.3.7, MailerTransportFactory.createTransport() and MailerService", async () => {
  const { server, transport } = await logging();
  // The module's options are a provider's value; the service counts the transport's keys, then gives it to Nodemailer.
  const module = { useValue: { transport, defaults: { from: "a@x.example" }, verifyTransporters: true } };
  const { transport: given, defaults } = { ...module.useValue };
  expect(Object.keys(given).length).toBeGreaterThan(0);
  const transporters = new Map<string, Transporter>();
  for (const name of ["one", "two"]) transporters.set(name, nodemailer.createTransport(given, defaults));
  for (const transporter of transporters.values()) {
    expect(await Promise.resolve(transporter.verify())).toBe(true);
    transporter.use("compile", (_mail, done) => done());
    await transporter.sendMail({ ...data, from: undefined });
  }
  expectStored(server, 2);
  expect(shown([module, [...transporters]])).not.toContain(SECRET);
  for (const transporter of transporters.values()) transporter.close();
});

test("Payload: @payloadcms/email-nodemailer 3.90.1, nodemailerAdapter() with transport and with transportOptions", async () => {
  const { server, transport } = await logging();
  const config = [{ transport: nodemailer.createTransport(transport) }, { transportOptions: transport }];
  for (const given of config) {
    const args = { ...given, defaultFromAddress: "a@x.example", defaultFromName: "A" };
    const transporter = "transport" in args ? args.transport : nodemailer.createTransport(args.transportOptions);
    expect(await transporter.verify()).toBe(true);
    const from = `${args.defaultFromName} <${args.defaultFromAddress}>`;
    await transporter.sendMail({ ...data, from });
  }
  expectStored(server, 2);
  expect(shown(config)).not.toContain(SECRET);
});

test("email-templates 13.0.1: the constructor merges its config by lodash's merge", async () => {
  const { server, transport } = await logging();
  for (const given of [transport, nodemailer.createTransport(transport)]) {
    const config = _.merge(
      { message: {}, send: true, transport: {} },
      { message: { from: "a@x.example" }, transport: given },
    );
    const merged = config.transport as unknown as Transporter | NetSmtpTransport;
    const transporter = "sendMail" in merged ? merged : nodemailer.createTransport(merged as NetSmtpTransport);
    await transporter.sendMail(_.defaultsDeep({}, config.message, data));
    expect(shown(config)).not.toContain(SECRET);
  }
  expectStored(server, 2);
});

/** Ways to hand on an object, by whoever does it. */
const WAYS: readonly (readonly [string, (transport: NetSmtpTransport) => NetSmtpTransport])[] = [
  ["as it is", (transport) => transport],
  ["a spread copy", (transport) => ({ ...transport }) as NetSmtpTransport],
  ["Object.assign", (transport) => Object.assign({}, transport)],
  ["Object.create", (transport) => Object.create(transport)],
  ["lodash's merge", (transport) => _.merge({}, { transport }).transport],
  ["lodash's cloneDeep", (transport) => _.cloneDeep(transport)],
  ["lodash's defaultsDeep", (transport) => _.defaultsDeep({}, transport)],
  ["a Proxy", (transport) => new Proxy(transport, {})],
  ["a copy of a copy", (transport) => ({ ...Object.assign({}, transport) }) as NetSmtpTransport],
  ["its entries", (transport) => Object.fromEntries(Object.entries(transport)) as unknown as NetSmtpTransport],
];

test.each(WAYS)("%s sends, verifies, and shows no secret", async (_way, copied) => {
  const { server, transport } = await logging();
  const copy = copied(transport);
  const transporter = nodemailer.createTransport(copy, { from: "a@x.example" });
  expect(await transporter.verify()).toBe(true);
  await transporter.sendMail({ ...data, from: undefined });
  await nodemailer.createTransport(copy).sendMail(data);
  expectStored(server, 2);
  expect(shown([copy, transporter])).not.toContain(SECRET);
});

test.each<[string, (transport: NetSmtpTransport) => unknown]>([
  ["structuredClone", (transport) => structuredClone(transport)],
  ["postMessage", (transport) => new MessageChannel().port1.postMessage(transport)],
])("%s says that a transport cannot be cloned, and shows no secret", async (_way, clone) => {
  const { transport } = await logging();
  const cloned = (): unknown => clone(transport);
  expect(cloned).toThrow(/not be cloned/);
  expect(cloned).not.toThrow(SECRET);
});

test("JSON of a transport has no secret, and Nodemailer says of it that it is none", async () => {
  const { server, transport } = await logging();
  const text = JSON.stringify(transport);
  expect(text).not.toContain(SECRET);
  expect(JSON.parse(text)).not.toHaveProperty("send");
  expect(server.messages).toEqual([]);
});
