import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../../../../scripts/port.ts";
import type { Peer } from "../peer.ts";
import { ServerGroup } from "../server-group.ts";
import { npmNeed, serverPath } from "./paths.ts";

const HOST = "127.0.0.1";

function mosquitto(name: string, setup: string, promise: string, persistence: readonly string[]): Peer {
  return {
    name,
    setup,
    needs: [{ file: "/usr/sbin/mosquitto", from: "Debian's mosquitto" }],
    async start(directory) {
      const [port, webSocketPort] = [await findFreePort(HOST), await findFreePort(HOST)];
      const lines = [
        `listener ${port} ${HOST}`,
        `listener ${webSocketPort} ${HOST}`,
        "protocol websockets",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        "max_queued_messages 0",
        "log_dest none",
        ...persistence,
        ...(persistence.length > 0 ? [`persistence_location ${directory}/`] : []),
        ...(process.getuid?.() === 0 ? ["user root"] : []),
      ];
      const path = join(directory, "mosquitto.conf");
      await writeFile(path, `${lines.join("\n")}\n`);
      const program = { command: "/usr/sbin/mosquitto", arguments: ["-c", path], port };
      const group = await ServerGroup.start([program], directory);
      return Object.assign(group, {
        doors: { mqtt: { promise, port, webSocketUrl: `ws://${HOST}:${webSocketPort}/` } },
      });
    },
  };
}

export const mosquittoInMemory = mosquitto(
  "Mosquitto",
  "without persistence, no-delay on both ends",
  "in memory",
  [],
);

/** Mosquitto writes its store from time to time, never before it acknowledges; this is the most often that it can. */
export const mosquittoPersistent = mosquitto(
  "Mosquitto with persistence",
  "its store written after every 1,000 changes, otherwise the same",
  "in memory; written after 1,000 changes, and at its end",
  ["persistence true", "autosave_on_changes true", "autosave_interval 1000"],
);

export const aedes: Peer = {
  name: "aedes",
  setup: "on Node, 1 process, its store in memory",
  needs: [npmNeed("aedes"), npmNeed("ws")],
  async start(directory) {
    const [port, webSocketPort] = [await findFreePort(HOST), await findFreePort(HOST)];
    const words = [serverPath("aedes.js"), String(port), String(webSocketPort)];
    const group = await ServerGroup.start([{ command: process.execPath, arguments: words, port }], directory);
    return Object.assign(group, {
      doors: { mqtt: { promise: "in memory", port, webSocketUrl: `ws://${HOST}:${webSocketPort}/` } },
    });
  },
};
