import type { ListWindow, RecordPage } from "../../core/records.ts";

export interface ListBodyOptions {
  readonly views: readonly object[];
  readonly window: ListWindow;
  /** Whether a cursor could go on from this page: the list has cursors, and is in order of creation. */
  readonly hasCursor: boolean;
}

/** A page of a list, as every JSON wire of resources gives it (CONTRACT §3). */
export function toListBody(page: RecordPage<unknown>, answer: ListBodyOptions): object {
  const { window, views } = answer;
  if (window.kind === "cursor") return { data: views, next_cursor: page.nextCursor ?? null };
  const total = page.total ?? 0;
  const pages = Math.ceil(total / window.perPage);
  const body = {
    data: views,
    pagination: {
      page: window.page,
      per_page: window.perPage,
      total,
      pages,
      has_next: window.page < pages,
      has_prev: window.page > 1,
    },
  };
  // A client can go over from pages to the cursor.
  return answer.hasCursor ? { ...body, next_cursor: page.nextCursor ?? null } : body;
}
