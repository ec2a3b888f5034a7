/**
 * Every mode against one server, then its mailboxes as a whole. The law here: what arrived is judged twice, mode by mode
 * when as much arrived as was sent, and at the end when the server has nothing left to deliver: nothing twice, nothing else.
 *
 * @module
 */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NetSmtp } from "../../mod.ts";
import { differences, Mailroom } from "./mailroom.ts";
import { MODES } from "./modes/mod.ts";
import { type Place, startServer } from "./place.ts";
import { type Sent, type Subject, Trial } from "./trial.ts";

/** What the table says of one mode on one server. */
export interface Cell {
  readonly server: string;
  readonly mode: string;
  /** "delivered / sent", or why not. */
  readonly text: string;
}

declare module "vitest" {
  interface TaskMeta {
    /** What goes into the table. */
    cell?: Cell;
  }
}

/** Tests of one server. */
export function suite(subject: Subject): void {
  describe(subject.name, () => {
    let place: Place;
    let mailroom: Mailroom;
    const sent: Sent[] = [];

    beforeAll(async () => {
      place = await startServer(subject.recipe, () => mailroom?.look());
      mailroom = new Mailroom(`${place.home}/mail`, subject.storage);
    });

    afterAll(async () => {
      mailroom?.close();
      await place?.stop();
    });

    test("offers what the table counts on", async () => {
      const options = { lmtp: subject.lmtp !== undefined, starttls: false } as const;
      const smtp = await NetSmtp.start("127.0.0.1", place.plain, options);
      const { AUTH: logins = [], ...offered } = Object.fromEntries(smtp.capabilities ?? []);
      await smtp.finish();
      expect(Object.keys(offered).sort()).toEqual([...subject.offers].sort());
      expect(logins).toEqual(subject.logins);
    });

    test.for(MODES.map((mode) => [mode.name, mode] as const))("%s", async ([name, mode], { task }) => {
      const tell = (text: string) => {
        task.meta.cell = { server: subject.name, mode: name, text };
      };
      const reason = mode.without?.(subject);
      if (reason !== undefined) return tell(`not offered: ${reason}`);
      const trial = new Trial(name, subject, place, mailroom);
      // Also of a mode that fails: what it sent is no surprise in a mailbox.
      await mode.run(trial).finally(() => sent.push(...trial.sent));
      expect(trial.copies).toBeGreaterThan(0);
      const arrived = await trial.arrived();
      expect(differences(trial.sent, arrived)).toEqual([]);
      tell(`${arrived.length} / ${trial.copies}`);
    });

    test("every message once in its mailbox, and nothing else", async () => {
      await mailroom.until(
        () => subject.idle?.(place) ?? true,
        () => "The server still has something to deliver",
      );
      expect(differences(sent, mailroom.all())).toEqual([]);
    });
  });
}
