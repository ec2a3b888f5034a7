/** OAUTHBEARER: the examples of RFC 7628 section 4, the answer to an error, and fields that cannot be forged. */
import { expect, test } from "vitest";
import { SmtpArgumentError } from "../../src/errors.ts";
import { base64 } from "../../src/protocol/base64.ts";
import { oauthBearer } from "../../src/sasl/oauthbearer.ts";
import { credentials, talk } from "./talk.ts";

const TOKEN = "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==";
const WHO = { ...credentials("user@example.com", TOKEN), host: "server.example.com", port: 587 };

test("oauthBearer sends the example of SMTP, and answers its error as that does", async () => {
  const error = '{"status":"invalid_token","schemes":"bearer mac","scope":"https://mail.example.com/"}';
  const [initial, answer, ...rest] = await talk(oauthBearer, WHO, [error, error]);
  expect(base64(String(initial))).toBe(
    "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9NTg3AWF1dGg9QmVhcmVyIHZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2c9PQEB",
  );
  expect([base64(String(answer)), ...rest]).toEqual(["AQ==", "ended"]);
});

test("oauthBearer names whom it is for, escaped", async () => {
  const [initial] = await talk(oauthBearer, { ...WHO, user: "a=b,c" }, []);
  expect(initial?.startsWith("n,a=a=3Db=2Cc,\x01host=")).toBe(true);
  const [other] = await talk(oauthBearer, { ...WHO, authzid: "other" }, []);
  expect(other?.startsWith("n,a=other,\x01host=")).toBe(true);
});

test.each([
  ["user", "a\x01auth=Bearer evil", TOKEN],
  ["secret", "user", "t0ken\x01\x01host=evil"],
  ["secret", "user", () => "t0ken\n"],
])("oauthBearer refuses a control character in %s before it says anything", async (parameter, user, secret) => {
  const error = await talk(oauthBearer, credentials(user, secret), []).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SmtpArgumentError);
  expect(String(error)).toContain(`"${parameter}"`);
  expect(String(error)).not.toContain("t0ken");
});
