import { badRequest } from "./problem.ts";
import { MAX_PAGE } from "./settings.ts";

/** What a filter looks at: of a message, a dead letter, or a line of the log. */
export interface Filtered {
  readonly messageId: string;
  readonly url: string;
  readonly urlGroup: string | undefined;
  readonly queueName: string | undefined;
  readonly scheduleId: string | undefined;
  readonly flowControlKey: string | undefined;
  readonly callerIp: string | undefined;
  readonly labels: readonly string[];
  /** A unix time in milliseconds. */
  readonly timeMs: number;
  readonly status?: number | undefined;
  readonly state?: string | undefined;
}

type Field = (filtered: Filtered) => readonly (string | undefined)[];

const FIELDS: Readonly<Record<string, Field>> = {
  messageId: ({ messageId }) => [messageId],
  messageIds: ({ messageId }) => [messageId],
  url: ({ url }) => [url],
  host: ({ url }) => [new URL(url).host, new URL(url).hostname],
  path: ({ url }) => [new URL(url).pathname],
  topicName: ({ urlGroup }) => [urlGroup],
  queueName: ({ queueName }) => [queueName],
  scheduleId: ({ scheduleId }) => [scheduleId],
  flowControlKey: ({ flowControlKey }) => [flowControlKey],
  callerIp: ({ callerIp }) => [callerIp],
  callerIP: ({ callerIp }) => [callerIp],
  label: ({ labels }) => labels,
  responseStatus: ({ status }) => [status?.toString()],
  state: ({ state }) => toStates(state),
};

/** These may have commas of their own. */
const NOT_SPLIT = new Set(["url", "path"]);

/**
 * Reads the filters of a query. Of several values of one field any may fit; several fields have to fit together.
 *
 * @throws QstashProblem 400 for a parameter that is none of these: a filter that is passed over would mean everything
 */
export function decodeFilter(
  query: URLSearchParams,
  fields: readonly string[],
  others: readonly string[],
): (filtered: Filtered) => boolean {
  const tests: ((filtered: Filtered) => boolean)[] = [];
  for (const name of new Set(query.keys())) {
    if (others.includes(name)) continue;
    if (!fields.includes(name)) throw badRequest(`there is no parameter "${name.slice(0, 60)}" here`);
    if (name === "fromDate" || name === "toDate") tests.push(decodeDate(name, query.get(name) ?? ""));
    else tests.push(decodeField(name, readValues(query, name)));
  }
  return (filtered) => tests.every((test) => test(filtered));
}

/** The values of a parameter that may be repeated, or list several. */
export function readValues(query: URLSearchParams, name: string): string[] {
  const values = query.getAll(name);
  return NOT_SPLIT.has(name)
    ? values
    : values.flatMap((value) => value.split(",")).filter((value) => value !== "");
}

/** @throws QstashProblem 400 where it is no number from 1; more than {@link MAX_PAGE} is taken for that many */
export function decodePageSize(query: URLSearchParams): number {
  const text = query.get("count");
  if (text === null) return MAX_PAGE;
  if (!/^[1-9]\d{0,8}$/.test(text)) throw badRequest("count must be a whole number from 1");
  return Math.min(MAX_PAGE, Number(text));
}

/** @throws QstashProblem 400 */
export function decodeCursor(query: URLSearchParams): number | undefined {
  const text = query.get("cursor");
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest("the cursor is none that was given out");
  return Number(text);
}

/** The first of those that fit, and where to go on; no cursor where there is no more. */
export function takePage<T>(
  all: Iterable<T>,
  fits: (one: T) => boolean,
  count: number,
  toCursor: (one: T) => number,
): { readonly page: readonly T[]; readonly cursor: string | undefined } {
  const page: T[] = [];
  for (const one of all) {
    if (!fits(one)) continue;
    const last = page.at(-1);
    if (page.length === count && last !== undefined) return { page, cursor: `${toCursor(last)}` };
    page.push(one);
  }
  return { page, cursor: undefined };
}

function decodeField(name: string, values: readonly string[]): (filtered: Filtered) => boolean {
  if (values.length === 0) throw badRequest(`the parameter ${name} is empty`);
  const wanted = new Set(values);
  const read = FIELDS[name];
  return (filtered) => read?.(filtered).some((value) => value !== undefined && wanted.has(value)) ?? false;
}

function decodeDate(name: "fromDate" | "toDate", text: string): (filtered: Filtered) => boolean {
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name} must be a unix time in milliseconds`);
  const limit = Number(text);
  return name === "fromDate" ? ({ timeMs }) => timeMs >= limit : ({ timeMs }) => timeMs <= limit;
}

/** QStash itself writes it in both ways, and has a word for three of them. */
function toStates(state: string | undefined): string[] {
  if (state === undefined) return [];
  const names = [state, state.replace("CANCELED", "CANCELLED")];
  return ["ACTIVE", "RETRY", "ERROR"].includes(state) ? [...names, "IN_PROGRESS"] : names;
}
