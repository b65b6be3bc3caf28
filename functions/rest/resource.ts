import type { z } from "zod";
import type { OperationContext } from "../../core/context.ts";
import type { CollectionName } from "../../core/entities/collections.ts";
import type { Change, Precondition } from "../../core/operations/change-record.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../../core/records.ts";
import type { ApiVersion } from "./versions.ts";

/** What the path names: `:postId` and the like. */
export type PathParameters = Readonly<Record<string, string>>;

/**
 * One resource: its path, its forms, and the operations behind its methods. The handlers and the OpenAPI document are
 * both made from this, so neither can know something that the other does not.
 */
export interface Resource<T extends { readonly id: string }, Created, Changed> {
  readonly collection: CollectionName;
  /** Its singular: the name of its element in XML, and of its schemas. */
  readonly singular: string;
  /** The path of the collection below the mount, such as `/posts/:postId/comments`. */
  readonly path: string;
  /** What the last segment of an item's path is called. */
  readonly itemParameter: string;
  /** What operation ids are made of, such as `UserOrder`. */
  readonly operationNoun: string;
  readonly hasCursor: boolean;
  /** Why creating or changing can be 409; undefined where it cannot be. */
  readonly conflict: { readonly create?: string; readonly change?: string };
  readonly rules: { readonly read: string; readonly create: string; readonly change: string };

  viewSchema(version: ApiVersion): z.ZodType;
  createSchema(version: ApiVersion): z.ZodType<Created>;
  changeSchema(version: ApiVersion): z.ZodType<Changed>;
  toView(value: T, version: ApiVersion): object;

  list(context: OperationContext, path: PathParameters, query: ListQuery): Promise<RecordPage<T>>;
  get(context: OperationContext, path: PathParameters): Promise<Stored<T>>;
  create(
    context: OperationContext,
    path: PathParameters,
    input: Created,
    idempotency: IdempotencyClaim | undefined,
  ): Promise<Inserted<T>>;
  update(
    context: OperationContext,
    path: PathParameters,
    change: Change<T, Changed>,
    precondition: Precondition | undefined,
  ): Promise<Stored<T>>;
  remove(
    context: OperationContext,
    path: PathParameters,
    precondition: Precondition | undefined,
  ): Promise<void>;
}
