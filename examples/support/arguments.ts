/**
 * The arguments of `npm start`.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** What `--help` prints. */
export const USAGE = `Usage: npm start
       npm start -- --host HOST [options]

Sends one message through Nodemailer and net-smtp, and shows the dialogue and the fate of each recipient.
Without --host it starts a server of its own, which has no mailbox for one of the three recipients.

  --host HOST      your server
  --port PORT      its port; default 587, with --secure 465
  --secure         TLS from the first byte
  --require-tls    STARTTLS or nothing
  --ignore-tls     no STARTTLS
  --ca FILE        trust this certificate (PEM)
  --insecure       trust any certificate
  --user USER      log in; off this computer only over TLS
  --pass PASS      the password; without it the environment variable SMTP_PASS
  --name NAME      what to say in EHLO
  --from ADDRESS   default demo@example.org
  --to ADDRESSES   with commas between, or several times; default three at example.com
  --help           this text

Exit code 0 if the message went to somebody (without --host: if all went as it should), 1 if not, or for bad arguments.
`;

/** The arguments after their check. */
export interface Arguments {
  readonly help: boolean;
  /** Undefined: the demo's own server. */
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly secure: boolean;
  readonly requireTLS: boolean;
  readonly ignoreTLS: boolean;
  readonly ca: string | undefined;
  readonly insecure: boolean;
  readonly user: string | undefined;
  readonly pass: string | undefined;
  readonly name: string | undefined;
  readonly from: string;
  readonly to: readonly string[];
}

/** Bad arguments. */
export class UsageError extends Error {}

const DEFAULT_TO: readonly string[] = ["ada@example.com", "nobody@example.com", "grace@example.com"];

/** Reads the arguments. Throws `UsageError`. */
export function readArguments(
  given: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Arguments {
  const values = parsed(given);
  const { host, user } = values;
  const others = Object.keys(values).filter((name) => name !== "help");
  if (host === undefined && others.length > 0 && !values.help) {
    throw new UsageError(`Option --${others[0]} needs --host: without it the demo talks to a server of its own`);
  }
  for (const [name, value] of Object.entries(values)) {
    if (value === "") throw new UsageError(`Option --${name} is empty`);
  }
  const pass = values.pass ?? (user === undefined ? undefined : environment.SMTP_PASS);
  if (user !== undefined && !pass) throw new UsageError("Option --user needs --pass, or SMTP_PASS in the environment");
  if (user === undefined && pass !== undefined) throw new UsageError("Option --pass needs --user");
  if (values["require-tls"] && values["ignore-tls"]) {
    throw new UsageError("Options --require-tls and --ignore-tls exclude each other");
  }
  const to = (values.to ?? DEFAULT_TO).flatMap((list) => list.split(",")).map((address) => address.trim());
  if (to.includes("")) throw new UsageError("Option --to has an empty address in its list");
  return {
    help: values.help ?? false,
    host,
    port: values.port === undefined ? undefined : portOf(values.port),
    secure: values.secure ?? false,
    requireTLS: values["require-tls"] ?? false,
    ignoreTLS: values["ignore-tls"] ?? false,
    ca: values.ca,
    insecure: values.insecure ?? false,
    user,
    pass,
    name: values.name,
    from: values.from ?? "demo@example.org",
    to,
  };
}

function parsed(given: readonly string[]) {
  try {
    return parseArgs({
      args: [...given],
      options: {
        help: { type: "boolean", short: "h" },
        host: { type: "string" },
        port: { type: "string" },
        secure: { type: "boolean" },
        "require-tls": { type: "boolean" },
        "ignore-tls": { type: "boolean" },
        ca: { type: "string" },
        insecure: { type: "boolean" },
        user: { type: "string" },
        pass: { type: "string" },
        name: { type: "string" },
        from: { type: "string" },
        to: { type: "string", multiple: true },
      },
    }).values;
  } catch (error) {
    // The runtime's advice after the first sentence is about programs with positional arguments.
    throw new UsageError((error as Error).message.split(/\. |\n/)[0]);
  }
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port > 0 && port < 65_536) return port;
  throw new UsageError(`Option --port is ${JSON.stringify(text)}, expected a whole number from 1 to 65535`);
}
