import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findFreePort } from "../../../../scripts/port.ts";
import { EVENT_BODY } from "../../../everywire-client.ts";
import type { RequestParts } from "../../../http-connection.ts";
import { publishOverHttp } from "../http-publishing.ts";
import type { Peer } from "../peer.ts";
import { ServerGroup } from "../server-group.ts";

const HOST = "127.0.0.1";
const MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const NGINX = "/usr/sbin/nginx";
const BODY_HEADERS = { "content-type": "application/json" };

function toConfiguration(port: number): string {
  const asRoot = process.getuid?.() === 0 ? "user root;" : "";
  return `
load_module ${MODULE};
daemon off;
${asRoot}
worker_processes 2;
pid nginx.pid;
error_log error.log error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 1000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  nchan_message_buffer_length 1000;
  nchan_message_timeout 10m;
  server {
    listen ${HOST}:${port};
    location ~ ^/pub/(\\w+)$ { nchan_publisher; nchan_channel_id $1; }
    location ~ ^/ws/(\\w+)$ { nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; }
    location ~ ^/sse/(\\w+)$ { nchan_subscriber eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }
  }
}
`;
}

export const nchan: Peer = {
  name: "Nchan",
  setup: "Debian's nginx with 2 workers, messages in shared memory",
  needs: [
    { file: NGINX, from: "Debian's nginx-light" },
    { file: MODULE, from: "Debian's libnginx-mod-nchan" },
  ],
  async start(directory) {
    const port = await findFreePort(HOST);
    await mkdir(join(directory, "logs"));
    const path = join(directory, "nginx.conf");
    await writeFile(path, toConfiguration(port));
    const program = { command: NGINX, arguments: ["-p", directory, "-c", path, "-e", "stderr"], port };
    const group = await ServerGroup.start([program], directory);
    const url = `http://${HOST}:${port}`;
    const publishTo = (channel: string): RequestParts => ({
      method: "POST",
      url: `${url}/pub/${channel}`,
      headers: BODY_HEADERS,
      body: EVENT_BODY,
    });
    return Object.assign(group, {
      doors: {
        publish: publishOverHttp({
          promise: "in memory",
          load: publishTo("load"),
          counted: publishTo("counted"),
          count: () => countMessages(`${url}/pub/counted`),
        }),
        webSockets: { readUrl: `${url}/ws/sockets`, publish: publishTo("sockets") },
        eventStreams: { readUrl: `${url}/sse/streams`, publish: publishTo("streams") },
      },
    });
  },
};

/** A channel that it does not know is 404. */
async function countMessages(url: string): Promise<number> {
  const response = await fetch(url, { headers: { accept: "application/json" } });
  if (response.status === 404) return 0;
  return ((await response.json()) as { messages: number }).messages;
}
