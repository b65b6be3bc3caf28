/**
 * The path and the query of a request, as the client sent them.
 *
 * workerd keeps the request target as it came, while `new URL` resolves `..`, `%2e%2e` and `\` and so turns
 * `/channels/a/../b` into another channel. Cutting the text keeps such a name visible, so that it can be refused, and
 * costs less than parsing.
 */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}

const NO_PARAMETERS = new URLSearchParams();

/** The query's parameters; not to be changed. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf("?");
  return start === -1 ? NO_PARAMETERS : new URLSearchParams(url.slice(start + 1).split("#", 1)[0]);
}
