/**
 * How each block of the documentation is run. The law here: a block without a line fails the test, and so does a line
 * without a block; what a partial block lacks is written here, and nothing is passed over.
 *
 * @module
 */

import type { Around } from "./here.ts";

/** In this process, against the world's servers. */
export interface Here extends Around {
  /** How many messages the servers store. */
  readonly stores: number;
  /** What it prints: each line of the output in order, by a pattern. */
  readonly prints?: readonly RegExp[];
}

/** By a shell, in a project that has the files of the same section; all scripts of a section are one. */
export interface Shell {
  /** How many messages the server stores. */
  readonly stores: number;
  /** What the test adds to the script. */
  readonly check?: string;
  /** What is printed at the end. */
  readonly prints: readonly RegExp[];
}

/** How a block is run. */
export type Way =
  | { readonly here: Here }
  | { readonly shell: Shell }
  /** By the shell block of its section; `before` is for the type check alone. */
  | { readonly file: string; readonly before?: string }
  /** Each command of it is a gate of .ci/run. */
  | { readonly gates: true }
  /** It is no program: what a program prints, or a drawing. */
  | { readonly text: true }
  /** Its types are checked here; examples/worker.ts, of which it is a part, runs in workerd (test/workers). */
  | { readonly types: Around };

const ACCEPTED = /^accepted: 250 Stored as \d+$/;
const FATES = ["a@example.com accepted", "b@example.com accepted"].map((line) => new RegExp(`^${line}`));
const NAMES = 'const from = "me@example.com";\nconst to = ["a@example.com"];\n';
const ENGINE = 'import { type Delivery, isSmtpError, NetSmtp, type RecipientResult } from "net-smtp";\n';
const PLUGIN =
  'import nodemailer from "nodemailer";\nimport { NetSmtpTransport, createNetSmtpTransport } from "net-smtp/nodemailer";\n';
/** A callback of Nodemailer, and what it decides between. */
const CALLBACK = `${PLUGIN}
const auth = { user: "me", pass: "secret" };
const transporter = createNetSmtpTransport(nodemailer, { host: "smtp.example.com", port: 587, auth });
const mail = { from: "me@example.com", to: ["a@example.com", "refuse-550@example.com"], subject: "hi", text: "hello" };
type Results = readonly { address: string; retry?: string }[];
const owed = (results: Results) => results.filter(({ retry }) => retry === "now" || retry === "later");
let decided: (what: string) => void;
const decision = new Promise<string>((resolve) => { decided = resolve; });
const record = (results: Results) => decided(\`recorded \${results.length}\`);
const lookInto = (_: Error) => decided("looked into");
const enqueue = (_: object, results: Results) => decided(\`enqueued \${results.length}\`);
const giveUp = (_: Error) => decided("given up");
`;

/** By `Block.key`. */
export const WAYS: Readonly<Record<string, Way>> = {
  "README.md#Try it": { gates: true },
  "README.md#Install": {
    shell: {
      stores: 0,
      prints: [/^25$/, /^true$/],
      check:
        'node -e \'import("net-smtp").then((m) => console.log(m.NetSmtp.defaultPort))\'; grep -c imports deno.json >/dev/null && bun -e \'console.log(typeof require("net-smtp").NetSmtp === "function")\'',
    },
  },
  "README.md#Cloudflare Workers": { types: {} },
  "docs/workers.md#On Cloudflare Workers": { types: {} },
  "docs/workers.md#One request, many messages": { types: {} },
  "docs/workers.md#A service binding": { types: {} },
  "src/workers/mod.ts": { types: {} },
  "README.md#A Nodemailer transport": { here: { stores: 1, prints: FATES } },
  "README.md#A Nodemailer transport#2": {
    here: {
      stores: 1,
      prints: [/^\[\n? *\{[\s\S]*fate: 'accepted'/],
      replace: [["http://proxy.example:3128", "http://127.0.0.1:PROXY"]],
    },
  },
  "README.md#A Nodemailer transport#3": { here: { stores: 2 } },
  "README.md#A pool": { here: { stores: 1 } },
  "README.md#A block, in Deno, Node and Bun": { here: { stores: 1, prints: [/^250 Stored as \d+ true \[\]$/] } },
  "README.md#Command by command": { here: { stores: 1 } },
  "README.md#Fates": { here: { stores: 1, after: "console.log([...ledger]);", prints: [/order-17.*sent/] } },
  "README.md#What happened": {
    here: { stores: 1, prints: [/"recipient":"you@example\.com","fate":"accepted"/, /^true \[\] \d/] },
  },
  "CONTRIBUTING.md#Set up": { gates: true },

  "docs/getting-started.md#Node, ES modules": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Node, ES modules#2": { file: "send.mjs" },
  "docs/getting-started.md#Node, ES modules#3": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Node, CommonJS": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Node, CommonJS#2": { file: "send.cjs" },
  "docs/getting-started.md#Node, CommonJS#3": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Deno": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Deno#2": {
    file: "send.ts",
    before: "declare const Deno: { env: { get(name: string): string | undefined } };\n",
  },
  "docs/getting-started.md#Deno#3": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Bun": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#Bun#2": { file: "send.ts" },
  "docs/getting-started.md#Bun#3": { shell: { stores: 1, prints: [ACCEPTED] } },
  "docs/getting-started.md#With Nodemailer, on any of them": { shell: { stores: 1, prints: FATES } },
  "docs/getting-started.md#With Nodemailer, on any of them#2": { file: "letter.mjs" },
  "docs/getting-started.md#With Nodemailer, on any of them#3": { shell: { stores: 1, prints: FATES } },
  "docs/getting-started.md#If it does not work": {
    here: { stores: 0, prints: [/C: EHLO [\s\S]*C: AUTH PLAIN \*{4}\n[\s\S]*C: NOOP[\s\S]*S: 221/] },
  },

  "docs/delivery.md#Recipients that are refused": {
    here: {
      stores: 1,
      prints: [
        /^a@example\.com accepted undefined 250 /,
        /^refuse-550@example\.com refused never 550 /,
        /^busy-450@example\.com refused later 450 /,
      ],
    },
  },
  "docs/delivery.md#Where certainty ends": { text: true },
  "docs/delivery.md#A ledger": { here: { stores: 1, prints: [/^sent$/, /^sent$/] } },
  "docs/delivery.md#A retry loop that cannot send twice": {
    here: {
      stores: 1,
      before: ENGINE,
      after: `const sent = await deliver(
  (to) => NetSmtp.start("localhost", 25, { recipientPolicy: "collect" }, (smtp) => smtp.sendMessage("Subject: hi\\n\\nhello\\n", "me@example.com", to)),
  ["a@example.com", "busy-450@example.com"], 2, async (attempt) => console.log(attempt));
for (const { address, fate } of sent) console.log(address, fate);`,
      prints: [/^1$/, /^a@example\.com accepted$/, /^busy-450@example\.com refused$/],
    },
  },
  "docs/delivery.md#A retry loop that cannot send twice#2": {
    here: { stores: 1, after: "console.log(results.length, inDoubt.length);", prints: [/^2 0$/] },
  },
  "docs/delivery.md#The pool does it too": { here: { stores: 1, prints: [/'accepted', 'accepted'/] } },
  "docs/delivery.md#In Nodemailer's callbacks": {
    here: { stores: 1, before: CALLBACK, after: "console.log(await decision);", prints: [/^recorded 2$/] },
  },

  "docs/direct.md#Opportunistic TLS": {
    here: {
      stores: 1,
      before:
        'import { isSmtpError, NetSmtp, type RecipientResult, resolveMx, type SmtpNetwork, type SmtpOptions } from "net-smtp";\ninterface Direct { message: string; from: string; helo: string; network?: SmtpNetwork }\n',
      after:
        'for (const { address, fate } of await direct({ message: "Subject: hi\\n\\nhello\\n", from: "me@example.net", helo: "client.example.net" }, ["a@example.com", "a@nowhere.example"])) console.log(address, fate);',
      prints: [/^a@example\.com accepted$/, /^a@nowhere\.example unsent$/],
    },
  },
  "docs/extensions.md#Of one recipient": { here: { stores: 1 } },

  "docs/nodemailer.md#One line": {
    here: {
      stores: 1,
      after: 'await transporter.sendMail({ from: "me@example.com", to: "a@example.com", text: "hello" });',
    },
  },
  "docs/nodemailer.md#The pool": { here: { stores: 1, prints: [/^0$/] } },
  "docs/nodemailer.md#Options of Nodemailer's mailer": { here: { stores: 1 } },
  "docs/nodemailer.md#What you can do now": { here: { stores: 0, prints: [/^Given up: 550 550 No such user$/] } },

  "docs/performance.md#Do not wait between messages": {
    here: { stores: 3, prints: [/^fulfilled$/, /^fulfilled$/, /^fulfilled$/] },
  },
  "docs/performance.md#CHUNKING, and more than one message in flight": { here: { stores: 32 } },
  "docs/performance.md#Several connections": { here: { stores: 100 } },
  "docs/performance.md#What a message is given as": { here: { stores: 1, replace: [["large.eml", "FILE"]] } },
  "docs/performance.md#Composed mail": { here: { stores: 3 } },

  "docs/security.md#TLS": { here: { stores: 1, replace: [["authority.pem", "AUTHORITY"]], prints: [/^true$/] } },
  "docs/security.md#OAuth 2.0": {
    here: { stores: 1, before: 'const freshToken = async () => "ya29.a-token-of-the-test";\n' },
  },
  "docs/security.md#Injection": { here: { stores: 0, prints: [/^SMTP_ARGUMENT unsent$/] } },

  "mod.ts": { here: { stores: 1, prints: FATES } },
  "src/smtp.ts": { here: { stores: 1, before: 'import { NetSmtp } from "net-smtp";\n' } },
  "src/nodemailer/mod.ts": {
    here: {
      stores: 1,
      before: 'const [user, pass] = ["me", "secret"];\n',
      after: 'await transporter.sendMail({ from: "me@example.com", to: "a@example.com", text: "hello" });',
    },
  },
  "src/nodemailer/helper.ts": {
    here: {
      stores: 1,
      before: `${PLUGIN}const auth = { type: "oauth2", user: "me@gmail.com", clientId: "…", clientSecret: "…", refreshToken: "…" };\nconst [dkim, proxy] = [undefined, "http://127.0.0.1:PROXY"];\n`,
      after: 'await transporter.sendMail({ to: "a@example.com", text: "hello" });',
    },
  },
  "src/nodemailer/transport.ts": {
    here: { stores: 1, before: `${PLUGIN}${NAMES}`, after: "console.log(recipients.length);", prints: [/^1$/] },
  },
  "src/opentelemetry/mod.ts": {
    here: { stores: 0, after: 'await smtp.start({ user: "me", secret: "secret" });\nawait smtp.finish();' },
  },
  "src/pool/pool.ts": {
    here: {
      stores: 1,
      before:
        'import { NetSmtpPool } from "net-smtp";\nconst [user, secret] = ["me", "secret"];\nconst letters = [{ text: "Subject: hi\\n\\nhello\\n", to: "a@example.com" }];\n',
    },
  },
  "src/sasl/mechanism.ts": {
    here: {
      stores: 0,
      before: 'import { type SaslMechanism } from "net-smtp";\n',
      after:
        'const conversation = external.exchange({ user: "me" } as never);\nconsole.log((conversation as Generator).next().value);',
      prints: [/^me$/],
    },
  },
  "src/stats.ts": {
    here: {
      stores: 0,
      before: 'import { NetSmtp, SmtpStats } from "net-smtp";\n',
      after:
        'await smtp.start({ user: "me", secret: "secret" });\nawait smtp.finish();\nconsole.log(figures.healthCheck().connections.opened);',
      prints: [/^1$/],
    },
  },
};
