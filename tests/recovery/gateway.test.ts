import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Target } from "../conformance/door-driver.ts";
import { grpc } from "../conformance/doors/grpc.ts";
import { http } from "../conformance/doors/http.ts";
import { askHttp2, connectHttp2, until } from "../conformance/gateway-clients.ts";
import { toTargetGateway } from "../conformance/serve-target.ts";

const RESTARTS = 10;
const WRITERS = 4;
const CHANNEL = "demo/gateway-recovery";

let stateDirectory: string;
let served: Served;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-gateway-"));
  served = await serve({
    port: 0,
    stateDirectory,
    environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" },
  });
}, 60_000);
afterAll(async () => {
  await served.stop();
  await rm(stateDirectory, { recursive: true, force: true });
});

/** Publishes by gRPC and by HTTP/2 until the gateway is gone, and notes what was acknowledged. */
async function write(target: Target, writer: string, acknowledged: Map<string, string>): Promise<void> {
  const session = await connectHttp2(target);
  try {
    for (let n = 0; ; n += 1) {
      const id = `${writer}-${n}`;
      const event = { type: "t", id, source: "/recovery" };
      if (n % 2 === 0) {
        const published = await grpc.publish?.(target, CHANNEL, event);
        acknowledged.set(id, published?.sequence ?? "");
        continue;
      }
      const headers = {
        ":method": "POST",
        ":path": `/channels/${CHANNEL}`,
        "content-type": "application/json",
      };
      const { status, body } = await askHttp2(session, headers, JSON.stringify(event));
      if (status !== 201) throw new Error(`${status}`);
      acknowledged.set(id, JSON.parse(body.toString()).sequence);
    }
  } catch {
    // It was killed.
  } finally {
    session.destroy();
  }
}

it("the gateway loses nothing that was acknowledged when it is killed under load", async () => {
  const acknowledged = new Map<string, string>();
  let certificateHash: string | undefined;
  for (let restart = 0; restart < RESTARTS; restart += 1) {
    const gateway = await startGateway({ url: served.url, stateDirectory, onLog: () => {} });
    certificateHash ??= gateway.certificateHash;
    expect(gateway.certificateHash).toBe(certificateHash);
    const target = { url: served.url, gateway: toTargetGateway(gateway, stateDirectory) };
    const writers = Array.from({ length: WRITERS }, (_, n) => write(target, `${restart}-${n}`, acknowledged));
    await delay(300 + Math.random() * 500);
    await gateway.kill();
    await Promise.all(writers);
  }
  expect(acknowledged.size).toBeGreaterThan(100);
  const stored = new Map<string, string>();
  const reader = await http.read?.({ url: served.url }, CHANNEL, "earliest");
  while ([...acknowledged.keys()].some((id) => !stored.has(id))) {
    const received = await reader?.next();
    const id = String(received?.event.id);
    expect(stored.has(id)).toBe(false);
    stored.set(id, received?.sequence ?? "");
  }
  for (const [id, sequence] of acknowledged) expect(stored.get(id)).toBe(sequence);
}, 120_000);

it("the gateway starts the process again that has HTTP/3, and the rest goes on meanwhile", async () => {
  const gateway = await startGateway({ url: served.url, stateDirectory, onLog: () => {} });
  try {
    const health = async () => {
      const response = await fetch(`http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}/health`);
      return ((await response.json()) as { http3: string }).http3;
    };
    const { stdout } = await promisify(execFile)("pgrep", ["-P", String(gateway.process.pid)]);
    for (const pid of stdout.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
    await until(async () => (await health()) === "restarting");
    const session = await connectHttp2({
      url: served.url,
      gateway: toTargetGateway(gateway, stateDirectory),
    });
    expect((await askHttp2(session, { ":path": "/health" })).status).toBe(200);
    session.destroy();
    await until(async () => (await health()) === "ok");
  } finally {
    await gateway.stop();
  }
}, 30_000);
