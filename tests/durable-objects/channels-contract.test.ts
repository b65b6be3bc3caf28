import { env } from "cloudflare:test";
import { describe } from "vitest";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { createChannels } from "../../services/channels.ts";
import { describeChannels } from "../channels-contract.ts";

const channels = createChannels(env, DEFAULT_LIMITS);

describe("channels in Durable Objects", () => {
  describeChannels(() => channels);
});
