import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { LongFilesFirst } from "./tests/long-files-first.ts";

/** The gateway's own tests. What it has in common with every door, the suite of all doors asks (tests/conformance/doors.ts). */
const GATEWAY_TESTS = [
  "tests/conformance/{amqp,gateway-*,mqtt-bridge,udp}.test.ts",
  "tests/{hostile,recovery}/gateway*.test.ts",
];

/**
 * One project for each kind of test. `groupOrder`: groups run one after another, so that what floods and kills is not
 * beside what times. `maxWorkers`: three, also on two cores, where files mostly wait for servers to start and to come back.
 * `isolate: false`: the files of a worker share its modules, which saves each a second of loading.
 */
export default defineConfig({
  test: {
    passWithNoTests: true,
    // A test left focused would make the rest pass by not running.
    allowOnly: false,
    sequence: { sequencer: LongFilesFirst },
    projects: [
      {
        // The file that Node gives the packages which import it: with two copies, each refuses the other's types.
        resolve: { alias: [{ find: /^graphql$/, replacement: "graphql/index.js" }] },
        test: {
          name: "unit",
          include: ["tests/unit/**/*.test.ts"],
          sequence: { groupOrder: 0 },
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              cf: false,
              bindings: { ANONYMOUS_CHANNELS: "**" },
              // Small and slow, so that a test is through with it at once (location-rates.test.ts).
              ratelimits: { TEST_RATE: { namespace_id: "1", simple: { limit: 20, period: 60 } } },
            } as never,
          }),
        ],
        test: {
          name: "durable-objects",
          // As it is, it cannot be loaded there: it has to be bundled first.
          deps: { optimizer: { ssr: { enabled: true, include: ["mqtt-packet"] } } },
          include: ["tests/durable-objects/**/*.test.ts"],
          sequence: { groupOrder: 1 },
          testTimeout: 20_000,
          maxWorkers: 2,
        },
      },
      {
        // The suite of Durable Streams brings a Vitest of its own, whose tests this one would not know of.
        resolve: { dedupe: ["vitest"] },
        test: {
          name: "conformance",
          server: { deps: { inline: ["@durable-streams/server-conformance-tests"] } },
          include: ["tests/conformance/**/*.test.ts"],
          exclude: GATEWAY_TESTS,
          sequence: { groupOrder: 2 },
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: "hostile",
          include: ["tests/hostile/**/*.test.ts"],
          exclude: GATEWAY_TESTS,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
          hookTimeout: 30_000,
          isolate: false,
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: "browser",
          include: ["tests/browser/**/*.test.ts"],
          // One browser at a time: each has as many processes as it likes.
          sequence: { groupOrder: 6 },
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "gateway",
          include: GATEWAY_TESTS,
          sequence: { groupOrder: 5 },
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: "recovery",
          include: ["tests/recovery/**/*.test.ts"],
          exclude: GATEWAY_TESTS,
          sequence: { groupOrder: 3 },
          testTimeout: 120_000,
          hookTimeout: 30_000,
          isolate: false,
          maxWorkers: 3,
        },
      },
    ],
  },
});
