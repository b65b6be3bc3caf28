import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import type { ErrorCode } from "../../../core/error.ts";
import {
  PublishRequestSchema,
  PublishResponseSchema,
  SubscribeRequestSchema,
} from "../../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { Event } from "../../../proto/gen/everywire/v1/event_pb.ts";
import { EventSchema } from "../../../proto/gen/everywire/v1/event_pb.ts";
import { ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../proto/gen/google/rpc/status_pb.ts";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";
import { Received } from "../received-events.ts";
import { toPublishRequest } from "./connect.ts";
import { toCloudEvent } from "./connect-target.ts";

const SERVICE = "/everywire.v1.ChannelService";
const DEADLINE_MS = 20_000;

/** A channel of gRPC's own to the gateway, over HTTP/2 in clear. */
function createGrpcClient(target: Target): Client {
  const { grpcPort = 0 } = target.gateway ?? {};
  return new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure(), {
    // Else a channel that is closed leaves its connection to the next one.
    "grpc.use_local_subchannel_pool": 1,
  });
}

function toMetadata(target: Target): Metadata {
  const metadata = new Metadata();
  if (target.token !== undefined) metadata.set("authorization", `Bearer ${target.token}`);
  return metadata;
}

/** The error as the wire told it: its exact code is in google.rpc.ErrorInfo. */
export function toDoorError(error: ServiceError): Error {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (bytes === undefined || typeof bytes === "string") return error;
  for (const detail of fromBinary(StatusSchema, bytes).details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info !== undefined) return new DoorError(info.reason as ErrorCode, error.details);
  }
  return error;
}

function publishOnce(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
  const client = createGrpcClient(target);
  return new Promise<Published>((resolve, reject) => {
    client.makeUnaryRequest(
      `${SERVICE}/Publish`,
      (request) => Buffer.from(toBinary(PublishRequestSchema, request)),
      (bytes) => fromBinary(PublishResponseSchema, bytes),
      toPublishRequest(channel, event),
      toMetadata(target),
      { deadline: Date.now() + DEADLINE_MS },
      (error, response) => {
        if (error !== null) return reject(toDoorError(error));
        const { id = "", sequence = "", duplicate } = response ?? {};
        resolve({ id, sequence, duplicate: duplicate === true });
      },
    );
  }).finally(() => client.close());
}

/** gRPC through the gateway, with gRPC's own library. */
export const grpc: DoorDriver = {
  name: "grpc",

  publish: publishOnce,

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const client = createGrpcClient(target);
    const received = new Received<ReceivedEvent>();
    const live = Promise.withResolvers<Metadata>();
    const call = client.makeServerStreamRequest(
      `${SERVICE}/Subscribe`,
      (request) => Buffer.from(toBinary(SubscribeRequestSchema, request)),
      (bytes) => fromBinary(EventSchema, bytes),
      create(SubscribeRequestSchema, { channel, after: after ?? "" }),
      toMetadata(target),
    );
    call.on("metadata", live.resolve);
    call.on("data", (message: Event) => {
      if (message.type === "everywire.position") return;
      received.push({ sequence: message.sequence || undefined, event: toCloudEvent(message) });
    });
    call.on("error", (error: ServiceError) => {
      if (error.code === status.CANCELLED) return received.end(new Error("The reader was cut."));
      live.reject(toDoorError(error));
      received.end(toDoorError(error));
    });
    const [position] = (await live.promise).get("everywire-cursor");
    // A refusal has headers too: they come before the status, which says what is wrong.
    if (position === undefined) await received.next().finally(() => client.close());
    let cursor = position === undefined ? after : String(position);
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs) {
        const taken = await received.next(timeoutMs);
        cursor = taken.sequence ?? (taken.event.data as { resumedAt?: string }).resumedAt ?? cursor;
        return taken;
      },
      async cut() {
        call.cancel();
        client.close();
      },
    };
  },
};
