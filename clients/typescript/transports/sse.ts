import { parseError } from "../error.ts";
import type { CloudEvent } from "../event.ts";
import type { Http } from "../http.ts";
import type { Transport } from "../transport.ts";
import { openHttpStream } from "./http-stream.ts";

/** Server-sent events (functions/sse): `id` is the cursor, `data` the CloudEvent. */
export function createSse(http: Http): Transport {
  return {
    name: "sse",
    unavailable: undefined,
    minOpenMs: 0,
    isBufferable: true,
    open(request, sink) {
      let id = "";
      let type = "";
      let data = "";
      const dispatch = () => {
        if (data !== "") {
          const value: unknown = JSON.parse(data);
          const error = type === "everywire.error" ? parseError(value) : undefined;
          if (error !== undefined) throw error;
          sink.onEvent(value as CloudEvent);
        } else if (id !== "") {
          sink.onPosition(id);
        }
        id = type = data = "";
      };
      return openHttpStream(http, request, sink, {
        path: `/sse/${request.channel}`,
        accept: "text/event-stream",
        onLine: (line) => {
          if (line === "") return dispatch();
          const colon = line.indexOf(":");
          const value = line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
          if (line.startsWith("data:")) data += value;
          else if (line.startsWith("id:")) id = value;
          else if (line.startsWith("event:")) type = value;
        },
      });
    },
  };
}
