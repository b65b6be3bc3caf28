import { door as connect } from "./connect/index.ts";
import type { Door } from "./door.ts";
import { door as durableStreams } from "./durable-streams/index.ts";
import { door as graphql } from "./graphql/index.ts";
import { door as guide } from "./guide/index.ts";
import { door as http } from "./http/index.ts";
import { door as jsonRpc } from "./json-rpc/index.ts";
import { door as longPoll } from "./long-poll/index.ts";
import { door as mqtt } from "./mqtt/index.ts";
import { createPageDoor } from "./page/index.ts";
import { door as queue } from "./queue/index.ts";
import { door as rest } from "./rest/index.ts";
import { door as sse } from "./sse/index.ts";
import { door as stream } from "./stream/index.ts";
import { createSystemDoor } from "./system/index.ts";
import { door as tcp } from "./tcp/index.ts";
import { door as webhooks } from "./webhooks/index.ts";
import { door as websocket } from "./websocket/index.ts";

/** The one table of doors. Deleting a line and its folder removes a protocol. */
export const doors: readonly Door[] = [
  http,
  sse,
  longPoll,
  websocket,
  graphql,
  stream,
  jsonRpc,
  connect,
  durableStreams,
  tcp,
  webhooks,
  queue,
  mqtt,
  rest,
  guide,
  createSystemDoor(() => doors),
  createPageDoor(() => doors),
];
