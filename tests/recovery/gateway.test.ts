import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { publishConfirmed } from "../../gateway/amqp/confirmed.ts";
import { assertTopology, toTopology } from "../../gateway/amqp/topology.ts";
import { buildIfStale } from "../../scripts/build.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Broker } from "../conformance/broker.ts";
import { connectBroker, whyNoBroker } from "../conformance/broker.ts";
import type { Target } from "../conformance/door-driver.ts";
import { grpc } from "../conformance/doors/grpc.ts";
import { http } from "../conformance/doors/http.ts";
import { connectDatagrams } from "../conformance/doors/udp.ts";
import { askHttp2, connectHttp2, until } from "../conformance/gateway-clients.ts";
import { toTargetGateway } from "../conformance/serve-target.ts";

/** The long form: `GATEWAY_RESTARTS=10 npm test -- tests/recovery/gateway.test.ts`. */
const RESTARTS = Number(process.env.GATEWAY_RESTARTS || 2);
const CHANNEL = "demo/gateway-recovery";
const WIRES = ["grpc", "http2", "udp"] as const;
type Wire = (typeof WIRES)[number];

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

/** Publishes over one wire, and gives the cursor that was acknowledged. */
type Publish = (id: string) => Promise<string>;

async function connectWire(target: Target, wire: Wire): Promise<{ publish: Publish; close(): void }> {
  if (wire === "grpc") {
    const publish = async (id: string) =>
      (await grpc.publish?.(target, CHANNEL, { type: "t", id, source: "/recovery" }))?.sequence ?? "";
    return { publish, close: () => {} };
  }
  if (wire === "udp") {
    const { ask, socket } = await connectDatagrams(target);
    const publish = async (id: string) =>
      String((await ask({ op: "publish", channel: CHANNEL, type: "t", id, source: "/recovery" })).sequence);
    return { publish, close: () => socket.close() };
  }
  const session = await connectHttp2(target);
  const headers = {
    ":method": "POST",
    ":path": `/channels/${CHANNEL}`,
    "content-type": "application/json",
  };
  const publish = async (id: string) => {
    const event = { type: "t", id, source: "/recovery" };
    const { status, body } = await askHttp2(session, headers, JSON.stringify(event));
    if (status !== 201) throw new Error(`${status}`);
    return (JSON.parse(body.toString()) as { sequence: string }).sequence;
  };
  return { publish, close: () => session.destroy() };
}

/** Publishes until the gateway is gone, and notes what was acknowledged. */
async function write(
  target: Target,
  wire: Wire,
  writer: string,
  acknowledged: Map<string, string>,
): Promise<void> {
  const { publish, close } = await connectWire(target, wire);
  try {
    for (let n = 0; ; n += 1) {
      const id = `${wire}-${writer}-${n}`;
      acknowledged.set(id, await publish(id));
    }
  } catch {
    // It was killed.
  } finally {
    close();
  }
}

/** Hands messages to the broker, whether there is a gateway or not, and notes what it confirmed. */
async function writeToBroker(broker: Broker, confirmed: Set<string>, isOver: () => boolean): Promise<void> {
  const key = CHANNEL.replaceAll("/", ".");
  for (let n = 0; !isOver(); n += 1) {
    const messageId = `amqp-${n}`;
    const options = { messageId, persistent: true, headers: { "cloudEvents:source": "/recovery" } };
    await publishConfirmed(broker.channel, `${broker.prefix}.in`, key, Buffer.from("x"), options);
    confirmed.add(messageId);
    await delay(5);
  }
}

const whyNoAmqp = await whyNoBroker();

it(`the gateway loses nothing that was acknowledged when it is killed under load${whyNoAmqp === undefined ? "" : ` (AMQP is left out: ${whyNoAmqp})`}`, async () => {
  const broker = whyNoAmqp === undefined ? await connectBroker() : undefined;
  const environment =
    broker === undefined
      ? {}
      : {
          AMQP_URL: broker.url,
          AMQP_PREFIX: broker.prefix,
          AMQP_CHANNELS: "demo/none",
          AMQP_RETRIES_MS: "200",
        };
  const acknowledged = new Map<string, string>();
  const confirmed = new Set<string>();
  let certificateHash: string | undefined;
  let isOver = false;
  let writingToBroker: Promise<void> | undefined;
  const start = () =>
    startGateway({ url: served.url, stateDirectory, environment, onLog: (line) => lines.push(line) });
  const lines: string[] = [];
  try {
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      const gateway = await start();
      certificateHash ??= gateway.certificateHash;
      expect(gateway.certificateHash).toBe(certificateHash);
      const target = { url: served.url, gateway: toTargetGateway(gateway, stateDirectory) };
      if (broker !== undefined && writingToBroker === undefined) {
        const topology = toTopology(broker.prefix, [200]);
        await assertTopology(broker.channel, topology);
        writingToBroker = writeToBroker(broker, confirmed, () => isOver);
      }
      const before = acknowledged.size;
      const writers = [...WIRES, ...WIRES].map((wire, n) =>
        write(target, wire, `${restart}-${n}`, acknowledged),
      );
      const count = (wire: Wire) =>
        [...acknowledged.keys()].filter((id) => id.startsWith(`${wire}-${restart}-`)).length;
      await until(() => WIRES.every((wire) => count(wire) >= 5), 20_000);
      await delay(Math.random() * (RESTARTS > 2 ? 3000 : 500));
      expect(acknowledged.size).toBeGreaterThan(before);
      await gateway.kill();
      await Promise.all(writers);
    }
    isOver = true;
    await writingToBroker;
    // Whatever it left behind, the next one takes up.
    const last = await start();
    try {
      const missing = new Set([...acknowledged.keys(), ...confirmed]);
      const stored = new Map<string, string>();
      const reader = await http.read?.({ url: served.url }, CHANNEL, "earliest");
      while (missing.size > 0) {
        const received = await reader?.next(20_000);
        const id = String(received?.event.id);
        // Neither is anything there twice.
        expect(stored.has(id)).toBe(false);
        stored.set(id, received?.sequence ?? "");
        missing.delete(id);
      }
      await reader?.cut();
      for (const [id, sequence] of acknowledged) expect(stored.get(id)).toBe(sequence);
      const counts = WIRES.map(
        (wire) => `${wire} ${[...acknowledged.keys()].filter((id) => id.startsWith(wire)).length}`,
      );
      if (RESTARTS > 2)
        console.log(`acknowledged: ${counts.join(", ")}, amqp ${confirmed.size}; ${RESTARTS} kills`);
    } finally {
      await last.stop();
    }
    // It says how it stands, and not what happens to each message.
    expect(lines.length).toBeLessThan(20 * (RESTARTS + 1));
  } finally {
    isOver = true;
    await broker?.stop();
  }
}, 240_000);

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
