/**
 * Holds the migration table to the cases: what differs is in it, and what is in it differs.
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cases } from "./cases/mod.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/nodemailer.md"), "utf8");
const rows = [...page.matchAll(/^\| `([^`]+)` \|(.+)\|$/gm)].map(([, id = "", rest = ""]) => ({
  id,
  cells: rest.split("|").map((cell) => cell.trim()),
}));
const named = Object.values(cases).flatMap((list) => list.flatMap(({ differs }) => differs?.row ?? []));

test("every difference has a row, and every row a case", () => {
  expect(rows.map(({ id }) => id).sort()).toEqual([...new Set(named)].sort());
});

test.each(rows)("the row $id says what each does", ({ cells }) => {
  const [what, nodemailer, here] = cells;
  expect(cells).toHaveLength(4);
  for (const cell of [what, nodemailer, here]) expect(cell).not.toBe("");
  expect(here).not.toBe(nodemailer);
});

test("every case has a name of its own", () => {
  const names = Object.values(cases).flatMap((list) => list.map(({ name }) => name));
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

/** Every option, result, key of an error and code of the SMTP transport and pool of Nodemailer 10.6. */
const OF_THE_CONTRACT = {
  option: `host port secure secured servername tls ignoreTLS requireTLS opportunisticTLS name localAddress
    connectionTimeout greetingTimeout socketTimeout dnsTimeout socketCloseTimeout maxResponseSize lmtp logger debug
    transactionLog component socket connection allowInternalNetworkInterfaces customAuth service url getSocket auth
    authMethod forceAuth pool maxConnections maxMessages maxRequeues idleTimeout rateLimit rateDelta dkim proxy
    attachDataUrls disableFileAccess disableUrlAccess normalizeHeaderKey maxRecipients`,
  info: "accepted rejected ehlo rejectedErrors messageSize response serverMessageId envelope messageId",
  error: `code command response responseCode permanent originalCode timeoutType recipient rejected rejectedErrors
    AbortError`,
  code: `EDNS ESOCKET ECONNECTION ETIMEDOUT ETLS EREQUIRETLS EPROTOCOL EENVELOPE EMESSAGE ESTREAM EAUTH ENOAUTH EOAUTH2
    EABORT EMAXRECIPIENTS EPROXY EFETCH EFILEACCESS EURLACCESS ERR_ACCESS_DENIED CONNECT_TIMEOUT GREETING_TIMEOUT
    UPGRADE_TIMEOUT SOCKET_TIMEOUT`,
  member: "mailer name version supportsAbortSignal verify close isIdle pendingCount getSocket",
  event: "idle clear token",
  message: "dsn auth signal requireTLSExtensionEnabled size use8BitMime",
};

const wanted = Object.entries(OF_THE_CONTRACT).flatMap(([kind, names]) =>
  names.split(/\s+/).map((name) => [kind, name] as const),
);

test.each(wanted)("there is a case for %s %s", (kind, name) => {
  const texts = Object.values(cases).flatMap((list) =>
    list.map((each) => {
      if (kind === "option") return /^options?: .*/.exec(each.name)?.[0] ?? "";
      return JSON.stringify({
        ...each,
        mail: typeof each.mail === "function" ? each.mail() : each.mail,
        run: String(each.run),
      });
    }),
  );
  expect(texts.filter((text) => new RegExp(`(?<!\\w)${name}(?!\\w)`).test(text))).not.toEqual([]);
});
