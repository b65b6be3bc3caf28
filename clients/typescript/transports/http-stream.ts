import { EverywireError } from "../error.ts";
import type { Http } from "../http.ts";
import { LineCutter } from "../line-cutter.ts";
import type { OpenRequest, TransportConnection, TransportSink } from "../transport.ts";

export interface HttpStreamOptions {
  readonly path: string;
  readonly accept: string;
  /** Called once, when the answer begins. */
  readonly onHeaders?: (headers: Headers) => void;
  /** Called with each line, without its end; an empty line is "". */
  readonly onLine: (line: string) => void;
}

/**
 * An answer that stays open, read line by line. `fetch` rather than EventSource, which says nothing of statuses, sends no
 * token but in the URL, cannot be held back, and comes back by itself when it should not.
 */
export function openHttpStream(
  http: Http,
  { after }: OpenRequest,
  sink: TransportSink,
  { path, accept, onHeaders, onLine }: HttpStreamOptions,
): TransportConnection {
  const cut = new AbortController();
  const run = async () => {
    const { signal } = cut;
    const response = await http.request(path, { query: { after }, headers: { accept }, signal });
    if (response.body === null) throw new EverywireError("unavailable", "The answer has no body.");
    onHeaders?.(response.headers);
    const reader = response.body.getReader();
    const lines = new LineCutter();
    for (;;) {
      const held = sink.room();
      if (held !== undefined) await held;
      if (signal.aborted) return;
      const { done, value } = await reader.read();
      if (signal.aborted) return;
      if (done) throw new EverywireError("unavailable", "The connection ended.");
      sink.onBytes(value.byteLength);
      sink.onOpen();
      for (const line of lines.push(value)) {
        onLine(line);
        if (signal.aborted) return;
      }
    }
  };
  run().catch((thrown) => {
    if (cut.signal.aborted) return;
    cut.abort();
    sink.onEnd(EverywireError.from(thrown));
  });
  return { close: () => cut.abort() };
}
