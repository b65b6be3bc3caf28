import { VERSION } from "../../core/version.ts";
import type { Document } from "../boundary/document.ts";
import { answerDocument, createDocument } from "../boundary/document.ts";
import type { Handler } from "../boundary/methods.ts";
import { encodeDocsPage } from "./docs-page.ts";
import { DOCS_STYLE } from "./docs-style.ts";
import { createOpenApi } from "./openapi.ts";
import type { OpenApiDocument } from "./openapi-types.ts";
import { RESOURCES } from "./resources.ts";

/** The documents are the same for everybody and change with a release only. */
const CACHE_CONTROL = "public, max-age=300";

// Made when somebody asks for the first time: most isolates never show them.
let openapi: OpenApiDocument | undefined;
let openapiJson: Document | undefined;

function getOpenApi(): OpenApiDocument {
  openapi ??= createOpenApi(RESOURCES, VERSION);
  return openapi;
}

/** `GET /openapi.json` */
export const openapiHandler: Handler = async (c) => {
  // What is kept is the document and not the promise of it, which would belong to the request that made it.
  openapiJson ??= await createDocument(JSON.stringify(getOpenApi()), { cacheControl: CACHE_CONTROL });
  return answerDocument(c.req.raw, openapiJson);
};

/** `GET /docs`: no script, nothing from elsewhere, and one style sheet that the policy names by its hash. */
export const docsHandler: Handler = async (c) => {
  const html = encodeDocsPage(getOpenApi(), new URL(c.req.url).origin);
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
