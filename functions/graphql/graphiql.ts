/** The page for a browser. */
export function graphiqlPage(): Response {
  return new Response("<!doctype html><title>GraphiQL</title>", {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
}
