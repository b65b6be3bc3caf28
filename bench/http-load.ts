import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import type { Sample } from "./rounds.ts";

/**
 * Closed loop: each of `concurrency` connections sends its next request when the last was answered.
 *
 * @throws Error where an answer is not a success: a figure for refusals would be no figure
 */
export async function loadHttp(
  parts: RequestParts,
  concurrency: number,
  durationMs: number,
): Promise<Sample> {
  const request = toRequestText(parts);
  const connections = await Promise.all(
    Array.from({ length: concurrency }, () => HttpConnection.open(parts.url)),
  );
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + durationMs;
  const run = async (connection: HttpConnection) => {
    for (let sentMs = performance.now(); sentMs < endMs; ) {
      const status = await connection.send(request);
      if (status < 200 || status > 299) throw new Error(`${parts.url} answered ${status}.`);
      const doneMs = performance.now();
      latenciesMs.push(doneMs - sentMs);
      sentMs = doneMs;
    }
  };
  try {
    await Promise.all(connections.map(run));
  } finally {
    for (const connection of connections) connection.close();
  }
  return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
}
