import { door as connect } from "./connect/index.ts";
import type { Door } from "./door.ts";
import { door as graphql } from "./graphql/index.ts";
import { door as guide } from "./guide/index.ts";
import { door as http } from "./http/index.ts";
import { door as jsonRpc } from "./json-rpc/index.ts";
import { door as longPoll } from "./long-poll/index.ts";
import { createPageDoor } from "./page/index.ts";
import { door as queue } from "./queue/index.ts";
import { door as rest } from "./rest/index.ts";
import { door as sse } from "./sse/index.ts";
import { door as stream } from "./stream/index.ts";
import { createSystemDoor } from "./system/index.ts";
import { incomingDoor as webhooks } from "./webhooks/index.ts";
import { door as websocket } from "./websocket/index.ts";

/**
 * The doors of an edge without Durable Objects (`deno.ts`). Not in it is what needs an object that keeps a place and has a
 * clock: MQTT, Durable Streams, webhooks that go out; and TCP, which `deno serve` does not listen on.
 */
export const doors: readonly Door[] = [
  http,
  sse,
  longPoll,
  websocket,
  graphql,
  stream,
  jsonRpc,
  connect,
  webhooks,
  queue,
  rest,
  guide,
  createSystemDoor(() => doors),
  createPageDoor(() => doors),
];
