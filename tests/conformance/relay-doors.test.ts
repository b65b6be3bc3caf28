import { afterAll, beforeAll, describe } from "vitest";
import { doors } from "../../functions/routes.ts";
import { driveDoors } from "./doors.ts";
import { useSettings } from "./serve-target.ts";

/** The tests of these files, as they are, where a channel keeps no reader: each is on a relay. */
const FILES = ["matrix", "presence", "socket-publishing"];
/** A door for each way to a channel's feed, and those that these files cannot be without. */
const DOORS = new Set(["http", "sse", "websocket", "graphql"]);

describe("with relays", () => {
  beforeAll(() => useSettings({ RELAY_AFTER: "0", RELAY_SOCKETS: "3", FEED_STREAMS: "hibernating" }));
  afterAll(() => useSettings({}));

  for (const name of FILES) {
    describe(name, async () => {
      driveDoors(doors.filter((door) => DOORS.has(door.name)));
      // A module of its own: the worker may have run the file for itself already, and would not run it again.
      await import(/* @vite-ignore */ `./${name}.test.ts?on=relays`);
      driveDoors(undefined);
    });
  }
});
