import type { CollectionName, Entities } from "../core/entities/collections.ts";
import { collectionRules } from "../core/entities/collections.ts";
import { toEmailKey } from "../core/entities/user.ts";
import { parsePosition, uniqueKey } from "../core/record-rules.ts";
import type { Filter, ListQuery } from "../core/records.ts";

/**
 * What a record is found by. Kept with it, so that a change or a removal knows what to take out; and made here, so that
 * a script never has to know a field.
 */
export interface IndexEntries {
  /** `field=value`, for each value that a list can ask for. */
  readonly equals: readonly string[];
  /** Field -> what its text is ordered by. */
  readonly texts: Readonly<Record<string, string>>;
  /** Field -> its number, or `-inf` where there is none, as text: a script's own numbers would be rounded on the way. */
  readonly numbers: Readonly<Record<string, string>>;
  readonly unique?: string;
}

/** Pure. */
export function toIndexEntries(collection: CollectionName, value: Entities[CollectionName]): IndexEntries {
  const fields = value as unknown as Readonly<Record<string, unknown>>;
  const { filters, sorts } = collectionRules(collection);
  const equals = new Set<string>();
  for (const { field, comparison } of Object.values(filters)) {
    const content = fields[field];
    if (comparison === "equals" && content != null) equals.add(toEqualEntry(field, content));
    if (comparison === "contains" && Array.isArray(content)) {
      for (const item of content) equals.add(toEqualEntry(field, item));
    }
  }
  const texts: Record<string, string> = {};
  const numbers: Record<string, string> = {};
  for (const [field, kind] of Object.entries(sorts)) {
    const content = fields[field];
    if (kind === "text") texts[field] = toTextOrder(content);
    else numbers[field] = typeof content === "number" ? String(content) : "-inf";
  }
  const unique = uniqueKey(collection, value);
  return { equals: [...equals], texts, numbers, ...(unique === null ? {} : { unique }) };
}

/** A number and a text never match, as in SQL. */
function toEqualEntry(field: string, content: unknown): string {
  return `${field}=${typeof content === "number" ? "#" : ""}${String(content)}`;
}

/**
 * What a text is ordered by, byte by byte: as SQLite's NOCASE does it, which folds A-Z and nothing else, and with what
 * is missing first. Control characters that mark the end of it in the index are taken for the one after them.
 */
function toTextOrder(content: unknown): string {
  if (content == null) return "0";
  const folded = String(content).replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
  return `1${folded.replaceAll("\0", "\x02").replaceAll("\x01", "\x02")}`;
}

/** Bounds as Redis writes them. */
interface Range {
  readonly field: string;
  readonly min: string;
  readonly max: string;
}

/** A list as the script takes it. */
export interface ListPlan {
  readonly collection: CollectionName;
  readonly equals: readonly string[];
  readonly uniques: readonly string[];
  readonly ranges: readonly Range[];
  readonly sort: readonly {
    readonly field: string;
    readonly isText: boolean;
    readonly isDescending: boolean;
  }[];
  readonly kind: "page" | "cursor";
  readonly offset: number;
  readonly limit: number;
  /** Only what is beyond this position; -1 where there is none. */
  readonly after: number;
  readonly isNewestFirst: boolean;
}

/** Pure. @throws EverywireError `invalid_argument` for a cursor that is none of ours */
export function toListPlan(collection: CollectionName, { filters, sort, window }: ListQuery): ListPlan {
  const { sorts } = collectionRules(collection);
  const isPage = window.kind === "page";
  return {
    collection,
    equals: filters.filter(isEqual).map(({ field, value }) => toEqualEntry(field, value)),
    uniques: filters
      .filter(({ comparison }) => comparison === "same-email")
      .map(({ value }) => toEmailKey(String(value))),
    ranges: toRanges(filters),
    sort: isPage
      ? sort.map(({ field, isDescending }) => ({ field, isText: sorts[field] === "text", isDescending }))
      : [],
    kind: window.kind,
    offset: isPage ? Math.min(Number.MAX_SAFE_INTEGER, (window.page - 1) * window.perPage) : 0,
    limit: isPage ? window.perPage : window.limit,
    after: isPage || window.after === undefined ? -1 : parsePosition(window.after, window.isNewestFirst),
    isNewestFirst: !isPage && window.isNewestFirst,
  };
}

function isEqual({ comparison }: Filter): boolean {
  return comparison === "equals" || comparison === "contains";
}

/** The bounds on each field, brought together: one stretch of its index. */
function toRanges(filters: readonly Filter[]): readonly Range[] {
  const bounds = new Map<string, { min: number | undefined; max: number | undefined }>();
  for (const { field, comparison, value } of filters) {
    if (comparison !== "at-least" && comparison !== "at-most") continue;
    const number = Number(value);
    const { min, max } = bounds.get(field) ?? {};
    bounds.set(
      field,
      comparison === "at-least"
        ? { min: Math.max(min ?? number, number), max }
        : { min, max: Math.min(max ?? number, number) },
    );
  }
  return Array.from(bounds, ([field, { min, max }]) => ({
    field,
    // What has no number is in no range.
    min: min === undefined ? "(-inf" : String(min),
    max: max === undefined ? "+inf" : String(max),
  }));
}

/** The entry under which the records of a parent are. @throws Error for a field that no list can ask for */
export function toParentEntry(collection: CollectionName, field: string, parentId: string): string {
  const rules = Object.values(collectionRules(collection).filters);
  if (!rules.some((rule) => rule.field === field && rule.comparison === "equals")) {
    throw new Error(`Records of ${collection} are not found by ${field}.`);
  }
  return toEqualEntry(field, parentId);
}
