/**
 * Before the tests: the tools of this folder are installed, the package is built, packed and unpacked. After them:
 * docs/packages.md is written, if all of them ran and this is not CI, and shown.
 *
 * @module
 */

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { TestProject } from "vitest/node";
import { NOTHING, page } from "./page.ts";

const root = join(import.meta.dirname, "../..");

/** Gives what ends it. */
export default function setup({ provide }: TestProject): () => void {
  installTools();
  const folder = mkdtempSync(join(tmpdir(), "net-smtp-packages-"));
  const [tarball = ""] = npm(root, "pack", "--silent", "--pack-destination", folder).trim().split("\n").slice(-1);
  execFileSync("tar", ["xzf", join(folder, tarball), "-C", folder]);
  provide("packed", {
    folder,
    tarball: join(folder, tarball),
    registry: npm(root, "config", "get", "registry").trim(),
  });
  return () => {
    const text = page(join(folder, "results"));
    process.stdout.write(`\n${text}\n`);
    if (!process.env.CI && !text.includes(NOTHING)) writeFileSync(join(root, "docs/packages.md"), text);
    // Behind us: it is a gigabyte in tens of thousands of files, which takes a minute.
    spawn("rm", ["-rf", folder], { detached: true, stdio: "ignore" }).unref();
  };
}

/** What `npm ci` leaves behind is newer than the lock that it was made from. */
function installTools(): void {
  const made = join(import.meta.dirname, "node_modules/.package-lock.json");
  const lock = join(import.meta.dirname, "package-lock.json");
  if (!existsSync(made) || statSync(made).mtimeMs < statSync(lock).mtimeMs) npm(import.meta.dirname, "ci");
}

function npm(cwd: string, ...rest: string[]): string {
  return execFileSync("npm", rest, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
