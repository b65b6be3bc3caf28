import { afterAll, beforeAll, describe } from "vitest";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { Records } from "../../core/records.ts";
import { createRedisClient } from "../../services/redis-client.ts";
import { createRedisRecords } from "../../services/redis-records.ts";
import { noQueue } from "../no-queue.ts";
import { describeRecords } from "../records-contract.ts";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import { MemoryChannels } from "./memory-channels.ts";

const missing = await whyNoRedis();

describe.skipIf(missing !== undefined)("records in Redis", () => {
  let redis: TestRedis;
  let records: Records;
  const channels = new MemoryChannels();
  beforeAll(async () => {
    redis = await startRedis();
    const client = createRedisClient({ url: redis.url, token: redis.token, deadlineMs: 5000 });
    const ports = { channels, queue: noQueue, waitUntil: () => {} };
    records = createRedisRecords(client, ports, DEFAULT_LIMITS).records;
  });
  afterAll(() => redis.stop());

  describeRecords(() => ({ records, idsIn: async (channel) => channels.idsIn(channel) }));
});
