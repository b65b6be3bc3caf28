import type { DefinedResource } from "./handler.ts";
import type { ApiVersion } from "./versions.ts";

/** What the schemas of a resource are called in the OpenAPI document. Only users differ between the versions. */

function noun(resource: DefinedResource, version: ApiVersion): string {
  const name = resource.singular.charAt(0).toUpperCase() + resource.singular.slice(1);
  return resource.collection === "users" && version !== 1 ? `${name}V${version}` : name;
}

export function viewSchemaName(resource: DefinedResource, version: ApiVersion): string {
  return noun(resource, version);
}

export function listSchemaName(resource: DefinedResource, version: ApiVersion): string {
  return `${noun(resource, version)}List`;
}

export function bodySchemaName(
  resource: DefinedResource,
  version: ApiVersion,
  use: "create" | "put" | "patch",
): string {
  const own =
    resource.collection === "orders" && use === "create" ? resource.operationNoun : noun(resource, version);
  switch (use) {
    case "create":
      return `${own}Input`;
    case "put":
      return resource.collection === "orders" ? `${own}Change` : `${own}Input`;
    case "patch":
      return `${own}Patch`;
    default:
      return assertNever(use);
  }
}

function assertNever(value: never): never {
  throw new Error(`Unknown use ${String(value)}`);
}
