import { runConformanceTests } from "@durable-streams/server-conformance-tests";
import { afterAll, beforeAll } from "vitest";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

/**
 * The protocol's own suite, whole, against the served bundle. Its last group, "Reserved subscription APIs" (six tests
 * of `__ds/subscriptions`), is off by default in the suite itself and here: those APIs are an optional part of the
 * protocol that we do not serve. Delivery of a channel to a URL is what the webhooks door is for.
 */
const LONG_POLL_SECONDS = 2;

let served: ServedTarget;
const options = { baseUrl: "", longPollTimeoutMs: LONG_POLL_SECONDS * 1000, subscriptions: false };

beforeAll(async () => {
  served = await serveTarget({ ANONYMOUS_CHANNELS: "**", MAX_POLL_SECONDS: String(LONG_POLL_SECONDS) });
  options.baseUrl = served.url;
}, 60_000);
afterAll(() => served.stop());

runConformanceTests(options);
