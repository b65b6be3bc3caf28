import type { EdgeContext } from "../boundary/edge.ts";
import { servePageFile } from "../boundary/page-file.ts";

const CACHE_CONTROL = "public, max-age=3600";

const DEFAULT_QUERY = `# Publish here, and read in another tab:
#
#   subscription { events(channel: "demo/hello", after: "earliest") { sequence type data } }
#
# A token goes into the headers below: {"authorization": "Bearer ..."}

mutation {
  publish(channel: "demo/hello", type: "chat.message", data: { text: "hi" }) {
    sequence
  }
}
`;

const START = `
const url = new URL("/graphql", location.href);
const fetcher = GraphiQL.createFetcher({ url: url.href });
// Subscriptions come as an event stream, which carries the same headers as a query does.
async function* subscribe(parameters, headers) {
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(parameters),
  });
  if (!response.ok) throw await response.json();
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\\n\\n"); end !== -1; end = text.indexOf("\\n\\n")) {
      const data = /^data: (.+)$/m.exec(text.slice(0, end))?.[1];
      if (data !== undefined) yield JSON.parse(data);
      text = text.slice(end + 2);
    }
  }
}
const isSubscription = ({ operationName }, { documentAST } = {}) =>
  documentAST?.definitions.some(
    (definition) =>
      definition.operation === "subscription" &&
      (!operationName || definition.name?.value === operationName),
  );
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, {
    fetcher: (parameters, options) =>
      isSubscription(parameters, options)
        ? subscribe(parameters, options?.headers)
        : fetcher(parameters, options),
    defaultQuery: ${JSON.stringify(DEFAULT_QUERY)},
    shouldPersistHeaders: false,
  }),
);
`;

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>GraphiQL - Everywire</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/graphql/graphiql/graphiql.css" />
    <style>html, body, #graphiql { height: 100%; margin: 0; }</style>
  </head>
  <body>
    <div id="graphiql">Loading...</div>
    <script src="/graphql/graphiql/react.js"></script>
    <script src="/graphql/graphiql/react-dom.js"></script>
    <script src="/graphql/graphiql/graphiql.js"></script>
    <script src="/graphql/graphiql/start.js"></script>
  </body>
</html>
`;

/** Scripts and connections of this origin only; the editor sets styles on elements and has its fonts in its style sheet. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The page for a browser. */
export function graphiqlPage(): Response {
  return new Response(PAGE, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": CONTENT_SECURITY_POLICY,
      "cache-control": "no-cache",
      vary: "Accept",
    },
  });
}

/**
 * A file of the page. GraphiQL and React are in the store of the page's files (`scripts/build-page.ts` puts them there):
 * they are no code of the Worker, and 1.5 MB that every start of it would carry.
 *
 * @throws EverywireError `not_found`
 */
export async function graphiqlAsset(c: EdgeContext): Promise<Response> {
  if (c.req.param("file") !== "start.js") return servePageFile(c, CACHE_CONTROL);
  return new Response(START, {
    headers: { "content-type": "text/javascript; charset=utf-8", "cache-control": CACHE_CONTROL },
  });
}
