import { badRequest, notServed } from "../problem.ts";

/**
 * The destination at the end of a request's URL. It is written there as it is, so what looks like the query of the
 * request is the destination's.
 *
 * @throws QstashProblem as {@link checkDestination}
 */
export function readDestination(requestUrl: string, prefix: string): string {
  const url = new URL(requestUrl);
  const written = url.pathname.slice(prefix.length) + url.search;
  // Some clients encode it, as one does with what is put into a path.
  return checkDestination(/^https?%3a/i.test(written) ? decode(written) : written);
}

/** @throws QstashProblem 400 where it is empty, 501 for what is no destination of one's own */
export function checkDestination(destination: string): string {
  if (destination === "") throw badRequest("a destination is needed: a URL, or the name of a URL group");
  if (/^api\/(llm|email)/.test(destination)) throw notServed(`${destination.slice(0, 9)}`);
  return destination;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest("the destination is not encoded as a URL is");
  }
}
