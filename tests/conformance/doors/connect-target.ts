import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Interceptor } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ErrorCode } from "../../../core/error.ts";
import type { Event } from "../../../proto/gen/everywire/v1/event_pb.ts";
import { ErrorInfoSchema } from "../../../proto/gen/google/rpc/error_details_pb.ts";
import type { Target } from "../door-driver.ts";
import { DoorError } from "../door-driver.ts";

/** What a target needs of a transport. */
export function toTransportOptions(target: Target) {
  const authorize: Interceptor = (next) => (request) => {
    if (target.token !== undefined) request.header.set("authorization", `Bearer ${target.token}`);
    return next(request);
  };
  return { baseUrl: target.url, interceptors: [authorize] };
}

const CODES: Partial<Record<Code, ErrorCode>> = { [Code.InvalidArgument]: "invalid_argument" };

/** The error as the wire told it: its exact code is in google.rpc.ErrorInfo. What no server said stays what it is. */
export function toDoorError(thrown: unknown): Error {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  const code = (info?.reason as ErrorCode | undefined) ?? CODES[error.code];
  if (code === undefined) return error;
  return new DoorError(code, error.rawMessage);
}

/** The CloudEvent that a message stands for. */
export function toCloudEvent(message: Event): Readonly<Record<string, unknown>> {
  const { id, source, type, time, subject, sequence, data, dataBytes, datacontenttype } = message;
  return {
    specversion: "1.0",
    id,
    source,
    type,
    time,
    subject,
    ...(sequence === "" ? {} : { sequence }),
    ...(datacontenttype === "" ? {} : { datacontenttype }),
    ...(data === undefined ? {} : { data: toJson(ValueSchema, data) }),
    ...(dataBytes === undefined ? {} : { data_base64: Buffer.from(dataBytes).toString("base64") }),
  };
}
