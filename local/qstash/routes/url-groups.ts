import type { Hono } from "hono";
import { z } from "zod";
import { readJson } from "../body.ts";
import { decodeUrl } from "../decode-options.ts";
import { badRequest, notFound } from "../problem.ts";
import { MAX_MESSAGE_BYTES } from "../settings.ts";
import type { Endpoint, UrlGroup } from "../store/url-group-store.ts";
import type { Account } from "./account.ts";
import { describeIssues } from "./issues.ts";

const MAX_ENDPOINTS = 100;

const Name = z
  .string()
  .regex(/^[\w.-]{1,128}$/, "a name has letters, digits, hyphens, periods and underscores");
const Added = z.object({
  endpoints: z
    .array(z.object({ url: z.string(), name: Name.optional() }))
    .min(1)
    .max(MAX_ENDPOINTS),
});
const Removed = z.object({
  endpoints: z
    .array(
      z
        .object({ url: z.string().optional(), name: z.string().optional() })
        .refine(({ url, name }) => url !== undefined || name !== undefined, "needs a url or a name"),
    )
    .min(1),
});

/** URL groups, which the API calls topics: a message to one is a message to each of its endpoints. */
export function addUrlGroupRoutes(app: Hono, { store: { urlGroups } }: Account): void {
  app.get("/v2/topics", () => Response.json(urlGroups.list().map(toView)));

  app.get("/v2/topics/:name", ({ req }) => Response.json(toView(find(req.param("name")))));

  app.delete("/v2/topics/:name", ({ req }) => {
    urlGroups.remove(decodeName(req.param("name")));
    return new Response(null);
  });

  app.post("/v2/topics/:name/endpoints", async ({ req }) => {
    const name = decodeName(req.param("name"));
    const { endpoints } = parse(Added, await readJson(req.raw, MAX_MESSAGE_BYTES));
    for (const { url } of endpoints) decodeUrl("an endpoint's url", url);
    const merged = new Map(
      [...(urlGroups.get(name)?.endpoints ?? []), ...endpoints].map((one) => [one.url, one]),
    );
    if (merged.size > MAX_ENDPOINTS) throw badRequest(`a URL group may have ${MAX_ENDPOINTS} endpoints`);
    urlGroups.put(name, [...merged.values()], Date.now());
    return new Response(null);
  });

  app.delete("/v2/topics/:name/endpoints", async ({ req }) => {
    const group = find(req.param("name"));
    const { endpoints } = parse(Removed, await readJson(req.raw, MAX_MESSAGE_BYTES));
    const isRemoved = (endpoint: Endpoint) =>
      endpoints.some(
        ({ url, name }) =>
          (url === undefined || url === endpoint.url) && (name === undefined || name === endpoint.name),
      );
    const left = group.endpoints.filter((endpoint) => !isRemoved(endpoint));
    // A group with nobody in it is none.
    if (left.length === 0) urlGroups.remove(group.name);
    else urlGroups.put(group.name, left, Date.now());
    return new Response(null);
  });

  function find(text: string): UrlGroup {
    const name = decodeName(text);
    const group = urlGroups.get(name);
    if (group === undefined) throw notFound(`there is no URL group "${name}"`);
    return group;
  }
}

function toView({ name, endpoints, createdMs, updatedMs }: UrlGroup) {
  return { name, endpoints, createdAt: createdMs, updatedAt: updatedMs };
}

function decodeName(text: string): string {
  const name = Name.safeParse(text);
  if (!name.success) throw badRequest(`the URL group: ${describeIssues(name.error)}`);
  return name.data;
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw badRequest(`the endpoints are malformed: ${describeIssues(parsed.error)}`);
  return parsed.data;
}
