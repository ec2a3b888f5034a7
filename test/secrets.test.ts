/** No password, token or its base64 in any transcript, error or log: each mechanism with a sentinel, let in and refused. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { type DialogueEvent, NetSmtp, type SaslMechanism, type SmtpOptions } from "../mod.ts";
import { network, play } from "./support/play.ts";

const SENTINEL = "S3ntinel~Of~a~Secret";
const USER = "me@x.example";

/** A mechanism of a user's own, which yields the secret as it is. */
const custom: SaslMechanism = {
  name: "X-OWN",
  *exchange({ secret }) {
    yield undefined;
    yield String(secret);
    yield `again ${secret}`;
  },
};

/** What the server says for each mechanism until the client has sent everything; the client's lines are not looked at. */
const DIALOGUES: Readonly<Record<string, readonly string[]>> = {
  PLAIN: [],
  LOGIN: ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"],
  "CRAM-MD5": ["334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"],
  XOAUTH2: [],
  OAUTHBEARER: [],
  "X-OWN": ["334 ", "334 "],
};

const ENDINGS: Readonly<Record<string, string>> = {
  accepted: "S: 235 2.7.0 welcome",
  refused: "S: 535 5.7.8 no",
  busy: "S: 454 4.7.0 later",
  lost: "S: <close>",
  "out of its mind": "S: 250-what\n      S: 550 now",
};

/** The secret as text, hex, and base64 wherever it may stand in a group of three. */
function forms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].map((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset, "."), bytes]).toString("base64");
    return padded.slice(offset === 0 ? 0 : 4, padded.length - 4);
  });
  return [secret, bytes.toString("hex"), ...base64];
}

function everythingOf(value: unknown): string {
  const seen: string[] = [inspect(value, { depth: null, showHidden: true, getters: true })];
  for (let error = value; error instanceof Error; error = error.cause) {
    seen.push(error.message, String(error.stack), JSON.stringify(error), JSON.stringify(Object.entries(error)));
  }
  return seen.join("\n");
}

function expectNoSecret(text: string): void {
  for (const form of forms(SENTINEL)) expect(text).not.toContain(form);
}

describe.each(Object.keys(DIALOGUES))("login by %s", (authType) => {
  for (const [ending, reply] of Object.entries(ENDINGS)) {
    for (const given of ["string", "function"]) {
      test(`${ending}, secret as a ${given}: it is shown nowhere`, async () => {
        const said = (DIALOGUES[authType] as string[]).flatMap((line) => ["C: <anything>", `S: ${line}`]);
        const server = play(
          [
            "S: 220 ready",
            "C: EHLO localhost",
            "S: 250-mx",
            `S: 250 AUTH ${authType}`,
            ...said,
            "C: <anything>",
            reply,
          ].join("\n"),
          { loopback: true },
        );
        const lines: string[] = [];
        const events: DialogueEvent[] = [];
        const write =
          given === "string"
            ? { write: (text: string) => lines.push(text) }
            : (event: DialogueEvent) => events.push(event);
        const secret = given === "string" ? SENTINEL : async () => SENTINEL;
        const options: SmtpOptions = { network: network(server), mechanisms: [custom], debugOutput: write };
        const smtp = new NetSmtp("mx.example", 25, options);
        const outcome = await smtp.start({ user: USER, secret, authType }).catch((error) => error);
        const shown = [...lines, inspect(events), everythingOf(outcome), everythingOf(smtp), JSON.stringify(smtp)].join(
          "\n",
        );
        expect(server.writes.join("")).toContain("AUTH");
        expect(shown).toContain(`AUTH ${authType}`);
        expectNoSecret(shown);
      });
    }
  }
});

test("the forms that are looked for do find a secret", () => {
  for (let offset = 0; offset < 3; offset++) {
    const text = Buffer.from(`${"\0".repeat(offset)}${SENTINEL}\0`).toString("base64");
    expect(forms(SENTINEL).some((form) => text.includes(form))).toBe(true);
  }
});
