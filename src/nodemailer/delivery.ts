/**
 * One message, one connection: start, send, finish. The law here: the caller hears what became of the message as soon as
 * the server has said it; the QUIT after it is nobody's business.
 *
 * @module
 */

import type { Delivery } from "../delivery.ts";
import { SmtpArgumentError } from "../errors.ts";
import { NetSmtp } from "../smtp.ts";
import { type Stage, transportError } from "./errors.ts";
import type { Activity } from "./events.ts";
import { sentMessageInfo } from "./info.ts";
import { Log } from "./logger.ts";
import type { NetSmtpAuth } from "./login_types.ts";
import { type Outgoing, outgoing, recipientsOf } from "./mail.ts";
import type { TransportSettings } from "./options.ts";
import type { Caller, Route } from "./route.ts";
import type { NetSmtpMail, NetSmtpSentMessageInfo } from "./types.ts";

/** What a connection is made for. */
interface Purpose {
  readonly auth: NetSmtpAuth | undefined;
  readonly signal: AbortSignal | undefined;
  readonly caller: Caller;
  readonly log: Log | undefined;
}

/** Sends one message. Rejects with Nodemailer's error. */
export async function deliver(
  route: Route,
  activity: Activity,
  mail: NetSmtpMail,
  caller: Caller,
): Promise<NetSmtpSentMessageInfo> {
  const { settings } = route;
  const log = Log.of(settings.log);
  let stage: Stage = "mail";
  try {
    const message = outgoing(mail, settings.auth, settings.asks);
    log?.line(
      "info",
      { tnx: "send", messageId: message.messageId },
      `Sending ${message.messageId} to ${some(message.to)}`,
    );
    stage = "auth";
    return await connected(route, activity, { ...message, caller, log }, async (smtp) => {
      stage = "mail";
      return await sent(settings.beforeEnd, smtp, message, log);
    });
  } catch (error) {
    const told = transportError(error, recipientsOf(mail), stage);
    log?.line("error", { tnx: "send", err: told }, told.message);
    throw told;
  }
}

/** Connects and logs in. Rejects with Nodemailer's error. */
export async function verify(route: Route, activity: Activity, caller: Caller): Promise<true> {
  const { settings } = route;
  const log = Log.of(settings.log);
  try {
    return await connected(route, activity, { auth: settings.auth, signal: undefined, caller, log }, async (smtp) => {
      if (settings.forceAuth && !settings.auth && smtp.capable("AUTH")) throw noLogin();
      return true as const;
    });
  } catch (error) {
    const told = transportError(error, [], "auth");
    log?.line("error", { tnx: "verify", err: told }, told.message);
    throw told;
  }
}

/** `forceAuth` wants a login, and `verify` has none to make. */
function noLogin(): SmtpArgumentError {
  return new SmtpArgumentError('Login is missing: "forceAuth" is set, and there is no "auth"', {
    phase: "auth",
    code: "SMTP_NO_AUTH",
  });
}

async function connected<T>(
  route: Route,
  activity: Activity,
  { auth, signal, caller, log }: Purpose,
  use: (smtp: NetSmtp) => Promise<T>,
): Promise<T> {
  let smtp: NetSmtp | undefined;
  activity.begin();
  try {
    const { host, port, smtp: options } = await route.located();
    const login = await route.login(auth, caller);
    const socket = route.socket(caller);
    smtp = new NetSmtp(host, port, { ...options, ...login, socket, signal, debugOutput: log?.dialogue });
    await smtp.start();
    return await use(smtp);
  } finally {
    void finished(smtp).then(() => activity.end());
  }
}

async function finished(smtp: NetSmtp | undefined): Promise<void> {
  if (smtp?.started) await smtp.finish().catch(() => undefined);
}

async function sent(
  beforeEnd: TransportSettings["beforeEnd"],
  smtp: NetSmtp,
  { from, to, messageId, signal, requests, open }: Outgoing,
  log: Log | undefined,
): Promise<NetSmtpSentMessageInfo> {
  const begun = performance.now();
  let opened = begun;
  const source = (): ReturnType<Outgoing["open"]> => {
    opened = performance.now();
    return open();
  };
  const delivery = await smtp.sendMessage(source, from, requests.recipients, {
    ...requests.options,
    signal,
    beforeEnd,
    id: messageId,
  });
  tell(log, messageId, { ...delivery, warnings: [...requests.warnings, ...delivery.warnings] });
  const [envelopeTime, messageTime] = [Math.round(opened - begun), Math.round(performance.now() - opened)];
  return sentMessageInfo(delivery, { from, to, messageId, capabilities: smtp.capabilities, envelopeTime, messageTime });
}

function tell(log: Log | undefined, messageId: string, { accepted, refused, response, warnings }: Delivery): void {
  for (const warning of warnings) log?.line("warn", { tnx: "send", messageId }, warning);
  const count = `${accepted.length} accepted, ${refused.length} refused`;
  log?.line("info", { tnx: "send", messageId }, `Sent ${messageId}, ${count}: ${response}`);
}

function some(to: readonly string[]): string {
  const shown = to
    .slice(0, 3)
    .map((address) => `<${address}>`)
    .join(", ");
  return to.length > 3 ? `${shown} and ${to.length - 3} more` : shown;
}
