import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../../../../scripts/port.ts";
import { EVENT_BODY } from "../../../everywire-client.ts";
import type { RequestParts } from "../../../http-connection.ts";
import { fetchText, publishOverHttp } from "../http-publishing.ts";
import type { Peer } from "../peer.ts";
import { ServerGroup } from "../server-group.ts";
import { npmNeed, PEERS } from "./paths.ts";

const HOST = "127.0.0.1";
const TOKEN = "peer";
const HEADERS = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
const PACKAGE = "@humanwhocodes/upstash-redis-server";

const PROMISES = {
  always: "on disk (`appendfsync always`)",
  everysec: "with the system, on disk within a second (`appendfsync everysec`)",
};

/** A Redis of its own behind a server that speaks Upstash's REST API: what an edge function would call. */
function upstash(fsync: keyof typeof PROMISES): Peer {
  return {
    name: `Upstash on Redis ${fsync}`,
    setup: `${PACKAGE} before a Redis with \`appendfsync ${fsync}\`; an event is an \`XADD\``,
    needs: [{ file: "/usr/bin/redis-server", from: "Debian's redis-server" }, npmNeed(PACKAGE)],
    async start(directory) {
      const [redisPort, port] = [await findFreePort(HOST), await findFreePort(HOST)];
      const data = join(directory, "redis");
      await mkdir(data);
      const options = {
        port: redisPort,
        bind: HOST,
        dir: data,
        appendonly: "yes",
        appendfsync: fsync,
        save: "",
      };
      const redis = {
        command: "/usr/bin/redis-server",
        arguments: Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
        port: redisPort,
      };
      const url = `http://${HOST}:${port}`;
      const rest = {
        command: process.execPath,
        arguments: [join(PEERS, "node_modules", PACKAGE, "dist", "server.js")],
        environment: { URS_TOKEN: TOKEN, PORT: String(port), REDIS_URL: `redis://${HOST}:${redisPort}` },
        port,
        // Redis takes connections while it still reads its log.
        isReady: async () => (await fetch(url, { method: "POST", headers: HEADERS, body: '["PING"]' })).ok,
      };
      const group = await ServerGroup.start([redis, rest], directory);
      const append = (stream: string): RequestParts => ({
        method: "POST",
        url: `${url}/`,
        headers: HEADERS,
        body: JSON.stringify(["XADD", stream, "*", "event", EVENT_BODY]),
      });
      const publish = publishOverHttp({
        promise: PROMISES[fsync],
        load: append("load"),
        counted: append("counted"),
        count: async () => {
          const body = '["XLEN","counted"]';
          return JSON.parse(await fetchText(url, { method: "POST", headers: HEADERS, body }))
            .result as number;
        },
      });
      return Object.assign(group, { doors: { publish } });
    },
  };
}

export const upstashAlways = upstash("always");
export const upstashEverysec = upstash("everysec");
