import type { RequestParts } from "../../http-connection.ts";
import { HttpConnection, toRequestText } from "../../http-connection.ts";
import { loadHttp } from "../../http-load.ts";
import type { Publishing } from "./peer.ts";

export interface HttpPublishingOptions {
  readonly promise: string;
  /** What the load publishes. */
  readonly load: RequestParts;
  /** The same to a channel of its own, which is counted. */
  readonly counted: RequestParts;
  count(): Promise<number>;
}

/** One event in a request, answered when the server has taken it. */
export function publishOverHttp({ promise, load, counted, count }: HttpPublishingOptions): Publishing {
  return {
    promise,
    run: (writers, durationMs) => loadHttp(load, writers, durationMs),
    async write(events) {
      const connection = await HttpConnection.open(counted.url);
      const request = toRequestText(counted);
      for (let written = 0; written < events; written += 1) {
        const status = await connection.send(request);
        if (status < 200 || status > 299) throw new Error(`${counted.url} answered ${status}.`);
      }
      connection.close();
    },
    countWritten: count,
  };
}

/** @throws Error where the answer is no success */
export async function fetchText(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${text.slice(0, 200)}`);
  return text;
}
