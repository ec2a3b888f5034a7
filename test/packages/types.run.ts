/**
 * TypeScript from 5.4 to 7 takes the declarations of every entry, and checks them (`skipLibCheck: false`), in both ways to
 * resolve modules, with the types of Nodemailer 10 and with those of @types/nodemailer; and a wrong program is refused.
 *
 * @module
 */

import { join } from "node:path";
import process from "node:process";
import { afterAll, describe, expect, test } from "vitest";
import { attempt, ENTRIES, install, MODULES, OWN_MODULES, project, record } from "./place.ts";

const COMPILERS = [
  { version: "5.4", path: join(OWN_MODULES, "typescript-5.4/bin/tsc") },
  { version: "5.9", path: join(OWN_MODULES, "typescript-5.9/bin/tsc") },
  { version: "6.0", path: join(MODULES, "typescript/bin/tsc") },
  { version: "7.0", path: join(MODULES, "typescript-native/bin/tsc") },
];

/** What a project has: the packages by the names here, and whether Nodemailer's types keep the transport's own result. */
const PROJECTS = [
  { name: "Nodemailer 10 and its types", packages: { nodemailer: "nodemailer" }, typed: true },
  {
    name: "Nodemailer 8 and @types/nodemailer 8",
    packages: { nodemailer: "nodemailer-8", "@types/nodemailer": "nodemailer-types-8" },
    typed: false,
  },
];

const RESOLUTIONS = [
  { name: "nodenext", options: { module: "nodenext", lib: ["es2022"] } },
  { name: "bundler", options: { module: "esnext", moduleResolution: "bundler", lib: ["es2022", "dom"] } },
];

/** Every entry, and the three uses; `wrong`: three mistakes that types are there to find. */
function consumer(typed: boolean, wrong: boolean): string {
  const all = ENTRIES.map((entry, at) => `import * as entry${at} from "${entry}";\nexport { entry${at} };`);
  return `${all.join("\n")}
import nodemailer from "nodemailer";
import { type Delivery, isSmtpError, NetSmtp, NetSmtpPool } from "net-smtp";
import { isNetSmtpTransportError, NetSmtpTransport, type NetSmtpSentMessageInfo } from "net-smtp/nodemailer";

export async function engine(): Promise<Delivery> {
  return await NetSmtp.start("localhost", ${wrong ? '"25"' : "25"}, async (smtp) => {
    return await smtp.sendMessage("Subject: hi\\n\\nhello\\n", "from@example.com", ["to@example.com"]);
  });
}

export async function pool(error: unknown): Promise<string> {
  const pool = new NetSmtpPool("localhost", 25, { maxConnections: ${wrong ? "true" : "3"} });
  await pool.close();
  if (isNetSmtpTransportError(error)) return error.recipients.map(({ fate }) => fate).join();
  return isSmtpError(error) ? error.fate : "";
}

export async function plugin(): Promise<NetSmtpSentMessageInfo> {
  const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "localhost"${wrong ? ", hots: 1" : ""} }));
  const info = await transporter.sendMail({ to: "to@example.com", text: "hello" });
  return info${typed ? "" : " as unknown as NetSmtpSentMessageInfo"};
}
`;
}

/** The lines on which a mistake is. */
function mistakes(typed: boolean): number[] {
  const right = consumer(typed, false).split("\n");
  const wrong = consumer(typed, true).split("\n");
  return wrong.flatMap((line, at) => (line === right[at] ? [] : [at + 1]));
}

/** By version, then by project and resolution. */
const taken: Record<string, string[]> = {};

describe.concurrent.each(COMPILERS)("TypeScript $version", ({ version, path: compiler }) => {
  for (const { name, packages, typed } of PROJECTS) {
    // How modules are found does not depend on whose types Nodemailer's are.
    for (const { name: resolution, options } of typed ? RESOLUTIONS : RESOLUTIONS.slice(0, 1)) {
      test(`takes every entry with ${name}, ${resolution}`, async ({ expect }) => {
        const compilerOptions = {
          target: "es2022",
          strict: true,
          skipLibCheck: false,
          skipDefaultLibCheck: true,
          noEmit: true,
          types: ["node"],
          ...options,
        };
        const path = project(`types/${version}-${resolution}-${packages.nodemailer}`, {
          "package.json": { name: "consumer", type: "module" },
          "right.ts": consumer(typed, false),
          "wrong.ts": consumer(typed, true),
          "tsconfig.json": { compilerOptions, files: ["right.ts", "wrong.ts"] },
        });
        install(path, { ...packages, "@types/node": "@types/node", "@opentelemetry/api": "@opentelemetry/api" });
        const { out } = await attempt(path, [process.execPath, compiler, "-p", ".", "--pretty", "false"]);
        const faults = out.split("\n").filter((line) => /error TS\d+/.test(line));
        expect(faults.filter((fault) => !fault.startsWith("wrong.ts"))).toEqual([]);
        const found = faults.map((fault) => Number(/^wrong\.ts\((\d+)/.exec(fault)?.[1]));
        expect(mistakes(typed).filter((line) => !found.includes(line))).toEqual([]);
        taken[version] = [...(taken[version] ?? []), `${name}, ${resolution}`];
      });
    }
  }
});

afterAll(() => {
  record("types", { versions: COMPILERS.map(({ version }) => version), taken });
  expect(Object.keys(taken)).toHaveLength(COMPILERS.length);
});
