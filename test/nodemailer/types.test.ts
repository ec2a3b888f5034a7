/**
 * What the types promise is checked by `tsc`: Nodemailer's own types and those of @types/nodemailer 6, 7 and 8 take the
 * transport, and what comes of it is typed. What runs here is that it works as it is typed.
 *
 * @module
 */

import nodemailer, { type Transport, type Transporter } from "nodemailer";
import type {
  createTransport as CreateTransport6,
  Transport as Transport6,
  Transporter as Transporter6,
} from "nodemailer-types-6";
import type {
  createTransport as CreateTransport7,
  Transport as Transport7,
  Transporter as Transporter7,
} from "nodemailer-types-7";
import type {
  createTransport as CreateTransport8,
  Transport as Transport8,
  Transporter as Transporter8,
} from "nodemailer-types-8";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Fate, isSmtpError, type Phase, type Retry, SmtpFatalError } from "../../mod.ts";
import {
  isNetSmtpTransportError,
  type NetSmtpRecipient,
  type NetSmtpSentMessageInfo,
  NetSmtpTransport,
  type NetSmtpTransportError,
  type NetSmtpTransportOptions,
} from "../../src/nodemailer/mod.ts";
import { plugin, start } from "./support.ts";

const options: NetSmtpTransportOptions = { host: "127.0.0.1", name: "me.example" };
const data = { from: "a@x.example", to: ["b@y.example", "refuse-550@y.example"], text: "hello" };

test("NetSmtpTransport is a transport in Nodemailer's own types", async () => {
  const transport: Transport<NetSmtpSentMessageInfo> = new NetSmtpTransport(options);
  const typed: Transporter<NetSmtpSentMessageInfo> = nodemailer.createTransport(transport, { from: "a@x.example" });
  const transporter = nodemailer.createTransport(plugin(await start()));
  const info = await transporter.sendMail(data);
  expectTypeOf(info).toEqualTypeOf<NetSmtpSentMessageInfo>();
  expectTypeOf(info.recipients).toEqualTypeOf<NetSmtpRecipient[]>();
  expectTypeOf(info.accepted).toEqualTypeOf<string[]>();
  expectTypeOf(info.rejectedErrors).toEqualTypeOf<NetSmtpTransportError[] | undefined>();
  expect(info.recipients.map(({ address, fate }) => `${address} ${fate}`)).toEqual([
    "b@y.example accepted",
    "refuse-550@y.example refused",
  ]);
  expect([typeof transport.send, typeof typed.sendMail]).toEqual(["function", "function"]);
});

test("NetSmtpTransport is a transport in the types of @types/nodemailer 6, 7 and 8", async () => {
  const server = await start();
  const create = nodemailer.createTransport as unknown;
  const transport6: Transport6<NetSmtpSentMessageInfo> = plugin(server);
  const transport7: Transport7<NetSmtpSentMessageInfo> = plugin(server);
  const transport8: Transport8<NetSmtpSentMessageInfo> = plugin(server);
  // Their createTransport takes it, and gives the type of Nodemailer's own info whatever the transport: an assertion says which.
  const transporter6 = (create as typeof CreateTransport6)(
    transport6,
  ) as unknown as Transporter6<NetSmtpSentMessageInfo>;
  const transporter7 = (create as typeof CreateTransport7)(
    transport7,
  ) as unknown as Transporter7<NetSmtpSentMessageInfo>;
  const transporter8 = (create as typeof CreateTransport8)(
    transport8,
  ) as unknown as Transporter8<NetSmtpSentMessageInfo>;
  const mail = { from: "a@x.example", to: "b@y.example", text: "hello" };
  const info6 = await transporter6.sendMail(mail);
  const info7 = await transporter7.sendMail(mail);
  const info8 = await transporter8.sendMail(mail);
  expectTypeOf(info6).toEqualTypeOf<NetSmtpSentMessageInfo>();
  expectTypeOf(info7).toEqualTypeOf<NetSmtpSentMessageInfo>();
  expectTypeOf(info8).toEqualTypeOf<NetSmtpSentMessageInfo>();
  expect([info6, info7, info8].map(({ recipients }) => recipients.length)).toEqual([1, 1, 1]);
  expect([typeof transport7.verify, typeof transport8.verify]).toEqual(["function", "function"]);
});

describe("isNetSmtpTransportError()", () => {
  test("narrows what sendMail rejects with", async () => {
    const server = await start();
    const caught: unknown = await nodemailer
      .createTransport(plugin(server))
      .sendMail({ ...data, to: "refuse-550@y.example" })
      .catch((error) => error);
    expect.assert(isNetSmtpTransportError(caught));
    expectTypeOf(caught).toEqualTypeOf<NetSmtpTransportError>();
    expectTypeOf(caught.fate).toEqualTypeOf<Fate>();
    expectTypeOf(caught.phase).toEqualTypeOf<Phase>();
    expectTypeOf(caught.retry).toEqualTypeOf<Retry | undefined>();
    expectTypeOf(caught.recipients).toEqualTypeOf<NetSmtpRecipient[]>();
    expect([caught.code, caught.fate, caught.recipients.length]).toEqual(["EENVELOPE", "refused", 1]);
    expect(caught.rejectedErrors?.every(isNetSmtpTransportError)).toBe(true);
    expect.assert(isSmtpError(caught.cause));
    expect(caught.cause.response?.code).toBe(550);
  });

  test("is false of Nodemailer's own errors, of the engine's and of anything else", async () => {
    const server = await start();
    const own: unknown = await nodemailer
      .createTransport(plugin(server), { maxRecipients: 1 })
      .sendMail(data)
      .catch((error) => error);
    const engine = new SmtpFatalError("x", { cause: new SmtpFatalError("y") });
    expect(own).toMatchObject({ code: "EMAXRECIPIENTS" });
    for (const other of [own, engine, new Error("x", { cause: engine }), {}, null, undefined, "EENVELOPE"]) {
      expect(isNetSmtpTransportError(other)).toBe(false);
    }
  });
});
