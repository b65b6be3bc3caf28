import * as z from "zod";
import type { DefinedResource } from "./handler.ts";
import type { JsonSchema } from "./openapi-types.ts";
import { bodySchemaName, listSchemaName, viewSchemaName } from "./schema-names.ts";
import { API_VERSIONS } from "./versions.ts";

/** The schemas of all resources, out of the very objects that validate. */
export function describeSchemas(resources: readonly DefinedResource[]): Record<string, JsonSchema> {
  const schemas: Record<string, JsonSchema> = { Pagination: PAGINATION };
  for (const resource of resources) {
    for (const version of API_VERSIONS) {
      const view = viewSchemaName(resource, version);
      schemas[view] = toJsonSchema(resource.viewSchema(version), "output");
      schemas[listSchemaName(resource, version)] = listSchema(view, resource.hasCursor);
      const changeSchema = toJsonSchema(resource.changeSchema(version), "input");
      schemas[bodySchemaName(resource, version, "create")] = toJsonSchema(
        resource.createSchema(version),
        "input",
      );
      schemas[bodySchemaName(resource, version, "put")] = changeSchema;
      schemas[bodySchemaName(resource, version, "patch")] = patchSchema(changeSchema);
    }
  }
  return schemas;
}

function toJsonSchema(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { target: "draft-2020-12", io });
  return json;
}

/** A merge patch: every field may be left out, and null removes one (RFC 7396). */
function patchSchema(schema: JsonSchema): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const [name, property] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)) {
    properties[name] = {
      anyOf: [property.type === "object" ? patchSchema(property) : property, { type: "null" }],
    };
  }
  return { type: "object", properties };
}

const PAGINATION: JsonSchema = {
  type: "object",
  required: ["page", "per_page", "total", "pages", "has_next", "has_prev"],
  additionalProperties: false,
  properties: {
    page: { type: "integer" },
    per_page: { type: "integer" },
    total: { type: "integer" },
    pages: { type: "integer" },
    has_next: { type: "boolean" },
    has_prev: { type: "boolean" },
  },
};

const NEXT_CURSOR: JsonSchema = { type: ["string", "null"], description: "Null at the end" };

function listSchema(view: string, hasCursor: boolean): JsonSchema {
  const data = { type: "array", items: { $ref: `#/components/schemas/${view}` } };
  const pagination = { $ref: "#/components/schemas/Pagination" };
  return {
    type: "object",
    // By cursor there is no pagination: counting is what a cursor saves.
    required: hasCursor ? ["data"] : ["data", "pagination"],
    additionalProperties: false,
    properties: { data, pagination, ...(hasCursor ? { next_cursor: NEXT_CURSOR } : {}) },
  };
}
