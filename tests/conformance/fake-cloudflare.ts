import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** What a deploy declares of a Worker: wrangler's metadata, as far as the tests ask. */
export interface Uploaded {
  readonly worker: string;
  readonly bindings: readonly { readonly name: string; readonly type: string; readonly text?: string }[];
  readonly migrations?: { readonly new_tag: string; readonly steps: readonly object[] };
  readonly exports?: Readonly<Record<string, object>>;
}

export interface FakeCloudflare {
  /** For `CLOUDFLARE_API_BASE_URL`. */
  readonly url: string;
  /** `GET /accounts`, and so on, in the order in which they came. */
  readonly requests: readonly string[];
  readonly uploads: readonly Uploaded[];
  stop(): Promise<void>;
}

export interface FakeOptions {
  /** The names of the secrets of each Worker that is there. */
  readonly secrets?: Readonly<Record<string, readonly string[]>>;
  /** Another token is refused. */
  readonly token: string;
}

/**
 * Cloudflare's API, as far as wrangler asks it for a deploy: it takes what is uploaded, and keeps what was said of it. No
 * test here reaches the real one, and this shows only what is sent: whether Cloudflare takes it, only Cloudflare knows.
 */
export async function startFakeCloudflare({ secrets = {}, token }: FakeOptions): Promise<FakeCloudflare> {
  const requests: string[] = [];
  const uploads: Uploaded[] = [];
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const { method = "", url = "" } = request;
    const path = url.split("?")[0] ?? "";
    requests.push(`${method} ${path}`);
    const answer = (status: number, result: unknown) => {
      response.writeHead(status, { "content-type": "application/json" });
      const errors = status < 400 ? [] : [{ code: 10007, message: "refused" }];
      response.end(JSON.stringify({ success: status < 400, errors, messages: [], result }));
    };
    if (request.headers.authorization !== `Bearer ${token}`) return answer(403, null);
    const worker = /\/workers\/(?:scripts|services|workers)\/([^/]+)/.exec(path)?.[1] ?? "";
    if (path.endsWith("/secrets")) {
      const names = secrets[worker];
      return names === undefined
        ? answer(404, null)
        : answer(
            200,
            names.map((name) => ({ name, type: "secret_text" })),
          );
    }
    // Nothing was uploaded under that name before.
    if (/\/services\/[^/]+$/.test(path)) return answer(404, null);
    if (path.endsWith("/assets-upload-session"))
      return answer(200, { jwt: "all of it is there", buckets: [] });
    if (path.endsWith("/domains/changeset"))
      return answer(200, { added: [], removed: [], updated: [], conflicting: [] });
    if (method === "PUT" && path.endsWith(`/scripts/${worker}`)) uploads.push(readUpload(worker, body));
    answer(200, {
      id: worker,
      subdomain: path.endsWith("/workers/subdomain") ? "example" : { enabled: true, previews_enabled: true },
      enabled: true,
      previews_enabled: true,
      startup_time_ms: 1,
      deployments: [],
      bindings: [],
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    uploads,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** The part `metadata` of the form, which is one line of JSON. */
function readUpload(worker: string, body: string): Uploaded {
  const line = body.split("\r\n").find((each) => each.startsWith('{"main_module"'));
  if (line === undefined) throw new Error("The upload has no metadata.");
  return { worker, ...(JSON.parse(line) as Omit<Uploaded, "worker">) };
}
