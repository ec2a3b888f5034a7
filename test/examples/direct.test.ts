/** examples/direct.ts, which docs/direct.md shows: mail hosts from an injected resolver, real servers behind them. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Direct, direct } from "../../examples/direct.ts";
import type { MailExchange, SmtpNetwork } from "../../mod.ts";
import { nodeNetwork } from "../../src/net/node.ts";
import { certificates } from "../support/certificates.ts";
import { network, type PlayedServer, play } from "../support/play.ts";
import { type RunningServer, type ServerOptions, startSmtpServer } from "../support/server.ts";

const running: RunningServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(options?: ServerOptions): Promise<RunningServer> {
  const server = await startSmtpServer(options);
  running.push(server);
  return server;
}

const letter = { message: "Subject: hi\r\n\r\nhello\r\n", from: "a@x.example", helo: "x.example" };

function exchanges(...names: string[]): MailExchange[] {
  return names.map((exchange, at) => ({ exchange, preference: at }));
}

/** No DNS: the hosts are named here, and a host is a server of this process, or nothing. */
function world(mx: Record<string, MailExchange[]>, hosts: Record<string, RunningServer | undefined>): Direct {
  const names = Object.keys(hosts);
  const net: SmtpNetwork = {
    ...nodeNetwork,
    resolveMx: async (domain) => mx[domain] ?? Promise.reject(Object.assign(new Error("no data"), { code: "ENODATA" })),
    resolve: async (host) => {
      if (!names.includes(host)) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
      return [`192.0.2.${names.indexOf(host)}`];
    },
    connect: ({ address }, signal) => {
      const server = hosts[names[Number(address.split(".")[3])] as string];
      if (!server) return Promise.reject(Object.assign(new Error("refused"), { code: "ECONNREFUSED" }));
      return nodeNetwork.connect({ address: "127.0.0.1", port: server.port, localAddress: undefined }, signal);
    },
  };
  return { ...letter, network: net };
}

async function told(from: Direct, to: readonly string[]): Promise<string[]> {
  return (await direct(from, to)).map(({ address, fate, retry = "" }) => `${address} ${fate} ${retry}`.trim());
}

describe("direct()", () => {
  test("each domain's mail goes to its best host that is there, in one message", async () => {
    const [one, two] = [await start(), await start()];
    const hosts = { "down.y.example": undefined, "up.y.example": one, "z.example": two };
    const from = world({ "y.example": exchanges("down.y.example", "up.y.example") }, hosts);
    expect(await told(from, ["b@y.example", "d@z.example", "c@Y.example", "refuse-550@y.example"])).toEqual([
      "b@y.example accepted",
      "c@Y.example accepted",
      "refuse-550@y.example refused never",
      "d@z.example accepted",
    ]);
    expect(one.messages.map(({ to, secure }) => [to, secure])).toEqual([[["b@y.example", "c@Y.example"], false]]);
    expect(two.messages.map(({ to }) => to)).toEqual([["d@z.example"]]);
    expect(one.connections[0]?.helo).toBe("x.example");
  });

  test("whom the best host takes later another may take now; who was accepted is not sent to again", async () => {
    const [one, two] = [await start(), await start()];
    const from = world(
      { "y.example": exchanges("1.example.net", "2.example.net") },
      { "1.example.net": one, "2.example.net": two },
    );
    expect(await told(from, ["b@y.example", "busy-450@y.example"])).toEqual([
      "b@y.example accepted",
      "busy-450@y.example refused later",
    ]);
    expect([one.messages.length, two.messages.length, two.connections.length]).toEqual([1, 0, 1]);
  });

  test("a null MX, a domain that is not there, and this host itself: never", async () => {
    const from = world({ "null.example": exchanges(""), "loop.example": exchanges("x.example") }, {});
    expect(await told(from, ["b@null.example", "b@gone.example", "b@loop.example"])).toEqual([
      "b@null.example unsent never",
      "b@gone.example unsent never",
      "b@loop.example unsent never",
    ]);
  });

  test("TLS is used though nobody can verify the certificate", async () => {
    const { selfSigned } = await certificates();
    const server = await start(selfSigned);
    const from = world({}, { "y.example": server });
    expect(await told(from, ["b@y.example"])).toEqual(["b@y.example accepted"]);
    expect(server.messages.map(({ secure }) => secure)).toEqual([true]);
  });
});

describe("direct() where TLS fails", () => {
  const HELLO = "S: 220 ready\nC: EHLO x.example\nS: 250-mx\nS: 250 STARTTLS\n";
  const MAIL = `C: MAIL FROM:<a@x.example>
S: 250 ok
C: RCPT TO:<b@y.example>
S: 250 ok
C: DATA
S: 354 go
C: Subject: hi
C: 
C: hello
C: .
S: 250 stored
C: QUIT
S: 221 bye`;

  async function played(...servers: PlayedServer[]): Promise<string[]> {
    const net = { ...network(...servers), resolveMx: async () => exchanges("mx.y.example") };
    const results = await told({ ...letter, network: net }, ["b@y.example"]);
    for (const server of servers) server.finish();
    return results;
  }

  test("STARTTLS refused: in clear on the same connection", async () => {
    expect(await played(play(`${HELLO}C: STARTTLS\nS: 454 no\n${MAIL}`))).toEqual(["b@y.example accepted"]);
  });

  test("the handshake failed: in clear on another", async () => {
    const failing = play(`${HELLO}C: STARTTLS\nS: 220 go\nTLS <failure>`);
    expect(await played(failing, play(`${HELLO}${MAIL}`))).toEqual(["b@y.example accepted"]);
  });
});

test("docs/direct.md shows the program as it is", () => {
  const read = (path: string): string => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
  const [, shown = ""] =
    /^\/\/ docs\/direct.md shows .* >>>\n([\s\S]*?)^\/\/ <<<$/m.exec(read("examples/direct.ts")) ?? [];
  expect(shown.length).toBeGreaterThan(1_000);
  expect(read("docs/direct.md")).toContain(`\`\`\`ts\n${shown}\`\`\``);
});
