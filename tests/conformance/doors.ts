import type { Door } from "../../functions/door.ts";
import { doors as table } from "../../functions/routes.ts";
import { GRPC, UDP, WEBTRANSPORT } from "../../gateway/doors.ts";
import type { DoorDriver } from "./door-driver.ts";
import { connect } from "./doors/connect.ts";
import { durableStreams, durableStreamsByPoll } from "./doors/durable-streams.ts";
import { graphql } from "./doors/graphql.ts";
import { graphqlSocket } from "./doors/graphql-socket.ts";
import { grpc } from "./doors/grpc.ts";
import { grpcWeb } from "./doors/grpc-web.ts";
import { http } from "./doors/http.ts";
import { jsonRpc } from "./doors/json-rpc.ts";
import { linesSocket } from "./doors/lines-socket.ts";
import { longPoll } from "./doors/long-poll.ts";
import { mqttOverTcp, mqttOverWebSocket } from "./doors/mqtt.ts";
import { queue } from "./doors/queue.ts";
import { sse } from "./doors/sse.ts";
import { stream } from "./doors/stream.ts";
import { tcp } from "./doors/tcp.ts";
import { udp } from "./doors/udp.ts";
import { webhooks } from "./doors/webhooks.ts";
import { websocket } from "./doors/websocket.ts";
import { webtransport } from "./doors/webtransport.ts";

/** Every door that the suite drives. A new door is one line here. */
const drivers: readonly DoorDriver[] = [
  http,
  sse,
  longPoll,
  websocket,
  stream,
  graphql,
  graphqlSocket,
  connect,
  grpcWeb,
  jsonRpc,
  durableStreams,
  durableStreamsByPoll,
  mqttOverTcp,
  mqttOverWebSocket,
  tcp,
  linesSocket,
  webhooks,
  queue,
  // Through the gateway: who uses this list needs a server with one.
  grpc,
  udp,
  webtransport,
];

type Publisher = DoorDriver & Required<Pick<DoorDriver, "publish">>;
type ReadingDoor = DoorDriver & Required<Pick<DoorDriver, "read">>;

let drivenDoors: readonly Door[] | undefined;

/** What has guarantees that the suite proves. */
export type Claims = Pick<Door, "name" | "guarantees">;

/**
 * Has the suite drive these doors and no others, for files that are read from now on; undefined for all of them again. A
 * server under test may have fewer.
 */
export function driveDoors(doors: typeof drivenDoors): void {
  drivenDoors = doors;
}

/** The doors that are driven now, as they themselves say. */
export function listClaims(): readonly Claims[] {
  return drivenDoors ?? [...table, GRPC, UDP, WEBTRANSPORT];
}

export const publishers = drivers.filter((door): door is Publisher => door.publish !== undefined);
export const readers = drivers.filter((door): door is ReadingDoor => door.read !== undefined);

export function listPublishers(): readonly Publisher[] {
  return publishers.filter(isDriven);
}

export function listReaders(): readonly ReadingDoor[] {
  return readers.filter(isDriven);
}

function isDriven(driver: DoorDriver): boolean {
  const door = drivenDoors?.find(({ name }) => name === doorOf(driver));
  return drivenDoors === undefined || door?.guarantees !== undefined;
}

/** The door in `functions/routes.ts` or `gateway/doors.ts` that a driver drives. */
export function doorOf(driver: DoorDriver): string {
  return driver.door ?? driver.name;
}
