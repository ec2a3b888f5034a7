#!/usr/bin/env -S deno run --no-prompt --allow-net=smtp.example.com:587 --allow-env=SMTP_USER,SMTP_PASS
/**
 * A script for Deno: what comes by its standard input is sent to those it names, with no permission but to connect to the
 * one server. Put your server into the first line and into `SERVER`, and make it executable.
 *
 *     df -h | SMTP_USER=me SMTP_PASS=… ./deno_script.ts me@example.com you@example.com
 *
 * Exit code 0 if it went to all; 1 if it certainly did not go to somebody: it can be sent again; 2 if that is not known.
 *
 * @module
 */

import process from "node:process";
import { isSmtpError, NetSmtp, type RecipientResult } from "../mod.ts"; // yours: "jsr:@net-smtp/net-smtp"

const SERVER = ["smtp.example.com", 587] as const;
const [from = "", ...to] = process.argv.slice(2);
const { SMTP_USER: user, SMTP_PASS: secret } = process.env;

/** The standard input is a stream: it is read while it is sent, and is never in memory as a whole. */
async function* message(): AsyncGenerator<string | Uint8Array> {
  yield `From: ${from}\nTo: ${to.join(", ")}\nSubject: Output\n\n`;
  for await (const chunk of process.stdin) yield chunk as Uint8Array;
}

let results: readonly RecipientResult[] = to.map((address) => ({ address, fate: "unsent" }));
try {
  const options = {
    ...(secret === undefined ? {} : { user: user ?? from, secret }),
    recipientPolicy: "collect",
  } as const;
  const delivery = await NetSmtp.start(...SERVER, options, (smtp) => smtp.sendMessage(message(), from, to));
  results = delivery.recipients;
} catch (error) {
  if (!isSmtpError(error)) throw error;
  console.error(error.message);
  if (error.recipients.length > 0) results = error.recipients;
}
for (const { address, fate, response } of results) console.log(`${address} ${fate} ${response ?? ""}`.trimEnd());
if (results.some(({ fate }) => fate === "unknown")) process.exitCode = 2;
else if (results.some(({ fate }) => fate !== "accepted")) process.exitCode = 1;
