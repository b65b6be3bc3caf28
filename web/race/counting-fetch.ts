import { toError } from "../shell/server.ts";
import type { LaneSink } from "./wire.ts";

/** `fetch`, with the bytes of each answer's body counted as they come. For clients that take a `fetch` of one's own. */
export function createCountingFetch(
  sink: Pick<LaneSink, "onBytes" | "onLive">,
  token: string | undefined,
): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
    const response = await fetch(input, { ...init, headers });
    if (response.body === null || !response.ok) return response;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          sink.onBytes(chunk.byteLength);
          sink.onLive();
          controller.enqueue(chunk);
        },
      }),
    );
    const copy = new Response(counted, response);
    // A copy has no address, and some clients resolve against it.
    Object.defineProperty(copy, "url", { value: response.url });
    return copy;
  };
}

/** Opens a stream, and gives its text as it comes. @throws ServerError where the server refuses */
export async function* readText(
  url: string,
  sink: LaneSink,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): AsyncGenerator<string, void> {
  const response = await fetch(url, { headers, signal, cache: "no-store" });
  if (!response.ok || response.body === null) throw await toError(response);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    sink.onBytes(value.byteLength);
    sink.onLive();
    yield decoder.decode(value, { stream: true });
  }
}

/** Cuts text into lines, wherever its pieces begin and end. */
export async function* splitLines(pieces: AsyncIterable<string>): AsyncGenerator<string, void> {
  let held = "";
  for await (const piece of pieces) {
    const lines = (held + piece).split("\n");
    held = lines.pop() ?? "";
    yield* lines;
  }
}
