import { env, evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { LeasedMessages } from "../../core/work-queue.ts";
import { createChannels } from "../../services/channels.ts";
import { createWorkQueues } from "../../services/work-queues.ts";

const channels = createChannels(env, DEFAULT_LIMITS);
const queues = createWorkQueues(env.WORK_QUEUE);

let groups = 0;
const newKey = () => {
  groups += 1;
  return { channel: `demo/work-${groups}` as ChannelName, group: "workers" };
};
const publish = async (channel: ChannelName, from: number, to: number) => {
  for (let n = from; n <= to; n += 1) {
    const json = JSON.stringify({ id: String(n) });
    await channels.append(channel, {
      events: [{ type: "t", json, dedupeKey: undefined }],
      rateKey: undefined,
    });
  }
};
const now = { visibilityMs: 60_000, waitMs: 0 };
const idsOf = ({ messages }: LeasedMessages) =>
  messages.map(({ json }) => Number((JSON.parse(json) as { id: string }).id));

it("keeps its place and its leases when the object is evicted", async () => {
  const key = newKey();
  await publish(key.channel, 1, 6);
  const first = await queues.lease(key, { max: 3, ...now });
  expect(idsOf(first)).toEqual([1, 2, 3]);
  const [one, two] = first.messages;
  await queues.ack(key, [two?.leaseId ?? ""]);
  await evictDurableObject(env.WORK_QUEUE.getByName(`${key.group}/${key.channel}`));
  expect(idsOf(await queues.lease(key, { max: 10, ...now }))).toEqual([4, 5, 6]);
  expect(await queues.ack(key, [one?.leaseId ?? ""])).toEqual({ done: [one?.leaseId], expired: [] });
  const status = await queues.describe(key);
  // 3 is not settled, so all is settled up to 2.
  expect(status).toMatchObject({ settledThrough: two?.sequence, leased: 4, waiting: 0 });
});

it("moves its low-water mark over what is settled without a hole, and no further", async () => {
  const key = newKey();
  await publish(key.channel, 1, 3);
  const { messages } = await queues.lease(key, { max: 3, ...now });
  const [one, two, three] = messages.map(({ leaseId }) => leaseId);
  const through = async () => (await queues.describe(key)).settledThrough;
  expect(await through()).toBe("earliest");
  await queues.ack(key, [three ?? ""]);
  expect(await through()).toBe("earliest");
  await queues.ack(key, [one ?? ""]);
  expect(await through()).toBe(messages[0]?.sequence);
  await queues.ack(key, [two ?? ""]);
  expect(await through()).toBe(messages[2]?.sequence);
});

it("hands out no more than may be out at once, and wakes up when some are settled", async () => {
  const key = newKey();
  const { channel } = key;
  for (let batch = 0; batch < 11; batch += 1) {
    const events = Array.from({ length: 100 }, (_, n) => ({
      type: "t",
      json: JSON.stringify({ id: String(batch * 100 + n) }),
      dedupeKey: undefined,
    }));
    await channels.append(channel, { events, rateKey: undefined });
  }
  const out: LeasedMessages[] = [];
  for (let lease = 0; lease < 10; lease += 1) out.push(await queues.lease(key, { max: 100, ...now }));
  expect(out.flatMap(idsOf)).toHaveLength(DEFAULT_LIMITS.MAX_UNSETTLED_MESSAGES);
  expect(idsOf(await queues.lease(key, { max: 100, ...now }))).toEqual([]);
  const waiting = queues.lease(key, { max: 1, visibilityMs: 60_000, waitMs: 10_000 });
  await queues.nack(key, [out[3]?.messages[7]?.leaseId ?? ""], 0);
  expect(idsOf(await waiting)).toEqual([307]);
});

it("says where the channel lost what the group had not had yet", async () => {
  const key = newKey();
  await publish(key.channel, 1, 1);
  const [one] = (await queues.lease(key, { max: 1, ...now })).messages;
  await queues.ack(key, [one?.leaseId ?? ""]);
  await channels.delete(key.channel);
  await publish(key.channel, 2, 2);
  const next = await queues.lease(key, { max: 1, ...now });
  expect(next.gap).toMatchObject({ requested: one?.sequence });
  expect(idsOf(next)).toEqual([2]);
});
