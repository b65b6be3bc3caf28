import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { doors } from "../../functions/routes.ts";
import { http } from "./doors/http.ts";
import { driveDoors, readers } from "./doors.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget, useSettings } from "./serve-target.ts";

/** The tests of these files, as they are, where channels sleep while they are read (`FEED_STREAMS`). */
const FILES = ["matrix", "sse", "stream"];
/** The doors that the setting is about, and one to publish by. */
const DOORS = new Set(["http", "sse", "stream"]);

describe("hibernating streams", () => {
  beforeAll(() => useSettings({ FEED_STREAMS: "hibernating" }));
  afterAll(() => useSettings({}));

  for (const name of FILES) {
    describe(name, async () => {
      driveDoors(doors.filter((door) => DOORS.has(door.name)));
      // A module of its own: the worker may have run the file for itself already, and would not run it again.
      await import(/* @vite-ignore */ `./${name}.test.ts?on=hibernating`);
      driveDoors(undefined);
    });
  }
});

describe("more readers than a channel holds streams for", () => {
  let server: ServedTarget;
  beforeAll(async () => {
    server = await serveTarget({ MAX_HELD_STREAMS: "2", HEARTBEAT_SECONDS: "1" });
  });
  afterAll(() => server.stop());

  it.each(["sse", "stream"])("are answered by functions: all read the same over %s", async (name) => {
    const channel = `demo/full/${name}`;
    const door = readers.find((candidate) => candidate.name === name);
    const open = await Promise.all(Array.from({ length: 5 }, () => door?.read(server, channel, "earliest")));
    const presence = await fetch(`${server.url}/channels/${channel}/presence`);
    expect(await presence.json()).toMatchObject({ readers: 5 });
    for (const n of [1, 2, 3]) await http.publish?.(server, channel, { type: "t", data: n });
    for (const reader of open) {
      for (const n of [1, 2, 3]) expect((await reader?.next())?.event.data).toBe(n);
      await reader?.cut();
    }
  });
});
