import { env, runInDurableObject, SELF } from "cloudflare:test";
import { expect, it, vi } from "vitest";

const EVENTS = 'subscription { events(channel: "demo/leak") { data } }';

/** How many sockets the channel serves: one for each reader's feed. */
const countReaders = () =>
  runInDurableObject(env.CHANNEL.getByName("demo/leak"), (_object, state) => state.getWebSockets().length);

async function openSocket() {
  const response = await SELF.fetch("http://test/graphql", {
    headers: { upgrade: "websocket", "sec-websocket-protocol": "graphql-transport-ws" },
  });
  const socket = response.webSocket;
  if (socket === null) throw new Error(`It was not upgraded: ${response.status} ${await response.text()}`);
  expect(response.headers.get("sec-websocket-protocol")).toBe("graphql-transport-ws");
  socket.accept();
  socket.send('{"type":"connection_init"}');
  for (const id of ["1", "2"]) {
    socket.send(JSON.stringify({ id, type: "subscribe", payload: { query: EVENTS } }));
  }
  return socket;
}

it("lets go of the feeds on a quiet channel when the client leaves, completes, or closes its stream", async () => {
  const socket = await openSocket();
  await vi.waitUntil(async () => (await countReaders()) === 2);
  socket.send('{"id":"1","type":"complete"}');
  await vi.waitUntil(async () => (await countReaders()) === 1);
  socket.close(1000, "done");
  await vi.waitUntil(async () => (await countReaders()) === 0);

  const stream = await SELF.fetch("http://test/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: EVENTS }),
  });
  const reader = stream.body?.getReader();
  await reader?.read();
  expect(await countReaders()).toBe(1);
  await reader?.cancel();
  await vi.waitUntil(async () => (await countReaders()) === 0);
});
