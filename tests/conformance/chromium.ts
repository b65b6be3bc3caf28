import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { chromium } from "playwright-core";
import type { Target } from "./door-driver.ts";
import { whyMissing } from "./missing.ts";

const PATH = "/usr/bin/chromium";

/** Why tests that need it cannot run here; undefined where they can. */
export const whyNoChromium = whyMissing(PATH);

export interface Browser {
  /** On an `http://localhost` of its own, which browsers take for a secure context, with `gateway-page.js` loaded. */
  readonly page: Page;
  close(): Promise<void>;
}

/** A real Chromium, which goes to the gateway over QUIC and takes its certificate. */
export async function openChromium({ gateway }: Target, certificatePath: string): Promise<Browser> {
  const script = readFileSync(join(import.meta.dirname, "gateway-page.js"));
  const server = createServer((request, response) => {
    const isScript = request.url === "/gateway-page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : "<!doctype html><script src=gateway-page.js></script>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const directory = await mkdtemp(join(tmpdir(), "everywire-chromium-"));
  const { publicKey } = new X509Certificate(readFileSync(certificatePath));
  const spki = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: PATH,
    headless: true,
    ignoreDefaultArgs: ["--disable-quic"],
    args: [
      "--no-sandbox",
      "--disable-gpu",
      `--origin-to-force-quic-on=localhost:${gateway?.tlsPort}`,
      `--ignore-certificate-errors-spki-list=${spki}`,
    ],
  });
  const page = await context.newPage();
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  return {
    page,
    async close() {
      await context.close();
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
