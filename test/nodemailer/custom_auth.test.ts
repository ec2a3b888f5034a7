/**
 * `customAuth`: a login whose commands are the caller's.
 *
 * @module
 */

import { describe, expect, test, vi } from "vitest";
import type { NetSmtpCustomAuth, NetSmtpTransportOptions } from "../../src/nodemailer/mod.ts";
import { failure, mail, play, plugin, send, start } from "./support.ts";

const OFFER = `
  S: 220 mx.example ready
  C: EHLO me.example
  S: 250-mx.example
  S: 250-PIPELINING
  S: 250-SIZE 1000
  S: 250 AUTH PLAIN X-MINE`;
const GOOD = "S: 235 2.7.0 Ok\nC: QUIT\nS: 221 Bye";

const auth = { type: "custom", method: "x-mine", user: "me", pass: "s3cret", options: { realm: "here" } };

function options(make: NetSmtpCustomAuth, more: NetSmtpTransportOptions = {}): NetSmtpTransportOptions {
  return { auth, customAuth: { "x-MINE": make }, ...more };
}

describe("customAuth", () => {
  test("is given the login and what the server offers, and told the replies", async () => {
    const server = await play(`${OFFER}\nC: AUTH X-MINE abc\nS: 334 go-on\nC: s3cret\n${GOOD}`);
    const given: unknown[] = [];
    const make: NetSmtpCustomAuth = async ({ sendCommand, resolve: _, reject: __, ...context }) => {
      given.push(context);
      given.push(await sendCommand("AUTH X-MINE abc"));
      given.push(await sendCommand(context.auth.credentials.pass));
    };
    expect(await plugin(server, options(make)).verify()).toBe(true);
    await server.finish();
    expect(given).toEqual([
      {
        auth: {
          type: "CUSTOM",
          user: "me",
          method: "X-MINE",
          credentials: { user: "me", pass: "s3cret", options: { realm: "here" } },
        },
        method: "X-MINE",
        extensions: ["PIPELINING", "SIZE", "AUTH"],
        authMethods: ["PLAIN", "X-MINE"],
        maxAllowedSize: 1000,
      },
      { command: "AUTH X-MINE abc", response: "334 go-on", status: 334, text: "go-on" },
      { command: "s3cret", response: "235 2.7.0 Ok", status: 235, code: "2.7.0", text: "Ok" },
    ]);
  });

  test("works by callbacks too", async () => {
    const server = await play(`${OFFER}\nC: AUTH X-MINE\n${GOOD}`);
    const make: NetSmtpCustomAuth = ({ sendCommand, resolve, reject }) => {
      sendCommand("AUTH X-MINE", (error, { status }) => (error || status !== 235 ? reject(error) : resolve()));
    };
    expect(await plugin(server, options(make)).verify()).toBe(true);
    await server.finish();
  });

  test("needs neither user nor password, nor that its own name is offered", async () => {
    const server = await play(`${OFFER.replace("PLAIN X-MINE", "PLAIN")}\nC: AUTH X-MINE\n${GOOD}`);
    let who: unknown;
    const make: NetSmtpCustomAuth = async ({ auth: { user, credentials }, sendCommand }) => {
      who = [user, credentials.user, credentials.pass];
      await sendCommand("AUTH X-MINE");
    };
    const given = options(make, { auth: { type: "custom" }, authMethod: "X_MINE" });
    expect(await plugin(server, given).verify()).toBe(true);
    await server.finish();
    expect(who).toEqual(["", "", ""]);
  });

  test("goes before a built-in mechanism of its name", async () => {
    const server = await play(`${OFFER}\nC: AUTH PLAIN mine\n${GOOD}`);
    const PLAIN: NetSmtpCustomAuth = async ({ sendCommand }) => void (await sendCommand("AUTH PLAIN mine"));
    expect(await plugin(server, { auth: { user: "me", pass: "x" }, customAuth: { PLAIN } }).verify()).toBe(true);
    await server.finish();
  });

  test("is given the user and the password of a message", async () => {
    const server = await play(`${OFFER}
      C: AUTH X-MINE you other
      S: 235 Ok
      C: MAIL FROM:<a@x.example>
      C: RCPT TO:<b@y.example>
      S: 550 no
      S: 550 no
      C: QUIT
      S: 221 Bye`);
    const make: NetSmtpCustomAuth = async ({ sendCommand, auth: { credentials } }) =>
      void (await sendCommand(`AUTH X-MINE ${credentials.user} ${credentials.pass}`));
    const transport = plugin(server, options(make));
    const error = await failure(transport.send(mail({ auth: { user: "you", pass: async () => "other" } })));
    expect(error).toMatchObject({ code: "EENVELOPE" });
    await server.finish();
  });

  test.each<[string, string, NetSmtpCustomAuth, object]>([
    [
      "rejects",
      "C: AUTH X-MINE\nS: 535 5.7.8 No\nC: <close>",
      async ({ sendCommand, reject }) => {
        await sendCommand("AUTH X-MINE");
        reject(new Error("not this way"));
      },
      { responseCode: 535, permanent: true, retry: "never" },
    ],
    ["rejects with a string", "C: <close>", ({ reject }) => reject("not this way"), {}],
    [
      "throws at once",
      "C: <close>",
      () => {
        throw new Error("not this way");
      },
      {},
    ],
    ["throws later", "C: <close>", () => Promise.reject(new Error("not this way")), {}],
    [
      "throws in a callback, in the middle of an exchange",
      "C: AUTH X-MINE\nS: 334 x\nC: *\nS: 501 given up\nC: <close>",
      ({ sendCommand }) =>
        sendCommand("AUTH X-MINE", () => {
          throw new Error("not this way");
        }),
      {},
    ],
  ])("that %s: EAUTH, and nothing is sent", async (_, script, make, keys) => {
    const server = await play(`${OFFER}\n${script}`);
    const error = await failure(send(plugin(server, options(make))));
    expect(error).toMatchObject({ code: "EAUTH", command: "AUTH X-MINE", phase: "auth", fate: "unsent", ...keys });
    expect(error.message).toBe("Login by X-MINE failed: not this way; the message was not sent");
    await server.finish();
  });

  test("that ends before the server had its answer has not logged in", async () => {
    const server = await play(`${OFFER}\nC: AUTH X-MINE\nS: 334 x\nC: *\nS: 501 given up\nC: <close>`);
    const make: NetSmtpCustomAuth = async ({ sendCommand }) => void (await sendCommand("AUTH X-MINE"));
    const error = await failure(send(plugin(server, options(make))));
    expect(error).toMatchObject({ code: "EAUTH", command: "AUTH X-MINE", fate: "unsent" });
    await server.finish();
  });

  test.each(["AUTH X-MINE a\r\nMAIL FROM:<>", "AUTH X-MINE a\nb", "a\0b", "ü", "DATA", " data", "STARTTLS", "BDAT 1"])(
    "does not write %j",
    async (line) => {
      const server = await play(`${OFFER}\nC: <close>`);
      const make: NetSmtpCustomAuth = async ({ sendCommand }) => void (await sendCommand(line));
      const error = await failure(send(plugin(server, options(make))));
      expect(error).toMatchObject({ code: "EAUTH", command: "API", fate: "unsent" });
      await server.finish();
    },
  );

  test("may answer a challenge with what looks like a command", async () => {
    const server = await play(`${OFFER}\nC: AUTH X-MINE\nS: 334 x\nC: DATA\n${GOOD}`);
    const make: NetSmtpCustomAuth = async ({ sendCommand }) => {
      await sendCommand("AUTH X-MINE");
      await sendCommand("DATA");
    };
    expect(await plugin(server, options(make)).verify()).toBe(true);
    await server.finish();
  });

  test("shows no secret in the log", async () => {
    const server = await play(
      `${OFFER}\nC: XPRE s3cret\nS: 250 Ok\nC: AUTH X-MINE s3cret\nS: 334 s3cret\nC: s3cret\n${GOOD}`,
    );
    const lines: string[] = [];
    const debug = (fields: object, text: string): void => void lines.push(text, JSON.stringify(fields));
    const make: NetSmtpCustomAuth = async ({ sendCommand, auth: { credentials } }) => {
      await sendCommand(`XPRE ${credentials.pass}`);
      await sendCommand(`AUTH X-MINE ${credentials.pass}`);
      await sendCommand(credentials.pass);
    };
    await plugin(server, options(make, { logger: { debug }, debug: true })).verify();
    await server.finish();
    expect(lines.join("\n")).not.toContain("s3cret");
    expect(lines).toEqual(expect.arrayContaining(["XPRE ****", "AUTH ****", "334 ****", "****"]));
  });

  test("does not run where the login would go in clear, or where none is offered unless forced", async () => {
    const make = vi.fn(async () => undefined);
    const server = await start();
    expect(await failure(send(plugin(server, options(make))))).toMatchObject({ code: "EAUTH", command: "AUTH" });
    expect(make).not.toHaveBeenCalled();
    await send(plugin(server, options(make, { forceAuth: true })));
    expect([make.mock.calls.length, server.messages.length]).toEqual([1, 1]);
  });

  test("that never answers ends with the connection, or with the message's signal", async () => {
    const server = await play(`${OFFER}\nC: AUTH X-MINE\nS: 334 x\nS: <close>`);
    const make: NetSmtpCustomAuth = ({ sendCommand }) => void sendCommand("AUTH X-MINE");
    const error = await failure(send(plugin(server, options(make))));
    expect(error).toMatchObject({ code: "ECONNECTION", fate: "unsent" });
    const controller = new AbortController();
    const waiting: NetSmtpCustomAuth = () => void setImmediate(() => controller.abort());
    const transport = plugin(await play(OFFER), options(waiting));
    expect(await failure(transport.send(mail({ signal: controller.signal })))).toMatchObject({ code: "EABORT" });
  });
});
