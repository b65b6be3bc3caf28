import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { log } from "../log.ts";
import type { GatewaySettings } from "../settings.ts";
import { toDevelopmentPaths } from "../settings.ts";

const DAY_MS = 24 * 3600 * 1000;
/** Browsers take no longer ones by their hash (WebTransport, "custom certificate requirements"): 14 days. */
const LIFE_MS = 13 * DAY_MS;
/** A run may last for days, and must not outlive its certificate. */
const RENEW_BEFORE_MS = 6 * DAY_MS;

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  /** SHA-256 of the certificate in base64, as a page gives it in `serverCertificateHashes`. */
  readonly hash: string;
  readonly notAfter: Date;
}

/**
 * The certificate of the settings, or one for development: made on the first run, kept in the state directory, and made
 * anew some days before it ends.
 *
 * @throws Error where files that the settings name cannot be read
 */
export async function loadCertificate(settings: GatewaySettings): Promise<Certificate> {
  const { certificate, stateDirectory } = settings;
  if (certificate !== undefined) return read(certificate);
  const paths = toDevelopmentPaths(stateDirectory);
  try {
    const kept = await read(paths);
    if (kept.notAfter.getTime() - Date.now() > RENEW_BEFORE_MS) return kept;
  } catch {
    // There is none, or half of one.
  }
  const { cert, key } = await create();
  mkdirSync(dirname(paths.certPath), { recursive: true });
  replace(paths.keyPath, key, 0o600);
  replace(paths.certPath, cert, 0o644);
  log("made a certificate for development", { path: paths.certPath });
  return read(paths);
}

async function read({ certPath, keyPath }: { readonly certPath: string; readonly keyPath: string }) {
  const cert = readFileSync(certPath, "utf8");
  const key = readFileSync(keyPath, "utf8");
  const leaf = new x509.X509Certificate(cert.slice(0, cert.indexOf("-----END CERTIFICATE-----") + 26));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", leaf.rawData));
  return { cert, key, hash: btoa(String.fromCharCode(...hash)), notAfter: leaf.notAfter };
}

async function create(): Promise<{ readonly cert: string; readonly key: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as CryptoKeyPair;
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // A positive number (RFC 5280 §4.1.2.2): its first bit is not set.
    serialNumber: `1${crypto.randomUUID().replaceAll("-", "").slice(1)}`,
    name: "CN=localhost",
    notBefore: new Date(now - 60_000),
    notAfter: new Date(now + LIFE_MS),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: "localhost" },
        { type: "ip", value: "127.0.0.1" },
        { type: "ip", value: "::1" },
      ]),
    ],
  });
  const privateKey = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return {
    cert: `${certificate.toString("pem")}\n`,
    key: `${x509.PemConverter.encode(privateKey, "PRIVATE KEY")}\n`,
  };
}

/** Whole or not at all, so that a start at the same moment never reads half of it. */
function replace(path: string, text: string, mode: number): void {
  const aside = `${path}.${process.pid}`;
  writeFileSync(aside, text, { mode });
  chmodSync(aside, mode);
  renameSync(aside, path);
}
