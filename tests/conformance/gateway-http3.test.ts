import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT, toBinary } from "../../scripts/paths.ts";
import type { Browser } from "./chromium.ts";
import { openChromium, whyNoChromium } from "./chromium.ts";
import { orSkipped, whyMissing } from "./missing.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const run = promisify(execFile);
const GTLSCLIENT = "/usr/bin/gtlsclient";
const whyNoNgtcp2 = whyMissing(GTLSCLIENT);

let target: ServedTarget;
beforeAll(async () => {
  target = await serveTarget({}, { withGateway: true });
}, 60_000);
afterAll(() => target.stop());

const newChannel = () => `demo/${randomUUID()}`;
const certificatePath = () => join(target.stateDirectory, "gateway-cert.pem");

describe("HTTP/3", () => {
  it.skipIf(whyNoChromium)(
    orSkipped("takes Chromium to every door, streams live included", whyNoChromium),
    async () => {
      const browser: Browser = await openChromium(target, certificatePath());
      try {
        const url = `https://localhost:${target.gateway?.tlsPort}`;
        // A page is not told what another origin's answers came over.
        const devtools = await browser.page.context().newCDPSession(browser.page);
        const protocols = new Set<string | undefined>();
        devtools.on("Network.responseReceived", ({ response }) => {
          // The page itself, and its icon, come from elsewhere.
          if (response.url.startsWith(url)) protocols.add(response.protocol);
        });
        await devtools.send("Network.enable");
        const result = await browser.page.evaluate(
          `tests.fetchAll(${JSON.stringify(url)}, "${newChannel()}")`,
        );
        expect(result).toEqual({ status: 201, length: 200_000, missing: [404, "not_found"] });
        expect([...protocols]).toEqual(["h3"]);
      } finally {
        await browser.close();
      }
    },
  );

  it.skipIf(whyNoNgtcp2)(orSkipped("answers ngtcp2's client", whyNoNgtcp2), async () => {
    const url = `https://localhost:${target.gateway?.tlsPort}/docs`;
    const options = ["-q", "--exit-on-all-streams-close", "--download", target.stateDirectory];
    await run(GTLSCLIENT, [...options, "127.0.0.1", String(target.gateway?.tlsPort), url], {
      timeout: 10_000,
    });
    const direct = await (await fetch(`${target.url}/docs`)).text();
    expect(await readFile(join(target.stateDirectory, "docs"), "utf8")).toBe(direct);
  });

  it("holds a client to the rules, byte by byte", async () => {
    const script = join(ROOT, "tests", "conformance", "http3-client.ts");
    const options = [
      "run",
      "--quiet",
      "--no-lock",
      "--unstable-net",
      "--allow-net",
      "--allow-read",
      "--no-check",
    ];
    const { stdout } = await run(
      toBinary("deno"),
      [...options, script, String(target.gateway?.tlsPort), certificatePath(), newChannel()],
      { timeout: 30_000 },
    );
    expect(JSON.parse(stdout)).toEqual({
      get: "200 ok",
      post: "201",
      "post without content-length": "201",
      "grease and unknown frames": "200 ok",
      "headers too large": "431",
      "malformed: no method": "400",
      "malformed: a line break in a value": "400",
      "grpc over HTTP/3": "200 grpc-status=0",
      "websocket over HTTP/3": "200 pong",
      "an unknown protocol": "501",
      "webtransport in JSON": "200 undefined ack,error,pong",
      "webtransport in MessagePack": '"everywire.msgpack" ack 1 false',
      "webtransport in Protobuf": '"everywire.protobuf" ack,error',
      "webtransport with a subprotocol that nobody knows": "400",
      "webtransport from a page of elsewhere": "403",
      "webtransport from a page of this machine": "200",
      "webtransport with a bad token": "401",
      "webtransport elsewhere": "404",
      "webtransport, one session more than there may be": "16 then 429",
      "DATA before HEADERS": "closed 0x105",
      "a frame of HTTP/2": "closed 0x105",
      "a field section with a dynamic table": "closed 0x200",
      "a second control stream": "closed 0x103",
      "no settings": "closed 0x10a",
      "settings twice": "closed 0x105",
      "a setting of HTTP/2": "closed 0x109",
      "the control stream closed": "closed 0x104",
      "an instruction of QPACK's encoder": "closed 0x201",
      "a push stream": "closed 0x103",
      "an empty datagram": "closed 0x101",
      "after all that": "200 ok",
    });
  });
});
