import type { CollectionName, FilterRule } from "../../core/entities/collections.ts";
import { collectionRules } from "../../core/entities/collections.ts";
import { EverywireError } from "../../core/error.ts";
import type { Filter, ListQuery, ListWindow, SortKey } from "../../core/records.ts";
import { parseWholeNumber } from "./query.ts";

export const DEFAULT_PAGE_SIZE = 20;
export const MAX_PAGE_SIZE = 100;
const MAX_PAGE = 1_000_000;
const MAX_SORT_KEYS = 4;
/** Larger page sizes than this are no numbers that anybody means; up to it they are cut down to the maximum. */
const MAX_ASKED_SIZE = 1_000_000_000;

/**
 * Reads the query of a list: filters, `sort`, and a page by number or by cursor. Parameters that nothing is called
 * are ignored.
 *
 * @throws EverywireError `invalid_argument`
 */
export function parseListQuery(
  collection: CollectionName,
  parameters: URLSearchParams,
  options: { readonly hasCursor: boolean },
): ListQuery {
  const sort = parseSort(collection, parameters.get("sort"));
  const cursor = options.hasCursor ? parameters.get("cursor") : null;
  return {
    filters: parseFilters(collection, parameters),
    sort,
    window: cursor === null ? parsePage(parameters) : parseCursor(cursor, sort, parameters),
  };
}

function parsePage(parameters: URLSearchParams): ListWindow {
  const page = parseWholeNumber(parameters.get("page"), "page", { min: 1, max: MAX_PAGE }) ?? 1;
  return { kind: "page", page, perPage: parseSize(parameters) };
}

function parseCursor(cursor: string, sort: readonly SortKey[], parameters: URLSearchParams): ListWindow {
  const [first, ...others] = sort;
  if (others.length > 0 || (first !== undefined && first.field !== "createdAt")) {
    throw new EverywireError("invalid_argument", "With 'cursor', 'sort' is 'createdAt' or '-createdAt'.");
  }
  return {
    kind: "cursor",
    after: cursor === "" ? undefined : cursor,
    limit: parseSize(parameters),
    isNewestFirst: first?.isDescending ?? false,
  };
}

function parseSize(parameters: URLSearchParams): number {
  const name = parameters.has("per_page") ? "per_page" : "limit";
  const asked = parseWholeNumber(parameters.get(name), name, { min: 1, max: MAX_ASKED_SIZE });
  return Math.min(asked ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
}

function parseSort(collection: CollectionName, text: string | null): SortKey[] {
  if (text === null || text === "") return [];
  const { sorts } = collectionRules(collection);
  const names = text.split(",", MAX_SORT_KEYS + 1);
  if (names.length > MAX_SORT_KEYS) {
    throw new EverywireError("invalid_argument", `'sort' has at most ${MAX_SORT_KEYS} fields.`);
  }
  return names.map((name) => {
    const isDescending = name.startsWith("-");
    const field = isDescending ? name.slice(1) : name;
    if (Object.hasOwn(sorts, field)) return { field, isDescending };
    throw new EverywireError(
      "invalid_argument",
      `'sort' is by ${Object.keys(sorts).join(", ")}; '-' turns it round.`,
    );
  });
}

function parseFilters(collection: CollectionName, parameters: URLSearchParams): Filter[] {
  const filters: Filter[] = [];
  for (const [name, rule] of Object.entries(collectionRules(collection).filters)) {
    const text = parameters.get(name);
    if (text !== null) filters.push({ ...rule, value: parseFilterValue(name, rule, text) });
  }
  return filters;
}

function parseFilterValue(name: string, rule: FilterRule, text: string): string | number {
  if (rule.comparison !== "at-least" && rule.comparison !== "at-most") return text;
  if (/^\d{1,12}(\.\d{1,6})?$/.test(text)) return Number(text);
  throw new EverywireError("invalid_argument", `'${name}' is a number such as 9.95.`);
}
