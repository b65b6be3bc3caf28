/** The versions of the API. Version 2 differs in users: `links`, and the name in two parts (CONTRACT §3). */
export type ApiVersion = 1 | 2;

export const API_VERSIONS: readonly ApiVersion[] = [1, 2];

/** Where the resources are mounted: with the version in the path, and without, where a header or a query names it. */
export const MOUNTS = [
  { prefix: "/api/v1", version: 1 },
  { prefix: "/api/v2", version: 2 },
  { prefix: "/api", version: undefined },
] as const satisfies readonly Mount[];

export interface Mount {
  readonly prefix: string;
  readonly version: ApiVersion | undefined;
}

export function isApiVersion(value: number): value is ApiVersion {
  return value === 1 || value === 2;
}
