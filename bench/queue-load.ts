import type { RequestParts } from "./http-connection.ts";
import { HttpConnection, toRequestText } from "./http-connection.ts";
import type { Sample } from "./rounds.ts";

const HEADERS = { "content-type": "application/json" };
const BODY = JSON.stringify({ type: "job", data: { text: "x".repeat(90) } });

/** Everywire's work queue over HTTP: an event is published, leased and acknowledged, one at a time. */
export class QueueLoad {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async run(durationMs: number): Promise<Sample> {
    const connection = await HttpConnection.open(this.#url);
    const post = async (path: string, body: string): Promise<string> => {
      const parts: RequestParts = { method: "POST", url: `${this.#url}${path}`, headers: HEADERS, body };
      const status = await connection.send(toRequestText(parts));
      if (status > 299) throw new Error(`${path} answered ${status}: ${connection.body}`);
      return connection.body;
    };
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    for (let sentMs = startedMs; sentMs - startedMs < durationMs; ) {
      await post("/channels/demo/jobs", BODY);
      const leased = JSON.parse(await post("/queue/demo/jobs/lease", '{"max":1,"wait":5}')) as {
        messages: readonly { leaseId: string }[];
      };
      const [message] = leased.messages;
      if (message === undefined) throw new Error("The queue had nothing to lease.");
      await post("/queue/demo/jobs/ack", JSON.stringify({ leaseIds: [message.leaseId] }));
      const doneMs = performance.now();
      latenciesMs.push(doneMs - sentMs);
      sentMs = doneMs;
    }
    connection.close();
    return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
  }
}
