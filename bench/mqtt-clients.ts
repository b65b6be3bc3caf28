import { within } from "./deadline.ts";
import { MqttClient } from "./mqtt-client.ts";

/**
 * Many MQTT clients at once: connects them, subscribes each, publishes, and checks that every one got what it should.
 *
 * `CLIENTS=2000 TOPICS=20 QOS=0 node bench/mqtt-clients.ts <port or ws URL> [...]`; it exits with 1 where anybody got
 * less, more, or something else.
 */
const CLIENTS = Number(process.env.CLIENTS ?? 2000);
const TOPICS = Number(process.env.TOPICS ?? 20);
const QOS = Number(process.env.QOS ?? 0) as 0 | 1;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
/** Connections that are made at once. */
const AT_ONCE = Number(process.env.AT_ONCE ?? 50);
const DEADLINE_MS = 180_000;

interface Member {
  readonly client: MqttClient;
  readonly index: number;
  readonly texts: string[];
}

async function run(address: number | string): Promise<boolean> {
  const area = `demo/many-${Math.random().toString(36).slice(2)}`;
  const topicOf = (index: number) => `${area}/${index % TOPICS}`;
  const total = CLIENTS * ROUNDS;
  let arrived = 0;
  const all = Promise.withResolvers<void>();

  const connectMs: number[] = [];
  let startedMs = performance.now();
  const members = await inParallel(CLIENTS, async (index): Promise<Member> => {
    const beforeMs = performance.now();
    const client = await MqttClient.connect(address, { clientId: `${area}-${index}` });
    connectMs.push(performance.now() - beforeMs);
    return { client, index, texts: [] };
  });
  const connectedMs = performance.now() - startedMs;

  startedMs = performance.now();
  await inParallel(CLIENTS, async (index) => {
    const { client, texts } = members[index] as Member;
    await client.subscribe(topicOf(index), QOS);
    client.onPacket = (packet) => {
      if (packet.cmd !== "publish") return;
      if (packet.qos === 1) client.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      texts.push(String(packet.payload));
      arrived += 1;
      if (arrived === total) all.resolve();
    };
  });
  const subscribedMs = performance.now() - startedMs;

  const writer = await MqttClient.connect(address);
  startedMs = performance.now();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (let topic = 0; topic < TOPICS; topic += 1) {
      writer.publish(topicOf(topic), `${topic} ${round}`, 1, round * TOPICS + topic + 1);
    }
  }
  await Promise.race([all.promise, new Promise((resolve) => setTimeout(resolve, 60_000))]);
  const deliveredMs = performance.now() - startedMs;
  const wrong = members.filter(({ index, texts }) => {
    const wanted = Array.from({ length: ROUNDS }, (_, round) => `${index % TOPICS} ${round}`);
    return texts.join() !== wanted.join();
  });
  startedMs = performance.now();
  for (const { client } of members) client.close();
  writer.close();
  connectMs.sort((a, b) => a - b);
  const each = (ms: number) => `${(ms / CLIENTS).toFixed(2)} ms each`;
  console.log(
    `${address}: ${CLIENTS} clients connected in ${(connectedMs / 1000).toFixed(2)} s (${each(connectedMs)}; one took ` +
      `${connectMs[CLIENTS >> 1]?.toFixed(0)} ms at the median, ${connectMs.at(-1)?.toFixed(0)} at most), subscribed in ` +
      `${(subscribedMs / 1000).toFixed(2)} s (${each(subscribedMs)}), ${arrived} of ${total} messages in ` +
      `${(deliveredMs / 1000).toFixed(2)} s (${Math.round((arrived / deliveredMs) * 1000)}/s); ${wrong.length} clients got ` +
      "something else than they should",
  );
  return wrong.length === 0;
}

/** Runs `make` for each index, {@link AT_ONCE} at a time. */
async function inParallel<T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < count; index = next++) results[index] = await make(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}

let isGood = true;
for (const address of process.argv.slice(2)) {
  const target = /^\d+$/.test(address) ? Number(address) : address;
  isGood = (await within(address, DEADLINE_MS, run(target))) && isGood;
}
process.exit(isGood ? 0 : 1);
