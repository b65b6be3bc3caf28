import { afterAll, beforeAll, expect, it } from "vitest";
import type { CountedServer } from "../../bench/compare/cost/counted-server.ts";
import { startCountedServer } from "../../bench/compare/cost/counted-server.ts";
import { PUBLISHERS } from "../../bench/compare/cost/publishers.ts";
import { SUBSCRIBINGS } from "../../bench/compare/cost/subscribers.ts";

let server: CountedServer;

beforeAll(async () => {
  server = await startCountedServer();
}, 60_000);

afterAll(() => server?.stop());

it("counts a publish on every door: a row written, and a request where the door is one", async () => {
  for (const { name, eventsEach = 1, isLater, open } of PUBLISHERS) {
    const channel = `demo/${crypto.randomUUID()}`;
    // Makes the channel: one of the doors only finds it.
    const made = await fetch(`${server.url}/channels/${channel}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type: "note" }),
    });
    expect(made.status).toBe(201);
    const publisher = await open(server, channel);
    await server.reset();
    await publisher.publish();
    const isWritten = async () => (await server.read()).rowsWritten >= eventsEach;
    if (isLater === true) await expect.poll(isWritten, { timeout: 10_000 }).toBe(true);
    const { workerRequests, objectRequests, objectMessages, rowsWritten } = await server.read();
    publisher.close();
    expect(rowsWritten, name).toBeGreaterThanOrEqual(eventsEach);
    expect(workerRequests + objectMessages + objectRequests, name).toBeGreaterThanOrEqual(1);
    if (/^(HTTP|GraphQL|Connect|JSON-RPC)/.test(name)) expect(workerRequests, name).toBe(1);
  }
}, 60_000);

it("sees an object sleep under a WebSocket that waits, and stay awake under a long poll", async () => {
  const open = async (name: string) => {
    const channel = `demo/${crypto.randomUUID()}`;
    const stop = new AbortController();
    const subscribing = SUBSCRIBINGS.find((one) => one.name === name) ?? expect.unreachable();
    const ignore = () => undefined;
    const subscription = { count: 1, signal: stop.signal, onEvent: ignore, onFailure: ignore };
    await server.reset({ forgetsWaiting: true });
    await subscribing.open(server, channel, subscription);
    return stop;
  };
  const socket = await open("websocket");
  await server.reset();
  // Whatever were under way would have used some time by the last of these.
  for (let look = 0; look < 20; look += 1) await server.read();
  expect((await server.read()).objectBusyMs).toBe(0);
  socket.abort();
  const poll = await open("long-poll");
  await expect.poll(async () => (await server.read()).objectBusyMs, { timeout: 10_000 }).toBeGreaterThan(100);
  poll.abort();
}, 30_000);
