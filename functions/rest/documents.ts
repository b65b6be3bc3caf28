import { VERSION } from "../../core/version.ts";
import type { Handler } from "../boundary/methods.ts";
import { encodeDocsPage } from "./docs-page.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { createOpenApi } from "./openapi.ts";
import type { OpenApiDocument } from "./openapi-types.ts";
import { RESOURCES } from "./resources.ts";

/** The documents are the same for everybody and change with a release only. */
const CACHE_CONTROL = "public, max-age=300";

// Made when somebody asks for the first time: most isolates never show them.
let made: { readonly document: OpenApiDocument; readonly json: string } | undefined;

function documents() {
  if (made === undefined) {
    const document = createOpenApi(RESOURCES, VERSION);
    made = { document, json: JSON.stringify(document) };
  }
  return made;
}

/** `GET /openapi.json` */
export const openapiHandler: Handler = () =>
  new Response(documents().json, {
    headers: { "content-type": "application/json", "cache-control": CACHE_CONTROL },
  });

/** `GET /docs`: no script, nothing from elsewhere, and one style sheet that the policy names by its hash. */
export const docsHandler: Handler = async (c) => {
  const html = encodeDocsPage(documents().document, new URL(c.req.url).origin);
  return new Response(html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": CACHE_CONTROL,
      "content-security-policy": `default-src 'none'; style-src 'sha256-${await styleHash()}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    },
  });
};

async function styleHash(): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(DOCS_STYLE));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
