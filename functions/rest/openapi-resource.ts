import type { ErrorCode } from "../../core/error.ts";
import { BODY_TYPE_NAMES, PATCH_TYPE } from "./decode.ts";
import type { DefinedResource } from "./handler.ts";
import { REPRESENTATIONS } from "./negotiate.ts";
import { errorReferences, errorResponse } from "./openapi-errors.ts";
import {
  IDEMPOTENCY_KEY,
  IF_MATCH,
  IF_NONE_MATCH,
  listParameters,
  pathParameters,
  versionParameter,
} from "./openapi-parameters.ts";
import type {
  Content,
  HttpMethod,
  JsonSchema,
  OperationObject,
  PathItem,
  ResponseObject,
  ResponseOrReference,
} from "./openapi-types.ts";
import { bodySchemaName, listSchemaName, viewSchemaName } from "./schema-names.ts";
import type { ApiVersion, Mount } from "./versions.ts";
import { API_VERSIONS } from "./versions.ts";

/** What any operation on resources can be answered with, whatever it is. */
const ALWAYS = [
  "invalid_argument",
  "unauthenticated",
  "permission_denied",
  "not_acceptable",
  "rate_limited",
  "internal",
  "unavailable",
] as const satisfies readonly ErrorCode[];
const WITH_BODY = ["payload_too_large", "unsupported_media_type", "validation_failed"] as const;

/** Describes the paths of one resource below one mount. */
export function describeResource(resource: DefinedResource, mount: Mount): Record<string, PathItem> {
  const collectionPath = toTemplate(`${mount.prefix}${resource.path}`);
  const itemPath = `${collectionPath}/{${resource.itemParameter}}`;
  const noun = resource.operationNoun;
  const suffix = mount.version === undefined ? "AnyVersion" : mount.version === 1 ? "" : `V${mount.version}`;
  const describe = (
    verb: string,
    summary: string,
    rule: string,
    rest: Pick<OperationObject, "parameters" | "responses"> & Pick<Partial<OperationObject>, "requestBody">,
    path = itemPath,
  ): OperationObject => ({
    operationId: `${verb}${suffix}`,
    summary,
    description: `For ${rule}.`,
    tags: [resource.collection],
    ...rest,
    parameters: [...pathParameters(path), ...versionParameter(mount), ...rest.parameters],
  });
  const isNested = resource.path.includes(":");
  const parentMissing: readonly ErrorCode[] = isNested ? ["not_found"] : [];
  const { rules, singular } = resource;
  const get = describe(`get${noun}`, `One ${singular}`, rules.read, {
    parameters: [IF_NONE_MATCH],
    responses: {
      200: recordResponse(resource, mount, `The ${singular}`),
      304: NOT_MODIFIED,
      ...errorReferences([...ALWAYS, "not_found"]),
    },
  });
  const list = describe(
    `list${noun}s`,
    `A page of ${resource.collection}`,
    rules.read,
    {
      parameters: [...listParameters(resource), IF_NONE_MATCH],
      responses: {
        200: listResponse(resource, mount),
        304: NOT_MODIFIED,
        ...errorReferences([...ALWAYS, ...parentMissing]),
      },
    },
    collectionPath,
  );
  const post = describe(
    `create${noun}`,
    `Create ${withArticle(singular)}`,
    rules.create,
    {
      parameters: [IDEMPOTENCY_KEY],
      requestBody: requestBody(resource, mount, "create"),
      responses: {
        201: createdResponse(resource, mount),
        ...errorReferences([...ALWAYS, ...WITH_BODY, ...parentMissing]),
        ...conflictResponse(resource.conflict.create),
      },
    },
    collectionPath,
  );
  const change = (method: "put" | "patch") =>
    describe(
      `${method === "put" ? "replace" : "patch"}${noun}`,
      method === "put"
        ? `Replace ${withArticle(singular)}`
        : `Change some fields of ${withArticle(singular)} (RFC 7396)`,
      rules.change,
      {
        parameters: [IF_MATCH, IF_NONE_MATCH],
        requestBody: requestBody(resource, mount, method),
        responses: {
          200: recordResponse(resource, mount, `The ${singular} as it is now`),
          ...errorReferences([...ALWAYS, ...WITH_BODY, "not_found", "precondition_failed"]),
          ...conflictResponse(resource.conflict.change),
        },
      },
    );
  const remove = describe(`delete${noun}`, `Delete ${withArticle(singular)}`, rules.change, {
    parameters: [IF_MATCH, IF_NONE_MATCH],
    responses: {
      204: { description: "It is deleted" },
      ...errorReferences([...ALWAYS, "not_found", "precondition_failed"]),
    },
  });
  return {
    [collectionPath]: { get: list, head: toHead(list), post, options: toOptions(list, ["get", "post"]) },
    [itemPath]: {
      get,
      head: toHead(get),
      put: change("put"),
      patch: change("patch"),
      delete: remove,
      options: toOptions(get, ["get", "put", "patch", "delete"]),
    },
  };
}

/** `HEAD` is `GET` without its bodies. */
export function toHead(get: OperationObject): OperationObject {
  return { ...get, operationId: `${get.operationId}Head`, summary: `${get.summary}: headers only` };
}

/** `OPTIONS` says which methods there are. */
export function toOptions(get: OperationObject, methods: readonly HttpMethod[]): OperationObject {
  const names = [...methods, "head", "options"].map((method) => method.toUpperCase());
  return {
    operationId: `${get.operationId}Options`,
    summary: "The methods that there are",
    description: names.join(", "),
    tags: get.tags,
    parameters: get.parameters.filter((parameter) => parameter.in === "path"),
    responses: {
      204: {
        description: "Allow",
        headers: { Allow: { description: "The methods that there are", schema: { type: "string" } } },
      },
      ...errorReferences(["unauthenticated", "rate_limited", "internal"]),
    },
    security: [],
  };
}

const NOT_MODIFIED: ResponseObject = { description: "The client has this version already" };

function requestBody(resource: DefinedResource, mount: Mount, use: "create" | "put" | "patch") {
  const content: Record<string, Content> = {};
  const types = use === "patch" ? [PATCH_TYPE, ...BODY_TYPE_NAMES] : BODY_TYPE_NAMES;
  for (const type of types) {
    const versions = versionsOf(type, mount);
    content[type] = { schema: anyOf(versions.map((version) => bodySchemaName(resource, version, use))) };
  }
  return { required: true, content };
}

function recordResponse(resource: DefinedResource, mount: Mount, description: string): ResponseObject {
  const names = (version: ApiVersion) => viewSchemaName(resource, version);
  return { description, headers: ANSWER_HEADERS, content: answerContent(mount, names) };
}

function listResponse(resource: DefinedResource, mount: Mount): ResponseObject {
  const link = { Link: { description: "RFC 8288: first, prev, next, last", schema: { type: "string" } } };
  const names = (version: ApiVersion) => listSchemaName(resource, version);
  return {
    description: "A page",
    headers: { ...ANSWER_HEADERS, ...link },
    content: answerContent(mount, names),
  };
}

function createdResponse(resource: DefinedResource, mount: Mount): ResponseObject {
  const response = recordResponse(
    resource,
    mount,
    `The ${resource.singular}, or the one that the key made before`,
  );
  return {
    ...response,
    headers: {
      ...response.headers,
      Location: { description: "Where it is", schema: { type: "string", format: "uri-reference" } },
      "Idempotency-Replayed": { description: "`true` on a replay", schema: { type: "string" } },
    },
  };
}

const ANSWER_HEADERS = {
  ETag: { description: "Strong", schema: { type: "string" } },
  Vary: { description: "Accept", schema: { type: "string" } },
};

function conflictResponse(reason: string | undefined): Record<string, ResponseOrReference> {
  return reason === undefined ? {} : { 409: errorResponse("already_exists", reason) };
}

function answerContent(mount: Mount, nameOf: (version: ApiVersion) => string): Record<string, Content> {
  const content: Record<string, Content> = {};
  for (const { mediaType, kind } of REPRESENTATIONS) {
    const isXml = kind === "xml" || kind === "txml";
    content[mediaType] = {
      schema: isXml ? XML_SCHEMA : anyOf(versionsOf(mediaType, mount).map((version) => nameOf(version))),
    };
  }
  return content;
}

const XML_SCHEMA = {
  type: "string",
  description:
    "The same as JSON: an element for each member, and for each item of a list one of its singular name.",
};

/** The versions in which a body of this type can be; a type that names one leaves no choice. */
function versionsOf(mediaType: string, mount: Mount): readonly ApiVersion[] {
  const named = /\.v(\d)\+/.exec(mediaType)?.[1];
  if (named !== undefined) return API_VERSIONS.filter((version) => String(version) === named);
  return mount.version === undefined || mediaType.includes("vnd") ? API_VERSIONS : [mount.version];
}

function anyOf(names: readonly string[]): JsonSchema {
  const references = [...new Set(names)].map((name) => ({ $ref: `#/components/schemas/${name}` }));
  return references.length === 1 && references[0] !== undefined ? references[0] : { anyOf: references };
}

function toTemplate(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

function withArticle(noun: string): string {
  return /^[aeio]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
