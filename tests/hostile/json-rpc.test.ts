import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectRpc, createHttpClient, jsonRpc } from "../conformance/doors/json-rpc.ts";
import type { ServedTarget } from "../conformance/serve-target.ts";
import { serveTarget } from "../conformance/serve-target.ts";

const KIB = 1024;

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({
    MAX_UNCONFIRMED_BYTES: String(512 * KIB),
    MAX_SILENT_UNCONFIRMED_BYTES: String(768 * KIB),
  });
}, 60_000);
afterAll(() => server.stop());

const post = async (body: string) => {
  const headers = { "content-type": "application/json" };
  return (await fetch(`${server.url}/rpc`, { method: "POST", headers, body })).json();
};
const isAlive = async () => {
  expect(await createHttpClient(server).request("channel.presence", ["demo/alive"])).toMatchObject({
    members: [],
  });
};

describe("POST /rpc", () => {
  it.each<[string, string, number]>([
    ["10,000 calls in a batch", `[${Array(10_000).fill("1").join(",")}]`, -32013],
    ["arrays in arrays", `${"[".repeat(100_000)}${"]".repeat(100_000)}`, -32600],
    ["arrays in arrays that do not end", "[".repeat(100_000), -32700],
    [
      "deep params",
      `{"jsonrpc":"2.0","id":1,"method":"channel.read","params":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
      -32602,
    ],
  ])("takes %s for what it is", async (_name, body, code) => {
    const answer = (await post(body)) as { error?: { code: number } } | { error: { code: number } }[];
    expect((Array.isArray(answer) ? answer[0] : answer)?.error?.code).toBe(code);
    await isAlive();
  });
});

describe("GET /rpc", () => {
  it("closes a connection with more calls under way than it may have", async () => {
    const { socket } = await connectRpc(server);
    const closed = new Promise((resolve) => socket.on("close", resolve));
    // Of a kind that runs one after the other: publishes would go together, and might keep up. White space is counted.
    const call = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "channel.presence",
      params: ["demo/flood"],
    });
    const padded = call + " ".repeat(20 * KIB);
    for (let n = 0; n < 1000; n += 1) socket.send(padded);
    expect(await closed).toBe(1013);
    await isAlive();
  });

  it("closes a reader that never answers a ping, which goes on from its cursor", async () => {
    const channel = "demo/silent";
    const reader = await jsonRpc.read?.(server, channel);
    const publish = (n: number) =>
      jsonRpc.publish?.(server, channel, { type: "t", data: `${n} ${"x".repeat(100 * KIB)}` });
    for (let n = 0; n < 10; n += 1) await publish(n);
    const seen: number[] = [];
    const take = async (from: typeof reader) => {
      for (;;) seen.push(Number.parseInt(String((await from?.next())?.event.data), 10));
    };
    await expect(take(reader)).rejects.toThrow(/closed: 1013 slow reader/);
    expect(seen.length).toBeLessThan(10);
    const next = await jsonRpc.read?.(server, channel, reader?.cursor);
    while (seen.length < 10) seen.push(Number.parseInt(String((await next?.next())?.event.data), 10));
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => n));
    await next?.cut();
  });

  it("keeps a reader that answers its pings", async () => {
    const channel = "demo/answering";
    const { socket, call, notifications } = await connectRpc(server);
    await call("channel.subscribe", [channel]);
    let events = 0;
    for (let n = 0; n < 20; n += 1) {
      await jsonRpc.publish?.(server, channel, { type: "t", data: "x".repeat(100 * KIB) });
      while (events <= n) {
        const { method, params } = await notifications.next();
        if (method === "channel.ping") await call("channel.pong", params);
        if (method === "channel.event") events += 1;
      }
    }
    expect(socket.readyState).toBe(socket.OPEN);
    socket.terminate();
  });
});
