import { fromJson, toJson } from "@bufbuild/protobuf";
import type { Value } from "@bufbuild/protobuf/wkt";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { EverywireError } from "../../core/error.ts";
import type { Json } from "../../core/event.ts";

/**
 * Levels of arrays and objects that are sent as a Value. Each is two or three messages deep on the wire, and the
 * protobuf libraries of most languages refuse a message that is more than a hundred deep.
 */
export const MAX_SENT_DEPTH = 30;

/** Levels that are taken: in binary the protobuf library itself follows no message further than a hundred deep. */
const MAX_TAKEN_DEPTH = 100;

export function encodeValue(value: Json): Value {
  return fromJson(ValueSchema, value as never);
}

/** @throws EverywireError `invalid_argument` for what protobuf can hold and JSON cannot, and for what is too deep */
export function decodeValue(value: Value, name: string): Json {
  let json: Json;
  try {
    json = toJson(ValueSchema, value) as Json;
  } catch {
    throw new EverywireError("invalid_argument", `'${name}' is no JSON value.`);
  }
  if (!isDeeperThan(json, MAX_TAKEN_DEPTH)) return json;
  throw new EverywireError("invalid_argument", `'${name}' is more than ${MAX_TAKEN_DEPTH} levels deep.`);
}

export function isDeeperThan(value: Json, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((child: Json) => isDeeperThan(child, levels - 1));
}
