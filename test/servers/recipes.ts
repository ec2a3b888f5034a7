/**
 * How each server is started. Postfix, Exim and Dovecot see their unpacked package as if it were installed (isolate.sh);
 * Haraka is a program of Node, and needs nothing of the kind.
 *
 * @module
 */

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ground, type Recipe } from "./place.ts";

function unpacked(name: string, ready: RegExp): Recipe {
  const isolate = join(import.meta.dirname, "isolate.sh");
  return {
    name,
    ready: () => ready,
    command: (home) => ({
      file: "bash",
      args: [isolate, ground().packages[name]!.root, home, "bash", "/srv/conf/start.sh"],
    }),
  };
}

/** Postfix; Dovecot, which it asks about logins, is up before. */
export const POSTFIX: Recipe = unpacked("postfix", /daemon started/);
/** Exim. */
export const EXIM: Recipe = unpacked("exim", /daemon started/);
/** Dovecot's LMTP server. */
export const DOVECOT: Recipe = unpacked("dovecot", /starting up for lmtp/);

/** Haraka. */
export const HARAKA: Recipe = {
  name: "haraka",
  ready: ({ tls }) => new RegExp(`worker \\d+ listening on \\S+:${tls}$`),
  command: (home) => {
    const conf = join(home, "conf");
    mkdirSync(join(conf, "queue"), { recursive: true });
    for (const part of ["key", "cert"]) cpSync(join(home, `tls/${part}.pem`), join(conf, `config/tls_${part}.pem`));
    const program = join(import.meta.dirname, "node_modules/Haraka/bin/haraka");
    const env = { MAIL_FOLDER: join(home, "mail"), HARAKA: conf };
    return { file: process.execPath, args: [program, "-c", conf], env };
  },
};
