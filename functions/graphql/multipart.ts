import { EverywireError } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import { parseJson, readBytes } from "../boundary/body.ts";

const MAX_FILES = 10;
const MAX_PATHS = 10;

/**
 * Reads a multipart request (GraphQL multipart request specification, revision 2): `operations` with null where a
 * file goes, `map` from each file's field to those places, and the files.
 *
 * @returns the operations, with the files in their places
 * @throws EverywireError `invalid_argument`, `payload_too_large`
 */
export async function decodeMultipart(request: Request, limits: Limits): Promise<unknown> {
  const bytes = await readBytes(request, limits.MAX_UPLOAD_BYTES + limits.MAX_REQUEST_BYTES);
  const form = await parseForm(bytes, request.headers.get("content-type") ?? "");
  const operations = parseJson(textOf(form, "operations", limits));
  const map = parseJson(textOf(form, "map", limits));
  if (typeof map !== "object" || map === null || Array.isArray(map))
    throw malformed("'map' is a JSON object.");
  const entries = Object.entries(map);
  if (entries.length > MAX_FILES)
    throw new EverywireError("payload_too_large", `At most ${MAX_FILES} files at once.`);
  for (const [field, paths] of entries) {
    const file = form.get(field);
    if (file === null || typeof file === "string")
      throw malformed(`There is no file '${field.slice(0, 64)}'.`);
    if (file.size > limits.MAX_UPLOAD_BYTES) {
      throw new EverywireError("payload_too_large", `A file has at most ${limits.MAX_UPLOAD_BYTES} bytes.`);
    }
    if (!Array.isArray(paths) || paths.length > MAX_PATHS) throw malformed("'map' has lists of paths.");
    for (const path of paths) setFile(operations, path, file);
  }
  return operations;
}

async function parseForm(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<FormData> {
  try {
    return await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  } catch {
    throw malformed("The body is not multipart/form-data.");
  }
}

function textOf(form: FormData, field: string, limits: Limits): string {
  const value = form.get(field);
  if (typeof value !== "string") throw malformed(`There must be a field '${field}' with JSON in it.`);
  if (value.length > limits.MAX_REQUEST_BYTES) {
    throw new EverywireError(
      "payload_too_large",
      `'${field}' has at most ${limits.MAX_REQUEST_BYTES} bytes.`,
    );
  }
  return value;
}

/** Puts a file where the path says. Only what is there already is followed, so no path leads out of the operations. */
function setFile(operations: unknown, path: unknown, file: File): void {
  if (typeof path !== "string" || !path.startsWith("variables."))
    throw malformed("A path starts with 'variables.'.");
  const names = path.split(".");
  const last = names.pop() ?? "";
  let target: unknown = operations;
  for (const name of names) target = memberOf(target, name);
  if (memberOf(target, last) !== null) throw malformed("A path leads to null, which the file replaces.");
  (target as Record<string, unknown>)[last] = file;
}

function memberOf(target: unknown, name: string): unknown {
  if (typeof target === "object" && target !== null && Object.hasOwn(target, name)) {
    return (target as Readonly<Record<string, unknown>>)[name];
  }
  throw malformed("A path of 'map' leads nowhere.");
}

function malformed(message: string): EverywireError {
  return new EverywireError("invalid_argument", message);
}
