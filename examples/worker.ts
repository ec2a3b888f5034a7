/**
 * A Worker of Cloudflare's that mails a contact form and answers by the fate of the message. docs/workers.md says what is
 * different there; `npm run test:workers` bundles it and runs it in workerd. In a program of its own it imports from "net-smtp/workers".
 *
 * @module
 */

import { isSmtpError, NetSmtp, type SmtpFailure } from "../src/workers/mod.ts";

/** What the Worker is given: variables and secrets of its configuration. */
export interface Env {
  SMTP_HOST: string;
  SMTP_PORT: string;
  SMTP_USER: string;
  SMTP_SECRET: string;
  /** Who sends, a bare address; also whom it goes to is one. */
  MAIL_FROM: string;
  MAIL_TO: string;
}

const worker: { fetch(request: Request, env: Env): Promise<Response> } = {
  async fetch(request, env) {
    if (request.method !== "POST") return answer(405, "Send the form with POST");
    const form = await request.formData().catch(() => new FormData());
    const [email, text] = [String(form.get("email") ?? ""), String(form.get("message") ?? "")];
    if (!/^[^\s@<>(),;:"\\]+@[^\s@<>(),;:"\\]+$/.test(email)) return answer(400, "That is no address to reply to");
    if (text.trim() === "") return answer(400, "There is no message");
    try {
      // The session is opened, used and finished inside the request: a connection cannot outlive it here.
      const options = { tls: env.SMTP_PORT === "465", helo: domainOf(env.MAIL_FROM), signal: request.signal };
      const login = { user: env.SMTP_USER, secret: env.SMTP_SECRET };
      await NetSmtp.start(env.SMTP_HOST, Number(env.SMTP_PORT), { ...options, ...login }, async (smtp) => {
        return await smtp.sendMessage(letter(env, email, text), env.MAIL_FROM, env.MAIL_TO);
      });
      return answer(200, "Thank you, your message was sent");
    } catch (error) {
      if (!isSmtpError(error)) throw error;
      return byFate(error);
    }
  },
};

export default worker;

/** Only `unsent` may be tried again without a thought: after `unknown` it could arrive twice. */
function byFate({ fate, retry }: SmtpFailure): Response {
  if (fate === "unknown") return answer(202, "Your message has probably been sent: please do not send it again");
  if (fate === "refused" && retry === "never") return answer(502, "Our mail server does not take this message");
  const later = answer(503, "Your message was not sent: please try again in a few minutes");
  later.headers.set("Retry-After", "300");
  return later;
}

function answer(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { "Content-Type": "text/plain; charset=utf-8" } });
}

/** What came from the form stands in base64 or, checked above, in Reply-To: it cannot become a header. */
function letter(env: Env, email: string, text: string): string {
  const bytes = new TextEncoder().encode(text);
  const base64 = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return [
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${crypto.randomUUID()}@${domainOf(env.MAIL_FROM)}>`,
    `From: ${env.MAIL_FROM}`,
    `To: ${env.MAIL_TO}`,
    `Reply-To: ${email}`,
    "Subject: Contact form",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    base64.replace(/.{76}/g, "$&\r\n"),
    "",
  ].join("\r\n");
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1);
}
