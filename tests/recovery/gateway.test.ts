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
import { findFreePort } from "../../scripts/port.ts";
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
const startWorker = (port: number) =>
  serve({ port, stateDirectory, environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" } });
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-gateway-"));
  served = await startWorker(0);
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
const leftOut = whyNoAmqp === undefined ? "" : ` (AMQP is left out: ${whyNoAmqp})`;

it(`the gateway loses nothing that was acknowledged when it is killed under load${leftOut}`, async () => {
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

it("the gateway tells on its health port what is away, and once in its log", async () => {
  const nobody = await findFreePort("127.0.0.1");
  const lines: string[] = [];
  const gateway = await startGateway({
    url: served.url,
    stateDirectory: join(stateDirectory, "health"),
    environment: {
      AMQP_URL: `amqp://user:secret@127.0.0.1:${nobody}`,
      MQTT_BRIDGE_URL: `mqtt://user:secret@127.0.0.1:${nobody}`,
      MQTT_BRIDGE_OUT: "demo/**",
    },
    onLog: (line) => lines.push(line),
  });
  const ask = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}${path}`);
    return { status: response.status, body: (await response.json()) as Record<string, { status: string }> };
  };
  try {
    await until(async () => (await ask("/health")).body.mqttBridge?.status === "unreachable");
    const away = { status: "unreachable", since: expect.any(String), why: expect.any(String) };
    const { status, body } = await ask("/ready");
    // Everything else is served without them.
    expect(status).toBe(200);
    expect(body).toMatchObject({
      worker: { status: "ok" },
      amqp: { ...away, calls: "unreachable" },
      mqttBridge: away,
    });

    const { port, runtime } = served;
    // One that hangs is as bad as one that is gone, and nobody asks for anything meanwhile.
    runtime.kill("SIGSTOP");
    await until(async () => (await ask("/ready")).status === 503);
    runtime.kill("SIGCONT");
    await until(async () => (await ask("/ready")).status === 200);
    await served.kill();
    await until(async () => (await ask("/ready")).status === 503);
    expect(await ask("/health")).toMatchObject({ status: 200, body: { worker: { status: "unreachable" } } });
    served = await startWorker(port);
    await until(async () => (await ask("/ready")).status === 200);

    const count = (text: string) => lines.filter((line) => line.includes(text)).length;
    expect(count("the Worker is not reachable")).toBe(2);
    expect(count("the Worker is back")).toBe(2);
    expect(count("the AMQP broker is away")).toBe(1);
    expect(count("the MQTT broker is away")).toBe(1);
    expect(count("secret")).toBe(0);
  } finally {
    await gateway.stop();
  }
}, 60_000);

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
