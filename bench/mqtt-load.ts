import { MqttClient } from "./mqtt-client.ts";

/**
 * MQTT next to another broker: publishes a second with a window of unacknowledged messages, and the time from PUBLISH to
 * its arrival at a subscriber (at QoS 2, to its PUBREL, when a client hands it over).
 *
 * `ROUNDS=3 MESSAGES=20000 node bench/mqtt-load.ts <port> [<port> ...]`. The ports are asked in turn, and everything is
 * said as a ratio to the last of them too: the machine's load is then in both.
 */
const WINDOW = 100;
const MESSAGES = Number(process.env.MESSAGES ?? 20_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const PINGS = 500;
const ALL_QOS = [0, 1, 2] as const;
type Qos = (typeof ALL_QOS)[number];

const newTopic = (what: string) => `demo/${what}-${Math.random().toString(36).slice(2)}`;

/** Publishes `MESSAGES` and gives how many were acknowledged a second; at QoS 0, how many arrived. */
async function throughput(port: number, qos: Qos): Promise<number> {
  const topic = newTopic("load");
  const publisher = await MqttClient.connect(port);
  const all = Promise.withResolvers<void>();
  const payload = "x".repeat(64);
  let sent = 0;
  const send = () => {
    sent += 1;
    publisher.publish(topic, payload, qos, (sent % 65_535) + 1);
  };
  let done = 0;
  const onDone = () => {
    done += 1;
    if (done === MESSAGES) all.resolve();
  };
  let reader: MqttClient | undefined;
  if (qos === 0) {
    reader = await MqttClient.connect(port);
    await reader.subscribe(topic, 0);
    reader.onPacket = onDone;
  }
  publisher.onPacket = ({ cmd, messageId = 0 }) => {
    if (cmd === "pubrec") {
      publisher.send({ cmd: "pubrel", messageId });
      return;
    }
    if (sent < MESSAGES) send();
    onDone();
  };
  const startedMs = performance.now();
  if (qos === 0) {
    while (sent < MESSAGES) {
      for (let n = 0; n < WINDOW; n += 1) send();
      const { socket } = publisher;
      if (socket?.writableNeedDrain === true)
        await new Promise((resolve) => socket.once("drain", () => resolve(undefined)));
    }
  } else {
    while (sent < WINDOW) send();
  }
  await all.promise;
  const seconds = (performance.now() - startedMs) / 1000;
  publisher.close();
  reader?.close();
  return MESSAGES / seconds;
}

/** The median and the 99th percentile of the way from one client to another, one message at a time, in ms. */
async function latency(port: number, qos: Qos): Promise<readonly [number, number]> {
  const topic = newTopic("ping");
  const [publisher, reader] = [await MqttClient.connect(port), await MqttClient.connect(port)];
  await reader.subscribe(topic, qos);
  publisher.onPacket = ({ cmd, messageId = 0 }) => {
    if (cmd === "pubrec") publisher.send({ cmd: "pubrel", messageId });
  };
  const times: number[] = [];
  for (let n = 1; n <= PINGS; n += 1) {
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      reader.onPacket = ({ cmd, messageId = 0 }) => {
        if (cmd === "pubrel") reader.send({ cmd: "pubcomp", messageId });
        else if (qos === 1) reader.send({ cmd: "puback", messageId });
        else if (qos === 2) reader.send({ cmd: "pubrec", messageId });
        if (cmd === (qos === 2 ? "pubrel" : "publish")) resolve();
      };
      publisher.publish(topic, String(n), qos, n);
    });
    times.push(performance.now() - startedMs);
  }
  publisher.close();
  reader.close();
  times.sort((a, b) => a - b);
  return [times[Math.floor(PINGS * 0.5)] ?? 0, times[Math.floor(PINGS * 0.99)] ?? 0];
}

interface Measured {
  readonly rates: number[];
  readonly p50s: number[];
}

const ports = process.argv.slice(2).map(Number);
/** Of each port, what was measured at each QoS in each round. */
const measured = new Map(ports.map((port) => [port, ALL_QOS.map((): Measured => ({ rates: [], p50s: [] }))]));
for (let round = 1; round <= ROUNDS; round += 1) {
  for (const [port, all] of measured) {
    for (const qos of ALL_QOS) all[qos]?.rates.push(await throughput(port, qos));
    const texts: string[] = [];
    for (const qos of ALL_QOS) {
      const [p50, p99] = await latency(port, qos);
      all[qos]?.p50s.push(p50);
      texts.push(`QoS ${qos} ${p50.toFixed(2)}/${p99.toFixed(2)}`);
    }
    const rates = all.map((one, qos) => `QoS ${qos} ${Math.round(one.rates.at(-1) ?? 0)}/s`);
    console.log(`round ${round} port ${port}: ${rates.join(", ")}; p50/p99 ms: ${texts.join(", ")}`);
  }
}
const best = (port: number | undefined, qos: Qos) => {
  const { rates = [], p50s = [] } = measured.get(port ?? 0)?.[qos] ?? {};
  return { rate: Math.max(...rates), p50: Math.min(...p50s) };
};
const reference = ports.at(-1);
for (const port of ports.slice(0, -1)) {
  for (const qos of ALL_QOS) {
    const [ours, theirs] = [best(port, qos), best(reference, qos)];
    console.log(
      `port ${port} beside ${reference}, QoS ${qos}, best of ${ROUNDS}: ${(ours.rate / theirs.rate).toFixed(2)} of its ` +
        `rate (${Math.round(ours.rate)} and ${Math.round(theirs.rate)}/s), ${(ours.p50 / theirs.p50).toFixed(1)} times ` +
        `its latency (${ours.p50.toFixed(2)} and ${theirs.p50.toFixed(2)} ms)`,
    );
  }
}
process.exit(0);
