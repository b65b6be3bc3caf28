import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfStale } from "../../../scripts/build.ts";
import { findFreePort } from "../../../scripts/port.ts";
import { serve } from "../../../scripts/serve.ts";
import { envelopeBytes } from "../../everywire-client.ts";
import { HttpConnection, toRequestText } from "../../http-connection.ts";
import { startBare } from "../../servers.ts";
import type { EverywireRequests } from "../everywire-requests.ts";
import { prepareRequests } from "../everywire-requests.ts";

/** A server of the two: where it is, and its process. */
export interface SideServer {
  readonly url: string;
  readonly tcpPort: number;
  readonly pid: number;
}

export interface Sides {
  readonly ours: SideServer & { readonly requests: EverywireRequests };
  readonly bare: SideServer;
  stop(): Promise<void>;
}

const CALLS = ["graphql", "jsonRpc", "connect", "grpcWeb"] as const;

/** Everywire as `npm start` serves it, without rate limits and gateway, and the bare worker on the same runtime. */
export async function startSides(): Promise<Sides> {
  await buildIfStale();
  const host = "127.0.0.1";
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-floor-"));
  const environment = { DEV_AUTH: "true", RATE_LIMITS: "off" };
  const served = await serve({ port: 0, stateDirectory, environment });
  const stopOurs = async () => {
    await served.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  };
  try {
    const requests = await prepareRequests(served.url);
    const tcpPort = await findFreePort(host);
    const bare = await startBare({
      record: requests.product,
      envelopeBytes: await envelopeBytes(served.url),
      answers: await readAnswers(requests),
      tcpPort,
    });
    return {
      ours: {
        url: served.url,
        tcpPort: served.tcpPorts.TCP_PORT,
        pid: served.runtime.pid ?? 0,
        requests,
      },
      bare: { url: bare.url, tcpPort, pid: bare.pid },
      async stop() {
        await Promise.all([stopOurs(), bare.stop()]);
      },
    };
  } catch (error) {
    await stopOurs();
    throw error;
  }
}

/** What Everywire answers to each call: the bare worker gives the same bytes. */
async function readAnswers(requests: EverywireRequests): Promise<Record<string, Uint8Array>> {
  const answers: Record<string, Uint8Array> = {};
  for (const name of CALLS) {
    const connection = await HttpConnection.open(requests[name].url);
    const status = await connection.send(toRequestText(requests[name]));
    if (status !== 200) throw new Error(`${name} answered ${status}.`);
    answers[name] = Buffer.from(connection.body, "latin1");
    connection.close();
  }
  return answers;
}
