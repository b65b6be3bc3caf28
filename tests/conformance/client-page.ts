import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buildClientIfStale } from "../../scripts/build-client.ts";
import { CLIENT } from "../../scripts/paths.ts";

export interface ClientPage {
  /** On `localhost`, which browsers take for a secure context. */
  readonly url: string;
  stop(): void;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>client</title>
<script type="module">globalThis.everywire = await import("/client/index.js"); document.title = "ready";</script>`;

/** Serves the client as a package would be, and a page that has loaded it as `everywire`. */
export async function serveClientPage(): Promise<ClientPage> {
  await buildClientIfStale();
  const server = createServer(async (request, response) => {
    const name = /^\/client\/([\w-]+\.js)$/.exec(request.url ?? "")?.[1];
    response.setHeader("content-type", name === undefined ? "text/html" : "text/javascript");
    response.end(name === undefined ? PAGE : await readFile(join(CLIENT, name)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
