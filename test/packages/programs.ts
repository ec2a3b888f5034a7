/**
 * The program of a consumer, in each module system: it sends one message through the engine and one through the plugin to the
 * port that it is given, and prints the fates.
 *
 * @module
 */

/** A module system and language. */
export interface System {
  readonly name: string;
  /** `type` of the consumer's package.json. */
  readonly type: "module" | "commonjs";
  /** The file of the program. */
  readonly file: "main.js" | "main.ts" | "main.cjs" | "main.cts";
  readonly imports: string;
}

const ESM = `import nodemailer from "nodemailer";
import { NetSmtp } from "net-smtp";
import { NetSmtpTransport } from "net-smtp/nodemailer";
`;

const TYPES = `import type { Delivery } from "net-smtp";
import type { NetSmtpSentMessageInfo } from "net-smtp/nodemailer";
`;

const REQUIRE = `const nodemailer = require("nodemailer");
const { NetSmtp } = require("net-smtp");
const { NetSmtpTransport } = require("net-smtp/nodemailer");
`;

const REQUIRE_TYPED = `import nodemailer = require("nodemailer");
import engine = require("net-smtp");
import plugin = require("net-smtp/nodemailer");
type Delivery = engine.Delivery;
type NetSmtpSentMessageInfo = plugin.NetSmtpSentMessageInfo;
const { NetSmtp } = engine;
const { NetSmtpTransport } = plugin;
`;

const IMPORT = `  const { default: nodemailer } = await import("nodemailer");
  const { NetSmtp } = await import("net-smtp");
  const { NetSmtpTransport } = await import("net-smtp/nodemailer");
`;

const TYPES_OF_MODULES = `type Delivery = import("net-smtp", { with: { "resolution-mode": "import" } }).Delivery;
type NetSmtpSentMessageInfo = import("net-smtp/nodemailer", { with: { "resolution-mode": "import" } }).NetSmtpSentMessageInfo;
`;

/** The four. */
export const SYSTEMS: readonly System[] = [
  { name: "ESM TypeScript", type: "module", file: "main.ts", imports: `${ESM}${TYPES}` },
  { name: "ESM JavaScript", type: "module", file: "main.js", imports: ESM },
  { name: "CommonJS JavaScript", type: "commonjs", file: "main.cjs", imports: REQUIRE },
  { name: "CommonJS TypeScript", type: "commonjs", file: "main.cts", imports: REQUIRE_TYPED },
];

/** The program's text; `late`: a CommonJS program that can only `import()` an ES module. */
export function program({ imports, file }: System, late: boolean): string {
  const typed = file.endsWith("ts");
  const [ofDelivery, ofInfo] = typed ? [": Delivery", ": NetSmtpSentMessageInfo"] : ["", ""];
  const above = late ? (typed ? TYPES_OF_MODULES : "") : imports;
  return `${above}
async function main() {
${late ? IMPORT : ""}  const port = Number(process.argv[2]);
  const delivery${ofDelivery} = await NetSmtp.start("127.0.0.1", port, async (smtp) => {
    return await smtp.sendMessage("Subject: by the engine\\n\\nhello\\n", "from@example.com", ["to@example.com"]);
  });
  console.log("engine:", delivery.recipients.map(({ address, fate }) => \`\${address} \${fate}\`).join(", "));

  const transporter = nodemailer.createTransport(new NetSmtpTransport({ host: "127.0.0.1", port }));
  const mail = { from: "from@example.com", to: "to@example.com", subject: "by the plugin", text: "hello" };
  const info${ofInfo} = await transporter.sendMail(mail);
  console.log("plugin:", info.recipients.map(({ address, fate }) => \`\${address} \${fate}\`).join(", "));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
`;
}
