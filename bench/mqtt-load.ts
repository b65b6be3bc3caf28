import type { Socket } from "node:net";
import { connect } from "node:net";
import { generate, parser } from "mqtt-packet";

/**
 * MQTT next to another broker: publishes a second with a window of unacknowledged messages, and the time from PUBLISH to
 * its arrival at a subscriber. `node bench/mqtt-load.ts <port> [<port> ...]`; each port is asked in turn, twice.
 */
const WINDOW = 100;
const MESSAGES = Number(process.env.MESSAGES ?? 20_000);
const PINGS = 500;
const UTF8 = new TextEncoder();

interface Client {
  readonly socket: Socket;
  on(run: (cmd: string, id: number, payload: Uint8Array) => void): void;
}

async function open(port: number, clientId: string): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  const reader = parser({ protocolVersion: 4 });
  let listener = (_cmd: string, _id: number, _payload: Uint8Array) => {};
  const connected = new Promise<void>((resolve) => {
    reader.on("packet", (packet) => {
      if (packet.cmd === "connack") resolve();
      else
        listener(
          packet.cmd,
          packet.messageId ?? 0,
          packet.cmd === "publish" ? UTF8.encode(String(packet.payload)) : new Uint8Array(),
        );
    });
  });
  socket.on("data", (bytes) => reader.parse(bytes as Buffer));
  socket.write(
    generate({ cmd: "connect", clientId, protocolId: "MQTT", protocolVersion: 4, clean: true, keepalive: 0 }),
  );
  await connected;
  return {
    socket,
    on(run) {
      listener = run;
    },
  };
}

/** Publishes `MESSAGES` and gives how many were acknowledged a second; at QoS 0, how many arrived. */
async function throughput(port: number, qos: 0 | 1 | 2): Promise<number> {
  const topic = `demo/load-${qos}-${Math.random().toString(36).slice(2)}`;
  const publisher = await open(port, "");
  const arrived = Promise.withResolvers<void>();
  let reader: Client | undefined;
  if (qos === 0) {
    reader = await open(port, "");
    let count = 0;
    await subscribe(reader, topic, 0);
    reader.on((cmd) => {
      if (cmd === "publish") count += 1;
      if (count === MESSAGES) arrived.resolve();
    });
  }
  const startedMs = performance.now();
  let sent = 0;
  let done = 0;
  const payload = "x".repeat(64);
  const send = () => {
    sent += 1;
    const messageId = (sent % 65_535) + 1;
    publisher.socket.write(
      generate({ cmd: "publish", topic, payload, qos, messageId, dup: false, retain: false }),
    );
  };
  if (qos === 0) {
    while (sent < MESSAGES) {
      for (let n = 0; n < WINDOW; n += 1) send();
      if (publisher.socket.writableNeedDrain)
        await new Promise((resolve) => publisher.socket.once("drain", resolve));
    }
    await arrived.promise;
  } else {
    publisher.on((cmd, messageId) => {
      if (cmd === "pubrec") {
        publisher.socket.write(generate({ cmd: "pubrel", messageId }));
        return;
      }
      done += 1;
      if (sent < MESSAGES) send();
      if (done === MESSAGES) arrived.resolve();
    });
    while (sent < WINDOW) send();
    await arrived.promise;
  }
  const seconds = (performance.now() - startedMs) / 1000;
  publisher.socket.destroy();
  reader?.socket.destroy();
  return Math.round(MESSAGES / seconds);
}

async function subscribe(client: Client, topic: string, qos: 0 | 1 | 2): Promise<void> {
  await new Promise<void>((resolve) => {
    client.on((cmd) => {
      if (cmd === "suback") resolve();
    });
    client.socket.write(generate({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos }] }));
  });
}

/** The median and the 99th percentile of the way from one client to another, one message at a time, in ms. */
async function latency(port: number, qos: 0 | 1): Promise<readonly [number, number]> {
  const topic = `demo/ping-${Math.random().toString(36).slice(2)}`;
  const [publisher, reader] = [await open(port, ""), await open(port, "")];
  await subscribe(reader, topic, qos);
  const times: number[] = [];
  for (let n = 1; n <= PINGS; n += 1) {
    const startedMs = performance.now();
    await new Promise<void>((resolve) => {
      reader.on((cmd, messageId) => {
        if (cmd !== "publish") return;
        if (qos === 1) reader.socket.write(generate({ cmd: "puback", messageId }));
        resolve();
      });
      publisher.socket.write(
        generate({ cmd: "publish", topic, payload: String(n), qos, messageId: n, dup: false, retain: false }),
      );
    });
    times.push(performance.now() - startedMs);
  }
  publisher.socket.destroy();
  reader.socket.destroy();
  times.sort((a, b) => a - b);
  return [times[Math.floor(PINGS * 0.5)] ?? 0, times[Math.floor(PINGS * 0.99)] ?? 0];
}

for (let round = 1; round <= 2; round += 1) {
  for (const port of process.argv.slice(2).map(Number)) {
    const rates = [await throughput(port, 0), await throughput(port, 1), await throughput(port, 2)];
    const [zero, one] = [await latency(port, 0), await latency(port, 1)];
    const ms = ([p50, p99]: readonly [number, number]) => `${p50.toFixed(2)}/${p99.toFixed(2)}`;
    console.log(
      `round ${round} port ${port}: QoS 0 ${rates[0]}/s, QoS 1 ${rates[1]}/s, QoS 2 ${rates[2]}/s; p50/p99 ms: QoS 0 ${ms(zero)}, QoS 1 ${ms(one)}`,
    );
  }
}
process.exit(0);
