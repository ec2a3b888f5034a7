/**
 * Class E: replies that nothing asked for, glued to another one or alone where none is owed, at every point of the
 * dialogue, inside TLS too.
 * The law here: whatever is added, a message is told as accepted only if the server stored it, and as refused or unsent
 * only if it did not; and every send settles.
 */
import { describe, expect, test } from "vitest";
import { isSmtpError, NetSmtp, type RecipientResult, type SmtpError, type SmtpOptions } from "../../mod.ts";
import { failure, turns } from "../support/told.ts";
import { Peer } from "./peer.ts";

const ALL = ["PIPELINING", "CHUNKING", "STARTTLS", "AUTH PLAIN LOGIN"];
type Mode = readonly [name: string, extensions: readonly string[], options: SmtpOptions];
const MODES: readonly Mode[] = [
  ["in turn", [], { recipientPolicy: "collect" }],
  ["in turn, net-smtp", [], {}],
  ["flights", ["PIPELINING"], { recipientPolicy: "collect" }],
  ["flights, all-or-nothing", ["PIPELINING"], { recipientPolicy: "all-or-nothing" }],
  ["BDAT", ["PIPELINING", "CHUNKING"], { recipientPolicy: "collect" }],
  ["BDAT in flight", ["PIPELINING", "CHUNKING"], { recipientPolicy: "collect", inFlight: 8 }],
  ["inside TLS, with a login", ALL, { recipientPolicy: "collect", user: "me", secret: "secret" }],
  ["inside TLS, in flight", ALL, { recipientPolicy: "collect", inFlight: 8 }],
];

/** The third is refused at its end, the second has a recipient who is refused. */
const MESSAGES = ["one", "two", "three\r\nX-Refuse: 1", "four"];
const recipients = (index: number): string[] => [`b${index}@y.example`, ...(index === 1 ? ["no@y.example"] : [])];

/** Overlapping messages in one session; gives what each recipient was told. */
async function sendAll(peer: Peer, options: SmtpOptions): Promise<RecipientResult[]> {
  const smtp = new NetSmtp("mx.example", 25, { ...options, network: peer });
  const started = await smtp.start().then(
    () => true,
    (error) => {
      expect(isSmtpError(error)).toBe(true);
      return false;
    },
  );
  if (!started) return [];
  const outcomes = await Promise.allSettled(
    MESSAGES.map((text, index) => smtp.sendMessage(text, `a${index}@x.example`, recipients(index))),
  );
  await smtp.finish();
  return outcomes.flatMap((outcome) => {
    const told = outcome.status === "fulfilled" ? outcome.value : (outcome.reason as SmtpError);
    expect(outcome.status === "fulfilled" || isSmtpError(outcome.reason)).toBe(true);
    return told.recipients as RecipientResult[];
  });
}

/** What was told against what the server stored. */
function lies(peer: Peer, told: readonly RecipientResult[]): string[] {
  const stored = new Set(peer.stored.flatMap(({ to }) => to));
  return told
    .filter(({ address, fate }) => fate !== "unknown" && (fate === "accepted") !== stored.has(`<${address}>`))
    .map(({ address, fate }) => `${address} ${fate}`);
}

const EXTRAS = ["250 2.0.0 extra\r\n", "354 go on\r\n", "550 5.0.0 extra\r\n"];

async function addEverywhere(extensions: readonly string[], options: SmtpOptions, more: number, split: boolean) {
  for (const extra of EXTRAS) {
    for (const behind of [true, false]) {
      for (let point = 0, points = 1; point < points; point++) {
        let said = 0;
        const say = (_verb: string, reply: string): string => {
          if (said++ !== point) return reply;
          return behind ? reply + extra.repeat(more) : extra.repeat(more) + reply;
        };
        const peer = new Peer({ extensions, say, split });
        expect(lies(peer, await sendAll(peer, options)), `${extra} at ${point}, behind: ${behind}`).toEqual([]);
        points = Math.max(points, said);
      }
    }
  }
}

describe("glued to another reply", () => {
  for (const [mode, extensions, options] of MODES) {
    test.each([1, 2])(`${mode}, %i more at every point: never success unless stored`, async (more) => {
      await addEverywhere(extensions, options, more, false);
      // Where 354 stands between the messages, the count shows it even if every reply comes in a chunk of its own.
      if (!extensions.includes("CHUNKING")) await addEverywhere(extensions, options, more, true);
    });

    test(`${mode}, nothing more: all is well`, async () => {
      const peer = new Peer({ extensions });
      const told = await sendAll(peer, options);
      expect(lies(peer, told)).toEqual([]);
      expect(told.filter(({ fate }) => fate === "accepted").length).toBeGreaterThanOrEqual(1);
      expect(told.filter(({ fate }) => fate === "unknown")).toEqual([]);
    });
  }
});

describe("where none is owed", () => {
  for (const [mode, extensions, options] of MODES) {
    test.each([1, 2])(`${mode}, %i alone before and between messages: the session is broken`, async (more) => {
      for (const extra of [...EXTRAS, "hello there\r\n", "221 bye\r\n"]) {
        for (const before of [true, false]) {
          const peer = new Peer({ extensions });
          const smtp = await new NetSmtp("mx.example", 25, { ...options, network: peer }).start();
          if (!before) await smtp.sendMessage("x", "a@x.example", "b@y.example");
          await peer.speak(extra.repeat(more));
          const stored = peer.stored.length;
          const error = await failure(smtp.sendMessage("x", "a@x.example", "b@y.example"));
          expect(error).toMatchObject({ name: "SmtpLatchedError", fate: "unsent", retry: "now" });
          expect(error.cause).toMatchObject({ name: "SmtpProtocolError" });
          expect(peer.stored).toHaveLength(stored);
          expect(peer.open).toBe(0);
        }
      }
    });
  }

  test("behind the greeting, before a word: nothing is said", async () => {
    const say = (verb: string, reply: string): string => (verb === "(greeting)" ? `${reply}250 mx\r\n` : reply);
    const peer = new Peer({ say });
    const error = await failure(new NetSmtp("mx.example", 25, { network: peer }).start());
    expect([error.name, peer.lines]).toEqual(["SmtpProtocolError", []]);
  });

  test("inside TLS before a word of ours: not taken for the reply to EHLO", async () => {
    const peer = new Peer({ extensions: ["STARTTLS"] });
    const connect = peer.connect.bind(peer);
    peer.connect = async () => {
      const stream = await connect();
      const startTls = stream.startTls.bind(stream);
      stream.startTls = async (settings) => {
        const inside = await startTls(settings);
        const open = inside.open.bind(inside);
        // As a socket may: what came with the last of the handshake is there when reading begins.
        inside.open = (sink) => {
          open(sink);
          sink.data(Buffer.from("250-mx\r\n250 AUTH PLAIN\r\n"));
        };
        return inside;
      };
      return stream;
    };
    const smtp = new NetSmtp("mx.example", 25, { network: peer });
    expect((await failure(smtp.start())).name).toBe("SmtpLatchedError");
    expect(peer.verbs).toEqual(["EHLO", "STARTTLS"]);
    expect(smtp.capabilities?.has("AUTH") ?? false).toBe(false);
  });

  test("in the tick in which a command is asked for, before it is written: not taken for its reply, and it is not written", async () => {
    const peer = new Peer();
    const smtp = await new NetSmtp("mx.example", 25, { network: peer }).start();
    const asked = failure(smtp.getOk("NOOP"));
    peer.pour(Buffer.from("250 2.0.0 early\r\n"));
    expect((await asked).name).toBe("SmtpProtocolError");
    await turns();
    expect([peer.verbs, peer.open]).toEqual([["EHLO"], 0]);
  });

  test("behind QUIT: what was told stands", async () => {
    const peer = new Peer({ say: (verb, reply) => (verb === "QUIT" ? `${reply}250 extra\r\n` : reply) });
    const told = await sendAll(peer, {});
    expect(lies(peer, told)).toEqual([]);
    await turns();
    expect(peer.open).toBe(0);
  });
});
