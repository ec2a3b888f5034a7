/**
 * One message through the pool, and `verify`. The law here: the caller hears what became of the message as soon as the
 * server has said it; the QUIT after it is nobody's business.
 *
 * @module
 */

import type { Delivery } from "../delivery.ts";
import { isSmtpError, SmtpArgumentError } from "../errors.ts";
import type { PoolSendOptions } from "../pool/options.ts";
import { NetSmtp } from "../smtp.ts";
import { type Stage, transportError } from "./errors.ts";
import { sentMessageInfo } from "./info.ts";
import { Log } from "./logger.ts";
import { type Outgoing, outgoing, recipientsOf } from "./mail.ts";
import type { Caller, Route, Way } from "./route.ts";
import type { NetSmtpMail, NetSmtpSentMessageInfo } from "./types.ts";

/** Sends one message. Rejects with Nodemailer's error. */
export async function deliver(route: Route, mail: NetSmtpMail, caller: Caller): Promise<NetSmtpSentMessageInfo> {
  const { settings } = route;
  const log = Log.of(settings.log);
  let stage: Stage = "mail";
  let message: Outgoing | undefined;
  try {
    message = outgoing(mail, settings.auth, settings.asks);
    const { messageId, to } = message;
    log?.line("info", { tnx: "send", messageId }, `Sending ${messageId} to ${some(to)}`);
    stage = "auth";
    const way = route.way(message.auth, caller);
    const found = way instanceof Promise ? await way : way;
    const delivery = await sent(route, message, found);
    tell(log, message, delivery);
    return sentMessageInfo(delivery, message, found.pool.address);
  } catch (error) {
    const told = transportError(error, recipientsOf(mail), isSmtpError(error) ? "mail" : stage);
    log?.line("error", { tnx: "send", messageId: message?.messageId, err: told }, told.message);
    throw told;
  } finally {
    message?.content.close();
  }
}

function sent({ settings }: Route, message: Outgoing, { login, pool }: Way): Promise<Delivery> {
  const { from, messageId: id, signal, requests, content } = message;
  const { beforeEnd } = settings;
  const options: PoolSendOptions = { signal, beforeEnd, id, login, openAhead: true, singleUse: content.singleUse };
  if (requests.options) Object.assign(options, requests.options);
  return pool.sendMessage(content.source, from, requests.recipients, options);
}

/** Connects and logs in, outside the pool. Rejects with Nodemailer's error. */
export async function verify(route: Route, caller: Caller): Promise<true> {
  const { auth, forceAuth, log: logged } = route.settings;
  const log = Log.of(logged);
  try {
    const settings = await route.located();
    const { host, port, smtp: options } = settings;
    const login = route.login(settings, auth, caller);
    const socket = route.socket(caller);
    const smtp = await new NetSmtp(host, port, { ...options, ...login, socket, debugOutput: log?.dialogue }).start();
    const missing = forceAuth && !auth && smtp.capable("AUTH");
    void smtp.finish().catch(() => undefined);
    if (missing) throw noLogin();
    return true;
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

function tell(log: Log | undefined, { messageId, requests }: Outgoing, delivery: Delivery): void {
  if (!log) return;
  const { accepted, refused, response, warnings } = delivery;
  for (const warning of [...requests.warnings, ...warnings]) log.line("warn", { tnx: "send", messageId }, warning);
  const count = `${accepted.length} accepted, ${refused.length} refused`;
  log.line("info", { tnx: "send", messageId }, `Sent ${messageId}, ${count}: ${response}`);
}

function some(to: readonly string[]): string {
  const shown = to
    .slice(0, 3)
    .map((address) => `<${address}>`)
    .join(", ");
  return to.length > 3 ? `${shown} and ${to.length - 3} more` : shown;
}
