/**
 * Real certificates, made when a test first asks for them and kept for the process: no key stands in the repository.
 *
 * @module
 */

import "./reflect.ts";
import type { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

/** A certificate and its key, PEM. */
export interface Identity {
  /** The private key, PKCS #8. */
  readonly key: string;
  /** The certificate. */
  readonly cert: string;
}

/** What the tests of TLS need. */
export interface Certificates {
  /** The authority's certificate: what goes into the option `ca`. */
  readonly ca: string;
  /** For the name localhost and the addresses 127.0.0.1 and ::1. */
  readonly server: Identity;
  /** From the same authority, for localhost alone: no address in it. */
  readonly nameOnly: Identity;
  /** From the same authority, for the servers that the documentation speaks of: *.example.com, smtp.gmail.com. */
  readonly example: Identity;
  /** From the same authority, for wrong.example. */
  readonly wrongName: Identity;
  /** From the same authority, for localhost, expired in 2020. */
  readonly expired: Identity;
  /** For localhost and 127.0.0.1, by nobody but itself. */
  readonly selfSigned: Identity;
  /** A client's, from the same authority. */
  readonly client: Identity;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const DAY = 86_400_000;

let made: Promise<Certificates> | undefined;

/** The certificates of this process. */
export function certificates(): Promise<Certificates> {
  made ??= make();
  return made;
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

async function make(): Promise<Certificates> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...frame("CN=Test authority"),
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const authority = { certificate, keys };
  const [server, nameOnly, example, wrongName, expired, client, selfSigned] = await Promise.all([
    issue(authority, ["localhost"], ["127.0.0.1", "::1"]),
    issue(authority, ["localhost"], []),
    issue(authority, ["*.example.com", "smtp.gmail.com"], []),
    issue(authority, ["wrong.example"], []),
    issue(authority, ["localhost"], ["127.0.0.1"], new Date("2020-01-02")),
    issue(authority, ["client.example"], []),
    signItself(["localhost"], ["127.0.0.1"]),
  ]);
  return { ca: certificate.toString("pem"), server, nameOnly, example, wrongName, expired, selfSigned, client };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}

let serial = 0;

/** What every certificate has; it is good from a day before it ends or now, for a day. */
function frame(name: string, notAfter: Date = new Date(Date.now() + DAY)) {
  const serialNumber = (++serial).toString(16).padStart(4, "01");
  const notBefore = new Date(Math.min(notAfter.getTime(), Date.now()) - DAY);
  return { serialNumber, name, subject: name, notBefore, notAfter, signingAlgorithm: ALGORITHM };
}

function names(dns: readonly string[], ips: readonly string[]): Extension[] {
  const general = [
    ...dns.map((value) => ({ type: "dns" as const, value })),
    ...ips.map((value) => ({ type: "ip" as const, value })),
  ];
  return [new BasicConstraintsExtension(false), new SubjectAlternativeNameExtension(general)];
}

async function issue(
  { certificate, keys: { privateKey } }: Authority,
  dns: readonly string[],
  ips: readonly string[],
  notAfter?: Date,
): Promise<Identity> {
  const keys = await newKeys();
  const issued = await X509CertificateGenerator.create({
    ...frame(`CN=${dns[0]}`, notAfter),
    issuer: certificate.subject,
    publicKey: keys.publicKey,
    signingKey: privateKey,
    extensions: names(dns, ips),
  });
  return identity(issued, keys);
}

async function signItself(dns: readonly string[], ips: readonly string[]): Promise<Identity> {
  const keys = await newKeys();
  const extensions = names(dns, ips);
  return identity(
    await X509CertificateGenerator.createSelfSigned({ ...frame(`CN=${dns[0]}`), keys, extensions }),
    keys,
  );
}

async function identity(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair): Promise<Identity> {
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { key: PemConverter.encode(key, "PRIVATE KEY"), cert: certificate.toString("pem") };
}
