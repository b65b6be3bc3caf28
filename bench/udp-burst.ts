/**
 * Sends many publishes to the UDP port at once, and says what became of them: `node bench/udp-burst.ts 7102 http://127.0.0.1:8787`.
 *
 * First all of them without waiting for anything, as a flood would come. Then once more those that were not acknowledged, so many
 * at a time as are answered, until all are: nothing may be missing, and nothing may be stored twice.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

const [port = 7102, worker = "http://127.0.0.1:8787", total = 50_000] = process.argv
  .slice(2)
  .map((value) => (/^\d+$/.test(value) ? Number(value) : value));
const WINDOW = 256;
const LOST_AFTER_MS = 2000;

const channel = `demo/burst-${Date.now()}`;
const count = Number(total);
const socket = createSocket({
  type: "udp4",
  recvBufferSize: 4 * 1024 * 1024,
  sendBufferSize: 4 * 1024 * 1024,
});
socket.connect(Number(port), "127.0.0.1");
await once(socket, "connect");

const acknowledged = new Set<number>();
const refused = new Map<string, number>();
const bytes = { sent: 0, received: 0 };
socket.on("message", (message) => {
  bytes.received += message.length;
  const answer = JSON.parse(message.toString()) as { op: string; ref?: number; code?: string };
  if (answer.op === "ack" && answer.ref !== undefined) acknowledged.add(answer.ref);
  else
    refused.set(String(answer.code ?? answer.op), (refused.get(String(answer.code ?? answer.op)) ?? 0) + 1);
});
const send = (n: number) =>
  new Promise<void>((resolve) => {
    const datagram = JSON.stringify({ op: "publish", channel, type: "t", id: `b${n}`, ref: n, data: n });
    bytes.sent += datagram.length;
    socket.send(datagram, () => resolve());
  });

const startedAtMs = performance.now();
for (let n = 0; n < count; n += 64) {
  await Promise.all(Array.from({ length: Math.min(64, count - n) }, (_, k) => send(n + k)));
}
const sentMs = performance.now() - startedAtMs;
await delay(1000);
const atOnce = acknowledged.size;
const floodBytes = { ...bytes };
const floodRefused = Object.fromEntries(refused);

const againAtMs = performance.now();
let datagrams = 0;
const missing = Array.from({ length: count }, (_, n) => n).filter((n) => !acknowledged.has(n));
const worked = async () => {
  for (let n = missing.pop(); n !== undefined; n = missing.pop()) {
    while (!acknowledged.has(n)) {
      await send(n);
      datagrams += 1;
      const lateAtMs = performance.now() + LOST_AFTER_MS;
      while (!acknowledged.has(n) && performance.now() < lateAtMs) await delay(1);
    }
  }
};
await Promise.all(Array.from({ length: WINDOW }, worked));
const againSeconds = (performance.now() - againAtMs) / 1000;

const ids = new Set<string>();
let stored = 0;
for (let after = "earliest", isDone = false; !isDone; ) {
  const response = await fetch(`${worker}/channels/${channel}?after=${after}&limit=1000`);
  const page = (await response.json()) as { events: { id: string }[]; next: string; upToDate: boolean };
  for (const { id } of page.events) ids.add(id);
  stored += page.events.length;
  after = page.next;
  isDone = page.upToDate;
}
socket.close();
console.log({
  flood: {
    datagrams: count,
    perSecond: Math.round((count / sentMs) * 1000),
    acknowledged: atOnce,
    refused: floodRefused,
    bytes: floodBytes,
  },
  again: { datagrams, perSecond: Math.round((count - atOnce) / againSeconds) },
  stored: { events: stored, different: ids.size },
});
if (ids.size !== count || stored !== count) throw new Error("Something is missing, or is there twice.");
