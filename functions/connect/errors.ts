import type { DescMessage } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Interceptor, StreamResponse } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import type { ErrorCode } from "../../core/error.ts";
import { ERROR_TABLE, EverywireError } from "../../core/error.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../proto/gen/google/rpc/error_details_pb.ts";
import type { Status } from "../../proto/gen/google/rpc/status_pb.ts";
import { StatusSchema } from "../../proto/gen/google/rpc/status_pb.ts";
import { CALL_KEY } from "./call.ts";

const DOMAIN = "everywire";

/** The Connect library throws this as `internal`, but it is the client's bytes that are at fault. */
const PARSE_FAULT = /^parse binary: /;

/** The errors that the Connect library throws itself, in our words. What it can throw of a code has one meaning. */
const OWN_CODES: Partial<Record<Code, ErrorCode>> = {
  [Code.InvalidArgument]: "invalid_argument",
  [Code.DeadlineExceeded]: "deadline_exceeded",
  // It has one limit: the size of a message.
  [Code.ResourceExhausted]: "payload_too_large",
  [Code.Unimplemented]: "method_not_allowed",
};

/**
 * Translates whatever was thrown, once. The details name our own code exactly (several share a status), the fields
 * at fault, and when to come back.
 *
 * @param metadata more about the error, for programs; goes into ErrorInfo
 */
export function toConnectError(
  thrown: unknown,
  metadata: Readonly<Record<string, string>> = {},
): ConnectError {
  if (thrown instanceof ConnectError) return explain(thrown, metadata);
  const error = EverywireError.from(thrown);
  const details = listDetails(error, metadata);
  return new ConnectError(error.message, ERROR_TABLE[error.code].grpc, undefined, details, error.cause);
}

export function tooLarge(maxBytes: number): EverywireError {
  return new EverywireError("payload_too_large", `A message has at most ${maxBytes} bytes.`);
}

/** The same as a google.rpc.Status, for an error that does not end its call. */
export function toStatus(thrown: unknown): Status {
  const error = EverywireError.from(thrown);
  return create(StatusSchema, {
    code: ERROR_TABLE[error.code].grpc,
    message: error.message,
    details: listDetails(error, {}).map(({ desc, value }) => anyPack(desc, create(desc, value))),
  });
}

interface Detail {
  readonly desc: DescMessage;
  readonly value: Record<string, unknown>;
}

function listDetails(error: EverywireError, metadata: Readonly<Record<string, string>>): Detail[] {
  const details: Detail[] = [
    { desc: ErrorInfoSchema, value: { reason: error.code, domain: DOMAIN, metadata } },
  ];
  if (error.details !== undefined) {
    const fieldViolations = Object.entries(error.details).flatMap(([field, messages]) =>
      messages.map((description) => ({ field: toFieldPath(field), description })),
    );
    details.push({ desc: BadRequestSchema, value: { fieldViolations } });
  }
  if (error.retryAfterMs !== undefined) {
    const seconds = BigInt(Math.floor(error.retryAfterMs / 1000));
    const nanos = Math.round((error.retryAfterMs % 1000) * 1_000_000);
    details.push({ desc: RetryInfoSchema, value: { retryDelay: { seconds, nanos } } });
  }
  return details;
}

/** `address.postalCode`, as our schemas say, is `address.postal_code` in a .proto. */
function toFieldPath(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function explain(error: ConnectError, metadata: Readonly<Record<string, string>>): ConnectError {
  if (error.details.length > 0) return error;
  if (error.code === Code.Internal && PARSE_FAULT.test(error.rawMessage)) {
    const fault = new EverywireError("invalid_argument", error.rawMessage.replace(PARSE_FAULT, ""));
    return toConnectError(fault, metadata);
  }
  const code = OWN_CODES[error.code];
  if (code === undefined) return error;
  const value = { reason: code, domain: DOMAIN, metadata };
  return new ConnectError(
    error.rawMessage,
    error.code,
    error.metadata,
    [{ desc: ErrorInfoSchema, value }],
    error,
  );
}

/**
 * Around every method: errors are translated, faults of ours are logged, and when the deadline passes or the client
 * leaves the call ends, whatever its service is waiting for.
 */
export const guard: Interceptor = (next) => async (request) => {
  const call = request.contextValues.get(CALL_KEY);
  if (call !== undefined) call.isInvoked = true;
  const fail = (thrown: unknown): never => {
    const error = toConnectError(thrown);
    if (error.code === Code.Internal) console.error(call?.requestId, error.cause ?? error);
    throw error;
  };
  const aborted = untilAborted(request.signal);
  try {
    const response = await Promise.race([next(request), aborted]);
    return response.stream ? guardMessages(response, aborted, fail) : response;
  } catch (thrown) {
    return fail(thrown);
  }
};

function guardMessages(
  response: StreamResponse,
  aborted: Promise<never>,
  fail: (thrown: unknown) => never,
): StreamResponse {
  const { message } = response;
  async function* messages() {
    const iterator = message[Symbol.asyncIterator]();
    try {
      for (;;) {
        const result = await Promise.race([iterator.next(), aborted]);
        if (result.done === true) return;
        yield result.value;
      }
    } catch (thrown) {
      fail(thrown);
    } finally {
      // Not awaited: a generator that waits for something takes notice only when it comes.
      iterator.return?.()?.catch(() => {});
    }
  }
  return { ...response, message: messages() };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  // The signal is aborted at the end of every call, when nobody listens any more.
  promise.catch(() => {});
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  return promise;
}
