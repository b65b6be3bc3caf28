/** What browsers keep open to one name over HTTP/1.1 (every current one: six). */
const CONNECTIONS_PER_NAME = 6;
/** One of them is left for publishing, and for whatever else the page asks. */
const LANES_PER_NAME = CONNECTIONS_PER_NAME - 1;
const LOOPBACK = ["127.0.0.1", "localhost"] as const;

export interface ConnectionBudget {
  /** Under which names this server can be reached, the page's own first. */
  readonly origins: readonly string[];
  /** How many lanes may hold a connection; infinite where one connection carries all of them. */
  readonly lanes: number;
}

/**
 * How many requests can stay open at once. Over HTTP/2 and 3 any number share one connection. Over HTTP/1.1 a browser opens
 * six to each name; on a developer's machine the server has two names, as sites once had `static1` and `static2`.
 */
export function findConnectionBudget(
  page: Pick<Location, "protocol" | "hostname" | "port" | "origin">,
): ConnectionBudget {
  const [navigation] = performance.getEntriesByType("navigation");
  const protocol = (navigation as PerformanceNavigationTiming | undefined)?.nextHopProtocol ?? "";
  if (/^h[23]/.test(protocol)) return { origins: [page.origin], lanes: Number.POSITIVE_INFINITY };
  const other = LOOPBACK.find((name) => name !== page.hostname);
  const isLoopback = (LOOPBACK as readonly string[]).includes(page.hostname);
  const origins =
    isLoopback && other !== undefined
      ? [page.origin, `${page.protocol}//${other}${page.port === "" ? "" : `:${page.port}`}`]
      : [page.origin];
  return { origins, lanes: origins.length * LANES_PER_NAME };
}
