/**
 * Classes C and D: what is put in behind the consent to TLS, and TLS taken away.
 * The law here: what was said in clear is not believed inside TLS, and a login, or a message that was to go under TLS,
 * never goes in clear: the transcript then has no AUTH and no MAIL.
 */
import { createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { NetSmtp, type SmtpError, type SmtpOptions } from "../../mod.ts";
import { certificates } from "../support/certificates.ts";
import { failure } from "../support/told.ts";
import { Peer } from "./peer.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How the server consents; it ends with the handshake under way. */
type Consent = (socket: Socket, secure: () => void) => unknown;

/** A real server that offers STARTTLS; gives its port and what it heard, inside TLS too. */
async function consenting(consent: Consent): Promise<{ port: number; heard: () => string }> {
  const { server: identity } = await certificates();
  let heard = "";
  const answer = (socket: Socket, greeting: string): void => {
    socket.on("error", () => {}).write(greeting);
    socket.on("data", (bytes) => {
      const line = bytes.toString("latin1");
      heard += line;
      if (line.startsWith("EHLO")) socket.write("250-mx\r\n250 STARTTLS\r\n");
      else if (line === "STARTTLS\r\n") consent(socket, () => secure(socket));
      else if (line === "QUIT\r\n") socket.end("221 bye\r\n");
      else socket.write("250 ok\r\n");
    });
  };
  const secure = (socket: Socket): void => {
    socket.removeAllListeners("data");
    answer(new TLSSocket(socket, { ...identity, isServer: true }), "");
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.setNoDelay(true));
    answer(socket, "220 mx\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as { port: number }).port, heard: () => heard };
}

const write = (socket: Socket, text: string): Promise<void> =>
  new Promise((resolve) => socket.write(text, () => resolve()));

async function options(more: SmtpOptions = {}): Promise<SmtpOptions> {
  return { starttls: "always", tlsOptions: { ca: (await certificates()).ca }, ...more };
}

describe("C: put in behind the consent to TLS", () => {
  const EVIL = "250-evil\r\n250 AUTH PLAIN\r\n";
  const GO = "220 go\r\n";
  /** What is written, each piece when the one before it has gone out; undefined: a turn of the event loop later. */
  const variants: readonly (readonly [name: string, ...pieces: (string | undefined)[]])[] = [
    ["a whole reply in the same segment", `${GO}${EVIL}`],
    ["a line in the same segment", `${GO}250 evil\r\n`],
    ["a fragment without CRLF in the same segment", `${GO}250-ev`],
    ["one octet in the same segment", `${GO}2`],
    ["a line in front of the consent", `250 evil\r\n${GO}`],
    ["a fragment in a segment of its own", GO, "250-ev"],
    ["a fragment a tick later", GO, undefined, "250-ev"],
    ["a reply a tick later", GO, undefined, EVIL],
  ];

  async function expectNothingInside(consent: Consent): Promise<void> {
    const { port, heard } = await consenting(consent);
    const smtp = new NetSmtp("localhost", port, await options());
    const error = await failure(smtp.start());
    expect(error).toMatchObject({ fate: "unsent" });
    expect(["SmtpTlsError", "SmtpProtocolError"]).toContain(error.name);
    expect(heard().match(/EHLO/g)).toHaveLength(1);
    expect(heard()).not.toMatch(/AUTH|MAIL/);
    expect(smtp.started).toBe(false);
    expect(smtp.capabilities?.has("AUTH") ?? false).toBe(false);
  }

  test.each(variants)("%s ends it: no EHLO after TLS sees it", (_name, ...pieces) =>
    expectNothingInside(async (socket, secure) => {
      for (const piece of pieces) await (piece === undefined ? turn() : write(socket, piece));
      secure();
    }),
  );

  test("the handshake answered in clear ends it: no EHLO after TLS sees it", () =>
    expectNothingInside(async (socket) => {
      await write(socket, GO);
      socket.once("data", () => socket.write(EVIL));
    }));

  test("the consent split over segments passes", async () => {
    const { port, heard } = await consenting(async (socket, secure) => {
      for (const octet of "220-ready\r\n220 go\r\n") await write(socket, octet);
      secure();
    });
    const smtp = await new NetSmtp("localhost", port, await options()).start();
    await smtp.finish();
    expect(heard()).toBe("EHLO localhost\r\nSTARTTLS\r\nEHLO localhost\r\nQUIT\r\n");
  });

  test("what was offered in clear is forgotten", async () => {
    const peer = new Peer({
      extensions: ["STARTTLS", "AUTH PLAIN", "PIPELINING"],
      inside: ["SIZE 9"],
      loopback: false,
    });
    const smtp = new NetSmtp("mx.example", 25, { network: peer });
    expect(await failure(smtp.start({ user: "me", secret: "secret" }))).toMatchObject({ phase: "auth" });
    expect([...(smtp.capabilities ?? [])]).toEqual([["SIZE", ["9"]]]);
    expect(peer.verbs).toEqual(["EHLO", "STARTTLS", "EHLO"]);
  });

  test("a caller's own STARTTLS forgets it too: no login before EHLO was said again", async () => {
    const peer = new Peer({ extensions: ["STARTTLS", "AUTH PLAIN"] });
    const smtp = await new NetSmtp("mx.example", 25, { network: peer, starttls: false }).start();
    await smtp.starttls();
    expect(smtp.capabilities).toBeUndefined();
    expect((await failure(smtp.authenticate("me", "secret"))).name).toBe("SmtpUnsupportedCommand");
    expect(peer.verbs).toEqual(["EHLO", "STARTTLS"]);
    await smtp.ehlo("localhost");
    await smtp.authenticate("me", "secret");
    await smtp.finish();
  });
});

describe("D: TLS taken away", () => {
  type Say = (verb: string, reply: string) => string | undefined;
  const offer =
    (...lines: string[]): Say =>
    (verb, reply) =>
      verb === "EHLO"
        ? `${["250-mx", ...lines.map((line) => `250-${line}`), "250 AUTH PLAIN LOGIN"].join("\r\n")}\r\n`
        : reply;
  const starttls =
    (answer: string | undefined): Say =>
    (verb, reply) =>
      verb === "STARTTLS" ? answer : offer("STARTTLS")(verb, reply);
  const ways: readonly (readonly [name: string, say: Say])[] = [
    ["STARTTLS is not offered", offer()],
    ["X-STARTTLS is offered in its place", offer("X-STARTTLS")],
    ["XXXXXXXX is offered in its place", offer("XXXXXXXX")],
    ["STARTTLS is offered with a long s", offer("\xc5\xbfTARTTLS")],
    [
      "STARTTLS stands in the greeting only",
      (verb, reply) => (verb === "(greeting)" ? "220-mx STARTTLS\r\n220 STARTTLS\r\n" : offer()(verb, reply)),
    ],
    [
      "STARTTLS stands in the first line only",
      (verb, reply) => (verb === "EHLO" ? "250-STARTTLS\r\n250 AUTH PLAIN\r\n" : reply),
    ],
    ...[454, 500, 501, 502, 503, 530, 554, 250, 354].map(
      (code) => [`STARTTLS is answered ${code}`, starttls(`${code} no\r\n`)] as const,
    ),
    ["STARTTLS is answered 421", starttls("421 4.3.0 closing\r\n")],
    ["STARTTLS is not answered", starttls("")],
    ["STARTTLS ends the connection", starttls(undefined)],
    ["STARTTLS is answered by garbage", starttls("PLEASE login\r\n")],
    ["EHLO is not known", (verb, reply) => (verb === "EHLO" ? "500 what\r\n" : reply)],
    [
      "EHLO is not known, and HELO offers AUTH",
      (verb, reply) => (verb === "EHLO" ? "502 what\r\n" : verb === "HELO" ? "250-mx\r\n250 AUTH PLAIN\r\n" : reply),
    ],
    ["EHLO is refused", (verb, reply) => (verb === "EHLO" ? "554 no\r\n" : reply)],
  ];
  const SETTINGS: readonly (readonly [name: string, options: SmtpOptions])[] = [
    ["auto with a login", { starttls: "auto", user: "me", secret: "secret" }],
    ["always with a login", { starttls: "always", user: "me", secret: "secret" }],
    ["always without a login", { starttls: "always" }],
  ];

  for (const [setting, more] of SETTINGS) {
    test.each(ways)(`${setting}, %s: no AUTH and no MAIL`, async (_name, say) => {
      const peer = new Peer({ say, loopback: false });
      const sent = NetSmtp.start("mx.example", 25, { ...more, network: peer }, (smtp) =>
        smtp.sendMessage("x", "a@x.example", "b@y.example"),
      );
      const error: SmtpError = await failure(sent);
      expect(error.fate).toBe("unsent");
      expect(peer.verbs).toEqual(expect.not.arrayContaining(["AUTH"]));
      for (const verb of peer.verbs) expect(["EHLO", "HELO", "STARTTLS"]).toContain(verb);
      expect(peer.stored).toEqual([]);
      expect(peer.wire).not.toContain("c2VjcmV0");
    });
  }

  test("starttls false with a login: no AUTH in clear", async () => {
    const peer = new Peer({ extensions: ["STARTTLS", "AUTH PLAIN"], loopback: false });
    const smtp = new NetSmtp("mx.example", 25, { network: peer, starttls: false });
    expect(await failure(smtp.start({ user: "me", secret: "secret" }))).toMatchObject({ phase: "auth" });
    expect(peer.verbs).toEqual(["EHLO"]);
  });

  test("a try after a failure demands the same: another address gets no login in clear", async () => {
    let connections = 0;
    const peer = new Peer({
      loopback: false,
      say: (verb, reply) => (verb === "(greeting)" && connections++ === 0 ? "450 busy\r\n" : offer()(verb, reply)),
    });
    const network = {
      ...peer,
      resolve: async () => ["192.0.2.1", "192.0.2.2"],
      connect: () => peer.connect(),
      wrap: () => peer.wrap(),
    };
    const smtp = new NetSmtp("mx.example", 25, { network });
    const error = await failure(smtp.start({ user: "me", secret: "secret" }));
    expect(error).toMatchObject({ name: "SmtpUnsupportedCommand", phase: "tls" });
    expect([connections, peer.verbs]).toEqual([2, ["EHLO"]]);
  });
});
