import { afterAll, beforeAll, describe } from "vitest";
import { doors } from "../../functions/routes-deno.ts";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import { driveDoors } from "./doors.ts";
import type { QstashTarget } from "./qstash-target.ts";
import { serveQstash } from "./qstash-target.ts";
import { serveDenoTarget } from "./serve-deno-target.ts";
import { useServer } from "./serve-target.ts";

/** The tests of these files, as they are, against the functions under Deno. */
const FILES = [
  "matrix",
  "presence",
  "json-rpc",
  "webhooks-incoming",
  "graphql-socket",
  "graphql-http",
  "rest-http",
];

const missing = await whyNoRedis();

describe.skipIf(missing !== undefined)("under Deno", () => {
  let redis: TestRedis;
  let qstash: QstashTarget;
  beforeAll(async () => {
    redis = await startRedis();
    qstash = await serveQstash();
    useServer((environment) => serveDenoTarget({ ...redis.environment, ...qstash.settings, ...environment }));
  });
  afterAll(async () => {
    useServer(undefined);
    await qstash.stop();
    await redis.stop();
  });

  for (const name of FILES) {
    describe(name, async () => {
      // Each file serves for itself, and counts on finding nothing.
      beforeAll(() => redis.clear());
      driveDoors(doors);
      // A module of its own: the worker may have run the file for itself already, and would not run it again.
      await import(/* @vite-ignore */ `./${name}.test.ts?on=deno`);
      driveDoors(undefined);
    });
  }
});
