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

/** What stands for itself in a query, whatever it is decoded as. */
const PLAIN_QUERY = /^[A-Za-z0-9_.~:@/=&-]*$/;

/**
 * The query's parameters by name, the first of each: for paths on which making `URLSearchParams` would show. A query that
 * has anything to decode goes through them all the same.
 */
export function parametersOf(url: string): Pick<URLSearchParams, "get"> {
  const start = url.indexOf("?");
  if (start === -1) return NO_PARAMETERS;
  const query = url.slice(start + 1);
  if (!PLAIN_QUERY.test(query)) return queryOf(url);
  const pairs = query.split("&");
  return {
    get(name) {
      const prefix = `${name}=`;
      for (const pair of pairs) {
        if (pair.startsWith(prefix)) return pair.slice(prefix.length);
        if (pair === name && name !== "") return "";
      }
      return null;
    },
  };
}
