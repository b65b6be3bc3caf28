import { parseError } from "../error.ts";
import type { CloudEvent } from "../event.ts";
import type { Http } from "../http.ts";
import type { Transport } from "../transport.ts";
import { openHttpStream } from "./http-stream.ts";

/** Streamable HTTP (functions/stream): a CloudEvent a line, an empty line as a sign of life. */
export function createNdjson(http: Http): Transport {
  return {
    name: "ndjson",
    unavailable: undefined,
    minOpenMs: 0,
    isBufferable: true,
    open(request, sink) {
      return openHttpStream(http, request, sink, {
        path: `/stream/${request.channel}`,
        accept: "application/x-ndjson",
        onHeaders: (headers) => {
          const cursor = headers.get("everywire-cursor");
          if (cursor !== null) sink.onPosition(cursor);
        },
        onLine: (line) => {
          if (line === "") return;
          const value: unknown = JSON.parse(line);
          // An event always has a type, and the last line of a stream that the server ends never has.
          const error = parseError((value as { readonly error?: unknown }).error);
          if (error !== undefined && !("type" in (value as object))) throw error;
          sink.onEvent(value as CloudEvent);
        },
      });
    },
  };
}
