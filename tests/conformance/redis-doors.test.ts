import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import { useSettings } from "./serve-target.ts";

/** The tests of these files, as they are, against servers that keep their records in Redis. */
const FILES = ["rest-http", "rest-resources", "graphql-features", "jobs"];

const missing = await whyNoRedis();

describe.skipIf(missing !== undefined)("on Redis", () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
    useSettings(redis.environment);
  });
  afterAll(async () => {
    useSettings({});
    await redis.stop();
  });

  for (const name of FILES) {
    describe(name, async () => {
      // Each file serves for itself, and counts on finding nothing.
      beforeAll(() => redis.clear());
      // A module of its own: the worker may have run the file for itself already, and would not run it again.
      await import(/* @vite-ignore */ `./${name}.test.ts?on=redis`);
      it("kept its records there", async () => {
        expect(await redis.command("EXISTS", "{everywire}:a:users", "{everywire}:a:products")).not.toBe(":0");
      });
    });
  }
});
