import { EverywireError } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import { decodeUtf8, mediaType, parseJson, readBytes } from "../boundary/body.ts";
import { queryOf } from "../boundary/request-target.ts";
import { decodeMultipart } from "./multipart.ts";

/** The parameters of a GraphQL request (GraphQL over HTTP, "Request Parameters"), as they came: not validated yet. */
export interface RequestParameters {
  query?: string;
  operationName?: string;
  variables?: Record<string, unknown>;
  extensions?: Record<string, unknown>;
}

/**
 * Reads the parameters of a GraphQL request, in every form it can have, and no more bytes than it may have.
 *
 * @throws EverywireError `payload_too_large`, `unsupported_media_type`, `invalid_argument`
 */
export async function decodeParameters(request: Request, limits: Limits): Promise<RequestParameters> {
  if (request.method === "GET") return fromQuery(queryOf(request.url));
  switch (mediaType(request)) {
    case "application/json":
    case "application/graphql+json":
      return decodeJsonParameters(request, limits);
    case "multipart/form-data":
      return toParameters(await decodeMultipart(request, limits));
    case "application/graphql":
      return { query: await readUtf8(request, limits) };
    case "application/x-www-form-urlencoded":
      return fromQuery(new URLSearchParams(await readUtf8(request, limits)));
    default:
      throw new EverywireError(
        "unsupported_media_type",
        "A GraphQL request is application/json, or multipart/form-data.",
      );
  }
}

/** The parameters of a request whose body is known to be JSON. @throws EverywireError as {@link decodeParameters} */
export async function decodeJsonParameters(request: Request, limits: Limits): Promise<RequestParameters> {
  return toParameters(parseJson(await readUtf8(request, limits)));
}

async function readUtf8(request: Request, limits: Limits): Promise<string> {
  return decodeUtf8(await readBytes(request, limits.MAX_REQUEST_BYTES));
}

function fromQuery(parameters: URLSearchParams): RequestParameters {
  const query = parameters.get("query");
  const operationName = parameters.get("operationName");
  return {
    ...(query ? { query } : {}),
    ...(operationName ? { operationName } : {}),
    ...parseMember(parameters, "variables"),
    ...parseMember(parameters, "extensions"),
  };
}

function parseMember(parameters: URLSearchParams, name: "variables" | "extensions") {
  const text = parameters.get(name);
  if (!text) return {};
  try {
    return { [name]: JSON.parse(text) as Record<string, unknown> };
  } catch {
    throw new EverywireError("invalid_argument", `'${name}' is not JSON.`);
  }
}

/** What each member has to be is checked by the server for every form alike. */
function toParameters(value: unknown): RequestParameters {
  if (Array.isArray(value)) throw new EverywireError("invalid_argument", "One request is one operation.");
  if (typeof value === "object" && value !== null) return value as RequestParameters;
  throw new EverywireError("invalid_argument", "A GraphQL request is a JSON object.");
}
