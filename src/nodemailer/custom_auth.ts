/**
 * Nodemailer's `customAuth`: a login whose commands a function of the caller's says. The law here: its lines pass the one
 * door as all others do, are masked by their place, and a login that it leaves half-way is none.
 *
 * @module
 */

import { SmtpArgumentError, shown } from "../errors.ts";
import type { SmtpResponse } from "../protocol/reply.ts";
import { secretOf } from "../sasl/credentials.ts";
import type { SaslConversation, SaslMechanism, Secret } from "../sasl/mechanism.ts";
import { replyText } from "./errors.ts";
import type {
  NetSmtpAuth,
  NetSmtpCustomAuth,
  NetSmtpCustomAuthContext,
  NetSmtpCustomAuthResponse,
} from "./login_types.ts";

const NAME = /^[A-Za-z0-9_-]{1,20}$/;

/** Stand for what a login without user or password does not have; the function that makes it decides what it needs. */
const NOBODY = "\u{F0000}";
const NOTHING: Secret = () => NOBODY;

/** Throws `SmtpArgumentError` unless they are functions by the name of their mechanism. */
export function checkCustomAuth(customAuth: object): void {
  for (const [name, make] of Object.entries(customAuth)) {
    if (NAME.test(name.trim()) && typeof make === "function") continue;
    const expected = "a function for each mechanism, its name 1 to 20 letters, digits, - and _";
    throw new SmtpArgumentError(`Option "customAuth" has ${shown(name)}, expected ${expected}`, { phase: "auth" });
  }
}

/** The name as it is compared. */
export function mechanismName(name: string): string {
  return name.trim().toUpperCase().replaceAll("_", "-");
}

/** The engine's login where the caller's own function makes it: it may do without user and password. */
export function customLogin(auth: NetSmtpAuth, method: string): { user: string; secret: Secret; authType: string } {
  return { user: auth.user || NOBODY, secret: auth.pass || NOTHING, authType: method };
}

/** The functions as mechanisms of the engine; `auth` is the transport's, user and password are those of the login. */
export function customMechanisms(
  customAuth: Readonly<Record<string, NetSmtpCustomAuth>> | undefined,
  auth: NetSmtpAuth | undefined,
): SaslMechanism[] {
  return Object.entries(customAuth ?? {}).map(([given, make]) => {
    const name = mechanismName(given);
    return {
      name,
      *exchange() {},
      converse: (login) => lead(make, login, { ...auth, method: name }),
    };
  });
}

async function lead(make: NetSmtpCustomAuth, login: SaslConversation, auth: NetSmtpAuth): Promise<void> {
  const user = orNone(login.credentials.user);
  const pass = orNone(await secretOf(login.credentials));
  const { type, options } = auth;
  const method = auth.method as string;
  await new Promise<unknown>((resolve, reject) => {
    const context: NetSmtpCustomAuthContext = {
      auth: { type: (type ?? "LOGIN").toUpperCase(), user, method, credentials: { user, pass, options } },
      method,
      extensions: [...login.capabilities.keys()],
      authMethods: [...(login.capabilities.get("AUTH") ?? [])],
      maxAllowedSize: Number(login.capabilities.get("SIZE")?.[0]) || false,
      sendCommand: sender(login, reject),
      resolve: () => resolve(undefined),
      reject: (error) => reject(error instanceof Error ? error : new Error(String(error))),
    };
    const made = make(context);
    if (isPromise(made)) made.then(resolve, reject);
  });
}

function orNone(value: string): string {
  return value === NOBODY ? "" : value;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** What a callback throws fails the login; a promise that nobody awaits harms nothing. */
function sender({ say }: SaslConversation, fail: (error: unknown) => void): NetSmtpCustomAuthContext["sendCommand"] {
  return ((command: string, callback?: (error: Error | null, data?: NetSmtpCustomAuthResponse) => void) => {
    const answer = say(command).then((reply) => parsed(command, reply));
    if (typeof callback === "function") {
      answer
        .then(
          (data) => callback(null, data),
          (error) => callback(error),
        )
        .catch(fail);
      return undefined;
    }
    answer.catch(() => undefined);
    return answer;
  }) as NetSmtpCustomAuthContext["sendCommand"];
}

/** A reply as Nodemailer gives it to a `customAuth`. */
function parsed(command: string, reply: SmtpResponse): NetSmtpCustomAuthResponse {
  const response = replyText(reply);
  const [head = "", status = "0", code] = /^(\d+)(?:\s(\d+\.\d+\.\d+))?\s/.exec(response) ?? [];
  return {
    command,
    response,
    status: Number(status),
    ...(code === undefined ? {} : { code }),
    text: response.slice(head.length),
  };
}
