import type { CollectionName } from "../core/entities/collections.ts";
import { collectionRules } from "../core/entities/collections.ts";
import { toEmailKey } from "../core/entities/user.ts";
import { parsePosition } from "../core/record-rules.ts";
import type { Filter, ListQuery, SortKey } from "../core/records.ts";

/** A statement and what is bound to its question marks. No text of a client is ever part of the statement. */
export interface Statement {
  readonly sql: string;
  readonly bindings: readonly (string | number)[];
}

export interface ListStatements {
  readonly rows: Statement;
  /** How many there are in all; only for a page by number. */
  readonly total: Statement | undefined;
}

/** Turns a query into SQL. Pure. @throws EverywireError `invalid_argument` for a cursor that is none of ours */
export function toListStatements(collection: CollectionName, query: ListQuery): ListStatements {
  const conditions = query.filters.map((filter) => toCondition(filter));
  const { window } = query;
  if (window.kind === "page") {
    const where = toWhere(conditions);
    const bindings = conditions.flatMap((condition) => condition.bindings);
    const order = toOrder(collection, query.sort);
    return {
      rows: {
        sql: `SELECT version, body, position FROM ${collection}${where} ORDER BY ${order} LIMIT ? OFFSET ?`,
        bindings: [...bindings, window.perPage, (window.page - 1) * window.perPage],
      },
      total: { sql: `SELECT count(*) AS total FROM ${collection}${where}`, bindings },
    };
  }
  if (window.after !== undefined) {
    const position = parsePosition(window.after, window.isNewestFirst);
    conditions.push({ sql: window.isNewestFirst ? "position < ?" : "position > ?", bindings: [position] });
  }
  const order = window.isNewestFirst ? "position DESC" : "position";
  return {
    rows: {
      sql: `SELECT version, body, position FROM ${collection}${toWhere(conditions)} ORDER BY ${order} LIMIT ?`,
      // One more than asked for tells whether there is a next page.
      bindings: [...conditions.flatMap((condition) => condition.bindings), window.limit + 1],
    },
    total: undefined,
  };
}

/** The first records that name a parent in `field`; bound are the parent's id and how many. */
export function toParentStatement(collection: CollectionName, field: string): string {
  return `SELECT version, body FROM ${collection} WHERE ${fieldExpression(field)} = ? ORDER BY position LIMIT ?`;
}

function toWhere(conditions: readonly Statement[]): string {
  return conditions.length === 0
    ? ""
    : ` WHERE ${conditions.map((condition) => condition.sql).join(" AND ")}`;
}

function toCondition(filter: Filter): Statement {
  const field = fieldExpression(filter.field);
  switch (filter.comparison) {
    case "equals":
      return { sql: `${field} = ?`, bindings: [filter.value] };
    case "same-email":
      return { sql: "unique_key = ?", bindings: [toEmailKey(String(filter.value))] };
    case "contains":
      return {
        sql: `EXISTS (SELECT 1 FROM json_each(body, '$.${assertField(filter.field)}') WHERE json_each.value = ?)`,
        bindings: [filter.value],
      };
    case "at-least":
      return { sql: `${field} >= ?`, bindings: [filter.value] };
    case "at-most":
      return { sql: `${field} <= ?`, bindings: [filter.value] };
    default:
      return assertNever(filter.comparison);
  }
}

function toOrder(collection: CollectionName, sort: readonly SortKey[]): string {
  const { sorts } = collectionRules(collection);
  const keys = sort.map(({ field, isDescending }) => {
    const collation = sorts[field] === "text" ? " COLLATE NOCASE" : "";
    return `${fieldExpression(field)}${collation}${isDescending ? " DESC" : ""}`;
  });
  return [...keys, "position"].join(", ");
}

/** Spelled as in the indexes of `records-migrations.ts`, or SQLite would not use them. */
function fieldExpression(field: string): string {
  return `json_extract(body, '$.${assertField(field)}')`;
}

/** Fields come from our own tables; this keeps it so, should somebody ever pass one on from a client. */
function assertField(field: string): string {
  if (/^[A-Za-z]+$/.test(field)) return field;
  throw new Error("A field's name is letters only.");
}

function assertNever(value: never): never {
  throw new Error(`Unknown comparison ${String(value)}`);
}
