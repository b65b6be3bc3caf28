import type { ErrorCode } from "../../core/error.ts";
import { ERROR_CODES, ERROR_TABLE } from "../../core/error.ts";
import type { JsonSchema, ResponseObject } from "./openapi-types.ts";

/** How errors are answered, in both forms (CONTRACT §3), made from the one table of codes. */

export const ERROR_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  Error: {
    type: "object",
    required: ["error"],
    additionalProperties: false,
    properties: {
      error: {
        type: "object",
        required: ["message", "code", "details", "timestamp"],
        additionalProperties: false,
        properties: {
          message: { type: "string", description: "What went wrong, for a person." },
          code: { enum: ERROR_CODES, description: "What went wrong, for a program. A closed set." },
          details: fieldErrors("Field -> messages; empty where the fault is in no field."),
          timestamp: { type: "string", format: "date-time" },
        },
      },
    },
  },
  Problem: {
    type: "object",
    description: "RFC 9457, where `Accept` asks for application/problem+json.",
    required: ["type", "title", "status", "detail", "code"],
    additionalProperties: false,
    properties: {
      type: { type: "string", format: "uri" },
      title: { type: "string" },
      status: { type: "integer" },
      detail: { type: "string" },
      code: { enum: ERROR_CODES },
      errors: fieldErrors("Field -> messages."),
    },
  },
};

function fieldErrors(description: string): JsonSchema {
  return { type: "object", description, additionalProperties: { type: "array", items: { type: "string" } } };
}

const HEADERS: Partial<Record<ErrorCode, NonNullable<ResponseObject["headers"]>>> = {
  unauthenticated: {
    "WWW-Authenticate": { description: "RFC 6750", schema: { type: "string" } },
  },
  method_not_allowed: { Allow: { description: "The methods that there are", schema: { type: "string" } } },
  rate_limited: {
    "Retry-After": { description: "Seconds until a retry can succeed", schema: { type: "integer" } },
    RateLimit: { description: "What is left of the limit", schema: { type: "string" } },
    "RateLimit-Policy": { description: "The limits", schema: { type: "string" } },
  },
  unavailable: {
    "Retry-After": { description: "Seconds until a retry can succeed", schema: { type: "integer" } },
  },
};

/** The response components, one for each code. */
export function errorResponses(): Record<string, ResponseObject> {
  const responses: Record<string, ResponseObject> = {};
  for (const code of ERROR_CODES) responses[code] = errorResponse(code, ERROR_TABLE[code].title);
  return responses;
}

/** An error with a reason of its own for one operation. */
export function errorResponse(code: ErrorCode, description: string): ResponseObject {
  const headers = HEADERS[code];
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: {
      "application/json": { schema: { $ref: "#/components/schemas/Error" } },
      "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
    },
  };
}

/** References to the components of some codes, by status. */
export function errorReferences(codes: readonly ErrorCode[]): Record<string, { readonly $ref: string }> {
  const references: Record<string, { readonly $ref: string }> = {};
  for (const code of codes) {
    references[String(ERROR_TABLE[code].http)] = { $ref: `#/components/responses/${code}` };
  }
  return references;
}
