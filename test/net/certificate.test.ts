/** The hash of tls-server-end-point: real certificates of each signature, and bytes that are none. */
import "../support/reflect.ts";
import { X509CertificateGenerator } from "@peculiar/x509";
import { describe, expect, test } from "vitest";
import { tlsBinding } from "../../src/net/binding.ts";
import { bindingHash } from "../../src/net/certificate.ts";

type Algorithm = EcKeyGenParams | RsaHashedKeyGenParams | { name: string };

async function certificate(keyAlgorithm: Algorithm, hash: string, more: object = {}): Promise<Uint8Array> {
  const keys = (await crypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const signingAlgorithm = { name: keyAlgorithm.name, hash, ...more };
  const made = await X509CertificateGenerator.createSelfSigned({ name: "CN=x", keys, signingAlgorithm });
  return new Uint8Array(made.rawData);
}

function rsa(name: string, hash: string): RsaHashedKeyGenParams {
  return { name, hash, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
}

describe("bindingHash()", () => {
  test.each([
    ["SHA-1", "SHA-256"],
    ["SHA-256", "SHA-256"],
    ["SHA-384", "SHA-384"],
    ["SHA-512", "SHA-512"],
  ])("bindingHash() of a signature with %s is %s", async (hash, expected) => {
    const curve = { name: "ECDSA", namedCurve: "P-256" };
    expect(bindingHash(await certificate(curve, hash))).toBe(expected);
    expect(bindingHash(await certificate(rsa("RSASSA-PKCS1-v1_5", hash), hash))).toBe(expected);
    expect(bindingHash(await certificate(rsa("RSA-PSS", hash), hash, { saltLength: 20 }))).toBe(expected);
  });

  test("bindingHash() of Ed25519 is none: it signs without one", async () => {
    expect(bindingHash(await certificate({ name: "Ed25519" }, "SHA-512"))).toBeUndefined();
  });

  test("bindingHash() of what is cut off anywhere is none, or that of the whole", async () => {
    const whole = await certificate({ name: "ECDSA", namedCurve: "P-256" }, "SHA-384");
    for (let length = 0; length < whole.length; length++) {
      expect(bindingHash(whole.subarray(0, length))).toBeUndefined();
    }
  });

  test.each([
    ["nothing", []],
    ["no SEQUENCE", [0x31, 0]],
    ["an indefinite length", [0x30, 0x80, 0, 0]],
    ["a length of four octets", [0x30, 0x84, 0xff, 0xff, 0xff, 0xff]],
    ["an empty SEQUENCE", [0x30, 0]],
    ["no algorithm", [0x30, 2, 0x30, 0]],
    ["an algorithm without a name", [0x30, 4, 0x30, 0, 0x30, 0]],
    ["an algorithm that nobody knows", [0x30, 7, 0x30, 0, 0x30, 3, 6, 1, 42]],
  ])("bindingHash() of %s is none", (_name, octets) => {
    expect(bindingHash(Uint8Array.from(octets))).toBeUndefined();
  });
});

describe("tlsBinding()", () => {
  const exported = Uint8Array.of(1, 2, 3);
  const exporter = { getProtocol: () => "TLSv1.3", exportKeyingMaterial: () => exported };

  test("tlsBinding() asks for 32 octets by RFC 9266's label, with an empty context", async () => {
    const asked: unknown[] = [];
    const exportKeyingMaterial = (...args: unknown[]) => {
      asked.push(...args);
      return exported;
    };
    expect(await tlsBinding({ ...exporter, exportKeyingMaterial })).toEqual({ type: "tls-exporter", data: exported });
    expect(asked).toEqual([32, "EXPORTER-Channel-Binding", new Uint8Array()]);
  });

  test("tlsBinding() below TLS 1.3 takes the certificate", async () => {
    const raw = await certificate({ name: "ECDSA", namedCurve: "P-256" }, "SHA-384");
    const socket = { ...exporter, getProtocol: () => "TLSv1.2", getPeerCertificate: () => ({ raw }) };
    const data = new Uint8Array(await crypto.subtle.digest("SHA-384", Uint8Array.from(raw)));
    expect(await tlsBinding(socket)).toEqual({ type: "tls-server-end-point", data });
  });

  test.each([
    ["nothing", {}],
    ["no certificate", { getPeerCertificate: () => null }],
    ["an empty one, as after resumption", { getPeerCertificate: () => ({}) }],
    ["bytes that are none", { getPeerCertificate: () => ({ raw: Uint8Array.of(1) }) }],
    ["an exporter that is not made", { ...exporter, exportKeyingMaterial: () => JSON.parse("") }],
  ])("tlsBinding() of a socket with %s is none", async (_name, socket) => {
    expect(await tlsBinding(socket)).toBeUndefined();
  });
});
