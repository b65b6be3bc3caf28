import { parseInput } from "../../core/entities/parse-input.ts";
import { mergePatch } from "../../core/merge-patch.ts";
import { assertSignedIn } from "../../core/resource-policy.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { parseListQuery } from "../boundary/list-query.ts";
import type { Handler, MethodTable } from "../boundary/methods.ts";
import { queryOf } from "../boundary/request-target.ts";
import type { Asked } from "./decode.ts";
import { decodeAsked, decodeBody, decodeIdempotency } from "./decode.ts";
import { encodeList, encodeRecord, encodeUnchanged } from "./encode.ts";
import { toPrecondition } from "./etag.ts";
import type { Resource } from "./resource.ts";
import type { Mount } from "./versions.ts";

/** A resource whose types are closed over: what is left is its description and its handlers. */
export interface DefinedResource
  extends Pick<
    Resource<{ readonly id: string }, unknown, unknown>,
    | "collection"
    | "singular"
    | "path"
    | "itemParameter"
    | "operationNoun"
    | "hasCursor"
    | "conflict"
    | "rules"
    | "viewSchema"
    | "createSchema"
    | "changeSchema"
  > {
  /** `GET` and `POST` on the collection. */
  collectionMethods(mount: Mount): MethodTable;
  /** `GET`, `PUT`, `PATCH` and `DELETE` on one of it. */
  itemMethods(mount: Mount): MethodTable;
}

/** Makes the handlers of a resource. They decode, call the operation, and encode: no rule of the business is here. */
export function defineResource<T extends { readonly id: string }, Created, Changed>(
  resource: Resource<T, Created, Changed>,
): DefinedResource {
  return {
    ...resource,
    collectionMethods: (mount) => ({
      GET: guarded(mount, (c, asked) => list(resource, c, asked)),
      POST: guarded(mount, (c, asked) => create(resource, c, asked, mount)),
    }),
    itemMethods: (mount) => ({
      GET: guarded(mount, (c, asked) => read(resource, c, asked)),
      PUT: guarded(mount, (c, asked) => update(resource, c, asked, "PUT")),
      PATCH: guarded(mount, (c, asked) => update(resource, c, asked, "PATCH")),
      DELETE: guarded(mount, (c) => remove(resource, c)),
    }),
  };
}

/** Nobody's body is read, and nothing is said of what exists, before it is known who asks. */
function guarded(mount: Mount, run: (c: EdgeContext, asked: Asked) => Promise<Response>): Handler {
  return (c) => {
    assertSignedIn(c.get("identity"));
    return run(c, decodeAsked(c, mount));
  };
}

async function list<T extends { readonly id: string }, Created, Changed>(
  resource: Resource<T, Created, Changed>,
  c: EdgeContext,
  asked: Asked,
): Promise<Response> {
  const { collection, singular, hasCursor } = resource;
  const query = parseListQuery(collection, queryOf(c.req.raw.url), { hasCursor });
  const page = await resource.list(toOperationContext(c), c.req.param(), query);
  const views = page.records.map(({ value }) => resource.toView(value, asked.version));
  const { window, sort } = query;
  return encodeList(c, page, asked, { views, singular, window, hasCursor: hasCursor && sort.length === 0 });
}

async function read<T extends { readonly id: string }, Created, Changed>(
  resource: Resource<T, Created, Changed>,
  c: EdgeContext,
  asked: Asked,
): Promise<Response> {
  const stored = await resource.get(toOperationContext(c), c.req.param());
  const unchanged = encodeUnchanged(c, stored, asked);
  if (unchanged !== undefined) return unchanged;
  const view = resource.toView(stored.value, asked.version);
  return encodeRecord(stored, asked, { status: 200, view, singular: resource.singular });
}

async function create<T extends { readonly id: string }, Created, Changed>(
  resource: Resource<T, Created, Changed>,
  c: EdgeContext,
  asked: Asked,
  mount: Mount,
): Promise<Response> {
  const body = await decodeBody(c, asked);
  const idempotency = await decodeIdempotency(c, mount, body);
  const input = parseInput(resource.createSchema(body.version), body.value);
  const { stored, isReplay } = await resource.create(
    toOperationContext(c),
    c.req.param(),
    input,
    idempotency,
  );
  const view = resource.toView(stored.value, asked.version);
  const response = encodeRecord(stored, asked, { status: 201, view, singular: resource.singular });
  response.headers.set("location", `${c.req.path}/${stored.value.id}${asked.linkSuffix}`);
  if (isReplay) response.headers.set("idempotency-replayed", "true");
  return response;
}

async function update<T extends { readonly id: string }, Created, Changed>(
  resource: Resource<T, Created, Changed>,
  c: EdgeContext,
  asked: Asked,
  method: "PUT" | "PATCH",
): Promise<Response> {
  const body = await decodeBody(c, asked, method === "PATCH");
  const schema = resource.changeSchema(body.version);
  // A patch is applied to what the client sees, in the version that it writes in, and the outcome has to be as valid
  // as a whole replacement would.
  const change = (current: T): Changed =>
    method === "PUT"
      ? parseInput(schema, body.value)
      : parseInput(schema, mergePatch(resource.toView(current, body.version), body.value));
  const path = c.req.param();
  const stored = await resource.update(toOperationContext(c), path, change, preconditionOf(resource, c));
  const view = resource.toView(stored.value, asked.version);
  return encodeRecord(stored, asked, { status: 200, view, singular: resource.singular });
}

async function remove<T extends { readonly id: string }, Created, Changed>(
  resource: Resource<T, Created, Changed>,
  c: EdgeContext,
): Promise<Response> {
  await resource.remove(toOperationContext(c), c.req.param(), preconditionOf(resource, c));
  return new Response(null, { status: 204 });
}

function preconditionOf(resource: { readonly itemParameter: string }, c: EdgeContext) {
  const id = c.req.param(resource.itemParameter) ?? "";
  return toPrecondition(id, c.req.header("if-match"), c.req.header("if-none-match"));
}
