import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Receiver } from "@upstash/qstash";
import { buildIfStale } from "../../scripts/build.ts";
import type { QstashSettings } from "../../scripts/qstash.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { QstashReceiver } from "./qstash-receiver.ts";

/** The stand-in for QStash, the SDK in front of it, and a destination behind it. */
export interface QstashTarget {
  readonly settings: QstashSettings;
  readonly client: Client;
  readonly verifier: Receiver;
  readonly receiver: QstashReceiver;
  /** What the SDK has no method for. */
  request(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

export async function serveQstash(environment: Readonly<Record<string, string>> = {}): Promise<QstashTarget> {
  await buildIfStale();
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-qstash-"));
  const served = await serve({ port: 0, stateDirectory, environment });
  const receiver = await QstashReceiver.listen();
  const target = connect(served);
  return {
    ...target,
    receiver,
    async stop() {
      await receiver.close();
      await served.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}

/** The SDK as everybody has it, with the credentials that the stand-in gives. */
export function connect({
  qstash,
}: Served): Pick<QstashTarget, "settings" | "client" | "verifier" | "request"> {
  if (qstash === undefined) throw new Error("no stand-in is served");
  return {
    settings: qstash,
    client: new Client({ baseUrl: qstash.QSTASH_URL, token: qstash.QSTASH_TOKEN, retry: false }),
    verifier: new Receiver({
      currentSigningKey: qstash.QSTASH_CURRENT_SIGNING_KEY,
      nextSigningKey: qstash.QSTASH_NEXT_SIGNING_KEY,
    }),
    request: (path, { headers, ...init } = {}) =>
      fetch(`${qstash.QSTASH_URL}${path}`, {
        ...init,
        headers: { authorization: `Bearer ${qstash.QSTASH_TOKEN}`, ...(headers as Record<string, string>) },
      }),
  };
}

/** Asks again until there is an answer that fits. */
export async function eventually<T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  const endMs = Date.now() + 25_000;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    if (Date.now() > endMs) throw new Error(`still: ${JSON.stringify(answer).slice(0, 500)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
