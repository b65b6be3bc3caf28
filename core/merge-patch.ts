import { EverywireError } from "./error.ts";

/** No resource is deeper than three; a patch that is deeper is no patch of ours. */
const MAX_DEPTH = 16;

/**
 * JSON Merge Patch (RFC 7396 §2): what is null is removed, objects are merged, everything else replaces.
 *
 * @throws EverywireError `validation_failed` for a patch so deep that following it would exhaust the stack
 */
export function mergePatch(target: unknown, patch: unknown, depth = 0): unknown {
  if (!isObject(patch)) return patch;
  if (depth > MAX_DEPTH) {
    throw new EverywireError("validation_failed", `A patch is at most ${MAX_DEPTH} objects deep.`);
  }
  const merged = new Map<string, unknown>(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value, depth + 1));
  }
  // fromEntries defines properties rather than assigning them, so `__proto__` is a name like any other.
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
