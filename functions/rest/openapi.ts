import type { DefinedResource } from "./handler.ts";
import { ERROR_SCHEMAS, errorReferences, errorResponses } from "./openapi-errors.ts";
import { describeResource, toHead, toOptions } from "./openapi-resource.ts";
import { describeSchemas } from "./openapi-schemas.ts";
import type { OpenApiDocument, OperationObject, PathItem } from "./openapi-types.ts";
import { MOUNTS } from "./versions.ts";

const DESCRIPTION = `Users, posts, comments, products and orders.

- **Versions**: in the path (\`/api/v1\`, \`/api/v2\`), or on \`/api\` by \`Accept: application/vnd.everywire.v2+json\` or \
\`?version=2\`. A version in \`Accept\` counts more than the path's, and that more than the query's.
- **Forms**: JSON, and XML where \`Accept\` asks. Bodies are JSON. Errors are JSON, or RFC 9457 where \`Accept\` has \
\`application/problem+json\`.
- **Writing safely**: \`ETag\` and \`If-Match\` against lost updates, \`Idempotency-Key\` against double creation.
- **Leniency**: fields that a body may not set (\`id\`, \`createdAt\`, \`links\`) or that nobody knows are ignored, and so \
are unknown query parameters.
- **Methods**: any other method is 405 with \`Allow\`, in the form of any error.
- **Events**: each write appends an event to its channel: \`users\`, \`products\`, \`posts\`, \`posts/{id}/comments\`, \
\`orders/{id}\`.`;

/** The OpenAPI 3.1 document. It is made from the resources that also make the handlers. */
export function createOpenApi(resources: readonly DefinedResource[], version: string): OpenApiDocument {
  const paths: Record<string, PathItem> = {};
  for (const mount of MOUNTS) {
    for (const resource of resources) Object.assign(paths, describeResource(resource, mount));
  }
  paths["/openapi.json"] = describeDocument("getOpenApi", "This document", "application/json", {
    type: "object",
  });
  paths["/docs"] = describeDocument("getDocs", "This document, for people", "text/html", { type: "string" });
  return {
    openapi: "3.1.0",
    info: { title: "Everywire", version, description: DESCRIPTION },
    servers: [{ url: "/" }],
    tags: describeTags(resources),
    security: [{ bearer: [] }, { accessToken: [] }],
    paths,
    components: {
      schemas: { ...describeSchemas(resources), ...ERROR_SCHEMAS },
      responses: errorResponses(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        accessToken: { type: "apiKey", in: "query", name: "access_token" },
      },
    },
  };
}

function describeTags(resources: readonly DefinedResource[]) {
  const names = [...new Set(resources.map((resource) => resource.collection as string)), "documents"];
  return names.map((name) => ({ name, description: name === "documents" ? "What there is" : `The ${name}` }));
}

function describeDocument(
  operationId: string,
  summary: string,
  mediaType: string,
  schema: { readonly type: string },
): PathItem {
  const get: OperationObject = {
    operationId,
    summary,
    description: "For anybody.",
    tags: ["documents"],
    parameters: [],
    responses: {
      200: { description: summary, content: { [mediaType]: { schema } } },
      ...errorReferences(["unauthenticated", "rate_limited", "internal"]),
    },
    security: [],
  };
  return { get, head: toHead(get), options: toOptions(get, ["get"]) };
}
