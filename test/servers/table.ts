/**
 * The table server × mode, printed, and written to docs/servers.md if every test passed. The law here: it is made of what the
 * tests say of themselves, and a cell that no test filled is an error.
 *
 * @module
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";
import { MODES } from "./modes/mod.ts";
import { ground } from "./place.ts";
import { SUBJECTS } from "./subjects.ts";
import type { Subject } from "./trial.ts";

const HERE = import.meta.dirname;
const PAGE = join(HERE, "../../docs/servers.md");

/** Collects the cells of a run. */
export default class ServersTable implements Reporter {
  /** Prints the table, and writes the page if all is well. */
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    const cells = new Map<string, string>();
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { cell } = test.meta();
        if (cell) cells.set(`${cell.server}/${cell.mode}`, cell.text);
      }
    }
    const table = tableOf((server, mode) => cells.get(`${server}/${mode}`) ?? "**failed**");
    console.log(`\n${table}\n`);
    const isWhole = cells.size === MODES.length * SUBJECTS.length;
    if (reason !== "passed" || errors.length > 0 || !isWhole) {
      console.log("docs/servers.md stays as it is: not every test of every server passed");
      return;
    }
    writeFileSync(PAGE, page(table));
    console.log("Written: docs/servers.md");
  }
}

function tableOf(cell: (server: string, mode: string) => string): string {
  const names = SUBJECTS.map(({ name }) => name);
  const rows = MODES.map(({ name: mode }) => [mode, ...names.map((server) => cell(server, mode))]);
  return [["mode", ...names], ["---", ...names.map(() => "---")], ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

function versionOf({ recipe: { name } }: Subject): string {
  const unpacked = ground().packages[name];
  if (unpacked) return `${unpacked.version} (Debian)`;
  const manifest = join(HERE, "node_modules/Haraka/package.json");
  return `${(JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version} (npm)`;
}

function storage({ storage: { adds, lineEnd } }: Subject): string {
  const names = adds.map((name) => (name.endsWith("?") ? `${name.slice(0, -1)} (not always)` : name)).join(", ");
  return `${names} | ${lineEnd === "\n" ? "LF, read as CRLF" : "CRLF"}`;
}

function page(table: string): string {
  const servers = SUBJECTS.map((subject) => `| ${subject.name} | ${versionOf(subject)} | ${storage(subject)} |`);
  const intro = readFileSync(join(HERE, "page.md"), "utf8").trimEnd();
  const { version, platform, arch } = process;
  return intro
    .replace("{{date}}", new Date().toISOString().slice(0, 10))
    .replace("{{runtime}}", `Node ${version.slice(1)}, ${platform} ${arch}`)
    .replace("{{servers}}", servers.join("\n"))
    .replace("{{table}}", table)
    .concat("\n");
}
