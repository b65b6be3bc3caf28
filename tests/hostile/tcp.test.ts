import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { http } from "../conformance/doors/http.ts";
import { connectLines, tcp } from "../conformance/doors/tcp.ts";

const IDLE_CONNECTIONS = 2000;

let served: Served;
let stateDirectory: string;
beforeAll(async () => {
  await buildIfStale();
  stateDirectory = await mkdtemp(join(tmpdir(), "everywire-tcp-"));
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

const connectRaw = async (): Promise<Socket> => {
  const socket = connect({ host: "127.0.0.1", port: served.tcpPorts.TCP_PORT });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
};

it(`holds ${IDLE_CONNECTIONS} idle connections, and answers on each of them`, async () => {
  const sockets: Socket[] = [];
  for (let n = 0; n < IDLE_CONNECTIONS; n += 100) {
    sockets.push(...(await Promise.all(Array.from({ length: 100 }, connectRaw))));
  }
  const answers = await Promise.all(
    sockets.map(async (socket, n) => {
      const answer = once(socket, "data") as Promise<[Buffer]>;
      socket.write(`{"op":"ping","ref":${n}}\n`);
      return JSON.parse(String((await answer)[0])) as unknown;
    }),
  );
  expect(answers).toEqual(sockets.map((_, ref) => ({ op: "pong", ref })));
  for (const socket of sockets) socket.destroy();
});

it("survives bytes of every kind, cut wherever, and connections that break off", async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: "binary" }).map((text) => Buffer.from(`${text}\n`)),
    fc.json().map((text) => Buffer.from(`${text}\n`)),
    fc
      .record({
        op: fc.constantFrom("hello", "publish", "subscribe", "unsubscribe", "ping", "x"),
        channel: fc.oneof(fc.constant("demo/fuzz"), fc.string(), fc.anything()),
        type: fc.oneof(fc.constant("t"), fc.anything()),
        data: fc.anything(),
        after: fc.oneof(fc.constant("earliest"), fc.anything()),
        ref: fc.anything(),
      })
      .map((line) => Buffer.from(`${JSON.stringify(line, (_, v) => (typeof v === "bigint" ? 0 : v))}\n`)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), fc.boolean(), async (pieces, breaksOff) => {
      const socket = await connectRaw();
      socket.resume();
      for (const bytes of pieces) socket.write(bytes);
      if (breaksOff) socket.resetAndDestroy();
      else socket.end();
      socket.destroySoon();
    }),
    { numRuns: 300 },
  );
  await expect(tcp.publish?.(served, "demo/after", { type: "t" })).resolves.toMatchObject({
    duplicate: false,
  });
});

it("keeps what a reader that does not read has still to get out of memory, and gives it all when it does", async () => {
  const channel = "demo/slow";
  const data = "x".repeat(200_000);
  const { socket, events, ask } = await connectLines(served);
  await ask({ op: "subscribe", channel });
  socket.pause();
  const sequences: string[] = [];
  for (let n = 0; n < 100; n += 1) {
    const { sequence = "" } = (await http.publish?.(served, channel, { type: "t", data })) ?? {};
    sequences.push(sequence);
  }
  socket.resume();
  for (const sequence of sequences) expect((await events.next()).sequence).toBe(sequence);
  socket.destroy();
});
