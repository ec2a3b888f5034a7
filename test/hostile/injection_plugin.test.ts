/**
 * Class A, injection, through the Nodemailer plugin: its options and the envelope of a message.
 * The law here: as in injection.test.ts, the server hears no line that was not asked for.
 */
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { mail, message, plugin } from "../nodemailer/support.ts";
import { expectNothingMore, VALUES } from "./evil.ts";
import { Peer } from "./peer.ts";

const EXTENSIONS = ["PIPELINING", "CHUNKING", "AUTH PLAIN LOGIN XOAUTH2", "DSN", "SIZE"];

describe("no line more by the plugin", () => {
  const OPTIONS: readonly (readonly [option: string, harmless: string, make: (value: unknown) => object])[] = [
    ["name", "me.example", (value) => ({ name: value })],
    ["host", "127.0.0.1", (value) => ({ host: value })],
    ["servername", "mx.example", (value) => ({ servername: value })],
    ["localAddress", "127.0.0.1", (value) => ({ localAddress: value })],
    ["auth.user", "me", (value) => ({ auth: { user: value, pass: "secret" } })],
    ["auth.pass", "secret", (value) => ({ auth: { user: "me", pass: value } })],
    ["auth.accessToken", "token", (value) => ({ auth: { type: "oauth2", user: "me", accessToken: value } })],
    ["auth.method", "PLAIN", (value) => ({ auth: { user: "me", pass: "secret", method: value } })],
    ["authMethod", "PLAIN", (value) => ({ auth: { user: "me", pass: "secret" }, authMethod: value })],
    ["component", "mail", (value) => ({ component: value })],
    ["recipientPolicy", "collect", (value) => ({ recipientPolicy: value })],
    ["port", "25", (value) => ({ port: value })],
  ];
  const ENVELOPES: readonly (readonly [field: string, harmless: string, make: (value: unknown) => object])[] = [
    ["from", "a@x.example", (value) => ({ from: value, to: ["b@y.example"] })],
    ["to", "b@y.example", (value) => ({ from: "a@x.example", to: [value] })],
    ["size", "42", (value) => ({ from: "a@x.example", to: ["b@y.example"], size: value })],
    ["dsn.notify", "never", (value) => ({ from: "a@x.example", to: ["b@y.example"], dsn: { notify: value } })],
    ["dsn.return", "full", (value) => ({ from: "a@x.example", to: ["b@y.example"], dsn: { return: value } })],
    ["dsn.recipient", "c@z", (value) => ({ from: "a@x.example", to: ["b@y.example"], dsn: { recipient: value } })],
    ["dsn.envid", "id", (value) => ({ from: "a@x.example", to: ["b@y.example"], dsn: { id: value, return: "full" } })],
  ];

  /** A server on a free port that speaks as the peer does. */
  async function listening(peer: Peer) {
    const server = createServer(async (socket) => {
      const stream = await peer.connect();
      socket
        .on("error", () => {})
        .on("data", (bytes) => stream.write(bytes))
        .on("close", () => stream.destroy());
      stream.open({ data: (bytes) => socket.write(bytes), drain() {}, close: () => socket.end() });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { port: (server.address() as { port: number }).port, close: () => server.close() };
  }

  async function deliver(options: object, envelope: object): Promise<{ peer: Peer; error: unknown }> {
    const peer = new Peer({ extensions: EXTENSIONS });
    const server = await listening(peer);
    try {
      const sent = (): Promise<unknown> => {
        const given = mail();
        Object.assign(given.message, { getEnvelope: () => envelope });
        return plugin(server, options).send(given);
      };
      return {
        peer,
        error: await Promise.resolve()
          .then(sent)
          .then(
            () => undefined,
            (error) => error,
          ),
      };
    } finally {
      server.close();
    }
  }

  const plain = message.envelope as object;

  test.each(OPTIONS.map(([name, harmless, make]) => ({ name, harmless, make })))(
    "$name",
    async ({ harmless, make }) => {
      for (const [, value] of VALUES) {
        // A host is looked up: one that is no name is refused before that, and no other is asked for here.
        const given = make(value(harmless));
        if (!("host" in given) || /\p{Cc}/u.test(String(given.host))) {
          const { peer } = await deliver(given, plain);
          expectNothingMore(peer, ["EHLO", "AUTH", "MAIL", "RCPT", "BDAT", "QUIT"]);
        }
      }
    },
  );

  test.each(ENVELOPES.map(([name, harmless, make]) => ({ name, harmless, make })))(
    "envelope.$name",
    async ({ harmless, make }) => {
      for (const [, value] of VALUES) {
        const { peer, error } = await deliver({}, make(value(harmless)));
        // Only a domain beyond ASCII has a form without what is hostile in it: its A-label.
        // Or xtext.
        if (error === undefined) expect(peer.lines.join()).toMatch(/@[xy]\.xn--| (?:ENVID|ORCPT)=/);
        else expect(error).toMatchObject({ code: expect.any(String), fate: "unsent" });
        expectNothingMore(peer, ["EHLO", "MAIL", "RCPT", "BDAT", "QUIT"]);
      }
    },
  );

  test("the same way delivers where nothing is wrong", async () => {
    const { peer, error } = await deliver({}, plain);
    expect(error).toBeUndefined();
    expect(peer.stored).toHaveLength(1);
  });

  test("an object that is no address is refused, not taken for the null sender", async () => {
    const { peer, error } = await deliver({}, { from: { toString: () => "a@x.example" }, to: ["b@y.example"] });
    expect(error).toMatchObject({ code: "EENVELOPE", fate: "unsent" });
    expect(peer.verbs).not.toContain("MAIL");
  });
});
