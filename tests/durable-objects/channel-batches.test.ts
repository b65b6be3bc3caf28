import { env, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import { LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { EncodedEvent } from "../../core/ports.ts";
import { createChannels } from "../../services/channels.ts";

/** Enough readers for a window of 5 ms. */
const READERS = 100;
const channels = createChannels(env.CHANNEL, DEFAULT_LIMITS, { holdsStreams: true });
const event = (data: unknown, type = "t"): EncodedEvent => ({
  type,
  json: JSON.stringify({ specversion: "1.0", type, data }),
  dedupeKey: undefined,
});

/** A reader; `ended` gives the data of all that it was sent, frame by frame, when its socket closes. */
async function openReader(channel: ChannelName, member: string, subprotocol: string | undefined) {
  const { webSocket: socket } = await channels.openSocket(
    channel,
    {
      after: LATEST,
      identity: { kind: "anonymous", address: "" },
      mayWrite: false,
      member: { id: member, name: "anonymous" },
      subprotocol,
    },
    new Request("https://channel/"),
  );
  if (socket === null) throw new Error("no socket");
  const frames: unknown[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<unknown[]>();
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as { data: unknown } | readonly { data: unknown }[];
    frames.push(Array.isArray(frame) ? frame.map((one) => one.data) : (frame as { data: unknown }).data);
  });
  socket.addEventListener("close", () => resolve(frames));
  socket.accept();
  return { ended };
}

/** The same on a stream that the channel writes. */
async function openStream(channel: ChannelName) {
  const held = await channels.openStream?.(channel, {
    after: LATEST,
    wire: "ndjson",
    expiresAtMs: undefined,
  });
  if (held === undefined) throw new Error("no stream");
  return { ended: new Response(held.body).text() };
}

it("sends what it gathers before what must not overtake it, and before it closes", async () => {
  const name = "rooms/gathered" as ChannelName;
  const readers = await Promise.all(
    Array.from({ length: READERS }, (_, n) =>
      openReader(name, `m${n}`, n % 2 === 0 ? "everywire.batch" : undefined),
    ),
  );
  const streams = await Promise.all(Array.from({ length: READERS }, () => openStream(name)));
  expect(await channels.presence(name)).toMatchObject({ readers: 2 * READERS });
  await channels.append(name, { events: [event("first")], rateKey: undefined });
  // In one turn of the object, so that no window ends in between.
  await runInDurableObject(env.CHANNEL.getByName(name), async (channel) => {
    for (const n of [1, 2, 3]) channel.appendNow([{ events: [event(n)], rateKey: undefined }]);
    channel.broadcast([event("typing", "chat.typing")], undefined);
    for (const n of [4, 5]) channel.appendNow([{ events: [event(n)], rateKey: undefined }]);
    await channel.delete();
  });
  const ended = await Promise.all(readers.map((reader) => reader.ended));
  for (const [n, frames] of ended.entries()) {
    expect(frames.flat()).toEqual(["first", 1, 2, 3, "typing", 4, 5]);
    if (n % 2 === 0) expect(frames).toContainEqual([4, 5]);
    else expect(frames).toHaveLength(7);
  }
  for (const { ended: text } of streams) {
    const lines = (await text).trim().split("\n");
    const last = JSON.parse(lines.pop() ?? "");
    expect(lines.map((line) => JSON.parse(line).data)).toEqual(["first", 1, 2, 3, "typing", 4, 5]);
    expect(last).toEqual({ error: { code: "gone", message: "The channel was deleted." } });
  }
  expect(await channels.presence(name)).toMatchObject({ readers: 0 });
});
