// A real server (smtp-server) with STARTTLS and AUTH PLAIN, in a process of its own; its certificate is made when it starts.
// Prints its port; asked anything, it tells its certificate. It takes every message and keeps none.
import { SMTPServer } from "smtp-server";

// @peculiar/x509 asks for these when it is loaded; none of them is used here.
Object.assign(Reflect, { getMetadata() {}, getOwnMetadata() {}, defineMetadata() {} }, { ...Reflect });
const { PemConverter, SubjectAlternativeNameExtension, X509CertificateGenerator } = await import("@peculiar/x509");

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 86_400_000;

const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
const certificate = await X509CertificateGenerator.createSelfSigned({
  name: "CN=localhost",
  notBefore: new Date(Date.now() - DAY),
  notAfter: new Date(Date.now() + DAY),
  signingAlgorithm: ALGORITHM,
  keys,
  extensions: [new SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
});
const key = PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
const cert = certificate.toString("pem");

const server = new SMTPServer({
  logger: false,
  disableReverseLookup: true,
  key,
  cert,
  authMethods: ["PLAIN"],
  onAuth: (auth, _session, done) => done(null, { user: auth.username }),
  onData(stream, _session, done) {
    stream.resume().on("end", () => done());
  },
});
server.on("error", () => {});
const listener = server.listen(0, "127.0.0.1", () => console.log(listener.address().port));
process.on("message", () => process.send({ cert }));
process.on("disconnect", () => process.exit());
