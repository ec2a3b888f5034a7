import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { SmtpArgumentError } from "../../mod.ts";
import { NetSmtpTransport } from "../../src/nodemailer/mod.ts";
import { transportSettings } from "../../src/nodemailer/options.ts";

describe("url", () => {
  test.each<[string, object]>([
    ["smtp://", { host: "localhost", port: 587, auth: undefined }],
    ["smtp://mx.example", { host: "mx.example" }],
    ["SMTP://mx.example:2525/", { host: "mx.example", port: 2525 }],
    ["smtps://[2001:db8::1]:25", { host: "2001:db8::1", port: 25 }],
    ["smtp://me:secret@h", { auth: { user: "me", pass: "secret" } }],
    ["smtp://me%40x.example:p%3A%2F%3F%23%25%C3%A9@h", { auth: { user: "me@x.example", pass: "p:/?#%é" } }],
    ["smtp://me@h", { auth: { user: "me", pass: "" } }],
    ["smtp://me:a:b@h", { auth: { user: "me", pass: "a:b" } }],
  ])("%j gives %j", (url, settings) => {
    expect(transportSettings(url)).toMatchObject(settings);
    expect(transportSettings({ url })).toEqual(transportSettings(url));
  });

  test("its query gives options, numbers and booleans as such", () => {
    const { smtp, log } = transportSettings(
      "smtp://h?name=1.example&requireTLS=true&connectionTimeout=5000&debug=false&logger=true&component=7&strict=true&tls.rejectUnauthorized=false&tls.minVersion=TLSv1.3&tls.servername=9",
    );
    expect(smtp).toMatchObject({
      helo: "1.example",
      starttls: "always",
      openTimeout: 5000,
      strict: true,
      tlsOptions: { rejectUnauthorized: false, minVersion: "TLSv1.3", servername: 9 },
    });
    expect(log).toEqual({ logger: true, debug: false, component: "7" });
    expect(transportSettings("smtp://h?port=25").port).toBe(25);
    expect(transportSettings("smtp://?host=mx.example").host).toBe("mx.example");
  });

  test("goes before the other options, tls and auth key by key", () => {
    const settings = transportSettings({
      url: "smtp://you@h:25?tls.ca=x",
      host: "other",
      port: 26,
      name: "me.example",
      tls: { ca: "y", cert: "z" },
      auth: { user: "me", pass: "secret", method: "LOGIN" },
    });
    expect(settings).toMatchObject({
      host: "h",
      port: 25,
      smtp: { helo: "me.example", tlsOptions: { ca: "x", cert: "z" } },
    });
    expect(settings.auth).toEqual({ user: "you", pass: "", method: "LOGIN" });
  });

  test.each([
    ["s3cret", "is not a URL such as"],
    ["", "is not a URL such as"],
    ["smtp://me:s3cret@", "is not a URL such as"],
    ["smtp://me:s3cret@h:port", "is not a URL such as"],
    ["smtp://me:s3cret@h:99999", "is not a URL such as"],
    ["me:s3cret@h:25", "has another scheme than smtp or smtps"],
    ["http://me:s3cret@h", "has another scheme than smtp or smtps"],
    ["s3cret:h", "has another scheme than smtp or smtps"],
    ["smtp://me:12/s3cret@h", "has a path or a fragment"],
    ["smtp://me:12#s3cret@h", "has a path or a fragment"],
    ["smtp://me:s3cret%@h", "is not percent-encoded well"],
    ["smtp://me:s3cret%E9@h", "is not percent-encoded well"],
    ["smtp://me:12?s3cret@h", "has a key in its query that is no option"],
    ["smtp://h?requiretls=s3cret", 'has a key in its query that is no option, did you mean "requireTLS"?'],
    ["smtp://h?debug=s3cret", 'has a bad value for "debug" in its query, expected true or false'],
    ["smtp://h?socketTimeout=s3cret", 'has a bad value for "socketTimeout" in its query'],
    ["smtp://h?name=s3cret%20x", 'has a bad value for "name" in its query'],
    ["smtp://h:25?port=26", 'says "port" twice'],
    ["smtp://h?name=s3cret.a&name=b", 'says "name" twice'],
    ["smtp://h?tls.ca=s3cret&tls.ca=b", 'says an option of "tls" twice'],
    ["smtp://h?auth=s3cret", 'has a bad value for "auth" in its query'],
    ["smtp://h?tls=s3cret", 'has a bad value for "tls" in its query'],
    ["smtp://h?url=s3cret", "has a key in its query that is no option"],
    ["smtp://h?pool=true&x=s3cret", "has a key in its query that is no option"],
    ["smtp://h?pool=s3cret", 'has a bad value for "pool" in its query, expected true or false'],
    ["smtp://h?maxConnections=s3cret", 'has a bad value for "maxConnections" in its query'],
    ["smtp://h?__proto__=s3cret", "has a key in its query that is no option"],
    ["smtp://s3cret%20x", "has no valid host name"],
    [12, "is not a URL such as"],
    [["smtp://me:s3cret@h"], "is not a URL such as"],
  ])("%j is refused without being shown", (url, text) => {
    let error: unknown;
    try {
      new NetSmtpTransport({ url: url as string });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SmtpArgumentError);
    expect((error as Error).message).toContain(`Option "url" ${text}`);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("s3cret");
  });
});
