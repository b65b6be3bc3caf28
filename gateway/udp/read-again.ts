import { GatewayError } from "../gateway-error.ts";
import type { HeaderList } from "../http/headers.ts";
import { toWorkerHeaders } from "../http/headers.ts";
import type { Caller } from "../webtransport/worker-lines.ts";
import type { Worker } from "../worker/worker.ts";

/** As many as are sent again for one asking; who misses more asks once more. */
const MAX_EVENTS = 100;
const TIMEOUT_MS = 10_000;

/** The events after a cursor, as their JSON texts. @throws GatewayError with what the Worker says, or `unavailable` */
export async function readAgain(
  worker: Worker,
  { token, origin }: Caller,
  channel: string,
  after: string,
): Promise<readonly string[]> {
  const url = new URL(`/channels/${channel}`, worker.url);
  url.search = new URLSearchParams({ after, limit: String(MAX_EVENTS) }).toString();
  const own: HeaderList = token === undefined ? [] : [["authorization", `Bearer ${token}`]];
  let status: number;
  let body: string;
  try {
    const response = await fetch(url, {
      headers: toWorkerHeaders(own, origin, worker.isNear),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    [status, body] = [response.status, await response.text()];
  } catch (thrown) {
    throw new GatewayError("unavailable", "The server is not reachable. Try again.", { cause: thrown });
  }
  if (status !== 200) throw GatewayError.fromAnswer(status, body);
  return (JSON.parse(body) as { events: object[] }).events.map((event) => JSON.stringify(event));
}
