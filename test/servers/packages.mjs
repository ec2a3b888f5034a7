/**
 * Debian's packages of the servers, fetched and unpacked, none installed. The law here: nothing of the machine is changed.
 * Debs and lists go to a cache folder outside the repository, and what the machine has is not fetched again.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** What each server is made of, the first being the server. Postfix asks Dovecot about logins, as does Exim. */
const WANTED = {
  postfix: ["postfix", "dovecot-core"],
  exim: ["exim4-daemon-heavy", "exim4-base", "exim4-config", "dovecot-core"],
  dovecot: ["dovecot-core", "dovecot-lmtpd"],
};

/** Where debs and what is in them stay from run to run. */
export const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "net-smtp-servers");

/** Why there are no packages; its message is one line. */
export class NoPackages extends Error {}

function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    ...options,
  });
  if (error || status !== 0) {
    const why = error?.message ?? stderr.split("\n").find((line) => /^(E|W|Err|dpkg)/.test(line)) ?? stderr.trim();
    throw new NoPackages(`${command} ${args.find((arg) => /^[a-z]+$/.test(arg)) ?? ""}: ${why}`);
  }
  return stdout;
}

/** apt-get, with lists of our own where `lists` is given: those of the machine may be missing or too old. */
function apt(lists, args, options) {
  const own = lists ? ["-o", `Dir::State::lists=${lists}`, "-o", `Dir::Cache=${join(CACHE, "apt")}`] : [];
  return run("apt-get", ["-q", "-o", "APT::Sandbox::User=root", ...own, ...args], {
    env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
    ...options,
  });
}

/** The packages that would have to be there for these, and are not. */
function missing(lists, names) {
  const plan = apt(lists, ["--simulate", "--no-install-recommends", "install", ...names]);
  const needed = [...plan.matchAll(/^Inst (\S+) /gm)].map(([, name]) => name);
  return [...new Set([...names, ...needed])];
}

function download(lists, debs) {
  for (const names of Object.values(WANTED)) apt(lists, ["download", ...missing(lists, names)], { cwd: debs });
}

/** Unpacks into one folder. A machine whose /lib is a link into /usr has one place for what packages put into two. */
function unpack(lists, debs, server, names) {
  const root = join(CACHE, "new", server);
  mkdirSync(root, { recursive: true });
  const files = readdirSync(debs);
  for (const name of missing(lists, names)) {
    const file = files.find((each) => each.startsWith(`${name}_`));
    if (!file) throw new NoPackages(`apt-get download gave no ${name}`);
    run("dpkg-deb", ["-x", join(debs, file), root]);
  }
  for (const top of ["bin", "sbin", "lib"]) {
    const from = join(root, top);
    if (!existsSync(from) || !lstatSync(`/${top}`).isSymbolicLink()) continue;
    run("cp", ["-a", `${from}/.`, join(root, "usr", top)]);
    rmSync(from, { recursive: true });
  }
}

function fetchAll(lists) {
  const debs = join(CACHE, "new", "debs");
  rmSync(join(CACHE, "new"), { recursive: true, force: true });
  mkdirSync(debs, { recursive: true });
  download(lists, debs);
  const versions = {};
  for (const [server, names] of Object.entries(WANTED)) {
    unpack(lists, debs, server, names);
    const file = readdirSync(debs).find((each) => each.startsWith(`${names[0]}_`));
    versions[server] = run("dpkg-deb", ["-f", join(debs, file), "Version"]).trim();
  }
  writeFileSync(join(CACHE, "new", "versions.json"), JSON.stringify({ wanted: WANTED, versions }));
  rmSync(join(CACHE, "unpacked"), { recursive: true, force: true });
  renameSync(join(CACHE, "new"), join(CACHE, "unpacked"));
}

/** What the last fetch left, if it was of these packages. */
function kept() {
  const file = join(CACHE, "unpacked", "versions.json");
  if (!existsSync(file)) return undefined;
  const { wanted, versions } = JSON.parse(readFileSync(file, "utf8"));
  return JSON.stringify(wanted) === JSON.stringify(WANTED) ? versions : undefined;
}

/** The folders that the servers are unpacked in, and their versions; from the cache unless `anew`. */
export function packages(anew) {
  if (anew || !kept()) {
    try {
      fetchAll();
    } catch (error) {
      if (!(error instanceof NoPackages)) throw error;
      const lists = join(CACHE, "lists");
      mkdirSync(join(lists, "partial"), { recursive: true });
      mkdirSync(join(CACHE, "apt", "archives", "partial"), { recursive: true });
      apt(lists, ["update"]);
      fetchAll(lists);
    }
  }
  const versions = kept();
  const of = (server) => [server, { root: join(CACHE, "unpacked", server), version: versions[server] }];
  return Object.fromEntries(Object.keys(WANTED).map(of));
}
