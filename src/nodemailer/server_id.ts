/**
 * The Message-ID that a server put in the place of the message's, read out of its reply. The law here: only the two formats
 * that Nodemailer 10 knows, and what it reads of them; anything else names none.
 *
 * @module
 */

/** Microsoft 365 and Outlook.com: `250 2.0.0 OK <id@host.prod.outlook.com> [Hostname=...]`. */
const OUTLOOK = /^250 2\.0\.0 OK (<[^<>\s]{1,998}\.prod\.outlook\.com>)/i;
/** Amazon SES: `250 Ok 0100018b5c3c0a4f-...-000000`, the local part of the Message-ID. */
const SES = /^250 Ok ([0-9a-f-]{3,200})$/i;
const SES_ID = /^[0-9a-f]+(-[0-9a-f]+)+$/i;
const SES_DOMAINS: readonly string[] = ["amazonaws.com", "awsapps.com"];
/** `us-east-1`, `ap-southeast-2`. */
const REGION = /^[a-z]{2}(-[a-z]+){1,4}-\d{1,3}$/;

/** The Message-ID with angle brackets; undefined if the reply of this host names none. */
export function serverMessageId(response: string, host: string): string | undefined {
  const [, outlook] = OUTLOOK.exec(response) ?? [];
  if (outlook !== undefined) return outlook;
  const [, id = ""] = SES.exec(response.trim()) ?? [];
  const region = SES_ID.test(id) ? regionOf(host) : undefined;
  if (region === undefined) return undefined;
  return `<${id.toLowerCase()}@${region === "us-east-1" ? "email" : region}.amazonses.com>`;
}

/** The region in the name of an SES host: `email-smtp.eu-west-1.amazonaws.com`. */
function regionOf(host: string): string | undefined {
  const labels = host.toLowerCase().replace(/\.$/, "").split(".");
  if (!SES_DOMAINS.includes(labels.slice(-2).join("."))) return undefined;
  return labels.slice(0, -2).find((label) => REGION.test(label));
}
