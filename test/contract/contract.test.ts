/**
 * Nodemailer's own transport, then ours in its place: the same comes of it, or the migration table says what differs.
 *
 * @module
 */

import { afterEach, describe, test, vi } from "vitest";
import type { SmtpNetwork, SmtpStream } from "../../src/net/stream.ts";
import { differs } from "../support/differences.ts";
import { cases } from "./cases/mod.ts";
import { contract } from "./harness.ts";

/** While it is off, connections of ours to 127.0.0.1 count as going over the network. */
const machine = vi.hoisted(() => ({ loopback: true }));
vi.mock("../../src/net/node.ts", async (original) => {
  const { nodeNetwork } = await original<{ nodeNetwork: SmtpNetwork }>();
  const connect: SmtpNetwork["connect"] = async (...given) => away(await nodeNetwork.connect(...given));
  return { nodeNetwork: { ...nodeNetwork, connect } };
});

function away(stream: SmtpStream): SmtpStream {
  return new Proxy(stream, {
    get(target, key: keyof SmtpStream) {
      if (key === "loopback") return machine.loopback && target.loopback;
      const value = target[key];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const all = Object.entries(cases).map(
  ([about, list]) => [about, list.filter(({ unless }) => !(unless && differs(unless)))] as const,
);

describe.concurrent.each(all)("%s", (_, list) => {
  test.each(list.filter(({ remote }) => !remote))("$name", async (each) => {
    await contract(each);
  });
});

describe("a server that is not on this machine", () => {
  afterEach(() => {
    machine.loopback = true;
  });

  test.each(all.flatMap(([, list]) => list.filter(({ remote }) => remote)))("$name", async (each) => {
    machine.loopback = false;
    await contract(each);
  });
});
