/**
 * What each transport of the gateway adds to a call: one publish at a time, through each in turn, in one run beside the
 * same call to the Worker itself. `node bench/gateway.ts [calls each]` prints a table.
 */
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, Agent as HttpAgent, request as httpRequest } from "node:http";
import { connect } from "node:http2";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { chromium } from "playwright-core";
import { buildIfStale } from "../scripts/build.ts";
import type { RunningGateway } from "../scripts/gateway.ts";
import { startGateway } from "../scripts/gateway.ts";
import { serve } from "../scripts/serve.ts";

const CALLS = Number(process.argv[2] ?? 500);
const ROUNDS = 4;
const CHANNEL = "demo/bench";
const BODY = JSON.stringify({ type: "t", data: 1 });
const HEADERS = { "content-type": "application/json", "content-length": String(BODY.length) };
const CHROMIUM = "/usr/bin/chromium";

/** Makes so many calls, one after the other, and gives the milliseconds that each took. */
type Measure = (calls: number) => Promise<readonly number[]>;

function timed(call: () => Promise<unknown>): Measure {
  return async (calls) => {
    const times: number[] = [];
    for (let n = 0; n < calls; n += 1) {
      const startedMs = performance.now();
      await call();
      times.push(performance.now() - startedMs);
    }
    return times;
  };
}

function overHttp1(url: string): Measure {
  const isTls = url.startsWith("https");
  const agent = isTls
    ? new HttpsAgent({ keepAlive: true, rejectUnauthorized: false })
    : new HttpAgent({ keepAlive: true });
  return timed(async () => {
    const send = isTls ? httpsRequest : httpRequest;
    const request = send(`${url}/channels/${CHANNEL}`, { method: "POST", agent, headers: HEADERS });
    request.end(BODY);
    const [response] = await once(request, "response");
    response.resume();
    await once(response, "end");
    if (response.statusCode !== 201) throw new Error(`HTTP ${response.statusCode}`);
  });
}

function overHttp2(url: string): Measure {
  const session = connect(url, { rejectUnauthorized: false });
  return timed(async () => {
    const stream = session.request({ ":method": "POST", ":path": `/channels/${CHANNEL}`, ...HEADERS });
    stream.end(BODY);
    await once(stream.resume(), "end");
  });
}

function overGrpc(client: Client): Measure {
  const field = (number: number, text: string) =>
    Buffer.concat([Buffer.of((number << 3) | 2, text.length), Buffer.from(text)]);
  const message = Buffer.concat([field(1, CHANNEL), field(2, "t")]);
  const same = (bytes: Buffer) => bytes;
  return timed(
    () =>
      new Promise<void>((resolve, reject) => {
        const done = (error: Error | null) => (error === null ? resolve() : reject(error));
        client.makeUnaryRequest("/everywire.v1.ChannelService/Publish", same, same, message, done);
      }),
  );
}

/** HTTP/3 and WebTransport, from within a browser. */
async function inChromium({ ports, certificateHash }: RunningGateway, certificatePath: string) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html>");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { publicKey } = new X509Certificate(readFileSync(certificatePath));
  const spki = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64");
  const directory = await mkdtemp(join(tmpdir(), "everywire-bench-"));
  const context = await chromium.launchPersistentContext(directory, {
    executablePath: CHROMIUM,
    ignoreDefaultArgs: ["--disable-quic"],
    args: [
      "--no-sandbox",
      `--origin-to-force-quic-on=localhost:${ports.TLS_PORT}`,
      `--ignore-certificate-errors-spki-list=${spki}`,
    ],
  });
  const page = await context.newPage();
  await page.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  const url = `https://localhost:${ports.TLS_PORT}`;
  await page.evaluate(`(async () => {
    const value = Uint8Array.from(atob("${certificateHash}"), (char) => char.charCodeAt(0));
    const session = new WebTransport("${url}/wt", { serverCertificateHashes: [{ algorithm: "sha-256", value }] });
    await session.ready;
    const { readable, writable } = await session.createBidirectionalStream();
    const reader = readable.getReader(), writer = writable.getWriter();
    const line = new TextEncoder().encode(JSON.stringify({ op: "publish", channel: "${CHANNEL}", type: "t", data: 1 }) + "\\n");
    const body = ${JSON.stringify(BODY)};
    globalThis.calls = {
      fetch: async (url) => (await fetch(url + "/channels/${CHANNEL}", { method: "POST", headers: { "content-type": "application/json" }, body })).text(),
      stream: async () => { await writer.write(line); await reader.read(); },
    };
    globalThis.measure = async (call, argument, count) => {
      const times = [];
      for (let n = 0; n < count; n += 1) {
        const startedMs = performance.now();
        await calls[call](argument);
        times.push(performance.now() - startedMs);
      }
      return times;
    };
  })()`);
  const measure = (call: string, argument: string): Measure => {
    return (count) => page.evaluate(`measure("${call}", "${argument}", ${count})`) as Promise<number[]>;
  };
  return {
    transports: (direct: string): [string, Measure][] => [
      ["direct, fetch in Chromium", measure("fetch", direct)],
      ["HTTP/3, fetch in Chromium", measure("fetch", url)],
      ["WebTransport stream, Chromium", measure("stream", "")],
    ],
    async close() {
      await context.close();
      server.closeAllConnections();
      server.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

await buildIfStale();
const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-bench-"));
const environment = { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
const served = await serve({ port: 0, stateDirectory, environment });
const gateway = await startGateway({ url: served.url, stateDirectory });
const tlsUrl = `https://127.0.0.1:${gateway.ports.TLS_PORT}`;
const clear = `127.0.0.1:${gateway.ports.GRPC_PORT}`;
const tlsOnly = { rejectUnauthorized: false };
const ssl = credentials.createSsl(null, null, null, tlsOnly);
const browser = existsSync(CHROMIUM)
  ? await inChromium(gateway, join(stateDirectory, "gateway-cert.pem"))
  : undefined;
const transports: readonly [string, Measure][] = [
  ["direct, HTTP/1.1", overHttp1(served.url)],
  ["TLS, HTTP/1.1", overHttp1(tlsUrl)],
  ["TLS, HTTP/2", overHttp2(tlsUrl)],
  ["gRPC in clear", overGrpc(new Client(clear, credentials.createInsecure()))],
  ["gRPC over TLS", overGrpc(new Client(`localhost:${gateway.ports.TLS_PORT}`, ssl))],
  ...(browser?.transports(served.url) ?? []),
];
const times = new Map<string, number[]>(transports.map(([name]) => [name, []]));
for (const [, measure] of transports) await measure(Math.ceil(CALLS / 5));
// In turns, so that what else the machine does falls on all of them.
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, measure] of transports) {
    times.get(name)?.push(...(await measure(Math.ceil(CALLS / ROUNDS))));
  }
}
console.log(`One publish at a time, ${CALLS} through each, in milliseconds.\n`);
console.log("| transport | p50 | p99 |\n|---|---|---|");
for (const [name, all] of times) {
  const sorted = all.sort((a, b) => a - b);
  const at = (part: number) => (sorted[Math.floor(sorted.length * part)] ?? 0).toFixed(2);
  console.log(`| ${name} | ${at(0.5)} | ${at(0.99)} |`);
}
await browser?.close();
await gateway.stop();
await served.stop();
await rm(stateDirectory, { recursive: true, force: true });
process.exit(0);
