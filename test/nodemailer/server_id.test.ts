import { expect, test } from "vitest";
import { serverMessageId } from "../../src/nodemailer/server_id.ts";

const SES = "250 Ok 0100018B5c3c0a4f-11aa-000000";

test.each([
  ["250 2.0.0 OK <a@b.prod.outlook.com> [Hostname=b]", "smtp.office365.com", "<a@b.prod.outlook.com>"],
  ["250 2.0.0 OK <a@b.prod.outlook.com>", "127.0.0.1", "<a@b.prod.outlook.com>"],
  [SES, "email-smtp.eu-west-1.amazonaws.com", "<0100018b5c3c0a4f-11aa-000000@eu-west-1.amazonses.com>"],
  [SES, "email-smtp.us-east-1.amazonaws.com.", "<0100018b5c3c0a4f-11aa-000000@email.amazonses.com>"],
  [SES, "smtp.mail.us-west-2.awsapps.com", "<0100018b5c3c0a4f-11aa-000000@us-west-2.amazonses.com>"],
])("%s of %s names %s", (response, host, id) => {
  expect(serverMessageId(response, host)).toBe(id);
});

test.each([
  ["250 2.0.0 OK <a@b.example>", "smtp.office365.com"],
  ["250-2.0.0 OK <a@b.prod.outlook.com>", "smtp.office365.com"],
  ["250 2.0.0 OK <a b@b.prod.outlook.com>", "smtp.office365.com"],
  [SES, "smtp.example.com"],
  [SES, "eu-west-1.amazonaws.com.evil.example"],
  [SES, "amazonaws.com"],
  ["250 Ok 0100018b5c3c0a4f", "email-smtp.eu-west-1.amazonaws.com"],
  ["250 Ok -", "email-smtp.eu-west-1.amazonaws.com"],
  ["250 Ok queued as 12", "email-smtp.eu-west-1.amazonaws.com"],
])("%s of %s names none", (response, host) => {
  expect(serverMessageId(response, host)).toBeUndefined();
});
