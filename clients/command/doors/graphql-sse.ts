import { request } from "../http.ts";
import type { ReadDoor } from "./door.ts";
import { lost } from "./door.ts";
import { readTextLines } from "./event-stream.ts";
import { SUBSCRIPTION, toEvent } from "./graphql-operation.ts";

/** GraphQL's subscription over server-sent events, in distinct connections mode (functions/graphql). */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  const response = await request(target, "/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ query: SUBSCRIPTION, variables: { channel, after } }),
    signal,
  });
  if (response.body === null) throw lost("The answer has no body.");
  let event = "";
  for await (const line of readTextLines(response.body)) {
    // The comment `live` says that nothing is missed from here on.
    if (/^: ?live$/.test(line)) onLive(undefined);
    else if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:") && event === "next") yield toEvent(JSON.parse(line.slice(5)));
    else if (event === "complete" && line === "") return;
  }
};
