/**
 * The place where the package is taken into use: a folder outside the repository with the tarball, what it holds, and a home
 * for the package managers. The law here: what a program of a consumer loads can only come from there.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    /** The folder, the tarball in it, and the address that packages are asked of. */
    packed: { folder: string; tarball: string; registry: string };
  }
}

/** The top of the repository. */
export const ROOT: string = join(import.meta.dirname, "../..");
/** The packages that the whole repository has for its development. */
export const MODULES: string = join(ROOT, "node_modules");
/** The packages that only these tests have. */
export const OWN_MODULES: string = join(import.meta.dirname, "node_modules");

/** The entries of the package by the names that consumers import, from `exports`: `net-smtp`, `net-smtp/nodemailer`, … */
export const ENTRIES: readonly string[] = Object.keys(manifest().exports)
  .filter((entry) => entry !== "./package.json")
  .map((entry) => join("net-smtp", entry));

/** What package.json says. */
export function manifest(): {
  version: string;
  exports: Readonly<Record<string, unknown>>;
  sideEffects: unknown;
  dependencies?: unknown;
} {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
}

/** The folder of the whole run. */
function folder(): string {
  return inject("packed").folder;
}

/** The package as it was unpacked. */
export function unpacked(): string {
  return join(folder(), "package");
}

/** What a command printed, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
}

/** An environment without what `npm run` and the tests put into it; every manager keeps its things in the folder of the run. */
function environment(): NodeJS.ProcessEnv {
  const { registry } = inject("packed");
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|vitest|node_env|ci$|test|deno_|init_)/i.test(name),
  );
  const home = join(folder(), "home");
  mkdirSync(home, { recursive: true });
  return {
    ...Object.fromEntries(kept),
    PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    XDG_CACHE_HOME: join(home, "cache"),
    XDG_DATA_HOME: join(home, "data"),
    NO_COLOR: "1",
    npm_config_registry: registry,
    NPM_CONFIG_REGISTRY: registry,
    YARN_REGISTRY: registry,
    YARN_NPM_REGISTRY_SERVER: registry,
    npm_config_update_notifier: "false",
    DENO_NO_UPDATE_CHECK: "1",
  };
}

/** Runs a command to its end; rejects with what it printed unless it ended well. */
export async function run(cwd: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, out } = await attempt(cwd, command, env);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}\n${out}`);
  return out;
}

/** Runs a command to its end. */
export function attempt(cwd: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const [program = "", ...rest] = command;
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(program, rest, {
      cwd,
      env: { ...environment(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (out += String(chunk)));
    child.on("error", reject).on("close", (code) => resolve({ code, out }));
  });
}

/** Makes a folder with the files that are given by name; objects become JSON. */
export function project(name: string, files: Readonly<Record<string, unknown>>): string {
  const path = join(folder(), name);
  mkdirSync(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), typeof content === "string" ? content : `${JSON.stringify(content, null, 2)}\n`);
  }
  return path;
}

/**
 * Puts the unpacked package into the node_modules of a project, and beside it, as links, packages that are installed already:
 * from the name in the project to the name here.
 */
export function install(path: string, packages: Readonly<Record<string, string>>): void {
  cpSync(unpacked(), join(path, "node_modules/net-smtp"), { recursive: true });
  for (const [name, here] of Object.entries(packages)) {
    const link = join(path, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    if (!existsSync(link)) symlinkSync(join(MODULES, here), link);
  }
}

/** What a test found, for the page: docs/packages.md is made of it when all is over. */
export function record(section: string, value: unknown): void {
  const path = join(folder(), "results");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, `${section}.json`), JSON.stringify(value));
}
