import { env } from "cloudflare:test";
import { describe } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { EARLIEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { createChannels } from "../../services/channels.ts";
import { createRecords } from "../../services/records.ts";
import { describeRecords } from "../records-contract.ts";

const channels = createChannels(env, DEFAULT_LIMITS);
const records = createRecords(env.RECORDS);

async function idsIn(channel: string): Promise<string[]> {
  const page = await channels.read(channel as ChannelName, { after: EARLIEST, limit: 1000 });
  return page.events.map(({ json }) => (JSON.parse(json) as { data: { id: string } }).data.id);
}

describe("records in SQLite", () => {
  describeRecords(() => ({ records, idsIn }));
});
