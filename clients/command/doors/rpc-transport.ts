import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { ChannelService } from "../../../proto/gen/everywire/v1/channel_service_pb.ts";
import type { Event } from "../../../proto/gen/everywire/v1/event_pb.ts";
import { ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import type { ErrorCode } from "../../typescript/error.ts";
import { EverywireError } from "../../typescript/error.ts";
import type { CloudEvent } from "../../typescript/event.ts";
import type { Target } from "../target.ts";
import type { ReadDoor } from "./door.ts";

/** Codes for what no server of ours said: a proxy, or the library itself. */
const CODES: Partial<Record<Code, ErrorCode>> = {
  [Code.InvalidArgument]: "invalid_argument",
  [Code.Unauthenticated]: "unauthenticated",
  [Code.PermissionDenied]: "permission_denied",
  [Code.NotFound]: "not_found",
  [Code.DeadlineExceeded]: "deadline_exceeded",
};

/** `ChannelService/Subscribe` over any of the three protocols of one .proto file. */
export function createRpcDoor(
  toTransport: (target: Target, interceptors: Interceptor[]) => Transport,
): ReadDoor {
  return async function* (target, { channel, after, signal, onLive }) {
    const authorize: Interceptor = (next) => (request) => {
      if (target.token !== undefined) request.header.set("authorization", `Bearer ${target.token}`);
      return next(request);
    };
    const client = createClient(ChannelService, toTransport(target, [authorize]));
    try {
      const onHeader = (headers: Headers) => {
        const cursor = headers.get("everywire-cursor");
        if (cursor !== null) onLive(cursor);
      };
      for await (const message of client.subscribe({ channel, after }, { signal, onHeader })) {
        // Says where a quiet reader stands; it is none of the channel's events.
        if (message.type !== "everywire.position") yield toCloudEvent(message);
      }
    } catch (thrown) {
      throw toError(thrown);
    }
  };
}

function toError(thrown: unknown): EverywireError {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  const isTold = info !== undefined;
  const code = (info?.reason as ErrorCode | undefined) ?? CODES[error.code] ?? "unavailable";
  return new EverywireError(code, error.rawMessage, { isTold, cause: error });
}

function toCloudEvent(message: Event): CloudEvent {
  const { data, dataBytes, sequence, datacontenttype, dataschema, extensions } = message;
  const { id, source, type, time, subject } = message;
  const more = Object.entries(extensions).map(([name, value]) => [name, toJson(ValueSchema, value)]);
  return {
    specversion: "1.0",
    id,
    source,
    type,
    time,
    subject,
    ...(sequence === "" ? {} : { sequence }),
    ...(datacontenttype === "" ? {} : { datacontenttype }),
    ...(dataschema === "" ? {} : { dataschema }),
    ...(data === undefined ? {} : { data: toJson(ValueSchema, data) }),
    ...(dataBytes === undefined ? {} : { data_base64: Buffer.from(dataBytes).toString("base64") }),
    ...Object.fromEntries(more),
  } as CloudEvent;
}
