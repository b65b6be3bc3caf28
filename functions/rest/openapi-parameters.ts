import type { Comparison } from "../../core/entities/collections.ts";
import { collectionRules } from "../../core/entities/collections.ts";
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from "../boundary/list-query.ts";
import type { DefinedResource } from "./handler.ts";
import type { JsonSchema, Parameter } from "./openapi-types.ts";
import type { Mount } from "./versions.ts";

const COMPARISON_TEXTS: Readonly<Record<Comparison, string>> = {
  equals: "is this",
  "same-email": "is this, whatever the case",
  contains: "has this among them",
  "at-least": "is this or more",
  "at-most": "is this or less",
};

export const IF_NONE_MATCH = headerParameter(
  "If-None-Match",
  "ETags that the client has: on GET 304 where one is current, on a write 412.",
);
export const IF_MATCH = headerParameter(
  "If-Match",
  "The ETag that the change is based on: 412 where it is not current.",
);
export const IDEMPOTENCY_KEY = headerParameter(
  "Idempotency-Key",
  "1-255 visible characters, kept for 24 hours: the same key and body replays the first answer, another body is 422.",
);

function headerParameter(name: string, description: string): Parameter {
  return { name, in: "header", description, schema: { type: "string" } };
}

/** The parameters that stand in a path template. */
export function pathParameters(path: string): Parameter[] {
  return Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = ""]) => ({
    name,
    in: "path" as const,
    required: true,
    description: "An id",
    schema: { type: "string" },
  }));
}

/** `?version=`, where the path names none. */
export function versionParameter(mount: Mount): Parameter[] {
  if (mount.version !== undefined) return [];
  const description = "The version, where `Accept` names none.";
  return [
    { name: "version", in: "query", description, schema: { enum: ["1", "2", "v1", "v2"], default: "1" } },
  ];
}

function queryParameter(name: string, description: string, schema: JsonSchema): Parameter {
  return { name, in: "query", description, schema };
}

/** Paging, sorting and filtering, as far as the resource has them. */
export function listParameters(resource: DefinedResource): Parameter[] {
  const { filters, sorts } = collectionRules(resource.collection);
  const size = { type: "integer", minimum: 1, default: DEFAULT_PAGE_SIZE };
  const parameters = [
    queryParameter("page", "Which page, from 1", {
      type: "integer",
      minimum: 1,
      maximum: 1_000_000,
      default: 1,
    }),
    queryParameter("per_page", `Records in a page; more than ${MAX_PAGE_SIZE} is ${MAX_PAGE_SIZE}`, size),
    queryParameter("limit", "Another name of per_page", size),
    queryParameter("sort", `By ${Object.keys(sorts).join(", ")}; several with commas, '-' turns one round`, {
      type: "string",
    }),
  ];
  if (resource.hasCursor) {
    const description =
      "Empty for the first page, then the next_cursor of the page before; in order of creation";
    parameters.push(queryParameter("cursor", description, { type: "string" }));
  }
  for (const [name, { field, comparison }] of Object.entries(filters)) {
    const isNumber = comparison === "at-least" || comparison === "at-most";
    const schema = { type: isNumber ? "number" : "string" };
    parameters.push(queryParameter(name, `Only where ${field} ${COMPARISON_TEXTS[comparison]}`, schema));
  }
  return parameters;
}
