import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import { useStore } from "./serve-target.ts";

/** The tests of these files, as they are, against servers that keep their records in Redis. */
const FILES = {
  "rest-http": () => import("./rest-http.test.ts"),
  "rest-resources": () => import("./rest-resources.test.ts"),
  "graphql-features": () => import("./graphql-features.test.ts"),
  jobs: () => import("./jobs.test.ts"),
};

const missing = await whyNoRedis();

describe.skipIf(missing !== undefined)("on Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
    useStore(redis.environment);
  });
  afterAll(async () => {
    useStore({});
    await redis.stop();
  });

  for (const [name, load] of Object.entries(FILES)) {
    describe(name, async () => {
      // Each file serves for itself, and counts on finding nothing.
      beforeAll(() => redis.clear());
      await load();
      it("kept its records there", async () => {
        expect(await redis.command("EXISTS", "{everywire}:a:users", "{everywire}:a:products")).not.toBe(":0");
      });
    });
  }
});
