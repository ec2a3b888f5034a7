/**
 * One message, one connection: start, send, finish. The law here: the caller hears what became of the message as soon as
 * the server has said it; the QUIT after it is nobody's business.
 *
 * @module
 */

import type { Delivery } from "../delivery.ts";
import { SmtpArgumentError } from "../errors.ts";
import { NetSmtp } from "../smtp.ts";
import { loginOf } from "./auth.ts";
import { type Stage, transportError } from "./errors.ts";
import type { Activity } from "./events.ts";
import { sentMessageInfo } from "./info.ts";
import { Log } from "./logger.ts";
import { type Outgoing, outgoing, recipientsOf } from "./mail.ts";
import type { TransportSettings } from "./options.ts";
import type { NetSmtpAuth, NetSmtpMail, NetSmtpSentMessageInfo } from "./types.ts";

/** What a connection is made for. */
interface Purpose {
  readonly auth: NetSmtpAuth | undefined;
  readonly signal: AbortSignal | undefined;
  readonly log: Log | undefined;
}

/** Sends one message. Rejects with Nodemailer's error. */
export async function deliver(
  settings: TransportSettings,
  activity: Activity,
  mail: NetSmtpMail,
  proxied: boolean,
): Promise<NetSmtpSentMessageInfo> {
  const log = Log.of(settings.log);
  let stage: Stage = "mail";
  try {
    if (proxied) throw pastProxy();
    const message = outgoing(mail, settings.auth, settings.asks);
    log?.line(
      "info",
      { tnx: "send", messageId: message.messageId },
      `Sending ${message.messageId} to ${some(message.to)}`,
    );
    stage = "auth";
    return await connected(settings, activity, { ...message, log }, async (smtp) => {
      stage = "mail";
      return await sent(settings, smtp, message, log);
    });
  } catch (error) {
    const told = transportError(error, recipientsOf(mail), stage);
    log?.line("error", { tnx: "send", err: told }, told.message);
    throw told;
  }
}

/** Connects and logs in. Rejects with Nodemailer's error. */
export async function verify(settings: TransportSettings, activity: Activity, proxied: boolean): Promise<true> {
  const log = Log.of(settings.log);
  try {
    if (proxied) throw pastProxy();
    return await connected(
      settings,
      activity,
      { auth: settings.auth, signal: undefined, log },
      async () => true as const,
    );
  } catch (error) {
    const told = transportError(error, [], "auth");
    log?.line("error", { tnx: "verify", err: told }, told.message);
    throw told;
  }
}

/** A message that was to go through a proxy must not go past it. */
function pastProxy(): SmtpArgumentError {
  return new SmtpArgumentError(
    "A proxy was set, which is not supported yet, and nothing was sent past it: leave setupProxy() out",
    { phase: "connect" },
  );
}

async function connected<T>(
  { host, port, smtp: options, authMethod }: TransportSettings,
  activity: Activity,
  { auth, signal, log }: Purpose,
  use: (smtp: NetSmtp) => Promise<T>,
): Promise<T> {
  const login = loginOf(auth, authMethod);
  const smtp = new NetSmtp(host, port, { ...options, ...login, signal, debugOutput: log?.dialogue });
  activity.begin();
  try {
    await smtp.start();
    return await use(smtp);
  } finally {
    void finished(smtp).then(() => activity.end());
  }
}

async function finished(smtp: NetSmtp): Promise<void> {
  if (smtp.started) await smtp.finish().catch(() => undefined);
}

async function sent(
  { beforeEnd }: TransportSettings,
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
