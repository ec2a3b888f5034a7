/**
 * `npm run test:servers`: prepares real servers, runs the suite against them, and leaves nothing behind. The law here: all that
 * is started runs in mount and process namespaces whose first process dies with this one, so nothing can outlive it.
 *
 * `--fetch` fetches the packages anew; anything else is given to vitest.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { CACHE, NoPackages, packages } from "./packages.mjs";

const here = import.meta.dirname;
const root = join(here, "../..");
const work = join(CACHE, "work");
const given = process.argv.slice(2);

/** The namespaces, and in them a file system in memory for everything that is written. */
const ISOLATED = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
const GROUND = 'mount -t tmpfs -o mode=755 tmpfs "$0" && exec "$@"';
const OVERLAY =
  'cd "$0" && mkdir a b c && chown 5000:5000 a && mount -t overlay overlay -o lowerdir=a:/usr,upperdir=b,workdir=c /usr';

/** What is missing here, in a line; undefined if it can run. */
function obstacle() {
  if (process.platform !== "linux") return `this is ${process.platform}: run it on Linux`;
  if (process.getuid() !== 0) return "not root: run it as root, in a container for example";
  for (const command of ["unshare", "setpriv", "bash"]) {
    if (spawnSync(command, ["--version"]).error) return `no ${command}: install util-linux and bash`;
  }
  for (const command of ["apt-get", "dpkg-deb"]) {
    if (spawnSync(command, ["--version"]).error) return `no ${command}: run it on Debian or Ubuntu`;
  }
  mkdirSync(work, { recursive: true });
  const tried = spawnSync("unshare", [...ISOLATED, "sh", "-c", GROUND, work, "sh", "-c", OVERLAY, work], {
    encoding: "utf8",
  });
  if (tried.status === 0) return undefined;
  const why = tried.stderr.trim().split("\n")[0];
  return `root may not mount an overlay or give files away (${why}): run it as real root, in a privileged container for example`;
}

function skip(why) {
  console.log(`skipped: real servers: ${why}`);
  process.exit(0);
}

/** The packages of Debian; without them there is nothing to run. */
function fetched() {
  try {
    return packages(given.includes("--fetch"));
  } catch (error) {
    if (!(error instanceof NoPackages)) throw error;
    return skip(`no packages (${error.message}): give the machine access to Debian's packages`);
  }
}

/** Haraka, as its lock has it. */
function installHaraka() {
  const marks = [join(here, "package-lock.json"), join(here, "node_modules/.package-lock.json")];
  const [wanted, there] = marks.map((path) => (existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined));
  const version = (lock) => lock?.packages["node_modules/Haraka"]?.version;
  if (version(wanted) === version(there)) return;
  const args = ["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", args, { cwd: here, stdio: "inherit" });
  if (status !== 0) throw new Error("npm ci in test/servers failed");
}

/** The first process of the namespaces: with it all others die, and only then `unshare` ends. */
function firstProcess(unshare) {
  return processesIn(namespace).find((pid) =>
    readFileSync(`/proc/${pid}/status`, "utf8").includes(`\nPPid:\t${unshare}\n`),
  );
}

/** What is seen of this machine by everybody else, which must not change. */
function outside() {
  return ["/proc/self/mounts", "/etc/passwd", "/etc/group"].map((path) => readFileSync(path, "utf8")).join("\n");
}

/** The processes in a namespace. */
function processesIn(namespace) {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/ns/pid`) === namespace;
    } catch {
      return false;
    }
  });
}

/** `unshare` makes the namespace after it began; until then this machine's own is seen, and it is not known. */
function learnNamespace() {
  try {
    const seen = readlinkSync(`/proc/${child.pid}/ns/pid_for_children`);
    if (seen !== readlinkSync("/proc/self/ns/pid")) namespace ??= seen;
  } catch {
    // It is over already.
  }
  if (namespace !== undefined) clearInterval(learning);
}

function runIsolated(env, args) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const suite = [process.execPath, vitest, "run", "--config", join(root, "vitest.servers.config.ts"), ...args];
  // The death signal reaches unshare if this process is killed, and its own child if unshare is.
  const command = ["--pdeathsig", "KILL", "unshare", ...ISOLATED, "sh", "-c", GROUND, work, ...suite];
  return spawn("setpriv", command, { cwd: root, stdio: ["ignore", "inherit", "inherit"], env });
}

const why = obstacle();
if (why) skip(why);
const servers = { work, packages: fetched() };
installHaraka();

const before = outside();
const child = runIsolated(
  { ...process.env, NET_SMTP_SERVERS: JSON.stringify(servers) },
  given.filter((arg) => arg !== "--fetch"),
);
let namespace;
const learning = setInterval(learnNamespace, 100).unref();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    process.exitCode = 130;
    learnNamespace();
    process.kill(Number(firstProcess(child.pid) ?? child.pid), "SIGKILL");
  });
}
child.once("close", (code) => {
  process.exitCode ||= code ?? 1;
  const left = namespace === undefined ? [] : processesIn(namespace);
  if (left.length > 0 || outside() !== before) {
    console.log(`Left behind: ${left.length > 0 ? `processes ${left}` : "mounts or users"}`);
    process.exitCode = 1;
    return;
  }
  console.log("Left behind: no process, no mount, no user");
});
