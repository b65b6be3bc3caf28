import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { createChannels } from "../../services/channels.ts";

/** workerd puts an object to sleep that had nothing to do for 10 s; whoever looks sooner keeps it awake. */
const ASLEEP_AFTER_MS = 12_000;
const channels = createChannels(env, DEFAULT_LIMITS);

it("sleeps by itself while readers idle on it, and wakes with all of them for the next event", async () => {
  const name = "demo/hibernation" as ChannelName;
  const stub = env.CHANNEL.getByName(name);
  const publish = () =>
    channels.append(name, {
      events: [{ type: "t", json: '{"specversion":"1.0"}', dedupeKey: undefined }],
      rateKey: undefined,
    });
  const subscription = await channels.subscribe(name, { after: LATEST });
  const records = subscription[Symbol.asyncIterator]();
  const next = async () => {
    for (;;) {
      const step = await records.next();
      const events = step.done ? [] : step.value.filter(({ kind }) => kind === "event");
      if (step.done || events.length > 0) return events.length;
    }
  };
  const { webSocket: socket } = await channels.openSocket(
    name,
    {
      after: LATEST,
      identity: { kind: "anonymous", address: "" },
      mayWrite: false,
      member: { id: "m", name: "anonymous" },
      subprotocol: undefined,
    },
    new Request("https://edge.test/", { headers: { upgrade: "websocket" } }),
  );
  const arrived: string[] = [];
  const both = Promise.withResolvers<void>();
  socket?.addEventListener("message", ({ data }) => {
    arrived.push(String(data));
    if (arrived.length === 2) both.resolve();
  });
  socket?.accept();
  await publish();
  expect(await next()).toBe(1);
  // A constructor makes another object, so one that is the same has not slept.
  const seen = new WeakSet<object>();
  await runInDurableObject(stub, (channel) => void seen.add(channel));
  await runInDurableObject(stub, (channel) => expect(seen.has(channel)).toBe(true));
  // No event tells that an object sleeps: looking would wake it.
  await scheduler.wait(ASLEEP_AFTER_MS);
  await publish();
  expect(await next()).toBe(1);
  await both.promise;
  expect(arrived).toHaveLength(2);
  await runInDurableObject(stub, (channel) => expect(seen.has(channel)).toBe(false));
  subscription.close();
  socket?.close();
}, 30_000);
