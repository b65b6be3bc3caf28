import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request } from "node:http";
import type { Target } from "./door-driver.ts";
import type { Line } from "./doors/stream.ts";
import { toHeaders, toUrl } from "./http-exchange.ts";
import { Received } from "./received-events.ts";

/** A POST whose answer is read while its body is still being written, as `fetch` in Node does not promise. */
export interface DuplexPost {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** Lines of the answer, heartbeats left out. */
  readonly lines: Received<Line>;
  /** How many heartbeats came. */
  readonly heartbeats: Received<string>;
  write(text: string | Uint8Array): Promise<void>;
  end(text?: string): void;
}

export async function postDuplex(
  target: Target,
  path: string,
  more: Readonly<Record<string, string>> = {},
): Promise<DuplexPost> {
  const outgoing = request(toUrl(target, path), {
    method: "POST",
    headers: toHeaders(target, { "content-type": "application/x-ndjson", ...more }),
  });
  const lines = new Received<Line>();
  const heartbeats = new Received<string>();
  outgoing.on("error", (error) => lines.end(error));
  outgoing.flushHeaders();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  response.setEncoding("utf8");
  let text = "";
  response.on("data", (chunk: string) => {
    text += chunk;
    const found = text.split("\n");
    text = found.pop() ?? "";
    for (const line of found) {
      if (line === "") heartbeats.push(line);
      else lines.push(JSON.parse(line) as Line);
    }
  });
  response.on("end", () => lines.end(new Error("The answer ended.")));
  response.on("error", (error) => lines.end(error));
  return {
    request: outgoing,
    response,
    lines,
    heartbeats,
    write: async (data) => {
      if (!outgoing.write(data)) await once(outgoing, "drain");
    },
    end: (data) => void outgoing.end(data ?? ""),
  };
}
