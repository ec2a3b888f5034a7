/**
 * The servers, and what each offers: a test of the suite holds it to that.
 *
 * @module
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  DOVECOT as DOVECOT_RECIPE,
  EXIM as EXIM_RECIPE,
  HARAKA as HARAKA_RECIPE,
  POSTFIX as POSTFIX_RECIPE,
} from "./recipes.ts";
import type { Subject } from "./trial.ts";

const DOVECOTS_LOGINS = ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"];

/** True if there is no file in these folders. */
function empty(home: string, folders: readonly string[]): boolean {
  return folders.every((folder) =>
    readdirSync(join(home, "spool", folder), { recursive: true, withFileTypes: true }).every(
      (entry) => !entry.isFile(),
    ),
  );
}

/** Postfix: virtual(8) into maildirs, logins by Dovecot. */
export const POSTFIX: Subject = {
  name: "Postfix",
  recipe: POSTFIX_RECIPE,
  storage: { adds: ["Return-Path", "X-Original-To", "Delivered-To", "Received"], lineEnd: "\n" },
  offers: [
    "PIPELINING",
    "SIZE",
    "VRFY",
    "ETRN",
    "STARTTLS",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "DSN",
    "SMTPUTF8",
    "CHUNKING",
  ],
  logins: DOVECOTS_LOGINS,
  idle: ({ home }) => empty(home, ["maildrop", "incoming", "active", "deferred"]),
};

/** Exim: appendfile into maildirs, logins of its own and SCRAM by Dovecot. */
export const EXIM: Subject = {
  name: "Exim",
  recipe: EXIM_RECIPE,
  storage: { adds: ["Received"], lineEnd: "\r\n" },
  offers: ["SIZE", "8BITMIME", "DSN", "PIPELINING", "PIPECONNECT", "CHUNKING", "STARTTLS", "SMTPUTF8", "HELP"],
  logins: DOVECOTS_LOGINS,
  idle: ({ home }) => empty(home, ["input"]),
};

/** Dovecot: LMTP into maildirs. */
export const DOVECOT: Subject = {
  name: "Dovecot LMTP",
  recipe: DOVECOT_RECIPE,
  storage: { adds: ["Return-Path", "Delivered-To?", "Received"], lineEnd: "\r\n" },
  offers: ["8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES", "PIPELINING", "STARTTLS"],
  logins: [],
  lmtp: { socket: "lmtp.sock" },
};

/** Haraka: a file for each recipient, by a plugin of ours. */
export const HARAKA: Subject = {
  name: "Haraka",
  recipe: HARAKA_RECIPE,
  storage: { adds: ["Authentication-Results?", "Received"], lineEnd: "\r\n" },
  offers: ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE", "STARTTLS"],
  logins: ["PLAIN", "LOGIN", "CRAM-MD5"],
  takesNothingBehindAnEnd: true,
};

/** All of them, in the order of the table. */
export const SUBJECTS: readonly Subject[] = [POSTFIX, EXIM, DOVECOT, HARAKA];
