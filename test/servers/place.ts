/**
 * One real server while it runs: its folder, its ports, its processes. The law here: ports are free ones that the system
 * gave, taken anew if somebody else was quicker; all processes are in a namespace of their own, whose end is their end.
 *
 * @module
 */

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { certificates } from "../support/certificates.ts";

/** What run.mjs hands over: where everything is, in a file system in memory, and the unpacked packages. */
export interface Ground {
  /** The folder in which each server has one. */
  readonly work: string;
  /** By server: where it is unpacked, and its version. */
  readonly packages: Readonly<Record<string, { readonly root: string; readonly version: string }>>;
}

/** What run.mjs hands over; without it, nothing can be run. */
export function ground(): Ground {
  const given = process.env.NET_SMTP_SERVERS;
  if (given === undefined) throw new Error("Run npm run test:servers, which prepares what is needed");
  return JSON.parse(given) as Ground;
}

/** The mailboxes. `sender` gets what bounces, which is nothing; under Dovecot `full` has no room. */
const MAILBOXES = ["alice", "bob", "carol", "jürgen", "sender", "full"] as const;
/** The largest message that every server takes. */
export const LIMIT = 12_000_000;
/** Who may log in. */
export const LOGIN = { user: "tester", secret: "pencil+1/=x" } as const;

/** How a server is started. */
export interface Recipe {
  /** The name of its folder of configuration here, and of its package. */
  readonly name: string;
  /** The command, run in `home`; `/srv` is `home` where it sees itself as installed. */
  command(home: string): { readonly file: string; readonly args: readonly string[]; readonly env?: NodeJS.ProcessEnv };
  /** The line of its log that says it takes connections. */
  ready(ports: Ports): RegExp;
}

/** Where a server listens. */
interface Ports {
  /** In clear, with STARTTLS. */
  readonly plain: number;
  /** Inside TLS. */
  readonly tls: number;
}

/** A server that runs. */
export interface Place extends Ports {
  /** Its folder: `conf`, `log`, `mail`, `tls`. */
  readonly home: string;
  /** The authority of its certificate. */
  readonly ca: string;
  /** All lines that it wrote. */
  readonly log: readonly string[];
  /** Ends all its processes. */
  stop(): Promise<void>;
}

const TRIES = 3;
const TAKEN = /address already in use|EADDRINUSE/i;

/** Starts it, on other ports where one was taken meanwhile. `onLine` is called for each line of its log. */
export async function startServer(recipe: Recipe, onLine: () => void = () => {}): Promise<Place> {
  for (let tries = 1; ; tries++) {
    const ports = await freePorts();
    const { home, ca } = await furnish(recipe.name, { plain: `${ports.plain}`, tls: `${ports.tls}` });
    const log: string[] = [];
    const running = launch(recipe, home, recipe.ready(ports), (line) => {
      log.push(line);
      onLine();
    });
    if (await running.ready) return { home, ...ports, ca, log, stop: running.stop };
    await running.stop();
    if (tries === TRIES || !log.some((line) => TAKEN.test(line))) {
      throw new Error(`${recipe.name} did not start:\n${log.slice(-40).join("\n")}`);
    }
  }
}

/** Ports that are free, both held at once so that they differ. */
async function freePorts(): Promise<Ports> {
  const held: Server[] = [createServer(), createServer()];
  await Promise.all(held.map((server) => once(server.listen(0, "127.0.0.1"), "listening")));
  const [plain, tls] = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => once(server.close(), "close")));
  return { plain: plain!, tls: tls! };
}

/** The folder of a server: its configuration with what it must know filled in, a certificate, empty mailboxes. */
async function furnish(name: string, ports: Record<string, string>): Promise<{ home: string; ca: string }> {
  const home = join(ground().work, name);
  const here = import.meta.dirname;
  rmSync(home, { recursive: true, force: true });
  for (const part of ["conf", "log", "tls", "mail"]) mkdirSync(join(home, part), { recursive: true });
  cpSync(join(here, name), join(home, "conf"), { recursive: true });
  cpSync(join(here, "shared"), join(home, "conf"), { recursive: true });
  const values: Record<string, string> = { ...ports, ...LOGIN, limit: `${LIMIT}`, mailboxes: MAILBOXES.join(" : ") };
  fill(join(home, "conf"), values);
  const { ca, server } = await certificates();
  writeFileSync(join(home, "tls/cert.pem"), server.cert);
  writeFileSync(join(home, "tls/key.pem"), server.key, { mode: 0o600 });
  for (const box of MAILBOXES) {
    for (const part of ["new", "cur", "tmp"]) mkdirSync(join(home, "mail", box, part), { recursive: true });
  }
  if (process.getuid?.() === 0) open(join(home, "mail"));
  return { home, ca };
}

function fill(folder: string, values: Record<string, string>): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replaceAll(/@(\w+)@/g, (whole, name: string) => values[name] ?? whole),
    );
  }
}

/** Mailboxes are written by the server's own user. */
function open(folder: string): void {
  chmodSync(folder, 0o777);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath, entry.name), 0o777);
  }
}

function launch(recipe: Recipe, home: string, isReady: RegExp, onLine: (line: string) => void) {
  const { file, args, env } = recipe.command(home);
  const isolated = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", file, ...args];
  const child: ChildProcessByStdio<null, Readable, Readable> = spawn("unshare", isolated, {
    cwd: home,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      LC_ALL: "C.UTF-8",
      MAILBOXES: MAILBOXES.join(" "),
      LOGIN_USER: LOGIN.user,
      LOGIN_SECRET: LOGIN.secret,
      ...env,
    },
  });
  const ended = once(child, "close");
  const ready = new Promise<boolean>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        onLine(line);
        if (isReady.test(line)) resolve(true);
        if (TAKEN.test(line)) resolve(false);
      });
    }
    void ended.then(() => resolve(false));
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return { ready, stop };
}
