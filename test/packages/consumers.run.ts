/**
 * A consumer for each package manager and module system: it installs the tarball in a folder of its own, is built where that
 * is needed, and its program sends a message through the engine and one through the plugin.
 *
 * @module
 */

import { afterAll, describe, expect, test } from "vitest";
import { startSmtpServer } from "../support/server.ts";
import { consumer, MANAGERS, type Manager } from "./managers.ts";
import { attempt, record, run } from "./place.ts";
import { SYSTEMS } from "./programs.ts";

/** What arrived, by manager and module system. */
const arrived: Record<string, Record<string, string>> = {};
const versions: Record<string, string> = {};

/** The projects of one manager one after the other: two that fill an empty cache at once get in each other's way. */
const turns = new Map<Manager, Promise<unknown>>();

function inTurn<T>(manager: Manager, work: () => Promise<T>): Promise<T> {
  const before = turns.get(manager) ?? Promise.resolve();
  const turn = before.then(work, work);
  turns.set(manager, turn);
  return turn;
}

const cells = SYSTEMS.flatMap((system) => MANAGERS.map((manager) => ({ manager, system })));

describe.concurrent("a consumer", () => {
  test.for(cells.map((cell) => [cell.manager.name, cell.system.name, cell] as const))(
    "of %s, %s, sends by the engine and by the plugin",
    async ([, , { manager, system }], { expect }) => {
      await inTurn(manager, async () => {
        const server = await startSmtpServer();
        try {
          const { path, command } = await consumer(manager, system);
          if (manager.imports) {
            const required = await attempt(path, [...manager.run, "--eval", 'require("net-smtp")']);
            expect(required.out).toContain("ERR_MODULE_NOT_FOUND");
          }
          const printed = await run(path, [...command, `${server.port}`]);
          expect(printed).toContain("engine: to@example.com accepted");
          expect(printed).toContain("plugin: to@example.com accepted");
          const subjects = server.messages.map(({ raw }) => /^Subject: by the (\w+)\r?$/m.exec(`${raw}`)?.[1]);
          expect(subjects).toEqual(["engine", "plugin"]);
          arrived[manager.name] = { ...arrived[manager.name], [system.name]: subjects.join(", ") };
          // Some say what they load before they say their version.
          versions[manager.name] ??= /\d+\.\d+\.\d+\s*$/.exec(await run(path, manager.version))?.[0].trim() ?? "";
        } finally {
          await server.close();
        }
      });
    },
  );
});

afterAll(() => {
  const rows = MANAGERS.map(({ name, about }) => ({
    name,
    about,
    version: versions[name],
    cells: arrived[name] ?? {},
  }));
  record("consumers", { systems: SYSTEMS.map(({ name }) => name), rows });
  expect(rows.filter(({ version }) => !version).map(({ name }) => name)).toEqual([]);
});
