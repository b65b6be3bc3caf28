import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it, vi } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { ChannelNews } from "../../durable-objects/subscriber.ts";
import { createChannels } from "../../services/channels.ts";

const channels = createChannels(env, DEFAULT_LIMITS);
const directory = env.DIRECTORY.getByName("main");

let names = 0;
const newArea = () => {
  names += 1;
  return `followed-${names}`;
};
const append = async (name: string, count = 1) => {
  const events = Array.from({ length: count }, () => ({ type: "t", json: "{}", dedupeKey: undefined }));
  const receipts = await channels.append(name as ChannelName, { events, rateKey: undefined });
  return receipts.at(-1)?.sequence;
};

/** What a channel tells, in place of the objects of its subscribers, which need not exist here. */
async function listen(name: string, onNews: (id: string, news: ChannelNews) => Promise<void>) {
  await runInDurableObject(env.CHANNEL.getByName(name), (object) => {
    const namespace = { getByName: (id: string) => ({ onNews: (news: ChannelNews) => onNews(id, news) }) };
    Object.assign(object, { env: { ...env, WEBHOOK_ENDPOINT: namespace } });
  });
}

it("tells a subscriber of what is appended after it came, and no other", async () => {
  const area = newArea();
  const name = `${area}/a`;
  const before = await append(name, 3);
  const told: [string, ChannelNews][] = [];
  await listen(name, async (id, news) => {
    told.push([id, news]);
  });
  await directory.subscribe({ kind: "webhook", id: "one" }, [`${area}/*`]);
  await directory.subscribe({ kind: "webhook", id: "elsewhere" }, [`${area}/b`, "nowhere/**"]);
  expect(told).toEqual([]);
  const head = await append(name);
  await vi.waitFor(() =>
    expect(told).toEqual([["one", { channel: name, from: before, after: before, head }]]),
  );

  await directory.unsubscribe({ kind: "webhook", id: "one" });
  await append(name);
  await runDurableObjectAlarm(env.CHANNEL.getByName(name));
  expect(told).toHaveLength(1);
});

it("has a channel that begins later followed from its first event", async () => {
  const area = newArea();
  const name = `${area}/x/y`;
  await directory.subscribe({ kind: "webhook", id: "early" }, [`${area}/**`]);
  const told: ChannelNews[] = [];
  await listen(name, async (_id, news) => {
    told.push(news);
  });
  const head = await append(name);
  await vi.waitFor(() => expect(told).toHaveLength(1));
  expect(told[0]).toMatchObject({ channel: name, head });
  const page = await channels.read(name as ChannelName, { after: told[0]?.from as never, limit: 10 });
  expect(page.gap).toBeUndefined();
  expect(page.events.map(({ sequence }) => sequence)).toEqual([head]);
});

it("calls a subscriber that is slow once for all that came meanwhile", async () => {
  const area = newArea();
  await directory.subscribe({ kind: "webhook", id: "slow" }, [`${area}/*`]);
  const name = `${area}/a`;
  const heads: string[] = [];
  let release = () => {};
  const blocked = new Promise<void>((resolve) => {
    release = resolve;
  });
  await listen(name, async (_id, news) => {
    heads.push(news.head);
    await blocked;
  });
  const first = await append(name);
  for (let n = 0; n < 20; n += 1) await append(name);
  const last = await append(name);
  expect(heads).toEqual([first]);
  await runInDurableObject(env.CHANNEL.getByName(name), () => release());
  await vi.waitFor(() => expect(heads).toEqual([first, last]));
});

it("tells again by the alarm, also after an eviction, who could not be told", async () => {
  const area = newArea();
  const name = `${area}/a`;
  const stub = env.CHANNEL.getByName(name);
  await directory.subscribe({ kind: "webhook", id: "down" }, [`${area}/*`]);
  let calls = 0;
  await listen(name, async () => {
    calls += 1;
    throw new Error("down");
  });
  const head = await append(name);
  await vi.waitFor(() => expect(calls).toBe(1));
  await evictDurableObject(stub);
  const told: string[] = [];
  await listen(name, async (_id, news) => {
    told.push(news.head);
  });
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  await vi.waitFor(() => expect(told).toEqual([head]));
  // Once it is told, and that is noted, nothing is left to do.
  await runDurableObjectAlarm(stub);
  await evictDurableObject(stub);
  await runDurableObjectAlarm(stub);
  expect(told).toHaveLength(1);
});

it("follows the next life of a channel that was deleted", async () => {
  const area = newArea();
  const name = `${area}/a`;
  await directory.subscribe({ kind: "webhook", id: "lives" }, [`${area}/*`]);
  const told: ChannelNews[] = [];
  await listen(name, async (_id, news) => {
    told.push(news);
  });
  await append(name, 5);
  await vi.waitFor(() => expect(told).toHaveLength(1));
  await channels.delete(name as ChannelName);
  const head = await append(name);
  await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ head }));
  const page = await channels.read(name as ChannelName, { after: told.at(-1)?.from as never, limit: 10 });
  expect(page).toMatchObject({ gap: undefined, events: [{ sequence: head }] });
});

it("brings a change to channels that could not be reached when it was made", async () => {
  const area = newArea();
  const name = `${area}/a`;
  await append(name);
  await runInDurableObject(directory, (object) => {
    const namespace = { getByName: () => ({ setFollowing: () => Promise.reject(new Error("down")) }) };
    Object.assign(object, { env: { ...env, CHANNEL: namespace } });
  });
  await directory.subscribe({ kind: "webhook", id: "late" }, [`${area}/*`]);
  await runInDurableObject(directory, (object) => {
    Object.assign(object, { env });
  });
  expect(await runDurableObjectAlarm(directory)).toBe(true);
  const told: string[] = [];
  await listen(name, async (id) => {
    told.push(id);
  });
  await append(name);
  await vi.waitFor(() => expect(told).toEqual(["late"]));
});
