/**
 * What comes before a message: TLS and the logins.
 *
 * @module
 */

import { expect } from "vitest";
import { SmtpAuthenticationError } from "../../../mod.ts";
import { LOGIN } from "../place.ts";
import { rejection, type Subject } from "../trial.ts";
import type { Mode } from "./mode.ts";
import { commands } from "./shape.ts";

const MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

function login(mechanism: string): Mode {
  return {
    name: `login by ${mechanism}, in clear and inside TLS`,
    without: ({ logins }: Subject) => (logins.includes(mechanism) ? undefined : `no AUTH ${mechanism}`),
    async run(trial) {
      const options = { ...LOGIN, authType: mechanism };
      for (const starttls of [false, "always"] as const) {
        await trial.session({ ...options, starttls }, (smtp) => trial.send(smtp, trial.letter(), ["alice"]));
      }
      expect(commands(trial.dialogue, `AUTH ${mechanism}`)).toHaveLength(2);
      const [inClear, inside] = (await trial.arrived()).sort((a, b) => (a.id < b.id ? -1 : 1));
      expect(inClear!.added).toMatch(/with esmtpa\b/i);
      expect(inside!.added).toMatch(/with esmtpsa\b/i);
      const wrong = { ...options, secret: `${LOGIN.secret}!` };
      const error = await rejection(trial.session({ ...wrong, starttls: "always" }, () => Promise.resolve()));
      expect(error).toBeInstanceOf(SmtpAuthenticationError);
      expect(error.response?.status).toBe("535");
    },
  };
}

/** All of them. */
export const SESSIONS: readonly Mode[] = [
  {
    name: "STARTTLS",
    without: ({ offers }) => (offers.includes("STARTTLS") ? undefined : "no STARTTLS"),
    async run(trial) {
      await trial.session({ starttls: "always" }, async (smtp) => {
        for (const boxes of [["alice"], ["alice", "bob"]]) {
          const { tls, warnings } = await trial.send(smtp, trial.letter(), boxes);
          expect({ tls, warnings }).toEqual({ tls: true, warnings: [] });
        }
      });
      expect(commands(trial.dialogue, "STARTTLS")).toHaveLength(1);
      for (const { added } of await trial.arrived()) expect(added).toMatch(/with (esmtps|lmtps)\b/i);
    },
  },
  {
    name: "TLS from the first byte",
    async run(trial) {
      await trial.session({ tls: true }, async (smtp) => {
        expect((await trial.send(smtp, trial.letter(), ["bob"])).tls).toBe(true);
      });
      expect(commands(trial.dialogue, "STARTTLS")).toEqual([]);
      for (const { added } of await trial.arrived()) expect(added).toMatch(/with (esmtps|lmtps)\b/i);
    },
  },
  ...MECHANISMS.map(login),
  {
    name: "login, the mechanism left out",
    without: ({ logins }) => (logins.length > 0 ? undefined : "no AUTH"),
    async run(trial) {
      await trial.session({ ...LOGIN, tls: true }, (smtp) => trial.send(smtp, trial.letter(), ["carol"]));
      const best = trial.subject.logins.includes("SCRAM-SHA-256") ? "SCRAM-SHA-256" : "PLAIN";
      expect(commands(trial.dialogue, `AUTH ${best}`)).toHaveLength(1);
    },
  },
];
